/**
 * Runs the soak test of clusters. It trains a small pipeline on one to four processes, kills or
 * halts one of them at random, asks it to stop, or fills the disk of the one that writes, and resumes
 * the run with another number of processes until it is complete. It then compares the weights with
 * those of one process.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { join } from "node:path";
import { createRandom, deriveSeed, type Random } from "../../src/base/random.ts";
import { fail, refuseUnknown } from "../../bench/usage.ts";
import { type Process, readTrained, startCluster, writeClicks } from "../cluster/processes.ts";
import { type Disk, openDisk } from "./disk.ts";

const USAGE = `usage: deno task soak:clusters [--minutes N] [--seed N] [--list]

  --minutes N  start no run after this many minutes (default 10)
  --seed N     the seed of all random faults (default 1)
  --list       print the faults without running anything`;

/** What happens to one of the processes; `none` lets the run end. */
const faults = ["kill", "halt", "stop", "full disk", "none"] as const;

type Fault = typeof faults[number];

/** How long the others may take to end, in milliseconds; the promise is 15 seconds. */
const MOST = 15_000;

/** The largest number of processes. */
const PROCESSES = 4;

/** The largest difference between weights, for thousands of float32 additions. */
const TOLERANCE = 1e-4;

const TRAIN = "{ epochs: 60, batch: 20, baseline: none, clip: { norm: 0.5 } }";

/** The counts of the test. */
interface Counts {
  runs: number;
  processes: number;
  readonly faults: Record<Fault, number>;
  /** The longest time after which the others ended, in seconds. */
  slowest: number;
  largestDifference: number;
  readonly problems: string[];
}

Deno.exit(await main());

async function main(): Promise<number> {
  const options = parseArgs(Deno.args, {
    string: ["minutes", "seed"],
    boolean: ["help", "list"],
    default: { minutes: "10", seed: "1" },
    unknown: refuseUnknown(USAGE),
  });
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const minutes = Number(options.minutes), seed = Number(options.seed);
  if (!(minutes > 0) || !Number.isInteger(seed)) fail(USAGE);
  if (options.list) {
    console.log(faults.join("\n"));
    return 0;
  }
  const until = performance.now() + minutes * 60_000;
  const folder = await Deno.makeTempDir({ prefix: "rocket-soak-" });
  const disk = await openDisk(join(folder, "disk"));
  const counts: Counts = {
    runs: 0,
    processes: 0,
    faults: { "kill": 0, "halt": 0, "stop": 0, "full disk": 0, "none": 0 },
    slowest: 0,
    largestDifference: 0,
    problems: [],
  };
  try {
    writeClicks(disk.folder, TRAIN);
    await life(disk, { out: "reference", count: 1, fault: "none", wait: 0 }, counts);
    for (let run = 0; performance.now() < until; run++) {
      const random = createRandom(deriveSeed(seed, "clusters", run));
      await interruptedRun(disk, `run-${run}`, random, counts);
      counts.runs++;
      console.error(JSON.stringify({ ...counts, problems: counts.problems.length }));
    }
  } finally {
    await disk.close();
    await Deno.remove(folder, { recursive: true });
  }
  console.log(JSON.stringify(counts, undefined, 2));
  return counts.problems.length > 0 ? 1 : 0;
}

async function interruptedRun(
  disk: Disk,
  out: string,
  random: Random,
  counts: Counts,
): Promise<void> {
  const possible = faults.filter((fault) =>
    fault !== "none" && (fault !== "full disk" || disk.own)
  );
  for (let number = 0; number < 20; number++) {
    const fault = number < 3 ? possible[random.integer(0, possible.length - 1)]! : "none";
    const count = random.integer(fault === "none" ? 1 : 2, PROCESSES);
    const wait = random.integer(0, 3000);
    const isOver = await life(disk, { out, count, fault, wait }, counts);
    if (isOver) break;
  }
  const [expected, found] = ["reference", out].map((name) => readTrained(join(disk.folder, name)));
  for (const [name, values] of expected!.tensors) {
    const others = found!.tensors.get(name);
    for (let at = 0; at < values.length; at++) {
      const difference = Math.abs(values[at]! - (others?.[at] ?? Infinity));
      counts.largestDifference = Math.max(counts.largestDifference, difference);
    }
  }
  if (!(counts.largestDifference < TOLERANCE)) counts.problems.push(`${out} has other weights`);
  // Each evaluation of each epoch exactly once, in order.
  const isSame = expected!.metrics.length === found!.metrics.length &&
    expected!.metrics.every((metric, at) => Math.abs(metric - found!.metrics[at]!) < 1e-3);
  if (!isSame) counts.problems.push(`${out} has other metrics`);
}

