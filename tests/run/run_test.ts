import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { runPipeline } from "../../src/run/run_pipeline.ts";
import { lacksBfloat16, thisMachine } from "../../src/engine/bfloat16.ts";
import { formatProblem, UserError } from "../../src/base/errors.ts";
import { decodeSafetensors } from "../../src/base/files/safetensors.ts";
import type { Snapshot } from "../../src/stages/events.ts";
import { forEachEngine, forNative } from "../support/engines.ts";
import { digitsPipeline, pluginApi, runFile, withPipeline } from "../support/pipelines.ts";

const current = () => tf.getBackend() === "wasm" ? "wasm" as const : "native" as const;

/** The text that a person sees of what a run fails with. */
async function failureOf(run: () => Promise<unknown>): Promise<string> {
  const error: UserError = await assertRejects(run, UserError);
  return error.problems.map(formatProblem).join("\n");
}

forEachEngine(
  "runPlan() gives identical metrics for the same seed, and others for another seed",
  async () => {
    const run = (seed: number) =>
      withPipeline(digitsPipeline({ seed }), async (file, folder) => {
        const { evaluations } = await runFile(file, join(folder, "run"), current());
        return evaluations.map(({ split, epoch, metrics }) => ({ split, epoch, metrics }));
      });
    const first = await run(1);
    assertEquals(await run(1), first);
    assert(JSON.stringify(await run(2)) !== JSON.stringify(first));
  },
);

forEachEngine(
  "runPlan() gives the same metrics with and without an input thread",
  async () => {
    const pipeline = digitsPipeline();
    const transforms = [{ use: "normalize" }, { use: "random-crop", pad: 1 }];
    const data = { ...pipeline.data as object, split: { validation: 0.2 }, transforms };
    const run = (inputThread: "always" | "never") =>
      withPipeline({ ...pipeline, data }, async (file, folder) => {
        const options = { inputThread, debug: true };
        const ran = await runFile(file, join(folder, "run"), current(), {}, options);
        const { waitingShare } = ran.result.input;
        assert(waitingShare > 0 && waitingShare < 1, `${waitingShare}`);
        const thread = ran.reports.includes("input: a thread makes the batches ahead of the steps");
        assertEquals(thread, inputThread === "always");
        return ran.evaluations.map(({ split, epoch, metrics }) => ({ split, epoch, metrics }));
      });
    assertEquals(await run("always"), await run("never"));
  },
);

forEachEngine("runPlan() trains on data.rows rows, in memory and streamed", async () => {
  const { data } = digitsPipeline() as { data: Record<string, unknown> };
  const run = async (parts: Record<string, unknown>) => {
    let rows = {};
    const listener = { runStart: (event: { rows: typeof rows }) => void (rows = event.rows) };
    const pipeline = digitsPipeline({
      data: { ...data, ...parts },
      train: { epochs: 1, batch: 64 },
    });
    const ran = await withPipeline(
      pipeline,
      (file, folder) => runFile(file, join(folder, "run"), current(), listener),
    );
    const [{ step, metrics }] = ran.evaluations.filter(({ split }) => split === "test") as [
      typeof ran.evaluations[number],
    ];
    return { rows, step, metrics };
  };
  const some = await run({ rows: 100 });
  assertEquals([some.rows, some.step], [{ train: 100, test: 360 }, 2]);
  assertEquals(await run({ rows: 100, memory: "10kB" }), some);
  const held = await run({ rows: 100, split: { validation: 0.5 } });
  assertEquals(held.rows, { train: 100, validation: 719, test: 360 });
  assertEquals(await run({ rows: 1437 }), await run({}));
});

Deno.test("runPlan() refuses data.rows above the number of rows", async () => {
  const { data } = digitsPipeline() as { data: Record<string, unknown> };
  const refused = (parts: Record<string, unknown>) =>
    withPipeline(
      digitsPipeline({ data: { ...data, ...parts } }),
      (file, folder) => failureOf(() => runFile(file, join(folder, "run"), "wasm")),
    );
  assertStringIncludes(
    await refused({ rows: 1438 }),
    "data.rows is 1438, but there are only 1437 training rows",
  );
  assertStringIncludes(
    await refused({ rows: 1000, split: { validation: 0.5 } }),
    "data.rows is 1000, but there are only 718 training rows",
  );
});

