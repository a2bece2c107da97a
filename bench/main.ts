/**
 * Compares the speed of Rocket with that of other libraries, which take turns on the same tasks.
 * Prints the median time of a step and the ratio peer / Rocket, and writes a file for each row and
 * a table to bench/results/.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fileURLToPath } from "node:url";
import { openProject } from "../src/launch/project.ts";
import { thisMachine } from "./machine.ts";
import { importedModules, peersPython } from "./python.ts";
import { race } from "./race.ts";
import { type RowResult, writeResult } from "./results.ts";
import { type Row, rows } from "./rows.ts";
import { Runner } from "./runner.ts";
import { resultsTable } from "./table.ts";
import { fail, refuseUnknown } from "./usage.ts";

const USAGE = `usage: deno task bench [--row TEXT] [--rounds N] [--results FOLDER] [--list]

  --row TEXT        run only rows whose name or id contains TEXT; repeatable
  --rounds N        the number of turns of each program (default 5)
  --results FOLDER  the folder for the results (default bench/results)
  --list            print the rows and their programs without running them`;

await main();

async function main(): Promise<void> {
  const options = parseArgs(Deno.args, {
    string: ["rounds", "row", "results"],
    boolean: ["list", "help"],
    collect: ["row"],
    default: { rounds: "5", results: fileURLToPath(new URL("results", import.meta.url)) },
    unknown: refuseUnknown(USAGE),
  });
  if (options.help) return console.log(USAGE);
  const rounds = Number(options.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) fail(`--rounds ${options.rounds}: expected 1, 2, …`);
  const texts = (options.row as string[]).map((text) => text.toLowerCase());
  const chosen = rows.filter(({ id, name }) =>
    texts.length === 0 ||
    texts.some((text) => id.includes(text) || name.toLowerCase().includes(text))
  );
  if (chosen.length === 0) fail(`no row has ${texts.join(" or ")} in its name; --list has them`);
  if (options.list) return list(chosen);
  await run(chosen, rounds, options.results);
}

function list(chosen: readonly Row[]): void {
  for (const { id, name, contestants } of chosen) {
    console.log(`${id}: ${name}\n  ${contestants.map(({ name }) => name).join(" · ")}`);
  }
}

async function run(chosen: readonly Row[], rounds: number, folder: string): Promise<void> {
  const report = (line: string) => console.error(line);
  const programs = chosen.flatMap(({ contestants }) => contestants.map(({ program }) => program));
  const scripts = new Set(programs.filter((program) => program.endsWith(".py")));
  const modules = await importedModules(
    [...scripts].map((script) => new URL(script, import.meta.url)),
  );
  const python = scripts.size > 0
    ? await peersPython(new URL("./.venv/", import.meta.url), report, modules)
    : undefined;
  const { flags } = await openProject(fileURLToPath(new URL("../", import.meta.url)));
  const machine = thisMachine(), order = rows.map(({ id }) => id);
  const results: RowResult[] = [];
  for (const row of chosen) {
    report(row.name);
    const date = new Date().toISOString(), load = Deno.loadavg()[0]!;
    const { entries, skipped } = await race(row, {
      rounds,
      start: (contestant) => Runner.start(contestant, { flags, python }),
      report,
    });
    const { id, name } = row;
    const result = { id, row: name, date, machine, rounds, load, entries, skipped };
    await writeResult(folder, result, order);
    results.push(result);
  }
  console.log(resultsTable(results));
}
