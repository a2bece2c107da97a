/**
 * The results of a check: the rules that a stage violates, and the samples for which it violates
 * them.
 */
export class Findings {
  readonly #cases = new Map<string, string[]>();

  /**
   * Records a failed case.
   *
   * @param promise The rule that the stage should follow, such as `returns one loss per row`.
   * @param asked The checked sample, such as `4 rows of 3 logits on wasm`.
   * @param got The result.
   */
  add(promise: string, asked: string, got: string): void {
    const cases = this.#cases.get(promise) ?? [];
    this.#cases.set(promise, [...cases, `checking ${asked}: ${got}`]);
  }

  /**
   * Runs a part of a check and records an error that it throws.
   *
   * @param asked The checked sample.
   * @param call The part of the check.
   * @returns Whether it ran without an error.
   */
  attempt(asked: string, call: () => void): boolean {
    try {
      call();
      return true;
    } catch (error) {
      this.threw(asked, error);
      return false;
    }
  }

  /**
   * Runs an asynchronous part of a check and records an error that it throws.
   *
   * @param asked The checked sample.
   * @param call The part of the check.
   * @returns Whether it ran without an error.
   */
  async attemptAsync(asked: string, call: () => void | Promise<void>): Promise<boolean> {
    try {
      await call();
      return true;
    } catch (error) {
      this.threw(asked, error);
      return false;
    }
  }

  /**
   * Records that the stage threw an error.
   *
   * @param asked The checked sample.
   * @param error The error.
   */
  threw(asked: string, error: unknown): void {
    const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.add("does not throw", asked, `it threw ${what}`);
  }

  /** One line per broken rule, with its first case; empty if the stage follows all rules. */
  get lines(): readonly string[] {
    return [...this.#cases].map(([promise, [first, ...more]]) => {
      const others = more.length === 0
        ? ""
        : more.length === 1
        ? " (and one more case)"
        : ` (and ${more.length} more cases)`;
      return `- ${promise}; ${first}${others}`;
    });
  }
}
