import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Table, tableToIPC } from "apache-arrow";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { builtins } from "../../plugins/mod.ts";
import { UserError } from "../../src/base/errors.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { makeNets, type ModelNets, variablesOf } from "../../src/model/nets.ts";
import { modelToOnnx } from "../../src/model/onnx/model_to_onnx.ts";
import { computeSavedModel } from "../../src/model/saved_model/compute_saved_model.ts";
import { modelToSavedModel } from "../../src/model/saved_model/model_to_saved_model.ts";
import { featureRunner, inputArrays, openSession, sourceRunner } from "../../src/model/runners.ts";
import { SAMPLE_ROWS, sampleRows } from "../../src/model/samples.ts";
import { createRegistry } from "../../src/pipeline/registry.ts";
import { describeModel } from "../../src/run/model/describe.ts";
import { type ModelFile, readModelFile, writeModelFile } from "../../src/run/model/model_file.ts";
import { RowDecoder } from "../../src/run/model/row_decoder.ts";
import { netsOf, prepareNets } from "../../src/run/prepare_nets.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { Forward } from "../../src/train/forward.ts";
import { batchTensors } from "../../src/train/tensors.ts";
import { initialValues } from "../../src/train/variables.ts";
import { allCode } from "../support/all_code.ts";
import { inFolder } from "../support/command_line.ts";
import { type RandomPipeline, randomPipeline, recipes } from "../support/random_pipelines.ts";

const registry = createRegistry(builtins, allCode);

const reference = { kind: "source", name: "rows" } as const;

/** What a run makes of its test rows with weights that were drawn. */
interface Prepared {
  readonly model: ModelFile;
  readonly nets: ModelNets;
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly expected: Float32Array;
}

/** Prepares a pipeline with a network that reads all features, and computes its test rows. */
async function prepared(
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

const best = await openEngine("auto");

Deno.test("modelToOnnx() and modelToSavedModel() give the logits of random pipelines", async () => {
  await openEngine("wasm");
  let held = 0;
  await inFolder(async (folder) => {
    for (const recipe of fc.sample(recipes, { numRuns: 24, seed: 5 })) {
      const pipeline = randomPipeline(recipe), test = pipeline.splits.test.flat();
      let run: Prepared | undefined;
      for (const loss of ["cross-entropy", "binary-cross-entropy", "mean-squared-error"]) {
        try {
          run ??= await prepared(folder, pipeline, loss);
        } catch (error) {
          // Not each network and loss suits all pipelines.
          if (!(error instanceof UserError)) throw error;
        }
      }
      if (!run) continue;
      held++;
      const { model, nets, weights, expected } = run;
      const decoder = await RowDecoder.create(model, registry, reference);
      const source = await RowDecoder.create({ ...model, transforms: [] }, registry, reference);
      const top = expected.reduce((top, logit) => Math.max(top, Math.abs(logit)), 0);
      for (const inputs of ["features", "columns", "ids"] as const) {
        const path = join(folder, "model.onnx");
        const { bytes, inputs: read } = modelToOnnx({
          ...{ model, nets, weights, inputs, net: "light", transforms: decoder.transforms },
          place: { dataFile: "model.onnx.data" },
        });
        await Deno.writeFile(path, bytes);
        const session = await openSession(path);
        const runner = inputs === "features"
          ? featureRunner(session, model.inputs)
          : sourceRunner(session, read);
        const decode = (inputs === "features" ? decoder : source).open(test[0]!.schema);
        const logits: number[] = [];
        for (const rows of test) {
          const { batch } = decode(rows);
          const values = Object.entries(batch.features).map(([name, { values }]) => [name, values]);
          if (batch.size === 0) continue;
          logits.push(...await runner.run(batch.size, Object.fromEntries(values)));
        }
        await runner.close();
        const close = (logits: readonly number[], what: string) => {
          assertEquals(logits.length, expected.length);
          logits.forEach((logit, index) => {
            const far = Math.abs(logit - expected[index]!);
            assert(far <= 1e-5 * top, `${what}: ${far} of ${top}, ${JSON.stringify(recipe)}`);
          });
        };
        close(logits, inputs);
        const first = test.map((rows) => decode(rows).batch).find(({ size }) => size > 0);
        if (best.name !== "native" || inputs !== "columns" || !first) continue;
        const { builder } = modelToSavedModel({
          ...{ model, nets, weights, inputs, net: "light", transforms: decoder.transforms },
        });
        const values = Object.entries(first.features).map(([name, { values }]) => [name, values]);
        const arrays = inputArrays(read, Object.fromEntries(values));
        await openEngine("native");
        const computed = await computeSavedModel(builder, first.size, arrays);
        await openEngine("wasm");
        close([...computed, ...expected.subarray(computed.length)], "TensorFlow");
      }
      assertEquals(sampleRows(model, decoder).batch.size, SAMPLE_ROWS);
    }
  });
  assert(held >= 12, `${held} pipelines`);
});
