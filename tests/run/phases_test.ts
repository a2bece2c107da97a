import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { decodeSafetensors } from "../../src/base/files/safetensors.ts";
import { UserError } from "../../src/base/errors.ts";
import type { StepEvent } from "../../src/stages/events.ts";
import type { Output } from "../../src/stages/output.ts";
import { forEachEngine } from "../support/engines.ts";
import { digitsPipeline, pluginApi, runFile, withPipeline } from "../support/pipelines.ts";

const current = () => tf.getBackend() === "wasm" ? "wasm" as const : "native" as const;

const teacher = {
  name: "teacher",
  epochs: 2,
  losses: [{ use: "cross-entropy", on: "booster" }],
};
const student = {
  name: "student",
  freeze: ["booster"],
  from: "best",
  epochs: 2,
  losses: [
    { use: "cross-entropy", on: "light" },
    { use: "kl", temperature: 2, weight: 0.5 },
  ],
  optimizer: { use: "adam", learningRate: 0.01, schedule: "cosine" },
};

/** Distillation with batch norms and weight decay, six steps a phase. */
function phased(
  phases: readonly unknown[] = [teacher, student],
  parts: Record<string, unknown> = {},
): Record<string, unknown> {
  const { losses: _, ...pipeline } = digitsPipeline({
    network: {
      use: "wide-resnet",
      sharing: "interval",
      light: { depth: 10, width: 1 },
      booster: { depth: 10, width: 1 },
    },
    optimizer: { use: "sgd", learningRate: 0.05, momentum: 0.9, weightDecay: 1e-2 },
    data: { ...digitsPipeline().data as object, rows: 144 },
    train: { batch: 50 },
    phases,
    outputs: [{ use: "checkpoint", everySteps: 2, keep: 20 }],
    ...parts,
  });
  return pipeline;
}

async function weights(out: string, name: string): Promise<Map<string, number[]>> {
  const bytes = await Deno.readFile(join(out, "checkpoints", `${name}.safetensors`));
  const { tensors } = decodeSafetensors(bytes);
  return new Map([...tensors].map(([name, { values }]) => [name, [...values]]));
}

forEachEngine(
  "a frozen net and its statistics stay unchanged, and the next phase starts from them",
  () =>
    withPipeline(phased(), async (file, folder) => {
      const out = join(folder, "run");
      const { result } = await runFile(file, out, current());
      const before = await weights(out, "best-teacher"),
        after = await weights(out, "rocket-000012");
      const moved = [...after].filter(([name, values]) =>
        !name.startsWith("optimizer/") && before.get(name)!.join() !== values.join()
      ).map(([name]) => name);
      assert(moved.length > 20, moved.join());
      assertEquals(moved.filter((name) => !name.startsWith("light/")), []);
      // Nothing is kept for what does not move.
      const slots = [...after.keys()].filter((name) => name.startsWith("optimizer/"));
      assertEquals(slots.filter((name) => !name.includes("/light/")), []);
      const first = result.phases![0]!, second = result.phases![1]!;
      assertEquals([first.name, first.epochs, first.steps], ["teacher", 2, 6]);
      assertEquals([second.name, second.epochs, second.steps], ["student", 2, 6]);
      assertEquals([...second.frozen].sort(), ["booster", "shared"]);
      assertEquals(first.best.metric, "booster/accuracy");
      assertEquals([result.epochs, result.steps], [4, 12]);
      assertEquals(second.test.booster, first.best.test.booster);
      // The booster alone does not touch what is the light net's own.
      assertEquals(Object.keys(first.test), ["booster"]);
    }),
);

