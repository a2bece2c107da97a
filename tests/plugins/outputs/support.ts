import type {
  EpochEvent,
  EvaluationEvent,
  JobName,
  Metrics,
  Result,
  RunStartEvent,
  SnapshotTensor,
} from "../../../src/stages/events.ts";
import type { Output, OutputStage } from "../../../src/stages/output.ts";

/** Makes an output from options as a pipeline file has them. */
export function make(
  stage: OutputStage,
  folder: string,
  options: unknown = {},
  quiet = false,
): Output {
  return stage.create(stage.options.parse(options), { folder, quiet });
}

/** Runs a test with a run folder of its own. */
export async function withRunFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rocket-output-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The names of all files in a folder, with those in the folders below it. */
export async function filesIn(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (!isDirectory) files.push(name);
    else for (const inner of await filesIn(`${folder}/${name}`)) files.push(`${name}/${inner}`);
  }
  return files.sort();
}

/** The start of a job. */
export function runStart(epochs: number, job: JobName = "rocket"): RunStartEvent {
  return {
    job,
    name: "digits",
    engine: "wasm",
    precision: "float32",
    seed: 1,
    nets: job === "rocket" ? ["light", "booster"] : ["light"],
    parameters: { light: 6 },
    epochs,
    stepsPerEpoch: 5,
    rows: { train: 20, test: 4 },
  };
}

/** An evaluation of a split. */
export function evaluation(parts: Partial<EvaluationEvent> = {}): EvaluationEvent {
  return {
    job: "rocket",
    epoch: 1,
    step: 5,
    seconds: 1.25,
    split: "test",
    metrics: { "light/accuracy": 0.5 },
    ...parts,
  };
}

/** An epoch's end; its variables are all of its number. */
export function epochEnd(epoch: number, parts: Partial<EpochEvent> = {}): EpochEvent {
  return {
    job: "rocket",
    epoch,
    step: 5 * epoch,
    seconds: 1.25 * epoch,
    metrics: splits,
    best: false,
    snapshot: () => Promise.resolve({ tensors: tensorsOf(epoch) }),
    checkpoint: () => {},
    ...parts,
  };
}

/** Metrics of a training and a test split. */
export const splits: Readonly<Record<string, Metrics>> = {
  train: { loss: 0.75, "loss/cross-entropy(light)": 0.5 },
  test: { "light/accuracy": 0.5, "booster/accuracy": 0.625 },
};

/** Variables of each owner, one of them with a slot of the optimizer. */
export function tensorsOf(number: number): Map<string, SnapshotTensor> {
  const tensor = (owner: SnapshotTensor["owner"], ...shape: number[]): SnapshotTensor => ({
    shape,
    values: new Float32Array(shape.reduce((product, length) => product * length, 1)).fill(number),
    owner,
  });
  return new Map([
    ["stem/kernel", tensor("shared", 2, 3)],
    ["light/head/bias", tensor("light", 3)],
    ["booster/head/bias", tensor("booster", 1)],
    ["optimizer/momentum/stem/kernel", tensor("shared", 2, 3)],
  ]);
}

/** What a run came to. */
export const result: Result = {
  name: "digits",
  engine: "wasm",
  precision: "float32",
  seed: 1,
  epochs: 2,
  steps: 10,
  skipped: 0,
  seconds: 2.5,
  input: { rowsPerSecond: 1000, waitingShare: 0.01 },
  test: { light: { accuracy: 0.5 }, booster: { accuracy: 0.625 } },
  best: {
    epoch: 1,
    split: "test",
    metric: "light/accuracy",
    value: 0.5,
    test: { light: { accuracy: 0.5 } },
  },
  parameters: { light: 9, booster: 7 },
  gradients: [{ loss: "mse-hint(booster→light)", norms: { light: 0.125, booster: 0 } }],
};
