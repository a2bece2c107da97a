/** What came of a row. */
export interface RowResult {
  /** The task. */
  readonly row: string;
  /** The programs that ran, Rocket first. */
  readonly entries: readonly {
    readonly name: string;
    /** The median of a step. */
    readonly milliseconds: number;
    /** Each step. */
    readonly times: readonly number[];
  }[];
  /** The programs that do not start here. */
  readonly skipped: readonly string[];
}

/**
 * The middle one of some numbers.
 *
 * @param values The numbers; at least one.
 */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The results as a table in Markdown: a peer's ratio above 1 means that Rocket is faster.
 *
 * @param results The rows.
 */
export function resultsTable(results: readonly RowResult[]): string {
  const lines = ["| task | program | ms a step | peer / Rocket |", "| --- | --- | ---: | ---: |"];
  for (const { row, entries } of results) {
    const ours = entries.find(({ name }) => name === "Rocket")?.milliseconds;
    for (const { name, milliseconds } of entries) {
      const ratio = ours === undefined || name === "Rocket" ? "" : (milliseconds / ours).toFixed(2);
      lines.push(`| ${row} | ${name} | ${milliseconds.toPrecision(3)} | ${ratio} |`);
    }
  }
  return lines.join("\n");
}
