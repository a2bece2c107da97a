/** What a check found: which promises a stage breaks, and the cases that show it. */
export class Findings {
  readonly #cases = new Map<string, string[]>();

  /**
   * Takes down a case.
   *
   * @param promise What the stage should do, such as `returns one loss a row`.
   * @param asked What it was asked for, such as `4 rows of 3 logits on wasm`.
   * @param got What came back.
   */
  add(promise: string, asked: string, got: string): void {
    const cases = this.#cases.get(promise) ?? [];
    this.#cases.set(promise, [...cases, `asked for ${asked}: ${got}`]);
  }

  /**
   * Runs a part of a check; what that throws is a finding.
   *
   * @param asked What the stage is asked for.
   * @param call The part.
   * @returns Whether it went through.
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
   * Runs an asynchronous part of a check; what that throws is a finding.
   *
   * @param asked What the stage is asked for.
   * @param call The part.
   * @returns Whether it went through.
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
   * Takes down that the stage threw.
   *
   * @param asked What it was asked for.
   * @param error What it threw.
   */
  threw(asked: string, error: unknown): void {
    const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.add("does not throw", asked, `it threw ${what}`);
  }

  /** The findings, a line a promise with the first case; empty if all promises are kept. */
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
