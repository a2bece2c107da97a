/**
 * What a run folder says of the run that it is of.
 *
 * @module
 */

import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { readRegularText } from "../../base/files/regular.ts";
import type { Precision } from "../../engine/capture/precision.ts";
import { UserError } from "../../base/errors.ts";
import { hint, type HintText, nameHint } from "../../base/hints.ts";
import { metricsFromJson } from "../../stages/metrics_json.ts";
import type { Result } from "../../stages/events.ts";
import type { Shuffle } from "../../input/split.ts";

/** What `pipeline.json` holds of a split. */
export interface EarlierSplit {
  /** How many rows it had. */
  readonly rows: number;
  /** A text that changes when they do. */
  readonly fingerprint: string;
  /** How they were shuffled, if they were. */
  readonly shuffle?: Shuffle;
}

/**
 * The hashes of the files that nets begin with, by net or nets: of the weights, and of what says
 * what they stand for.
 */
export type InitialHashes = Readonly<Record<string, readonly string[]>>;

/** What `pipeline.json` holds. */
export interface EarlierRun {
  /** The pipeline with every default filled in; values of environment variables are not in it. */
  readonly pipeline: Readonly<Record<string, unknown>>;
  /** By the name of each environment variable, what changes when its value does. */
  readonly variables: Readonly<Record<string, string>>;
  /** The project of the pipeline, whose code it may name. */
  readonly project?: string | undefined;
  /** The run's seed. */
  readonly seed: number;
  /** The engine. */
  readonly engine: "native" | "wasm";
  /** What training steps compute in. */
  readonly precision: Precision;
  /** What computed it. */
  readonly versions: Readonly<Record<string, string>>;
  /** The rows by split. */
  readonly data: Readonly<Record<string, EarlierSplit>>;
  /** The hashes of the files that nets began with. */
  readonly initial: InitialHashes;
}

/**
 * Reads what a run folder says of its run.
 *
 * @param folder The run folder.
 * @returns What `pipeline.json` holds.
 * @throws {UserError} If it is no run folder; exit code 2.
 */
export async function readEarlierRun(folder: string): Promise<EarlierRun> {
  const path = join(folder, "pipeline.json");
  let text: string;
  try {
    text = await readRegularText(path);
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    throw new UserError(
      missing
        ? `${folder} is no run folder: there is no ${path}`
        : `${path} cannot be read: ${(error as Error).message}`,
      {
        hint: await nearRun(folder) ??
          hint(
            "resume/folder",
            "a run names its folder when it ends or is stopped; it is in runs/, or where --out said",
            { edit: "the folder" },
          ),
        cause: error,
        exitCode: 2,
      },
    );
  }
  let value: Partial<EarlierRun> | undefined;
  try {
    value = Object(JSON.parse(text));
  } catch {
    // What is no JSON lacks all of it.
  }
  const { pipeline, variables, project, engine, precision, data, initial } = value ?? {};
  // A run writes its pipeline whole.
  const whole = isObject(pipeline) && !("extends" in pipeline) && isObject(data) &&
    isObject(initial) && isObject(variables) &&
    (engine === "native" || engine === "wasm") &&
    (project === undefined || typeof project === "string") &&
    (precision === "float32" || precision === "bfloat16");
  if (whole) return value as EarlierRun;
  throw new UserError(`${path} is not what a run writes`, {
    hint: hint("resume/new", "start a new run from the pipeline file", { edit: "the command" }),
    exitCode: 2,
  });
}

/** A run folder of a similar name beside one that is none. */
async function nearRun(folder: string): Promise<HintText | undefined> {
  const parent = dirname(resolve(folder)), names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(parent)) {
      if (await isThere(join(parent, name, "pipeline.json"))) names.push(name);
    }
  } catch {
    return undefined;
  }
  const inParent = (name: string) => join(dirname(folder), name);
  return nameHint("resume/near", {
    written: basename(resolve(folder)),
    names,
    shown: inParent,
    change: (near) => ({ args: { replace: { [folder]: inParent(near) } } }),
  });
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

const isObject = (value: unknown) => typeof value === "object" && value !== null;

const count = z.number().int().nonnegative();
const metrics = z.record(
  z.string(),
  z.record(z.string(), z.union([z.number(), z.strictObject({ undefined: z.string() })])),
);
const best = z.looseObject({
  epoch: count,
  split: z.string(),
  metric: z.string(),
  value: z.union([z.number(), z.strictObject({ undefined: z.string() })]),
  test: metrics,
});
// JSON has null for a norm that is not finite.
const gradients = z.array(
  z.looseObject({ loss: z.string(), norms: z.record(z.string(), z.number().nullable()) }),
);
const stopped = z.literal(true).optional();
const common = {
  epochs: count,
  stopped,
  skipped: count,
  seconds: z.number(),
  test: metrics,
  best,
};
const whole = {
  ...common,
  input: z.looseObject({ waitingShare: z.number() }),
  parameters: z.record(z.string(), count),
};

/** What of `result.json` is read again. */
const resultSchema = z.looseObject({
  ...whole,
  name: z.string(),
  engine: z.string(),
  precision: z.string(),
  seed: z.number(),
  steps: count,
  gradients,
  phases: z.array(z.looseObject({
    ...common,
    name: z.string(),
    nets: z.array(z.string()),
    frozen: z.array(z.string()),
    steps: count,
    gradients,
  })).min(1).optional(),
  baseline: z.looseObject(whole).optional(),
});

/**
 * What a run folder says that its run ended with.
 *
 * @param folder The run folder.
 * @returns The result, if the run has come to its end.
 * @throws {UserError} If what is there is nothing that a run writes; exit code 2.
 */
export async function readResult(folder: string): Promise<Result | undefined> {
  const path = join(folder, "result.json");
  let text: string;
  try {
    text = await readRegularText(path);
  } catch {
    return undefined;
  }
  try {
    const result = metricsFromJson(Object(JSON.parse(text)));
    if (resultSchema.safeParse(result).success) return result as Result;
  } catch {
    // It is no JSON.
  }
  throw new UserError(`${path} is not what a run writes`, {
    hint: hint("resume/result", "remove it: the run goes on after its last checkpoint", {
      edit: "the folder",
    }),
    exitCode: 2,
  });
}
