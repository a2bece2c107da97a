import { formatCount } from "../src/base/text_table.ts";
import { rows } from "./rows.ts";
import type { Entry, RowResult } from "./results.ts";

const HEAD = [
  "| task | program | ms a step | peer / Rocket | peak memory, MB | Rocket / peer |",
  "| --- | --- | ---: | ---: | ---: | ---: |",
];

/**
 * Formats the results as a Markdown table. A time ratio above 1 means that Rocket is faster; a memory
 * ratio below 1 means that Rocket needs less. Skipped programs are listed with the reason.
 *
 * @param results The results of the rows.
 */
export function resultsTable(results: readonly RowResult[]): string {
  return [...HEAD, ...results.flatMap(linesOf)].join("\n");
}

function linesOf({ id, row, entries, skipped }: RowResult): string[] {
  const ours = entries.find(({ name }) => name === "Rocket");
  const { memory, items } = rows.find((row) => row.id === id) ?? {};
  const ran = entries.map((entry) => {
    const { name, milliseconds, peakMemory } = entry;
    const peer = entry !== ours && ours;
    return line(
      row,
      name,
      digits(milliseconds) +
        (items
          ? ` (${formatCount(Math.round(1000 * items.count / milliseconds))} ${items.unit}/s)`
          : ""),
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

/** Formats a number with three significant digits, or as an integer from 100. */
function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function memoryRatio({ peakMemory: ours }: Entry, { peakMemory: peer }: Entry): string {
  return ours && peer ? (ours / peer).toFixed(2) : "";
}

function line(...cells: string[]): string {
  return `| ${cells.join(" | ")} |`;
}