/** A life of a run: from its start, or its resumption, to its end or a fault. */
interface Life {
  readonly out: string;
  /** The number of processes. */
  readonly count: number;
  readonly fault: Fault;
  /** When the fault happens, in milliseconds after training has started. */
  readonly wait: number;
}

/** Returns whether the run is complete. */
async function life(
  disk: Disk,
  { out, count, fault, wait }: Life,
  counts: Counts,
): Promise<boolean> {
  const { folder } = disk;
  let isResumed = true;
  try {
    Deno.statSync(join(folder, out, "pipeline.json"));
  } catch {
    isResumed = false;
  }
  const args = isResumed ? ["resume", out] : ["p.yaml", "--out", out, "--engine", "native"];
  const processes = startCluster(count, args, folder);
  counts.processes += count;
  counts.faults[fault]++;
  const ends = processes.map(({ ended }) => ended);
  if (fault === "none") {
    const all = await Promise.all(ends);
    const bad = all.find(({ code }) => code !== 0);
    if (bad) counts.problems.push(`${out} ended with ${bad.code}: ${bad.stderr.slice(-500)}`);
    return true;
  }
  await Promise.race([processes[0]!.until("epoch "), Promise.all(ends)]);
  await new Promise((resolve) => setTimeout(resolve, wait));
  const codes = await strike({ fault, victim: wait % count, disk }, processes, counts);
  // The run may have been complete before the fault.
  if (codes.every((code) => code === 0)) return true;
  const expected = codes.map((_, process) => expectedCode(fault, process));
  if (codes.join() !== expected.join()) {
    const told = await Promise.all(ends);
    const texts = told.map(({ code, stderr }) => `${code}: ${stderr.slice(-300)}`).join("\n");
    counts.problems.push(`${out}, after ${fault}: ${codes} instead of ${expected}\n${texts}`);
  }
  return false;
}

/** Returns the exit code that a fault should cause in a process that ends by itself. */
function expectedCode(fault: Fault, process: number): number {
  if (fault === "stop") return 130;
  return fault === "full disk" && process === 0 ? 1 : 75;
}

/** A fault that is about to happen. */
interface Strike {
  readonly fault: Exclude<Fault, "none">;
  /** The process that gets a signal, by its number. */
  readonly victim: number;
  /** The disk on which the first process writes the run folder. */
  readonly disk: Disk;
}

/**
 * Lets a fault happen, and returns the exit codes of the processes that end by themselves: all but
 * one that is killed or halted.
 */
async function strike(
  { fault, victim, disk }: Strike,
  processes: readonly Process[],
  counts: Counts,
): Promise<number[]> {
  const send = (signal: Deno.Signal) => {
    try {
      processes[victim]!.kill(signal);
    } catch {
      // It has ended.
    }
  };
  const began = performance.now();
  if (fault === "full disk") disk.fill(0);
  else send(fault === "kill" ? "SIGKILL" : fault === "halt" ? "SIGSTOP" : "SIGTERM");
  const endsItself = (process: number) =>
    process !== victim || fault === "stop" || fault === "full disk";
  const ending = processes.filter((_, process) => endsItself(process));
  const ends = await Promise.all(ending.map(({ ended }) => ended));
  const took = performance.now() - began;
  disk.free();
  counts.slowest = Math.max(counts.slowest, took / 1000);
  if (took > MOST) counts.problems.push(`the others took ${took / 1000} s to end after ${fault}`);
  if (fault === "halt") send("SIGKILL");
  await processes[victim]!.ended;
  return ends.map(({ code }) => code);
}
