/** Measures the total time of an activity that is repeatedly started and stopped. */
export class Stopwatch {
  #milliseconds: number;
  #since: number | undefined;

  /**
   * Creates a stopped watch.
   *
   * @param seconds The time to start from, in seconds; 0 by default.
   */
  constructor(seconds = 0) {
    this.#milliseconds = seconds * 1000;
  }

  /** The total time so far, in seconds. */
  get seconds(): number {
    const running = this.#since === undefined ? 0 : performance.now() - this.#since;
    return (this.#milliseconds + running) / 1000;
  }

  /** Starts counting time. */
  start(): void {
    this.#since = performance.now();
  }

  /** Stops counting time until it is started again. */
  stop(): void {
    this.#milliseconds = this.seconds * 1000;
    this.#since = undefined;
  }

  /**
   * Counts time while a function runs.
   *
   * @param run The function, which may be asynchronous.
   * @returns The function's return value.
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
