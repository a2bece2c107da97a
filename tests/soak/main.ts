/**
 * Runs the soak test. It trains pipelines, interrupts them at random by kills, signals, full disks
 * and damaged files, and resumes them until they are complete. It then compares the bytes of their
 * results with those of uninterrupted runs, and writes bench/results/soak.md and soak.json.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openProject } from "../../src/launch/project.ts";
import { thisMachine } from "../../bench/machine.ts";
import { fail, refuseUnknown } from "../../bench/usage.ts";
import { openDisk } from "./disk.ts";
import { type SoakReport, soakTable } from "./report.ts";
import { soak, type SoakCounts } from "./soak.ts";
import { makeSubjects, subjectNames } from "./subjects.ts";

const USAGE =
  `usage: deno task soak [--minutes N] [--seed N] [--run N] [--only TEXT] [--results FOLDER] [--list]

  --minutes N       start no run after this many minutes (default 30)
  --seed N          the seed of all random faults (default 1)
  --run N           repeat only run N, with its faults at the same steps
  --only TEXT       use only pipelines with TEXT in their name: ${subjectNames.join(", ")}
  --results FOLDER  the folder for the report (default bench/results)
  --list            print the pipelines without training`;

Deno.exit(await main());

async function main(): Promise<number> {
  const options = parseArgs(Deno.args, {
    string: ["minutes", "seed", "run", "only", "results"],
    boolean: ["help", "list"],
    default: {
      minutes: "30",
      seed: "1",
      only: "",
      results: fileURLToPath(new URL("../../bench/results", import.meta.url)),
    },
    unknown: refuseUnknown(USAGE),
  });
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const number = (name: "minutes" | "seed" | "run", least: number) => {
    const value = Number(options[name] ?? 0);
    if (Number.isFinite(value) && value >= least) return value;
    return fail(`--${name} ${options[name]}: expected a number of at least ${least}`);
  };
  const minutes = number("minutes", 0), seed = number("seed", 0), first = number("run", 0);
  const names = subjectNames.filter((name) => name.includes(options.only));
  if (names.length === 0) fail(`no pipeline name contains ${options.only}\n\n${USAGE}`);
  if (options.list) {
    console.log(names.join("\n"));
    return 0;
  }
  const folder = await Deno.makeTempDir({ prefix: "rocket-soak-" });
  const disk = await openDisk(join(folder, "disk"));
  const started = performance.now();
  const stop = new AbortController();
  Deno.addSignalListener("SIGINT", () => {
    console.error("stopping after the current run");
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
      // If the user ends the test early, the report of the completed runs remains.
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

/** Drops the option `--results`, which does not matter to readers of the report. */
function isNoResults(argument: string, index: number, all: readonly string[]): boolean {
  return !argument.startsWith("--results") && all[index - 1] !== "--results";
}

/** Checks whether the folder of a failed run was kept. */
async function hasFailed(folder: string): Promise<boolean> {
  for await (const { name } of Deno.readDir(folder)) if (name.startsWith("failed-")) return true;
  return false;
}
