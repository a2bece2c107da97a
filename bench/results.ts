/**
 * Writes the results of the bench, one file per row. An interrupted bench keeps the results of its
 * finished rows, and a repeated row replaces its previous result.
 *
 * @module
 */

import { join } from "node:path";
import { writeFileWhole } from "../src/base/files/write.ts";
import type { Machine } from "./machine.ts";
import { resultsTable } from "./table.ts";

/** The result of one program of a row. */
export interface Entry {
  /** Its name in the table. */
  readonly name: string;
  /** The library that computed the steps, with its version. */
  readonly detail?: string;
  /** The number of trainable parameters. */
  readonly parameters?: number;
  /** The losses of the warm-up steps. */
  readonly losses?: readonly number[];
  /** The number of timed steps. */
  readonly steps: number;
  /** The median time of a step in milliseconds. */
  readonly milliseconds: number;
  /** The milliseconds within which 10, 90, and 99 percent of the steps ended. */
  readonly percentiles: Readonly<Record<"10" | "90" | "99", number>>;
  /** The area under the ROC curve on the test split, after each epoch. */
  readonly auc?: readonly number[];
  /** The fraction of the time of each epoch that was spent waiting for data. */
  readonly waitingShare?: readonly number[];
  /** The peak memory of the process in bytes. */
  readonly peakMemory?: number;
}

/** A program that did not start or finish. */
export interface Skipped {
  /** Its name in the table. */
  readonly name: string;
  /** The reason why the program did not start or finish. */
  readonly reason: string;
}

/** The result of a row. */
export interface RowResult {
  /** The row's short name. */
  readonly id: string;
  /** The task, as the table shows it. */
  readonly row: string;
  /** The time of the bench as an ISO date. */
  readonly date: string;
  /** The machine on which the row was run. */
  readonly machine: Machine;
  /** The number of turns of each program. */
  readonly rounds: number;
  /** The system's load average of the last minute before the row was run. */
  readonly load: number;
  /** The programs that ran, Rocket first. */
  readonly entries: readonly Entry[];
  /** The programs that did not run. */
  readonly skipped: readonly Skipped[];
}

/**
 * Writes the result of a row, and the table of all rows with results.
 *
 * @param folder The folder of results; it is created if it does not exist.
 * @param result The result of the row.
 * @param order The rows' short names in the order of the table.
 */
export async function writeResult(
  folder: string,
  result: RowResult,
  order: readonly string[],
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await write(join(folder, `${result.id}.json`), JSON.stringify(result, undefined, 2));
  const results: RowResult[] = [];
  for (const id of order) {
    const text = await Deno.readTextFile(join(folder, `${id}.json`)).catch(() => undefined);
    if (text !== undefined) results.push(JSON.parse(text));
  }
  await write(join(folder, "latest.md"), `${resultsTable(results)}\n\n${provenance(results)}`);
}

/** Lists the machines, dates, and versions of the rows, one line per combination. */
function provenance(results: readonly RowResult[]): string {
  const lines = new Map<string, string[]>();
  for (const { id, date, machine, rounds, entries } of results) {
    const { processor, cores, memory, system, deno } = machine;
    const versions = entries.flatMap(({ detail }) => detail?.split(", ") ?? []);
    const details = [`Deno ${deno}`, ...new Set(versions.sort())];
    const line = `${processor}, ${cores} cores, ${memory} GiB, ${system}; ` +
      `${date.slice(0, 10)}, ${rounds} round${rounds === 1 ? "" : "s"}; ${details.join(", ")}`;
    lines.set(line, [...lines.get(line) ?? [], id]);
  }
  return [...lines].map(([line, ids]) => `- ${line}: ${ids.join(", ")}`).join("\n");
}

async function write(path: string, text: string): Promise<void> {
  await writeFileWhole(path, new TextEncoder().encode(`${text}\n`));
}
