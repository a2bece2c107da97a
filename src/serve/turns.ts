/** The time in milliseconds that work may take before the event loop gets a turn. */
const WORK_TIME = 20;

/**
 * Shares the time of a server's only thread between its requests. Requests whose work takes long
 * work one after another, with a turn of the event loop between them, in which the server accepts
 * and answers others.
 */
export class Turns {
  /** When the work in the current turn of the event loop began; undefined if there was none yet. */
  #began: number | undefined;
  /** Fulfilled when the last request in the queue gets its turn. */
  #last: Promise<void> = Promise.resolve();

  /** Waits for another turn of the event loop if the work in this turn has taken long. */
  async take(): Promise<void> {
    const began = this.#begin();
    if (performance.now() < began + WORK_TIME) return;
    // A new connection needs several turns of the event loop, which a timer leaves time for.
    const turn = this.#last.then(() => new Promise<void>((resolve) => setTimeout(resolve, 1)));
    this.#last = turn;
    await turn;
    this.#begin();
  }

  #begin(): number {
    if (this.#began !== undefined) return this.#began;
    // The timer ends with the current turn of the event loop.
    setTimeout(() => this.#began = undefined);
    return this.#began = performance.now();
  }
}
