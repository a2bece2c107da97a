/**
 * Runs the soak test of clusters. It trains a small pipeline on one to three processes, kills or
 * halts one of them at random, or asks it to stop, and resumes the run with another number of
 * processes until it is complete. It then compares the weights with those of one process.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { join } from "node:path";
import { createRandom, deriveSeed, type Random } from "../../src/base/random.ts";
import { fail, refuseUnknown } from "../../bench/usage.ts";
import { type Process, readTrained, startCluster, writeClicks } from "../cluster/processes.ts";

const USAGE = `usage: deno task soak:clusters [--minutes N] [--seed N] [--list]

  --minutes N  start no run after this many minutes (default 10)
  --seed N     the seed of all random faults (default 1)
  --list       print the faults without running anything`;

/** What happens to one of the processes; `none` lets the run end. */
const faults = ["kill", "halt", "stop", "none"] as const;

type Fault = typeof faults[number];

/** How long the others may take to end, in milliseconds; the promise is 15 seconds. */
const MOST = 15_000;

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
  const counts: Counts = {
    runs: 0,
    processes: 0,
    faults: { kill: 0, halt: 0, stop: 0, none: 0 },
    slowest: 0,
    largestDifference: 0,
    problems: [],
  };
  try {
    writeClicks(folder, TRAIN);
    await life(folder, { out: "reference", count: 1, fault: "none", wait: 0 }, counts);
    for (let run = 0; performance.now() < until; run++) {
      const random = createRandom(deriveSeed(seed, "clusters", run));
      await interruptedRun(folder, `run-${run}`, random, counts);
      counts.runs++;
      console.error(JSON.stringify({ ...counts, problems: counts.problems.length }));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  console.log(JSON.stringify(counts, undefined, 2));
  return counts.problems.length > 0 ? 1 : 0;
}

async function interruptedRun(
  folder: string,
  out: string,
  random: Random,
  counts: Counts,
): Promise<void> {
  for (let number = 0; number < 20; number++) {
    const fault = number < 3 ? faults[random.integer(0, 2)]! : "none";
    const count = fault === "none" ? random.integer(1, 3) : random.integer(2, 3);
    const wait = random.integer(0, 3000);
    const isOver = await life(folder, { out, count, fault, wait }, counts);
    if (isOver) break;
  }
  const expected = readTrained(join(folder, "reference")), found = readTrained(join(folder, out));
  for (const [name, values] of expected.tensors) {
    const others = found.tensors.get(name);
    for (let at = 0; at < values.length; at++) {
      const difference = Math.abs(values[at]! - (others?.[at] ?? Infinity));
      counts.largestDifference = Math.max(counts.largestDifference, difference);
    }
  }
  if (!(counts.largestDifference < TOLERANCE)) counts.problems.push(`${out} has other weights`);
  // Each evaluation of each epoch exactly once, in order.
  const isSame = expected.metrics.length === found.metrics.length &&
    expected.metrics.every((metric, at) => Math.abs(metric - found.metrics[at]!) < 1e-3);
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
  folder: string,
  { out, count, fault, wait }: Life,
  counts: Counts,
): Promise<boolean> {
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
  const victim = processes.at(wait % count)!;
  const codes = await strike(victim, fault, processes, counts);
  // The run may have been complete before the fault.
  if (codes.every((code) => code === 0)) return true;
  const expected = fault === "stop" ? 130 : 75;
  if (codes.some((code) => code !== expected)) {
    const told = await Promise.all(ends);
    const texts = told.map(({ code, stderr }) => `${code}: ${stderr.slice(-300)}`).join("\n");
    counts.problems.push(`${out}, after ${fault}: ${codes} instead of ${expected}\n${texts}`);
  }
  return false;
}

/** Lets a fault happen, and returns the exit codes of the processes that it should end. */
async function strike(
  victim: Process,
  fault: Exclude<Fault, "none">,
  processes: readonly Process[],
  counts: Counts,
): Promise<number[]> {
  const send = (signal: Deno.Signal) => {
    try {
      victim.kill(signal);
    } catch {
      // It has ended.
    }
  };
  const began = performance.now();
  send(fault === "kill" ? "SIGKILL" : fault === "halt" ? "SIGSTOP" : "SIGTERM");
  const ending = fault === "stop" ? processes : processes.filter((one) => one !== victim);
  const ends = await Promise.all(ending.map(({ ended }) => ended));
  const took = performance.now() - began;
  counts.slowest = Math.max(counts.slowest, took / 1000);
  if (took > MOST) counts.problems.push(`the others took ${took / 1000} s to end after ${fault}`);
  if (fault === "halt") send("SIGKILL");
  await victim.ended;
  return ends.map(({ code }) => code);
}
