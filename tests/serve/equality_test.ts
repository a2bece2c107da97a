import { assert } from "@std/assert";
import { join } from "node:path";
import fc from "fast-check";
import { openEngine } from "../../src/engine/engine.ts";
import { LoadedModel } from "../../src/model/model.ts";
import { modelToOnnx } from "../../src/model/onnx/model_to_onnx.ts";
import { featureRunner, openSession } from "../../src/model/runners.ts";
import { RowDecoder } from "../../src/run/model/row_decoder.ts";
import { ServeHandler } from "../../src/serve/handler.ts";
import { inputColumns } from "../../src/serve/input_columns.ts";
import { inFolder } from "../support/command_line.ts";
import { prepared, registry } from "../support/prepared.ts";
import { randomPipeline, recipes } from "../support/random_pipelines.ts";
import { servedLogits } from "../support/serve_requests.ts";

Deno.test("ServeHandler gives the logits of random pipelines, from JSON, binary data and Arrow", async () => {
  await openEngine("wasm");
  let held = 0;
  await inFolder(async (folder) => {
    for (const recipe of fc.sample(recipes, { numRuns: 24, seed: 16 })) {
      // Training drops rows whose label is null; a server does not read labels.
      const pipeline = randomPipeline({ ...recipe, labelNulls: false });
      const run = await prepared(folder, pipeline);
      if (!run) continue;
      const test = pipeline.splits.test.flat();
      // A tensor cannot contain a list of any length that is null.
      const hasNullList = inputColumns(run.model).some(({ name, shape }) =>
        shape[0] === -1 && test.some((rows) => rows.getChild(name)!.nullCount > 0)
      );
      if (hasNullList) continue;
      held++;
      const { model, nets, weights, expected } = run;
      const decoder = await RowDecoder.create(model, registry, { kind: "source", name: "rows" });
      const { bytes } = modelToOnnx({
        ...{ model, nets, weights, net: "light", inputs: "features" },
        transforms: decoder.transforms,
        place: { dataFile: "model.onnx.data" },
      });
      await Deno.writeFile(join(folder, "model.onnx"), bytes);
      const runner = featureRunner(
        await openSession(join(folder, "model.onnx")),
        model.inputs,
      );
      const inputs = model.inputs.map(({ name, spec: { shape, dtype } }) => ({
        name,
        shape,
        dtype,
      }));
      await using loaded = new LoadedModel({
        ...{ model, net: "light", decoder, runner, inputs, batch: undefined },
      });
      const fault = (error: unknown) => {
        throw error;
      };
      const handler = new ServeHandler({ name: "net", loaded, model }, fault);
      const logits: Record<string, number[]> = { json: [], binary: [], arrow: [] };
      for (const rows of test) {
        const some = await servedLogits(handler, "net", rows, inputColumns(model));
        for (const [form, values] of Object.entries(some)) {
          logits[form]!.push(...values.filter((value) => value !== null));
        }
      }
      const top = expected.reduce((top, logit) => Math.max(top, Math.abs(logit)), 0);
      for (const [form, values] of Object.entries(logits)) {
        const about = `${form}, ${JSON.stringify(recipe)}`;
        assert(
          values.length === expected.length,
          `${values.length} of ${expected.length}: ${about}`,
        );
        values.forEach((logit, index) => {
          const far = Math.abs(logit - expected[index]!);
          assert(far <= 1e-5 * top, `${far} of ${top}: ${about}`);
        });
      }
    }
  });
  assert(held >= 12, `${held} pipelines`);
});