forEachEngine("freezeShared: false trains shared variables", () =>
  withPipeline(
    phased([{ ...teacher, epochs: 1 }, { ...student, epochs: 1, freezeShared: false }]),
    async (file, folder) => {
      const out = join(folder, "run");
      await runFile(file, out, current());
      const before = await weights(out, "best-teacher"),
        after = await weights(out, "rocket-000006");
      const moved = (of: RegExp) =>
        [...before.keys()].filter((name) =>
          of.test(name) && before.get(name)!.join() !== after.get(name)!.join()
        ).length;
      assertEquals(moved(/^booster\//), 0);
      assert(moved(/^(?!booster|light|optimizer|losses)/) > 0);
    },
  ));

forEachEngine(
  "learning rate schedules count from each phase's start; steps and epochs count over the run",
  () =>
    withPipeline(phased(), async (file, folder) => {
      const steps: StepEvent[] = [];
      await runFile(file, join(folder, "run"), current(), {
        step: (event) => void steps.push(event),
      });
      assertEquals(steps.map(({ phase, step, epoch }) => [phase, step, epoch]).slice(4, 8), [
        ["teacher", 5, 2],
        ["teacher", 6, 2],
        ["student", 7, 3],
        ["student", 8, 3],
      ]);
      assertEquals(steps.slice(0, 6).map(({ learningRate }) => learningRate), Array(6).fill(0.05));
      const cosine = (step: number) => 0.01 * (1 + Math.cos(Math.PI * step / 6)) / 2;
      for (const [index, { learningRate }] of steps.slice(6).entries()) {
        assert(Math.abs(learningRate - cosine(index)) < 1e-9, `step ${index}: ${learningRate}`);
      }
      const lines = (await Deno.readTextFile(join(folder, "run", "metrics.jsonl"))).trim().split(
        "\n",
      )
        .map((line) => JSON.parse(line));
      assertEquals(
        lines.map(({ phase, epoch, split }) => `${phase} ${epoch} ${split}`).slice(2, 6),
        [
          "teacher 2 train",
          "teacher 2 test",
          "student 3 train",
          "student 3 test",
        ],
      );
    }),
);

class Death extends Error {}

function dyingAt(event: number): Output {
  let left = event;
  const hook = () => {
    if (left-- === 0) throw new Death();
  };
  return { step: hook, epoch: hook };
}

async function endOf(out: string): Promise<unknown> {
  const lines = (await Deno.readTextFile(join(out, "metrics.jsonl"))).trim().split("\n");
  const { test, best, phases } = JSON.parse(await Deno.readTextFile(join(out, "result.json")));
  return {
    weights: await Deno.readFile(join(out, "checkpoints", "rocket-000012.safetensors")),
    lines: lines.map((line) => ({ ...JSON.parse(line), seconds: 0 })),
    result: [test, best, phases.map((phase: object) => ({ ...phase, seconds: 0 }))],
  };
}

forEachEngine(
  "a run that is killed in any phase and resumed ends like an uninterrupted one",
  () =>
    withPipeline(phased(), async (file, folder) => {
      await runFile(file, join(folder, "whole"), current());
      const whole = await endOf(join(folder, "whole"));
      // In the first phase; at its end; in the first step of the second; within that.
      for (const event of [3, 7, 8, 12]) {
        const out = join(folder, `died-${event}`);
        await assertRejects(() => runFile(file, out, current(), dyingAt(event)), Death);
        await runFile(file, out, current(), {}, { resume: true });
        assertEquals(await endOf(out), whole, `died at event ${event}`);
      }
    }),
);

forEachEngine(
  "a phase ends early by its own metric, and the next phase follows",
  () =>
    withPipeline(
      phased([
        { ...teacher, epochs: 9, stop: { patience: 1, minDelta: 1 } },
        { ...student, epochs: 1 },
      ]),
      async (file, folder) => {
        const { result } = await runFile(file, join(folder, "run"), current());
        const [first, second] = result.phases!;
        assertEquals([first!.epochs, first!.stopped, first!.best.metric], [
          2,
          true,
          "booster/accuracy",
        ]);
        assertEquals([second!.epochs, second!.stopped, result.stopped], [1, undefined, undefined]);
      },
    ),
);

/**
 * An optimizer that makes weights NaN in the first step of its phase, unless the rate is below 0.1.
 */
const failing = {
  "failing.ts": `import { defineOptimizer, tf, z } from "${pluginApi}";
export default defineOptimizer({
  name: "failing", summary: "Fails at first.", options: z.object({}), slots: {},
  create: () => ({ value, gradient, learningRate, step }) => {
    const wrong = tf.logicalAnd(tf.equal(step, 1), tf.greaterEqual(learningRate, 0.1));
    const factor = tf.where(wrong, tf.scalar(NaN), learningRate);
    return { value: tf.sub(value, tf.mul(gradient, factor)), slots: {} };
  },
});
`,
};

forEachEngine("nonFinite: back returns to the phase's start with half the learning rate", () => {
  const optimizer = { use: "./failing.ts", learningRate: 0.1 };
  const phases = [teacher, { ...student, optimizer, nonFinite: "back" }];
  return withPipeline(phased(phases), async (file, folder) => {
    const rates: [number, number][] = [];
    const { result, reports } = await runFile(file, join(folder, "run"), current(), {
      step: ({ step, learningRate }) => void rates.push([step, learningRate]),
    });
    assert(reports.some((line) => line.includes("back to the checkpoint after step 6")));
    assertEquals(result.steps, 12);
    // Steps of the first phase are not made again; the batch of step 8, where it showed, is left
    // out.
    assertEquals(rates, [
      ...[1, 2, 3, 4, 5, 6].map((step): [number, number] => [step, 0.05]),
      [7, 0.1],
      ...[7, 9, 10, 11, 12].map((step): [number, number] => [step, 0.05]),
    ]);
  }, failing);
});

forEachEngine("`clip` of a phase applies to that phase only", () => {
  const optimizer = { use: "sgd", learningRate: 0.1 }, norm = 1e-4;
  const phases = [
    { ...teacher, optimizer, clip: { norm } },
    { ...student, optimizer, from: "last" },
  ];
  return withPipeline(phased(phases), async (file, folder) => {
    const out = join(folder, "run");
    await runFile(file, out, current());
    const [first, middle, last] = await Promise.all(
      ["rocket-000002", "rocket-000006", "rocket-000012"].map((name) => weights(out, name)),
    );
    const trained = [...first!.keys()].filter((name) => !/mean$|variance$/.test(name));
    const distance = (a = first!, b = first!) =>
      Math.hypot(...trained.flatMap((name) => a.get(name)!.map((x, i) => x - b.get(name)![i]!)));
    // Four steps, each no longer than the rate times the norm, up to float32's rounding.
    const clipped = distance(first, middle);
    assert(clipped > 0 && clipped < 4 * optimizer.learningRate * norm * 1.01, `${clipped}`);
    assert(distance(middle, last) > 100 * clipped, `${distance(middle, last)}`);
  });
});

const refusals = async (pipeline: Record<string, unknown>) => {
  const error = await withPipeline(
    pipeline,
    (file, folder) => assertRejects(() => runFile(file, join(folder, "run"), current()), UserError),
  );
  return error.problems.map(({ message }) => message).join("\n");
};

forEachEngine("a phase with several labels may train only the booster", () => {
  const { data } = digitsPipeline() as { data: Record<string, unknown> };
  const { label: _, ...rest } = data;
  const on = (net: string) => ({ use: "cross-entropy", on: net, label: "digit" });
  const pipeline = digitsPipeline({
    data: { ...rest, labels: { digit: { column: "digit" }, same: { column: "digit" } } },
    phases: [
      { name: "teacher", epochs: 1, losses: [on("booster")] },
      {
        name: "student",
        epochs: 1,
        freeze: ["booster"],
        losses: [on("light"), { use: "mse-hint", label: "digit" }],
      },
    ],
    losses: undefined,
    train: { batch: 512 },
    metrics: [{ use: "accuracy", label: "digit" }],
  });
  return withPipeline(pipeline, async (file, folder) => {
    const { result } = await runFile(file, join(folder, "run"), current());
    const [teacher, student] = result.phases!;
    assertEquals(Object.keys(teacher!.test), ["booster"]);
    assertEquals(teacher!.test.booster, student!.test.booster);
    assertEquals(Object.keys(student!.test.light!).length, 1);
  });
});

Deno.test("all problems of phases are reported together", async () => {
  const { epochs: _, ...endless } = teacher;
  const message = await refusals(phased([
    endless,
    { ...student, nets: ["light"] },
    { ...teacher, freeze: ["booster"] },
    { ...student, name: "third", select: "light/recall" },
  ]));
  assertStringIncludes(message, "phases[3].select: this pipeline has no metric");
  const others = await refusals(phased([
    endless,
    { ...student, nets: ["light"] },
    { ...teacher, freeze: ["booster"] },
    { ...teacher, name: "fourth", select: "light/accuracy" },
  ]));
  assertStringIncludes(others, "`epochs` is set neither for the phase teacher nor for all phases");
  assertStringIncludes(
    others,
    "the losses of the phase student read the booster net, which its `nets` do not include",
  );
  assertStringIncludes(others, "the phase teacher freezes all nets that it computes");
  assertStringIncludes(others, 'two phases have the name "teacher"');
  assertStringIncludes(others, "the phase fourth cannot measure light/accuracy");
});
