import { stripVTControlCharacters } from "node:util";

/** Counts the results of tests from the output of `deno test`. */
export class TestCount {
  /** The number of tests that passed. */
  passed = 0;
  /** The number of tests that failed, plus one for each run that ended early. */
  failed = 0;
  /** The number of tests that were ignored. */
  skipped = 0;
  readonly #failures: string[] = [];

  /**
   * Starts counting one run of `deno test`.
   *
   * Only the summary includes all tests. The JUnit report leaves out files that fail before their
   * first test. A run that ends early has no summary, so the lines of its tests are counted.
   *
   * @returns Functions for the chunks of the run's output, and for its exit code at the end.
   */
  start(): { read(chunk: Uint8Array<ArrayBuffer>): void; end(code: number): void } {
    const decoder = new TextDecoder();
    const seen = { ok: 0, FAILED: 0, ignored: 0 };
    let summary: number[] | undefined;
    let inErrors = false;
    let lastTest = "";
    let rest = "";
    const readLine = (line: string) => {
      const text = stripVTControlCharacters(line);
      if (FAILURES.test(text)) inErrors = false;
      if (inErrors) {
        // An error may itself contain the output of tests.
        this.#failures.push(line);
        return;
      }
      if (ERRORS.test(text)) inErrors = true;
      const result = RESULT.exec(text)?.[1] as keyof typeof seen | undefined;
      if (result) seen[result]++;
      if (STARTED.test(text)) lastTest = text.trim();
      const counts = SUMMARY.exec(text)?.slice(1).map((count) => Number(count ?? 0));
      if (counts) summary = counts;
    };
    return {
      read(chunk) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
        rest = lines.pop()!;
        lines.forEach(readLine);
      },
      end: (code) => {
        readLine(rest);
        const [passed, failed, skipped] = summary ?? [seen.ok, seen.FAILED, seen.ignored];
        this.passed += passed!;
        this.failed += failed! || (code === 0 ? 0 : 1);
        this.skipped += skipped!;
        if (code !== 0 && !failed) {
          const after = lastTest ? ` The last test was: ${lastTest}` : "";
          this.#failures.push(
            `deno test ended with exit code ${code}, although no test failed.${after}`,
          );
        }
      },
    };
  }

  /**
   * Returns the errors of the failed tests, as `deno test` printed them, and a line for each run
   * that ended early; or an empty string.
   *
   * A log may be kept in part, so these errors are repeated at the end of the output.
   */
  failures(): string {
    return this.#failures.join("\n").trim();
  }

  /** Formats the counts. The last line is `12 passed, 0 failed`. */
  toString(): string {
    const skipped = this.skipped > 0 ? `${this.skipped} skipped\n` : "";
    return `${skipped}${this.passed} passed, ${this.failed} failed`;
  }
}

/** The line of a finished test. Lines of steps are indented and do not match. */
const RESULT = /^\S.* \.\.\. (ok|FAILED|ignored) \(/;

/** The line of a test that has started; its result follows in the same line. */
const STARTED = /^\S.* \.\.\.(?: |$)/;

/** The headings of the errors of failed tests, and of the list of failed tests after them. */
const ERRORS = /^\s*ERRORS\s*$/;
const FAILURES = /^\s*FAILURES\s*$/;

const STEPS = String.raw`(?: \(\d+ steps?\))?`;

/** The summary line of a run. */
const SUMMARY = new RegExp(
  String.raw`^(?:ok|FAILED) \| (\d+) passed${STEPS} \| (\d+) failed${STEPS}` +
    String.raw`(?: \| (\d+) ignored${STEPS})?`,
);
