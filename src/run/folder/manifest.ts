/**
 * The description of a run in its run folder: `pipeline.json` and `result.json`.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { runFiles } from "../../base/files/run_files.ts";
import { readTextInside } from "../../base/files/inside.ts";
import { readTextIfExists } from "../../base/files/regular.ts";
import { writeFileWhole } from "../../base/files/write.ts";
import type { Precision } from "../../engine/capture/precision.ts";
import { UserError } from "../../base/errors.ts";
import { hint, type HintText, nameHint } from "../../base/hints.ts";
import { metricsFromJson } from "../../stages/metrics_json.ts";
import type { Result } from "../../stages/events.ts";
import type { Shuffle } from "../../input/split.ts";

/** How `pipeline.json` of an earlier run describes a split. */
export interface EarlierSplit {
  /** The number of rows. */
  readonly rows: number;
  /** A text that changes when the rows change. */
  readonly fingerprint: string;
  /** How the rows were shuffled, for the training split. */
  readonly shuffle?: Shuffle;
}

/**
 * The hashes of the files that initial weights are read from. The keys are `light`, `booster`, or
 * `light and booster`. Each list has the hash of the weights file, followed by the hashes of the
 * files that describe the weights (`model.json` or vocabularies).
 */
export type InitialHashes = Readonly<Record<string, readonly string[]>>;

/**
 * The content of `pipeline.json` in a run folder: the pipeline, the settings, and the data of a
 * run.
 */
export interface EarlierRun {
  /** The pipeline with every default filled in, without the values of environment variables. */
  readonly pipeline: Readonly<Record<string, unknown>>;
  /** A text for each environment variable, by name, that changes when its value changes. */
  readonly variables: Readonly<Record<string, string>>;
  /** The project folder, whose code the pipeline may load. */
  readonly project?: string | undefined;
  /** The run's seed. */
  readonly seed: number;
  /** The engine. */
  readonly engine: "native" | "wasm";
  /** Set if the engine computed on a GPU. */
  readonly device?: "gpu" | undefined;
  /** Set if the engine used only operations that compute the same bytes in each run. */
  readonly deterministic?: true | undefined;
  /** Set if XLA compiled training steps. */
  readonly xla?: true | undefined;
  /** The number format of training steps. */
  readonly precision: Precision;
  /** The versions of Rocket, Deno, TensorFlow.js and the engine. */
  readonly versions: Readonly<Record<string, string>>;
  /** The splits by name. */
  readonly data: Readonly<Record<string, EarlierSplit>>;
  /** The hashes of the files that initial weights were read from. */
  readonly initial: InitialHashes;
  /** A text for each teacher that is a net of another run, which changes when the teacher does. */
  readonly teachers?: Readonly<Record<string, string>> | undefined;
}

/**
 * Reads `pipeline.json` of a run folder.
 *
 * @param folder The run folder.
 * @returns The content of `pipeline.json`.
 * @throws {UserError} If the folder is not a run folder; exit code 2.
 */
export async function readEarlierRun(folder: string): Promise<EarlierRun> {
  const path = join(folder, runFiles.pipeline);
  let text: string;
  try {
    text = await readTextInside(folder, runFiles.pipeline);
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    throw new UserError(
      missing
        ? `${folder} is not a run folder: it has no pipeline.json`
        : `${path} cannot be read: ${(error as Error).message}`,
      {
        hint: (missing ? await nearRun(folder) : undefined) ??
          hint(
            "resume/folder",
            "name the folder of a run: it is in runs/ or at the path given with --out, and a run prints it when it ends",
            { edit: "the folder" },
          ),
        cause: error,
        exitCode: 2,
      },
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The error below covers invalid JSON as well.
  }
  if (isEarlierRun(value)) return value;
  throw new UserError(
    `${path} is damaged: it does not have the content that a run writes to this file`,
    {
      hint: hint("resume/new", "start a new run from the pipeline file", { edit: "the command" }),
      exitCode: 2,
    },
  );
}

/**
 * Writes the file `pipeline.json` to a run folder, from which `resume` and other commands read later
 * how the run was made.
 *
 * @param folder The run folder.
 * @param run The content.
 */
export async function writeEarlierRun(folder: string, run: EarlierRun): Promise<void> {
  const text = JSON.stringify(run, undefined, 2) + "\n";
  await writeFileWhole(join(folder, runFiles.pipeline), new TextEncoder().encode(text));
}

/**
 * Checks whether a value describes a run, as `pipeline.json` and checkpoints do.
 *
 * @param value The value.
 */
export function isEarlierRun(value: unknown): value is EarlierRun {
  const { pipeline, variables, project, engine, precision, data, initial } = Object(value);
  const { seed, versions, device, deterministic, xla } = Object(value);
  // A run resolves `extends` before it writes its pipeline.
  return isObject(pipeline) && !("extends" in pipeline) && isObject(data) &&
    Object.values(data).every(isSplit) && isObject(initial) && isTexts(variables) &&
    isTexts(versions) &&
    Number.isSafeInteger(seed) && (engine === "native" || engine === "wasm") &&
    (device === undefined || device === "gpu") &&
    [deterministic, xla].every((option) => option === undefined || option === true) &&
    (project === undefined || typeof project === "string") &&
    (precision === "float32" || precision === "bfloat16");
}

/** Returns a hint with a run folder of a similar name, if there is one in the same place. */
async function nearRun(folder: string): Promise<HintText | undefined> {
  const parent = dirname(resolve(folder)), names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(parent)) {
      if (existsSync(join(parent, name, runFiles.pipeline))) names.push(name);
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

const isSplit = (split: Partial<EarlierSplit> | null) =>
  isObject(split) && typeof split.rows === "number" && typeof split.fingerprint === "string";

const isTexts = (value: unknown) =>
  isObject(value) && Object.values(value).every((text) => typeof text === "string");

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

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
// A norm that is not finite is null in JSON.
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
  input: z.looseObject({ waitingShare: z.number(), rowsPerSecond: z.number() }),
  parameters: z.record(z.string(), count),
};

/** The fields of `result.json` that commands read. */
const resultSchema = z.looseObject({
  ...whole,
  name: z.string(),
  engine: z.string(),
  precision: z.string(),
  seed: z.number(),
  steps: count,
  better: z.record(z.string(), z.enum(["higher", "lower"])).optional(),
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
 * Reads `result.json` of a run folder.
 *
 * @param folder The run folder.
 * @returns The run's result, or undefined if the run has not ended.
 * @throws {UserError} If the file's content is not what a run writes; exit code 2.
 */
export async function readResult(folder: string): Promise<Result | undefined> {
  const path = join(folder, runFiles.result);
  const text = await readTextIfExists(path);
  if (text === undefined) return undefined;
  try {
    const result = metricsFromJson(Object(JSON.parse(text)));
    if (resultSchema.safeParse(result).success) return result as Result;
  } catch {
    // The error below covers invalid JSON as well.
  }
  throw new UserError(
    `${path} is damaged: it does not have the content that a run writes to this file`,
    {
      hint: hint(
        "resume/result",
        "remove the file: the run then continues from its last checkpoint",
        {
          edit: "the folder",
        },
      ),
      exitCode: 2,
    },
  );
}
