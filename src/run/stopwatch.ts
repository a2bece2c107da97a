/** Adds up the time that a part of a run takes. */
export class Stopwatch {
  #milliseconds: number;
  #since: number | undefined;

  /**
   * Makes one that stands still.
   *
   * @param seconds What it has counted before.
   */
  constructor(seconds = 0) {
    this.#milliseconds = seconds * 1000;
  }

  /** All of the time so far, in seconds. */
  get seconds(): number {
    const running = this.#since === undefined ? 0 : performance.now() - this.#since;
    return (this.#milliseconds + running) / 1000;
  }

  /** Begins to count. */
  start(): void {
    this.#since = performance.now();
  }

  /** Ends counting until it is started again. */
  stop(): void {
    this.#milliseconds = this.seconds * 1000;
    this.#since = undefined;
  }

  /**
   * Counts while something runs.
   *
   * @param run What; it may be asynchronous.
   * @returns What it returned.
   */
  during<T>(run: () => T): T {
    this.start();
    let result: T;
    try {
      result = run();
    } catch (error) {
      this.stop();
      throw error;
    }
    if (result instanceof Promise) return result.finally(() => this.stop()) as T;
    this.stop();
    return result;
  }
}