/** The threads that are started by a test and still there after it. */
async function threadsLeft(
  test: () => Promise<unknown>,
): Promise<{ started: number; left: number }> {
  // Rocket keeps the class itself, so that code cannot replace it; each thread is sent its setup.
  const { prototype } = Worker, { postMessage, terminate } = prototype;
  const living = new Set<Worker>(), all = new Set<Worker>();
  prototype.postMessage = function (this: Worker, ...args: unknown[]) {
    if (!all.has(this)) living.add(this);
    all.add(this);
    Reflect.apply(postMessage, this, args);
  };
  prototype.terminate = function () {
    living.delete(this);
    terminate.call(this);
  };
  try {
    await test();
    return { started: all.size, left: living.size };
  } finally {
    Object.assign(prototype, { postMessage, terminate });
    for (const worker of living) worker.terminate();
  }
}

forEachEngine("runPlan() ends its input thread, even if the run fails", async () => {
  const both = { train: { epochs: 1, batch: 512, baseline: "light-alone" } };
  const failing = () => {
    throw new Error("no more");
  };
  await withPipeline(digitsPipeline(both), async (file, folder) => {
    const run = (out: string, step?: () => never) =>
      runFile(file, join(folder, out), current(), step ? { step } : {}, { inputThread: "always" });
    // One thread is enough for the rocket and the light net alone.
    assertEquals(await threadsLeft(() => run("whole")), { started: 1, left: 0 });
    const failed = () => assertRejects(() => run("failed", failing), Error, "no more");
    assertEquals(await threadsLeft(failed), { started: 1, left: 0 });
  });
});

forNative(
  "runPlan() trains in bfloat16 where the machine has units for it, and tells",
  async () => {
    const wanted = lacksBfloat16(await thisMachine()) ? "float32" : "bfloat16";
    const large = { network: { use: "mlp", light: [64], booster: [256, 256] } };
    const losses: Record<string, number> = {};
    for (const precision of ["float32", "bfloat16"] as const) {
      await withPipeline(digitsPipeline(large), async (file, folder) => {
        const out = join(folder, "run"), told = new Set<string>();
        const result = await runPipeline(file, {
          ...{ out, precision, engine: "native", quiet: true, report: () => {} },
          listener: {
            runStart: (event) => void told.add(event.precision),
            step: ({ step, loss }) => void (step === 1 && (losses[precision] = loss)),
          },
        });
        const pipeline = JSON.parse(await Deno.readTextFile(join(out, "pipeline.json")));
        const expected = precision === "float32" ? "float32" : wanted;
        assertEquals([result.precision, pipeline.precision, ...told], Array(3).fill(expected));
      });
    }
    assertEquals(losses.float32 !== losses.bfloat16, wanted === "bfloat16");
  },
);

forNative("runPlan() says where a step is too small for bfloat16", async () => {
  if (lacksBfloat16(await thisMachine())) return;
  const lines: string[] = [];
  await withPipeline(digitsPipeline(), (file, folder) =>
    runPipeline(file, {
      ...{ out: join(folder, "run"), precision: "bfloat16", engine: "native", quiet: true },
      report: (line) => lines.push(line),
    }));
  const line =
    "the training step runs in float32 because none of its operations is large enough for bfloat16";
  assertEquals(lines.filter((one) => one === line).length, 1, lines.join("\n"));
});

forEachEngine("runPlan() leaks no tensor in steps and epochs", async () => {
  const perStep: number[] = [], perEpoch: number[] = [];
  const before = tf.memory().numTensors;
  await withPipeline(
    digitsPipeline(),
    (file, folder) =>
      runFile(file, join(folder, "run"), current(), {
        step: () => void perStep.push(tf.memory().numTensors),
        epoch: () => void perEpoch.push(tf.memory().numTensors),
      }),
  );
  assertEquals(new Set(perStep).size, 1);
  assertEquals(new Set(perEpoch).size, 1);
  assertEquals(tf.memory().numTensors, before);
});

