import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { readPlan } from "../../src/run/read_plan.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { StageError } from "../../src/stages/stage_error.ts";
import { UserError } from "../../src/base/errors.ts";
import type { Pipeline } from "../../src/pipeline/generated/pipeline_types.ts";
import { digitsPipeline, pluginApi, runFile, withPipeline } from "../support/pipelines.ts";
import { windowed } from "../support/windowed.ts";

/** Digits with so many training rows, two epochs in batches of 64. */
function digits(rows: number, lastBatch: string, data: Record<string, unknown> = {}) {
  const base = digitsPipeline({
    network: { use: "mlp", light: [4], booster: [8] },
    train: { epochs: 2, batch: 64, lastBatch },
    outputs: [],
  });
  return { ...base, data: { ...base.data as object, rows, ...data } };
}

/** The steps of a run, and the means of its losses by epoch. */
async function stepsOf(
  pipeline: Record<string, unknown>,
  inputThread: "always" | "never" = "never",
  files: Record<string, string> = {},
) {
  let found!: { steps: number; stepsPerEpoch: number; losses: unknown[] };
  await openEngine("wasm");
  await withPipeline(pipeline, async (file, folder) => {
    let stepsPerEpoch = 0;
    const { result, evaluations } = await runFile(file, join(folder, "run"), "wasm", {
      runStart: (event) => void (stepsPerEpoch = event.stepsPerEpoch),
    }, { inputThread });
    const losses = evaluations.filter(({ split }) => split === "train").map(({ metrics }) =>
      metrics.loss
    );
    found = { steps: result.steps, stepsPerEpoch, losses };
  }, files);
  return found;
}

for (
  const [rows, counts] of [
    [130, { keep: 3, merge: 2, drop: 2 }],
    [161, { keep: 3, merge: 3, drop: 2 }],
    [128, { keep: 2, merge: 2, drop: 2 }],
  ] as const
) {
  Deno.test(`a run takes as many steps on ${rows} rows as train.lastBatch leaves batches`, async () => {
    for (const [last, count] of Object.entries(counts)) {
      const { steps, stepsPerEpoch } = await stepsOf(digits(rows, last));
      assertEquals([last, steps, stepsPerEpoch], [last, 2 * count, count]);
    }
  });
}

Deno.test("the last batch is the same in memory, streamed and in windows, with and without a thread", async () => {
  const { path } = (digitsPipeline().data as { train: { path: string } }).train;
  for (const last of ["merge", "drop"]) {
    const inMemory = await stepsOf(digits(130, last));
    // By row, the streamed shuffle is the same.
    const memory = 16_384;
    assertEquals(await stepsOf(digits(130, last, { memory })), inMemory);
    const inWindows = digits(130, last, { memory, train: { use: "./windowed.ts", path } });
    const windows = await stepsOf(inWindows, "never", windowed);
    assertEquals([windows.steps, windows.stepsPerEpoch], [4, 2]);
    if (last === "drop") continue;
    assertEquals(await stepsOf(inWindows, "always", windowed), windows);
  }
});

Deno.test("makePlan() merges small last batches if nets have batch norm, and keeps them otherwise", async () => {
  const ctr = (options: Record<string, unknown>) => ({
    network: { use: "ctr", light: { hidden: [4] }, booster: { hidden: [8] }, ...options },
  });
  const attention = { x: { attention: { to: "y", activation: "dice" } } };
  const resnet = { use: "wide-resnet", light: { depth: 10 }, booster: { depth: 16 } };
  for (
    const [parts, last] of [
      [{ network: { use: "mlp" } }, "keep"],
      [{ network: resnet }, "merge"],
      [{ network: resnet, train: { epochs: 1, batch: 8, lastBatch: "drop" } }, "drop"],
      [ctr({}), "keep"],
      [ctr({ batchNorm: true }), "merge"],
      [ctr({ activation: "dice" }), "merge"],
      [ctr({ features: attention }), "merge"],
    ] as const
  ) {
    const plan = await readPlan(digitsPipeline(parts) as unknown as Pipeline);
    assertEquals(plan.cut.last, last, JSON.stringify(parts));
    assertEquals((plan.resolved.train as { lastBatch: string }).lastBatch, last);
  }
});

Deno.test("a training split smaller than a batch is refused if it would be dropped", async () => {
  const error = await assertRejects(() => stepsOf(digits(40, "drop")), UserError);
  assertEquals(error.exitCode, 2);
  const [{ message, place, hint }] = error.problems as [UserError["problems"][number]];
  assertStringIncludes(message, "the train split has 40 rows, fewer than a batch of 64");
  assert(place?.line !== undefined);
  assertEquals(hint, "write `batch: 40` or less, or `lastBatch: keep`");
  const { train, ...rest } = digits(40, "drop") as Record<string, unknown>;
  const mended = { ...rest, train: { ...train as object, batch: 40 } };
  assertEquals((await stepsOf(mended)).steps, 2);
  assertEquals((await stepsOf(digits(40, "keep"))).steps, 2);
});

Deno.test("a network with running statistics must declare whether it has batch norm", async () => {
  const net = (batchNorm: string) => ({
    "net.ts": `import { defineNetwork, tf, z } from "${pluginApi}";
export default defineNetwork({
  name: "running", summary: "Keeps a mean.", options: z.object({}), ${batchNorm}
  create: (_options, { variables, units }) => {
    const mean = variables.add({ name: "mean", shape: [], owner: "light", trainable: false,
      initializer: { kind: "constant", value: 0 } });
    const kernel = variables.add({ name: "kernel", shape: [64, units], owner: "light",
      initializer: { kind: "normal", deviation: 0.1 } });
    const net = ({ image }, scope) => {
      const x = tf.reshape(image, [-1, 64]);
      if (scope.training) scope.update(mean, tf.mean(x));
      return { logits: tf.matMul(x, scope.read(kernel)) };
    };
    return { light: net, booster: net };
  },
});
`,
  });
  const base = digits(65, "keep") as Record<string, unknown>;
  const { lastBatch: _, ...train } = base.train as Record<string, unknown>;
  const pipeline = { ...base, train, network: { use: "./net.ts" } };
  const error = await assertRejects(() => stepsOf(pipeline, "never", net("")), StageError);
  assertStringIncludes(error.message, "declares the variable mean, which is not trainable");
  assertStringIncludes(error.problems[0]!.hint!, "add `batchNorm: true`");
  assertEquals((await stepsOf(pipeline, "never", net("batchNorm: true,"))).stepsPerEpoch, 1);
  assertEquals((await stepsOf(pipeline, "never", net("batchNorm: false,"))).stepsPerEpoch, 2);
});
