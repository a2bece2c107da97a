import { rows } from "./rows.ts";
import type { Entry, RowResult } from "./results.ts";

const HEAD = [
  "| task | program | ms a step | peer / Rocket | peak memory, MB | Rocket / peer |",
  "| --- | --- | ---: | ---: | ---: | ---: |",
];

/**
 * The results as a table in Markdown. A ratio of times above 1 means that Rocket is faster; a ratio
 * of memory below 1, that Rocket needs less. Programs that did not run are in the table with a
 * word.
 *
 * @param results The rows.
 */
export function resultsTable(results: readonly RowResult[]): string {
  return [...HEAD, ...results.flatMap(linesOf)].join("\n");
}

function linesOf({ id, row, entries, skipped }: RowResult): string[] {
  const ours = entries.find(({ name }) => name === "Rocket");
  const { memory, images } = rows.find((row) => row.id === id) ?? {};
  const ran = entries.map((entry) => {
    const { name, milliseconds, peakMemory } = entry;
    const peer = entry !== ours && ours;
    return line(
      row,
      name,
      digits(milliseconds) +
        (images ? ` (${Math.round(1000 * images / milliseconds)} images/s)` : ""),
      peer ? (milliseconds / peer.milliseconds).toFixed(2) : "",
      memory && peakMemory ? (peakMemory / 1e6).toFixed(0) : "",
      memory && peer ? memoryRatio(peer, entry) : "",
    );
  });
  const missing = skipped.map(({ name, reason }) =>
    line(row, name, `skipped: ${reason.replaceAll("|", "\\|")}`, "", "", "")
  );
  return [...ran, ...missing];
}

/** Three digits that count, and all before the point. */
function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function memoryRatio({ peakMemory: ours }: Entry, { peakMemory: peer }: Entry): string {
  return ours && peer ? (ours / peer).toFixed(2) : "";
}

function line(...cells: string[]): string {
  return `| ${cells.join(" | ")} |`;
}