forEachEngine("runPlan() starts the light net alone from the rocket's weights", async () => {
  const first: Snapshot[] = [];
  // Rounded to float32 this is 0: the weights stay where they started.
  const still = {
    optimizer: { use: "sgd", learningRate: Number.MIN_VALUE },
    train: { epochs: 1, batch: 512, baseline: "light-alone" },
  };
  await withPipeline(digitsPipeline(still), async (file, folder) => {
    const { result } = await runFile(file, join(folder, "run"), current(), {
      epoch: async ({ snapshot }) => void first.push(await snapshot()),
    });
    assertEquals(result.baseline!.test.light, result.test.light);
  });
  const [rocket, alone] = first;
  for (const [name, { values }] of alone!.tensors) {
    assertEquals(values, rocket!.tensors.get(name)!.values, name);
  }
});

forEachEngine("runPlan() writes a run folder that describes the run completely", async () => {
  const pipeline = digitsPipeline({ outputs: ["checkpoint"] });
  await withPipeline(pipeline, async (file, folder) => {
    const out = join(folder, "run");
    const { result } = await runFile(file, out, current());
    assertEquals(JSON.parse(await Deno.readTextFile(join(out, "result.json"))), result);
    const resolved = JSON.parse(await Deno.readTextFile(join(out, "pipeline.json")));
    assertEquals(resolved.pipeline.losses[2].gradient, { use: "block" });
    assertEquals(resolved.data.train.rows, 1437);
    const lines = (await Deno.readTextFile(join(out, "metrics.jsonl"))).trim().split("\n");
    assertEquals(lines.length, 4);
    const last = JSON.parse(lines.at(-1)!);
    assertEquals(last["light/accuracy"], result.test.light!.accuracy);
    const bytes = await Deno.readFile(join(out, "checkpoints", "rocket-000024.safetensors"));
    const { tensors, metadata } = decodeSafetensors(bytes);
    assertEquals(metadata.epoch, "2");
    assertEquals(tensors.get("light/head/kernel")!.shape, [8, 10]);
    assert(tensors.has("optimizer/momentum/light/head/kernel"));
  });
});

forEachEngine("runPlan() refuses a folder that contains another run", async () => {
  await withPipeline(digitsPipeline(), async (file, folder) => {
    await Deno.writeTextFile(join(folder, "result.json"), "{}");
    const text = await failureOf(() => runFile(file, folder, current()));
    assertStringIncludes(text, "already contains a run");
    assertStringIncludes(text, "--out");
  });
});

/** A loss with the label, in a file beside the pipeline. */
const loss = (body: string) => ({
  "mine.ts": `import { defineLoss, tf, z } from "${pluginApi}";
export default defineLoss({
  name: "mine", summary: "A loss.", form: "task", options: z.object({}),
  create: () => (output, label) => { ${body} },
});
`,
});

/** Runs the digits with a loss of one's own on the light net and gives what the person sees. */
const failureWith = (body: string) =>
  withPipeline(
    digitsPipeline({ losses: [{ use: "./mine.ts", on: "light" }], baseline: undefined }),
    (file, folder) => failureOf(() => runFile(file, join(folder, "run"), current())),
    loss(body),
  );

forEachEngine("runPlan() names the loss that throws, with its place in the pipeline", async () => {
  const text = await failureWith(`throw new Error("no idea");`);
  assertStringIncludes(text, `the loss stage "./mine.ts" failed in its loss: Error: no idea`);
  assertStringIncludes(text, "pipeline.yaml:");
});

forEachEngine(
  "runPlan() names the loss that returns a wrong shape, nothing, or not a tensor",
  async () => {
    assertStringIncludes(await failureWith(`return output;`), "returned a tensor of shape [");
    assertStringIncludes(await failureWith(`return undefined;`), "returned nothing as the loss");
    assertStringIncludes(await failureWith(`return 3;`), "returned the number 3 as the loss");
  },
);

forEachEngine("runPlan() stops at the first loss that is not finite, and names it", async () => {
  const text = await failureWith(`return tf.mul(tf.sum(output, -1), NaN);`);
  assertStringIncludes(text, "the loss mine(light) is not finite at step 1 (epoch 1)");
  assertStringIncludes(text, "pipeline.yaml:");
});

forEachEngine("runPlan() names the stage that leaks tensors", async () => {
  // What is read keeps a step from being captured, so that the leak goes on.
  const text = await failureWith(
    `tf.keep(tf.zeros([7])); output.dataSync(); return tf.mean(tf.square(output), -1);`,
  );
  assertStringIncludes(text, `the loss stage "./mine.ts" leaks a tensor`);
  assertStringIncludes(text, "[7]");
});
