import { assert, assertEquals } from "@std/assert";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { baseRateBias } from "../../src/run/output_bias.ts";
import { prepareNets } from "../../src/run/prepare_nets.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { initialValues } from "../../src/train/variables.ts";
import { assertNear } from "../reference/fixtures.ts";
import { binaryLabel, classLabel, numberLabel } from "../support/labels.ts";
import { digitsPipeline } from "../support/pipelines.ts";

const of = (total: number, classes: number[], mean = 0) => ({ rows: 10, total, classes, mean });

Deno.test("the base rate is the log odds, the log frequencies, or the mean", () => {
  const close = (bias: number[], expected: number[]) => assertNear("bias", bias, expected, 1e-12);
  close(baseRateBias({ ...binaryLabel, training: of(10, [8, 2]) }), [Math.log(2 / 8)]);
  const three = { ...classLabel(3), training: of(20, [10, 6, 4]) };
  close(baseRateBias(three), [Math.log(0.5), Math.log(0.3), Math.log(0.2)]);
  close(baseRateBias({ ...numberLabel, training: of(10, [], 4.5) }), [4.5]);
});

Deno.test("a class without training rows counts as half a row, and rows without weight give 0", () => {
  const none = baseRateBias({ ...binaryLabel, training: of(10, [10, 0]) });
  assertNear("bias", none, [Math.log(0.5 / 10)], 1e-12);
  assertEquals(baseRateBias({ ...classLabel(2), training: of(0, [0, 0]) }), [0, 0]);
});

/** The initial values of the output biases of both nets. */
async function biases(network: object): Promise<Record<string, number[]>> {
  const plan = await readPlan(digitsPipeline({ network }) as unknown as Pipeline);
  const data = await prepareData(plan);
  const { model: { variables } } = prepareNets(plan, data, ["light", "booster"]);
  const values = initialValues(variables, plan.seed);
  const counts = data.splits.train.counts().classes!;
  await data.close();
  assertEquals(counts.length, 10);
  const rows = counts.reduce((sum, count) => sum + count, 0);
  const own = variables.filter(({ initializer }) => initializer.kind === "output bias");
  const found = Object.fromEntries(
    own.map(({ name }) => [name, [...values[name]!.dataSync()]]),
  );
  for (const value of Object.values(values)) value.dispose();
  return { ...found, expected: counts.map((count) => Math.log(count / rows)) };
}

Deno.test("with outputBias: base-rate, both nets of each image network start at the log frequencies", async () => {
  await openEngine("wasm");
  for (
    const network of [
      { use: "mlp", shared: [4], light: [4], booster: [8] },
      { use: "wide-resnet", light: { depth: 10 }, booster: { depth: 10 } },
    ]
  ) {
    const { expected, ...found } = await biases({ ...network, outputBias: "base-rate" });
    assertEquals(Object.keys(found).sort(), ["booster/head/bias", "light/head/bias"]);
    for (const [name, bias] of Object.entries(found)) assertNear(name, bias, expected!, 1e-6);
    const { expected: _, ...zero } = await biases(network);
    assert(Object.values(zero).flat().every((value) => value === 0));
  }
});
