/**
 * Reads and damages run folders, independently of Rocket's own code.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Random } from "../../src/base/random.ts";
import type { Damage } from "./faults.ts";

/** The newest intact checkpoint of a run. */
export interface IntactCheckpoint {
  readonly job: string;
  readonly step: number;
  /** The checkpoint's name, without an extension. */
  readonly name: string;
}

/** The position of a run: a job and a step of it. */
export type StepOfJob = Pick<IntactCheckpoint, "job" | "step">;

/** The names of the jobs, the last one first. */
const jobs = ["light-alone", "rocket"];

/**
 * Finds the newest intact checkpoint, from which a resumed run must continue.
 *
 * @param out The run folder.
 * @param damaged The names of damaged checkpoints, without an extension.
 */
export function newestCheckpoint(
  out: string,
  damaged: ReadonlySet<string>,
): IntactCheckpoint | undefined {
  for (const job of jobs) {
    for (const { name, step } of checkpointsOf(out, job)) {
      if (!damaged.has(name) && isWhole(out, name)) return { job, step, name };
    }
  }
}

/** Checks whether one position is before another. */
export function isBefore(a: StepOfJob | undefined, b: StepOfJob | undefined): boolean {
  const order = (stand: StepOfJob | undefined) =>
    stand ? (jobs.length - jobs.indexOf(stand.job)) * 1e9 + stand.step : 0;
  return order(a) < order(b);
}

/** Lists the checkpoints of a job, the newest first. */
function checkpointsOf(out: string, job: string): { name: string; step: number }[] {
  return namesIn(join(out, "checkpoints"))
    .map((name) => new RegExp(`^(${job}-(\\d+)(-unmeasured)?)\\.json$`).exec(name))
    .filter((match) => match !== null)
    .map(([, name, step]) => ({ name: name!, step: Number(step) }))
    // At the same step, the checkpoint without the suffix was written later.
    .sort((a, b) => b.step - a.step || a.name.length - b.name.length);
}

function isWhole(out: string, name: string): boolean {
  try {
    const path = join(out, "checkpoints", name);
    const { sha256 } = JSON.parse(Deno.readTextFileSync(`${path}.json`));
    return sha256 === hashOf(Deno.readFileSync(`${path}.safetensors`));
  } catch {
    return false;
  }
}

/** The results that must be equal in interrupted and uninterrupted runs. */
export interface Outcome {
  /** The content of files by name: weights, best weights, and texts without times. */
  readonly files: Readonly<Record<string, Uint8Array>>;
}

/**
 * Reads the results of a complete run.
 *
 * @param out The run folder.
 */
export function outcomeOf(out: string): Outcome {
  const files: Record<string, Uint8Array> = {};
  for (const job of jobs) {
    const [last] = checkpointsOf(out, job);
    if (!last) continue;
    const name = `${last.name}.safetensors`;
    files[name] = Deno.readFileSync(join(out, "checkpoints", name));
  }
  // Each phase has its own best checkpoint.
  for (const name of namesIn(join(out, "checkpoints"))) {
    if (/^best(-\w+)?\./.test(name)) {
      files[name] = Deno.readFileSync(join(out, "checkpoints", name));
    }
  }
  for (const name of namesIn(out)) {
    if (name.endsWith(".jsonl")) files[name] = withoutTimes(readLines(join(out, name)));
  }
  const result = JSON.parse(Deno.readTextFileSync(join(out, "result.json")));
  files["result.json"] = withoutTimes([result]);
  return { files };
}

function readLines(path: string): unknown[] {
  return Deno.readTextFileSync(path).trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** Removes times, waiting for input, and memory, because these differ from run to run. */
function withoutTimes(values: readonly unknown[]): Uint8Array {
  const text = values.map((value) =>
    JSON.stringify(
      value,
      (key, part) => ["seconds", "input", "memory"].includes(key) ? undefined : part,
    )
  );
  return new TextEncoder().encode(text.join("\n"));
}

/**
 * Counts the bytes that differ, by file.
 *
 * @param expected The results of an uninterrupted run.
 * @param outcome The results of another run.
 */
export function differences(expected: Outcome, outcome: Outcome): Record<string, number> {
  const found: Record<string, number> = {};
  for (const name of new Set([...Object.keys(expected.files), ...Object.keys(outcome.files)])) {
    const bytes = differing(
      expected.files[name] ?? new Uint8Array(),
      outcome.files[name] ?? new Uint8Array(),
    );
    if (bytes > 0) found[name] = bytes;
  }
  return found;
}

function differing(a: Uint8Array, b: Uint8Array): number {
  let count = Math.abs(a.length - b.length);
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) count++;
  return count;
}

/**
 * Lists the drafts (partly written files) in a run folder.
 *
 * @param out The run folder.
 */
export function draftsIn(out: string): string[] {
  return [...namesIn(out), ...namesIn(join(out, "checkpoints"))]
    .filter((name) => name.startsWith("."));
}

/**
 * Damages a file of a run, as a failing disk or a power cut might.
 *
 * @param out The run folder.
 * @param kind The kind of damage.
 * @param stand The newest checkpoint, which is damaged.
 * @param random Selects the position of the damage.
 * @returns The name of the damaged checkpoint, if it is one; `undefined` if there is no file to
 *   damage.
 */
export function damage(
  out: string,
  kind: Damage,
  stand: IntactCheckpoint | undefined,
  random: Random,
): { name?: string } | undefined {
  const where = random.uniform(), bit = random.integer(0, 7);
  if (kind === "torn metrics") return tearMetrics(out, where);
  if (!stand) return undefined;
  const { name } = stand;
  const ending = kind.endsWith("JSON") ? "json" : "safetensors";
  const path = join(out, "checkpoints", `${name}.${ending}`);
  // The file is changed in place, so `best.safetensors`, which may be a hard link to it, is damaged
  // too.
  const bytes = Deno.readFileSync(path), at = Math.floor(where * bytes.length);
  bytes[at]! ^= 1 << bit;
  Deno.writeFileSync(path, kind.startsWith("torn") ? bytes.subarray(0, at) : bytes);
  for (const ending of ["json", "safetensors"]) {
    removeIfThere(join(out, "checkpoints", `${name}.${ending}.damaged`));
  }
  return { name };
}

/** Appends part of a line, or zeros, to the metrics, as a power cut might. */
function tearMetrics(out: string, where: number): { name?: string } | undefined {
  const name = namesIn(out).filter((name) => name.endsWith(".jsonl")).at(-1);
  if (name === undefined) return undefined;
  const tail = where < 0.5
    ? `{"epoch":1,"step":23,"seconds":6.234,"spl`.slice(0, 1 + Math.floor(where * 80))
    : "\0".repeat(1 + Math.floor(where * 100));
  Deno.writeTextFileSync(join(out, name), tail, { append: true });
  return {};
}

/** Returns the SHA-256 of bytes as hexadecimal digits. */
export function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function namesIn(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
  } catch {
    return [];
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // The file does not exist.
  }
}
