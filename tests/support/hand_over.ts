/**
 * Runs that begin with an earlier one's weights: what nets say of rows before the first step.
 *
 * @module
 */

import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { readPlan } from "../../src/run/read_plan.ts";
import { SafetensorsFile } from "../../src/base/files/safetensors_stream.ts";
import type { NetName } from "../../src/stages/network.ts";
import { Forward } from "../../src/train/forward.ts";
import { readInitial } from "../../src/run/initial.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { netsOf, prepareNets } from "../../src/run/prepare_nets.ts";
import { batchTensors } from "../../src/train/tensors.ts";
import { initialValues, type TensorsByName } from "../../src/train/variables.ts";
import { current } from "./deaths.ts";
import { runFile } from "./pipelines.ts";

/** The rows of a day: columns by name, of one length. */
export type Rows = Readonly<Record<string, readonly unknown[]>>;

/** Writes rows as a CSV file, without a value that needs quotes. */
export async function writeRows(path: string, rows: Rows): Promise<void> {
  const names = Object.keys(rows), count = rows[names[0]!]!.length;
  const lines = Array.from(
    { length: count },
    (_, row) => names.map((name) => rows[name]![row] ?? "").join(),
  );
  await Deno.writeTextFile(path, [names.join(), ...lines].join("\n") + "\n");
}

/** A pipeline on the rows of one day; parts of it can be replaced. */
export function dayPipeline(day: string, parts: Record<string, unknown>): Record<string, unknown> {
  const { data, ...rest } = parts;
  return {
    name: day,
    seed: 3,
    data: {
      train: { use: "csv", path: `${day}.csv` },
      test: { use: "csv", path: `${day}.csv` },
      label: { column: "y", kind: "binary" },
      ...data as object,
    },
    network: {
      use: "ctr",
      embedding: 4,
      shared: [5],
      light: { hidden: [3] },
      booster: { hidden: [6] },
    },
    losses: [
      { use: "binary-cross-entropy", on: "light" },
      { use: "binary-cross-entropy", on: "booster" },
      { use: "mse-hint", weight: 0.1 },
    ],
    optimizer: { use: "adam", learningRate: 0.02 },
    train: { epochs: 3, batch: 16 },
    metrics: [],
    outputs: ["checkpoint"],
    ...rest,
  };
}

/** What nets say of a pipeline's test rows. */
export interface Said {
  /** The logits by net, row by row. */
  readonly logits: Readonly<Partial<Record<NetName, readonly number[][]>>>;
  /** What was told on the way. */
  readonly reports: readonly string[];
  /** The first values of the variables, by name. */
  readonly values: Readonly<Record<string, readonly number[]>>;
  /** The variables' shapes. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

/**
 * What the nets of a pipeline say of its test rows before their first step, or with the weights of
 * a checkpoint.
 *
 * @param file The pipeline file.
 * @param checkpoint The checkpoint's safetensors file.
 */
export async function logitsOf(file: string, checkpoint?: string): Promise<Said> {
  const plan = await readPlan(file);
  const data = await prepareData(plan);
  const reports: string[] = [];
  let values: TensorsByName = {};
  try {
    const nets = prepareNets(plan, data, netsOf(plan)), { model } = nets;
    const given = checkpoint === undefined
      ? await readInitial(plan, nets, (line) => reports.push(line))
      : undefined;
    values = initialValues(model.variables, plan.seed, given?.values);
    if (checkpoint !== undefined) {
      tf.dispose(values);
      values = await checkpointValues(checkpoint);
    }
    const rows = await data.splits.test.slice(0, data.splits.test.rows);
    const batch = data.transforms.apply(rows, { seed: 0, epoch: 0, batch: 0, training: false });
    const logits = tf.tidy(() => {
      const forward = new Forward(model.pair, {
        values,
        features: batchTensors(batch).features,
        training: false,
        seed: () => tf.scalar(0, "int32"),
      });
      return Object.fromEntries(
        netsOf(plan).map((net) => [net, forward.outputs(net).logits.arraySync() as number[][]]),
      );
    });
    return {
      logits,
      reports,
      values: Object.fromEntries(
        Object.entries(values).map(([name, tensor]) => [name, [...tensor.dataSync()]]),
      ),
      shapes: Object.fromEntries(Object.entries(values).map(([name, { shape }]) => [name, shape])),
    };
  } finally {
    tf.dispose(values);
    await data.close();
  }
}

async function checkpointValues(path: string): Promise<TensorsByName> {
  const file = await SafetensorsFile.open(path);
  try {
    const values: Record<string, tf.Tensor> = {};
    for (const [name, { shape }] of file.entries) {
      if (name.startsWith("optimizer/") || name.startsWith("losses/")) continue;
      values[name] = tf.tensor(await file.floats(name), [...shape]);
    }
    return values;
  } finally {
    file.close();
  }
}

/**
 * Writes a day's rows and its pipeline into a folder.
 *
 * @returns The pipeline file.
 */
export async function writeDay(
  folder: string,
  day: string,
  rows: Rows,
  parts: Record<string, unknown>,
): Promise<string> {
  await writeRows(join(folder, `${day}.csv`), rows);
  const file = join(folder, `${day}.json`);
  await Deno.writeTextFile(file, JSON.stringify(dayPipeline(day, parts)));
  return file;
}

/**
 * Trains on a day.
 *
 * @param file The pipeline file.
 * @returns The run folder.
 */
export async function train(file: string, options: Parameters<typeof runFile>[4] = {}) {
  const out = file.replace(/\.json$/, "-run");
  return { out, ...await runFile(file, out, current(), {}, options) };
}
