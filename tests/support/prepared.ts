import { Table, tableToIPC } from "apache-arrow";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { builtins } from "../../plugins/mod.ts";
import { UserError } from "../../src/base/errors.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { makeNets, type ModelNets, variablesOf } from "../../src/run/model/nets.ts";
import { createRegistry } from "../../src/pipeline/registry.ts";
import { describeModel } from "../../src/run/model/describe.ts";
import { type ModelFile, readModelFile, writeModelFile } from "../../src/run/model/model_file.ts";
import { netsOf, prepareNets } from "../../src/run/prepare_nets.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { Forward } from "../../src/train/forward.ts";
import { batchTensors } from "../../src/train/tensors.ts";
import { initialValues } from "../../src/train/variables.ts";
import { allCode } from "./all_code.ts";
import type { RandomPipeline } from "./random_pipelines.ts";

/** Finds all stages. */
export const registry = createRegistry(builtins, allCode);

/** What a run makes of its test rows with weights that were drawn. */
export interface Prepared {
  readonly model: ModelFile;
  readonly nets: ModelNets;
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly expected: Float32Array;
}

/** Prepares a pipeline with a loss. */
async function preparedWith(
  folder: string,
  { data: { features, label, transforms }, splits }: RandomPipeline,
  loss: string,
): Promise<Prepared> {
  for (const name of ["train", "test"] as const) {
    const bytes = tableToIPC(new Table(splits[name].flat()), "file");
    await Deno.writeFile(join(folder, `${name}.arrow`), bytes);
  }
  const source = (path: string) => ({ use: "arrow", path });
  const file = join(folder, "pipeline.json");
  await Deno.writeTextFile(
    file,
    JSON.stringify({
      name: "random",
      data: {
        ...{ train: source("train.arrow"), test: source("test.arrow"), features, label },
        ...(transforms !== undefined && { transforms }),
      },
      network: { use: "ctr", embedding: 3, light: { hidden: [4] } },
      losses: [{ use: loss, on: "light" }, { use: loss, on: "booster" }],
      optimizer: { use: "sgd", learningRate: 0.1 },
      train: { epochs: 1, batch: 8 },
      metrics: [],
      outputs: [],
    }),
  );
  const plan = await readPlan(file), data = await prepareData(plan, () => {});
  try {
    const described = prepareNets(plan, data, netsOf(plan));
    await writeModelFile(folder, describeModel(plan, data, netsOf(plan), described));
    const model = await readModelFile(join(folder, "model.json"));
    const nets = await makeNets(model, registry), values = initialValues(nets.variables, 3);
    const { test } = data.splits;
    const position = { seed: 0, epoch: 0, batch: 0, training: false };
    const batch = data.transforms.apply(await test.slice(0, test.rows), position);
    const expected = tf.tidy(() => {
      const { features } = batchTensors(batch);
      const seed = () => tf.scalar(0, "int32");
      const forward = new Forward(nets.pair, { values, features, training: false, seed });
      return forward.outputs("light").logits.dataSync<"float32">().slice();
    });
    const weights = new Map(
      variablesOf(nets.variables, "light").map(({ name }) => [
        name,
        values[name]!.dataSync<"float32">().slice(),
      ]),
    );
    tf.dispose(values);
    return { model, nets, weights, expected };
  } finally {
    await data.close();
  }
}

/**
 * Prepares a pipeline with a network that reads all features, and computes its test rows.
 *
 * @param folder The folder of its files.
 * @param pipeline The pipeline.
 * @returns Undefined if the network or the losses do not suit the pipeline.
 */
export async function prepared(
  folder: string,
  pipeline: RandomPipeline,
): Promise<Prepared | undefined> {
  for (const loss of ["cross-entropy", "binary-cross-entropy", "mean-squared-error"]) {
    try {
      return await preparedWith(folder, pipeline, loss);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }
  return undefined;
}
