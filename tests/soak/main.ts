/**
 * Trains with kills, signals, full disks and damaged files at random, resumes until the end, and
 * compares each run's bytes with those of one that was never stopped. Writes bench/results/soak.md
 * and .json.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openProject } from "../../src/launch/project.ts";
import { thisMachine } from "../../bench/machine.ts";
import { openDisk } from "./disk.ts";
import { type SoakReport, soakTable } from "./report.ts";
import { soak, type SoakCounts } from "./soak.ts";
import { makeSubjects, subjectNames } from "./subjects.ts";

const USAGE =
  `usage: deno task soak [--minutes N] [--seed N] [--run N] [--only TEXT] [--results FOLDER]

  --minutes N       no run begins after so many, 30 by default
  --seed N          says all that happens at random, 1 by default
  --run N           this run alone, to repeat one that failed; its fault is at the same step
  --only TEXT       only pipelines with TEXT in their name: ${subjectNames.join(", ")}
  --results FOLDER  where the report goes, bench/results by default`;

Deno.exit(await main());

async function main(): Promise<number> {
  const options = parseArgs(Deno.args, {
    string: ["minutes", "seed", "run", "only", "results"],
    boolean: ["help"],
    default: {
      minutes: "30",
      seed: "1",
      only: "",
      results: fileURLToPath(new URL("../../bench/results", import.meta.url)),
    },
    unknown: (argument) => fail(`${argument} is not known\n\n${USAGE}`),
  });
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const number = (name: "minutes" | "seed" | "run", least: number) => {
    const value = Number(options[name] ?? 0);
    if (Number.isFinite(value) && value >= least) return value;
    return fail(`--${name} ${options[name]}: expected a number from ${least}`);
  };
  const minutes = number("minutes", 0), seed = number("seed", 0), first = number("run", 0);
  const names = subjectNames.filter((name) => name.includes(options.only));
  if (names.length === 0) fail(`no pipeline has ${options.only} in its name\n\n${USAGE}`);
  const folder = await Deno.makeTempDir({ prefix: "rocket-soak-" });
  const disk = await openDisk(join(folder, "disk"));
  const started = performance.now();
  const stop = new AbortController();
  Deno.addSignalListener("SIGINT", () => {
    console.error("no other run begins");
    stop.abort();
  });
  try {
    const { flags } = await openProject(fileURLToPath(new URL("../../", import.meta.url)));
    const command = ["deno task soak", ...Deno.args.filter(isNoResults)].join(" ");
    const machine = thisMachine(), ownDisk = disk.own, date = new Date().toISOString().slice(0, 10);
    const reportOf = (counts: SoakCounts): SoakReport => {
      const seconds = (performance.now() - started) / 1000;
      return { command, date, seconds, machine, ownDisk, counts };
    };
    const counts = await soak({
      subjects: await makeSubjects(names, folder),
      ...{ seed, first, folder, disk, flags, signal: stop.signal },
      milliseconds: minutes * 60_000,
      runs: options.run === undefined ? Infinity : 1,
      report: (line) => console.error(line),
      // Who ends it before its time keeps what there is.
      counted: (counts) => writeReport(options.results, reportOf(counts)),
    });
    console.log(soakTable(reportOf(counts)));
    const { problems } = counts;
    const again = (run: number) => `deno task soak --seed ${seed} --run ${run}`;
    for (const { run, folder } of problems) console.error(`${folder}: ${again(run)}`);
    if (problems.length > 0) return 1;
    return 0;
  } finally {
    await disk.close();
    if (!await hasFailed(folder)) await Deno.remove(folder, { recursive: true });
  }
}

async function writeReport(folder: string, report: SoakReport): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "soak.md"), soakTable(report));
  await Deno.writeTextFile(join(folder, "soak.json"), JSON.stringify(report, undefined, 2) + "\n");
}

/** Where the report went is no matter for who reads it. */
function isNoResults(argument: string, index: number, all: readonly string[]): boolean {
  return !argument.startsWith("--results") && all[index - 1] !== "--results";
}

/** Whether there is the folder of a run that failed. */
async function hasFailed(folder: string): Promise<boolean> {
  for await (const { name } of Deno.readDir(folder)) if (name.startsWith("failed-")) return true;
  return false;
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}
