import { stripVTControlCharacters } from "node:util";

/** Counts tests by what `deno test` prints. */
export class TestCount {
  /** Tests that passed. */
  passed = 0;
  /** Tests that failed, and the run itself if it did not come to its end. */
  failed = 0;
  /** Tests that were ignored. */
  skipped = 0;

  /**
   * Starts to count one run of `deno test`.
   *
   * Its summary is the only place that counts all: its JUnit report leaves out files that fail
   * before their first test. A run that ends early has no summary; then the lines of its tests
   * count.
   *
   * @returns Takes the run's output in chunks, and at its end the exit code.
   */
  start(): { read(chunk: Uint8Array<ArrayBuffer>): void; end(code: number): void } {
    const decoder = new TextDecoder();
    const seen = { ok: 0, FAILED: 0, ignored: 0 };
    let summary: number[] | undefined;
    let rest = "";
    const readLine = (line: string) => {
      const text = stripVTControlCharacters(line);
      const result = RESULT.exec(text)?.[1] as keyof typeof seen | undefined;
      if (result) seen[result]++;
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
      },
    };
  }

  /** What is printed at the end; the last line is `12 passed, 0 failed`. */
  toString(): string {
    const skipped = this.skipped > 0 ? `${this.skipped} skipped\n` : "";
    return `${skipped}${this.passed} passed, ${this.failed} failed`;
  }
}

/** The line of a test that is done; the steps of one are indented. */
const RESULT = /^\S.* \.\.\. (ok|FAILED|ignored) \(/;

const STEPS = String.raw`(?: \(\d+ steps?\))?`;

/** The line that sums a run up. */
const SUMMARY = new RegExp(
  String.raw`^(?:ok|FAILED) \| (\d+) passed${STEPS} \| (\d+) failed${STEPS}` +
    String.raw`(?: \| (\d+) ignored${STEPS})?`,
);
