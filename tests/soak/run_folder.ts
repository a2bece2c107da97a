/**
 * What is in a run folder, read without Rocket's own code for it.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Random } from "../../src/base/random.ts";
import type { Damage } from "./faults.ts";

/** How far a run has come, by its newest checkpoint that is whole. */
export interface Stand {
  readonly job: string;
  readonly step: number;
  /** The checkpoint's name, without an ending. */
  readonly name: string;
}

/** A step of a job. */
export type Reached = Pick<Stand, "job" | "step">;

/** A later job comes after an earlier one. */
const jobs = ["light-alone", "rocket"];

/**
 * Where a resumed run has to go on.
 *
 * @param out The run folder.
 * @param damaged Names of checkpoints, without an ending, that were damaged.
 */
export function standOf(out: string, damaged: ReadonlySet<string>): Stand | undefined {
  for (const job of jobs) {
    for (const { name, step } of checkpointsOf(out, job)) {
      if (!damaged.has(name) && isWhole(out, name)) return { job, step, name };
    }
  }
}

/** Whether one stand is before another. */
export function isBefore(a: Reached | undefined, b: Reached | undefined): boolean {
  const order = (stand: Reached | undefined) =>
    stand ? (jobs.length - jobs.indexOf(stand.job)) * 1e9 + stand.step : 0;
  return order(a) < order(b);
}

/** The checkpoints of a job, the newest first. */
function checkpointsOf(out: string, job: string): { name: string; step: number }[] {
  return namesIn(join(out, "checkpoints"))
    .map((name) => new RegExp(`^(${job}-(\\d+)(-unmeasured)?)\\.json$`).exec(name))
    .filter((match) => match !== null)
    .map(([, name, step]) => ({ name: name!, step: Number(step) }))
    // Without the word it is the later one.
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

/** What must not differ between a run that was stopped and one that was not. */
export interface Outcome {
  /** Contents by name: weights, best weights, and texts without times. */
  readonly files: Readonly<Record<string, Uint8Array>>;
}

/**
 * Reads what a finished run ended with.
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
  // A phase has a best one of its own.
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

/** Times are the machine's, and so is how long the input made steps wait. */
function withoutTimes(values: readonly unknown[]): Uint8Array {
  const text = values.map((value) =>
    JSON.stringify(value, (key, part) => key === "seconds" || key === "input" ? undefined : part)
  );
  return new TextEncoder().encode(text.join("\n"));
}

/**
 * How many bytes differ, by file.
 *
 * @param expected What a run ended with that was never stopped.
 * @param outcome What another one ended with.
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
 * Drafts of files that are left in a run folder.
 *
 * @param out The run folder.
 */
export function draftsIn(out: string): string[] {
  return [...namesIn(out), ...namesIn(join(out, "checkpoints"))]
    .filter((name) => name.startsWith("."));
}

/**
 * Damages a file of a run, as a disk or a power cut may.
 *
 * @param out The run folder.
 * @param kind How.
 * @param stand The checkpoint that is damaged, the newest.
 * @param random Says where.
 * @returns What was done, or `undefined` if there is no such file.
 */
export function damage(
  out: string,
  kind: Damage,
  stand: Stand | undefined,
  random: Random,
): { name?: string } | undefined {
  const where = random.uniform(), bit = random.integer(0, 7);
  if (kind === "torn metrics") return tearMetrics(out, where);
  if (!stand) return undefined;
  const { name } = stand;
  const ending = kind.endsWith("JSON") ? "json" : "safetensors";
  const path = join(out, "checkpoints", `${name}.${ending}`);
  // In its place: `best.safetensors` may be another name of the same file, and is damaged with it.
  const bytes = Deno.readFileSync(path), at = Math.floor(where * bytes.length);
  bytes[at]! ^= 1 << bit;
  Deno.writeFileSync(path, kind.startsWith("torn") ? bytes.subarray(0, at) : bytes);
  for (const ending of ["json", "safetensors"]) {
    removeIfThere(join(out, "checkpoints", `${name}.${ending}.damaged`));
  }
  return { name };
}

/** What a power cut leaves at the end of a file: part of a line, or zeros. */
function tearMetrics(out: string, where: number): { name?: string } | undefined {
  const name = namesIn(out).filter((name) => name.endsWith(".jsonl")).at(-1);
  if (name === undefined) return undefined;
  const tail = where < 0.5
    ? `{"epoch":1,"step":23,"seconds":6.234,"spl`.slice(0, 1 + Math.floor(where * 80))
    : "\0".repeat(1 + Math.floor(where * 100));
  Deno.writeTextFileSync(join(out, name), tail, { append: true });
  return {};
}

/** The SHA-256 of bytes, in hexadecimal. */
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
    // There is none.
  }
}
