import { setImmediate } from "node:timers";

/** The time in milliseconds that work may take before the event loop gets a turn. */
const WORK_TIME = 20;

/** How long a pause is, as a part of the work before it, and the most milliseconds of a pause. */
const PAUSE = 0.05, MOST_PAUSE = 50;

/**
 * Shares the time of a server's only thread between its requests. Work that takes long is done piece
 * by piece, with turns of the event loop between the pieces, in which the server accepts and answers
 * other requests.
 */
export class Turns {
  /** When the work in the current turn of the event loop began; undefined if there was none yet. */
  #began: number | undefined;
  /** Called in the order of the requests, each in a turn of its own. */
  #queue: (() => void)[] = [];
  #draining = false;

  /**
   * Asks for a turn of the event loop. Work must follow immediately, without another `await`:
   * otherwise, requests that have not begun to work would all get the same turn.
   *
   * @returns Fulfilled in another turn if the work in this turn has taken long; otherwise undefined.
   */
  take(): Promise<void> | undefined {
    if (performance.now() < this.#begin() + WORK_TIME) return undefined;
    return new Promise((resolve) => {
      this.#queue.push(resolve);
      if (!this.#draining) this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    for (let paused = this.#begin(); this.#queue.length > 0;) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      const worked = performance.now() - paused;
      if (worked > WORK_TIME) {
        // A new connection needs several turns of the event loop, which a timer leaves time for.
        await new Promise((resolve) => setTimeout(resolve, Math.min(worked * PAUSE, MOST_PAUSE)));
        paused = performance.now();
      }
      this.#begin();
      this.#queue.shift()!();
    }
    this.#draining = false;
  }

  #begin(): number {
    if (this.#began !== undefined) return this.#began;
    setImmediate(() => this.#began = undefined);
    return this.#began = performance.now();
  }
}
