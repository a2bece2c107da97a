/**
 * Times Rocket against its peers, side by side: all programs of a row are started, warmed up, and
 * take turns, so that whatever else the machine does hits all alike. Prints the median milliseconds of
 * a step and the ratio peer/ours, and writes bench/results/.
 *
 * usage: deno task bench [--rounds N] [--row TEXT]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fileURLToPath } from "node:url";
import { openProject } from "../scripts/launch/project.ts";
import { type Row, rows } from "./rows.ts";
import { Runner } from "./runner.ts";
import { peersPython } from "./python.ts";
import { median, resultsTable, type RowResult } from "./table.ts";

const { rounds, row: wanted } = parseArgs(Deno.args, {
  string: ["rounds", "row"],
  default: { rounds: "5", row: "" },
});
const python = await peersPython(new URL("./.venv/", import.meta.url));
const { flags } = await openProject(fileURLToPath(new URL("../", import.meta.url)));
const results: RowResult[] = [];
for (const row of rows.filter(({ name }) => name.includes(wanted))) {
  console.error(row.name);
  results.push(await race(row, Number(rounds)));
}
const table = resultsTable(results);
console.log(table);
if (!wanted) await writeResults();

async function race(row: Row, rounds: number): Promise<RowResult> {
  const runners: Runner[] = [];
  const skipped: string[] = [];
  for (const contestant of row.contestants) {
    if (contestant.program === "torch" && !python) {
      skipped.push(contestant.name);
      continue;
    }
    // One by one: two programs that warm up at once would disturb each other.
    const runner = new Runner(contestant, { flags, python });
    if (await runner.ready()) runners.push(runner);
    else skipped.push(contestant.name);
  }
  for (let round = 0; round < rounds; round++) {
    for (const runner of runners) await runner.turn(row.steps);
  }
  for (const runner of runners) await runner.stop();
  const entries = runners.map(({ name, times }) => ({ name, milliseconds: median(times), times }));
  for (const name of skipped) console.error(`  ${name}: skipped, it does not start here`);
  return { row: row.name, entries, skipped };
}

async function writeResults(): Promise<void> {
  const folder = new URL("./results/", import.meta.url);
  await Deno.mkdir(folder, { recursive: true });
  const text = JSON.stringify(results, undefined, 2);
  await Deno.writeTextFile(new URL("latest.json", folder), text + "\n");
  await Deno.writeTextFile(new URL("latest.md", folder), table + "\n");
}
