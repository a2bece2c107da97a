import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { join } from "node:path";
import { openEngine } from "../../src/engine/engine.ts";
import { modelToOnnx } from "../../src/model/onnx/model_to_onnx.ts";
import { computeSavedModel } from "../../src/model/saved_model/compute_saved_model.ts";
import { modelToSavedModel } from "../../src/model/saved_model/model_to_saved_model.ts";
import { featureRunner, inputArrays, openSession, sourceRunner } from "../../src/model/runners.ts";
import { SAMPLE_ROWS, sampleRows } from "../../src/model/samples.ts";
import { RowDecoder } from "../../src/run/model/row_decoder.ts";
import { inFolder } from "../support/command_line.ts";
import { prepared, registry } from "../support/prepared.ts";
import { randomPipeline, recipes } from "../support/random_pipelines.ts";

const reference = { kind: "source", name: "rows" } as const;

const best = await openEngine("auto");

Deno.test("modelToOnnx() and modelToSavedModel() give the logits of random pipelines", async () => {
  await openEngine("wasm");
  let held = 0;
  await inFolder(async (folder) => {
    for (const recipe of fc.sample(recipes, { numRuns: 24, seed: 5 })) {
      const pipeline = randomPipeline(recipe), test = pipeline.splits.test.flat();
      const run = await prepared(folder, pipeline);
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
