/**
 * What came of the rows, in files: one a row, so that an interrupted bench keeps what it has, and a
 * row that is run again replaces its own.
 *
 * @module
 */

import { join } from "node:path";
import { writeFileWhole } from "../src/base/files/write.ts";
import type { Machine } from "./machine.ts";
import { resultsTable } from "./table.ts";

/** What came of one program of a row. */
export interface Entry {
  /** Its name in the table. */
  readonly name: string;
  /** What computed, with its version. */
  readonly detail?: string;
  /** How many numbers it trains. */
  readonly parameters?: number;
  /** The losses of its warm-up. */
  readonly losses?: readonly number[];
  /** The median of a step. */
  readonly milliseconds: number;
  /** The milliseconds of each step, in order. */
  readonly times: readonly number[];
  /** The bytes of memory that the process had at most. */
  readonly peakMemory?: number;
}

/** A program that did not start or finish. */
export interface Skipped {
  /** Its name in the table. */
  readonly name: string;
  /** Why. */
  readonly reason: string;
}

/** What came of a row. */
export interface RowResult {
  /** The row's short name. */
  readonly id: string;
  /** The task. */
  readonly row: string;
  /** When it was run, an ISO date. */
  readonly date: string;
  /** Where. */
  readonly machine: Machine;
  /** How many turns each program had. */
  readonly rounds: number;
  /** How busy the machine was before, as the system's load of the last minute. */
  readonly load: number;
  /** The programs that ran, Rocket first. */
  readonly entries: readonly Entry[];
  /** Those that did not. */
  readonly skipped: readonly Skipped[];
}

/**
 * Writes a row's result, and the table of all rows that have one.
 *
 * @param folder The folder of results; it is made if it is not there.
 * @param result The row.
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

/** Where and when the rows were run, a line for each that differs. */
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
