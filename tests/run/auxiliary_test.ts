import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { type Table, tableFromArrays, tableToIPC } from "apache-arrow";
import { join } from "node:path";
import { parse } from "yaml";
import * as tf from "@tensorflow/tfjs";
import { openEngine } from "../../src/engine/engine.ts";
import { decodeSafetensors } from "../../src/base/files/safetensors.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { evaluateRun } from "../../src/model/evaluation/evaluate_run.ts";
import { exportModel } from "../../src/model/export_model.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { netsOf, prepareNets } from "../../src/run/prepare_nets.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { captured } from "../../src/train/captured.ts";
import { disposeState, initialState, type StepInput, trainStep } from "../../src/train/step.ts";
import { disposeInput, stepInput } from "../../src/train/step_input.ts";
import { scaledTeacher } from "../../src/train/teacher_scale.ts";
import { rowsOf } from "../../src/train/tensors.ts";
import { assertNear, assertSummary, readAuxiliaryReference } from "../reference/fixtures.ts";
import { referenceIntegers, referenceUniform, referenceValues } from "../reference/values.ts";
import { current, diesAndGoesOn } from "../support/deaths.ts";
import { forEachEngine, leftBehind } from "../support/engines.ts";
import { inFolder, root } from "../support/command_line.ts";
import { certain, writeTaught } from "../support/teachers.ts";
import { digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";

const reference = await readAuxiliaryReference();

/** The rows of `auxiliary.py`. */
function rowsFor(name: string, classes: number): Table {
  const rows = 12, inputs = 5, x = referenceUniform(`auxiliary/${name}/x`, [rows, inputs], -1, 1);
  const column = (index: number) =>
    Float32Array.from({ length: rows }, (_, row) => x[row * inputs + index]!);
  return tableFromArrays({
    ...Object.fromEntries(
      Array.from({ length: inputs }, (_, index) => [`x${index}`, column(index)]),
    ),
    y: referenceIntegers(`auxiliary/${name}/label`, rows, classes),
  });
}

/** The parts of the pipelines of `auxiliary.py` that differ. */
const cases = {
  click: { classes: 2, kind: "binary", task: "binary-cross-entropy", hint: "soft-label" },
  classes: { classes: 4, kind: "class", task: "cross-entropy", hint: "mse-hint" },
} as const;

/** A pipeline with the rows of `auxiliary.py`. */
async function onRows(
  folder: string,
  name: keyof typeof cases,
  parts: Record<string, unknown>,
): Promise<Pipeline> {
  const path = join(folder, "rows.arrow"), { classes, kind } = cases[name];
  await Deno.writeFile(path, tableToIPC(rowsFor(name, classes), "file"));
  return digitsPipeline({
    data: {
      ...{ train: { use: "arrow", path }, test: { use: "arrow", path } },
      features: Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`x${index}`, {}])),
      label: { column: "y", kind },
    },
    metrics: [],
    ...parts,
  }) as unknown as Pipeline;
}

const network = (gradient: number) => ({
  ...{ use: "mlp", shared: [6], light: [4], booster: [7] },
  auxiliary: { from: "hidden1", gradient },
});

for (const [name, { kind, task, hint }] of Object.entries(cases)) {
  forEachEngine(
    `an auxiliary head trains as in PyTorch: ${name}`,
    () =>
      withPipeline({}, async (_file, folder) => {
        const expected = reference[name as keyof typeof cases], { scale } = expected;
        const parts = {
          network: network(expected.gradient),
          losses: [
            ...["light", "booster"].map((on) => ({ use: task, on })),
            {
              use: hint,
              to: "light.auxiliary",
              weight: expected.weight,
              teacherScale: kind === "binary" ? { probability: scale } : scale,
            },
          ],
          optimizer: { use: "sgd", learningRate: 0.2 },
        };
        const plan = await readPlan(await onRows(folder, name as keyof typeof cases, parts));
        const data = await prepareData(plan);
        const { model } = prepareNets(plan, data, netsOf(plan));
        const batch = await data.splits.train.slice(0, 12);
        for (const replay of [false, true]) {
          type Input = { state: typeof state; input: StepInput };
          const step = captured(
            "training step",
            { report: () => {}, debug: false },
            ({ state, input }: Input) => trainStep(model, state, input),
            ({ input }) => rowsOf(input),
          );
          let state = initialState(
            model,
            Object.fromEntries(model.variables.map(({ name, shape }) => [
              name,
              tf.tensor(referenceValues(name, shape), [...shape]),
            ])),
          );
          for (const [index, losses] of expected.losses.entries()) {
            const position = { step: index, steps: 3, epoch: index, epochs: 3 };
            const input = stepInput(model, batch, position, 0.2, 0);
            const output = replay ? step.call({ state, input }) : trainStep(model, state, input);
            const [, light, booster, hint] = output.losses.dataSync();
            const actual = [light!, booster!, hint! * expected.weight];
            assertNear(`losses of step ${index}`, actual, losses, 1e-5);
            tf.dispose([output.losses, output.norm]);
            disposeInput(input);
            disposeState(state, output.state);
            state = output.state;
          }
          assertEquals(Object.keys(state.values).sort(), Object.keys(expected.variables).sort());
          for (const [name, summary] of Object.entries(expected.variables)) {
            assertSummary(name, state.values[name]!.dataSync(), summary, 1e-5);
          }
          disposeState(state);
          step.dispose();
        }
        await data.close();
      }),
  );
}

Deno.test("the losses of docs/methods.md that scale the teacher's probability can be trained", async () => {
  const text = await Deno.readTextFile(join(root, "docs", "methods.md"));
  const [, block] = /^```yaml run-by: tests\/run\/auxiliary_test.ts\n([^]*?)^```/m.exec(text)!;
  await openEngine("wasm");
  await withPipeline({}, async (_file, folder) => {
    const parts = { ...parse(block!) as object, network: network(1) };
    const plan = await readPlan(await onRows(folder, "click", parts));
    const data = await prepareData(plan);
    const { model } = prepareNets(plan, data, netsOf(plan));
    assertEquals(model.terms.length, 3);
    assertEquals(model.pair.head?.from, "hidden1");
    await data.close();
  });
});

forEachEngine("scaledTeacher() scales the probability of a logit, which stays below 1", () => {
  const logits = [-30, -3, 0, 2, 40];
  const probability = (z: number) => 1 / (1 + Math.exp(-z));
  for (const factor of [0.25, 1, 3]) {
    const expected = logits.map((z) => {
      const p = Math.min(factor * probability(z), 1 - 1e-6);
      return Math.log(p / (1 - p));
    });
    const scaled = tf.tidy(() => {
      const output = tf.tensor2d(logits, [5, 1]);
      return scaledTeacher(output, { probability: factor }).dataSync().slice();
    });
    // In float32, 1 − 10⁻⁶ has a rounding error of 3 %.
    scaled.forEach((z, index) => {
      const far = Math.abs(z - expected[index]!);
      assert(far < 1e-5 * Math.max(1, Math.abs(expected[index]!)) + (z > 10 ? 0.05 : 0), `${z}`);
    });
  }
  const output = tf.tensor2d(logits, [5, 1]);
  assertEquals(leftBehind(() => tf.tidy(() => scaledTeacher(output, { probability: 2 }))), 0);
  assertEquals([...scaledTeacher(output, -2).dataSync()], logits.map((z) => -2 * z));
  output.dispose();
});

forEachEngine(
  "scaledTeacher() has the gradient of the formula, also for an intermediate result",
  () => {
    const logits = [-5, -1, 0.5, 3];
    for (const factor of [0.25, 1.3]) {
      const gradient = tf.tidy(() =>
        tf.grad((x) => tf.sum(scaledTeacher(tf.mul(x, 2), { probability: factor })))(
          tf.tensor2d(logits, [4, 1]),
        ).dataSync().slice()
      );
      logits.forEach((x, index) => {
        const p = 1 / (1 + Math.exp(-2 * x));
        // The derivative of log(αp / (1 − αp)) is (1 − p) / (1 − αp); the largest probability is constant.
        const expected = factor * p < 1 ? 2 * (1 - p) / (1 - factor * p) : 0;
        assertAlmostEquals(gradient[index]!, expected, 1e-4 * Math.max(1, expected));
      });
    }
  },
);

/** A pipeline with a hint to an auxiliary head, or without the hint. */
function withHead(parts: Record<string, unknown> = {}, gradient = 2): Record<string, unknown> {
  return digitsPipeline({
    network: {
      ...{ use: "mlp", shared: [], light: [8], booster: [32] },
      auxiliary: { from: "hidden1", gradient },
    },
    losses: [...tasks, { ...hint, to: "light.auxiliary" }],
    train: { epochs: 2, batch: 359 },
    outputs: [{ use: "checkpoint", everySteps: 2 }],
    ...parts,
  });
}
const tasks = ["light", "booster"].map((on) => ({ use: "cross-entropy", on }));
const hint = { use: "kl", temperature: 2, weight: 0.5, teacherScale: 0.5 };

/** The weights after a run, by name, without the optimizer's state. */
async function weights(pipeline: Record<string, unknown>): Promise<Map<string, string>> {
  return await withPipeline(pipeline, async (file, folder) => {
    const out = join(folder, "run");
    await runFile(file, out, current());
    const { tensors } = decodeSafetensors(
      await Deno.readFile(join(out, "checkpoints", "best.safetensors")),
    );
    return new Map([...tensors].map(([name, { values }]) => [name, values.join()]));
  });
}

forEachEngine(
  "an auxiliary head whose gradient is 0 learns, and leaves the light net as it is",
  async () => {
    const [blocked, passed] = [await weights(withHead({}, 0)), await weights(withHead())];
    const plain = await weights(withHead({
      network: { use: "mlp", shared: [], light: [8], booster: [32] },
      losses: tasks,
    }));
    const light = [...plain.keys()].filter((name) => name.startsWith("light/"));
    assertEquals(light.length, 4);
    for (const name of light) assertEquals(blocked.get(name), plain.get(name), name);
    assertNotEquals(passed.get("light/dense1/kernel"), plain.get("light/dense1/kernel"));
    // The head of the net gets no gradient of the hint; it changes with the layers below.
    const head = "light.auxiliary/kernel";
    assert(blocked.has(head) && !plain.has(head));
    assertNotEquals(blocked.get(head), passed.get(head));
  },
);

forEachEngine("an auxiliary head of a frozen light net is trained alone", () =>
  withPipeline(
    withHead({
      losses: undefined,
      train: { epochs: 1, batch: 360 },
      phases: [
        { name: "alone", losses: [tasks[0]] },
        {
          name: "head",
          freeze: ["light"],
          nets: ["light", "booster"],
          losses: [tasks[1], { ...hint, to: "light.auxiliary" }],
        },
      ],
      outputs: [{ use: "checkpoint", everySteps: 1, keep: 20 }],
    }),
    async (file, folder) => {
      const out = join(folder, "run");
      await runFile(file, out, current());
      const at = async (step: string) =>
        decodeSafetensors(
          await Deno.readFile(join(out, "checkpoints", `rocket-${step}.safetensors`)),
        ).tensors;
      // Each phase has four steps.
      const steps = [await at("000004"), await at("000005"), await at("000008")];
      const [before, first, last] = steps.map((tensors) => (name: string) =>
        tensors.get(name)?.values.join()
      );
      assertEquals(last!("light/head/kernel"), before!("light/head/kernel"));
      // The first phase has no head.
      assertEquals(before!("light.auxiliary/kernel"), undefined);
      assertNotEquals(last!("light.auxiliary/kernel"), first!("light.auxiliary/kernel"));
    },
  ));

forEachEngine(
  "a resumed run with an auxiliary head ends like an uninterrupted one",
  () =>
    diesAndGoesOn(
      withHead({
        optimizer: { use: "adam", learningRate: 0.01 },
        train: { epochs: 2, batch: 359, baseline: "light-alone" },
      }),
      [4, 9],
    ),
);

forEachEngine(
  "a teacher outside the run teaches an auxiliary head, with a scaled output",
  () =>
    inFolder(async (folder) => {
      const path = join(folder, "train.arrow");
      await writeTaught(path);
      const run = async (teacherScale?: number) => {
        const pipeline = withHead({
          data: { ...digitsPipeline().data as object, train: { use: "arrow", path }, rows: 64 },
          losses: [
            tasks[0],
            {
              ...{ use: "mse-hint", to: "light.auxiliary", teacher: { column: "teacher" } },
              ...(teacherScale !== undefined && { teacherScale }),
            },
          ],
          train: { epochs: 1, batch: 64 },
          metrics: ["accuracy", "loss"],
        });
        return await withPipeline(pipeline, async (file, folder) => {
          const out = join(folder, "run"), losses: (readonly number[])[] = [];
          const { result } = await runFile(file, out, current(), {
            step: ({ losses: each }) => void losses.push(Object.values(each)),
          });
          if (teacherScale !== undefined) return losses[0]!;
          const evaluated = await evaluateRun(
            out,
            { engine: current(), checkpoint: "last" },
            ({ metrics }) => metrics,
          );
          assertEquals(evaluated, result.test as typeof evaluated);
          return losses[0]!;
        });
      };
      const [one, two, three] = [await run(), await run(2), await run(3)];
      assertEquals([one[0], one[0]], [two[0], three[0]]);
      // Of Σ (α · t − s)², the second difference over α is 2 Σ t²; t = log p are the teacher's logits.
      const squares = certain(0).reduce((sum, p) => sum + Math.log(p) ** 2, 0);
      const second = three[1]! - 2 * two[1]! + one[1]!;
      assertNear("second difference", [second], [2 * squares], 1e-4);
    }),
);

/** A pipeline on maps, whose head reads one, and the losses that its light net has alone. */
const onMaps = (head: boolean) =>
  withHead({
    data: { ...digitsPipeline().data as object, rows: 96 },
    network: {
      ...{ use: "wide-resnet", light: { depth: 10 }, booster: { depth: 10 } },
      ...(head && { auxiliary: { from: "group2" } }),
    },
    losses: [...tasks, ...head ? [{ ...hint, to: "light.auxiliary" }] : []],
    train: { epochs: 1, batch: 48 },
    metrics: ["accuracy", "loss"],
    outputs: ["checkpoint"],
  });

forEachEngine("an auxiliary head is evaluated, but neither counted nor exported", async () => {
  const files: Record<string, [size: number, text: string][]> = {};
  for (const head of [true, false]) {
    await withPipeline(onMaps(head), async (file, folder) => {
      const out = join(folder, "run");
      const { result } = await runFile(file, out, current());
      const { tensors } = decodeSafetensors(
        await Deno.readFile(join(out, "checkpoints", "best.safetensors")),
      );
      assertEquals(tensors.has("light.auxiliary/kernel"), head);
      assertEquals(tensors.get("light.auxiliary/kernel")?.shape, head ? [32, 10] : undefined);
      const exported = [];
      for (const format of ["onnx", "safetensors"] as const) {
        const to = join(folder, format);
        const { file } = await exportModel(out, to, { format, engine: current() });
        exported.push(await Deno.readFile(join(to, file)));
      }
      const model = await Deno.readTextFile(join(out, "model.json"));
      files[`${head}`] = [
        [result.parameters.light!, ""],
        ...exported.map((bytes): [number, string] => [
          bytes.length,
          new TextDecoder("latin1").decode(bytes).includes("auxiliary") ? "has the head" : "",
        ]),
        [0, JSON.stringify(Object(JSON.parse(model)).network.outputs)],
        [0, JSON.stringify(Object(JSON.parse(model)).variables)],
      ];
      if (!head) return;
      const evaluated = await evaluateRun(
        out,
        { engine: current(), checkpoint: "last" },
        ({ metrics }) => metrics,
      );
      // Among them are the losses, and that of the hint.
      assertEquals(evaluated, result.test as typeof evaluated);
      assert("loss/kl(booster→light.auxiliary)" in evaluated.run!, JSON.stringify(evaluated));
      // ONNX Runtime computes no hidden outputs, and says so.
      const logits = await evaluateRun(out, { engine: "onnx" }, ({ metrics }) => metrics);
      assertEquals(typeof logits.light!.accuracy, "number");
    });
  }
  assertEquals(files.true, files.false);
});

forEachEngine(
  "an auxiliary head has logits for each of several labels, and is not deployed",
  () =>
    withPipeline({}, async (_file, folder) => {
      const path = join(folder, "rows.arrow"), table = rowsFor("classes", 4);
      const click = tableFromArrays({ click: referenceIntegers("auxiliary/click/label", 12, 2) });
      await Deno.writeFile(path, tableToIPC(table.assign(click), "file"));
      const pipeline = digitsPipeline({
        data: {
          ...{ train: { use: "arrow", path }, test: { use: "arrow", path } },
          features: Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`x${index}`, {}])),
          labels: {
            click: { column: "click", kind: "binary" },
            kind: { column: "y", kind: "class" },
          },
        },
        network: network(1),
        losses: [
          { use: "binary-cross-entropy", on: "light", label: "click" },
          { use: "cross-entropy", on: "booster", label: "kind" },
          { use: "mse-hint", to: "light.auxiliary", label: "kind" },
          { use: "kl", to: "light.kind.auxiliary" },
        ],
        optimizer: { use: "sgd", learningRate: 0.2 },
        metrics: [{ use: "accuracy", label: "kind" }, "loss"],
        train: { epochs: 2, batch: 6 },
        outputs: ["checkpoint"],
      });
      const plan = await readPlan(pipeline as unknown as Pipeline);
      const data = await prepareData(plan);
      const { model, shapes } = prepareNets(plan, data, netsOf(plan));
      assertEquals(
        ["light.auxiliary", "light.click.auxiliary", "light.kind.auxiliary"].map((name) =>
          shapes[name]
        ),
        [[5], [1], [4]],
      );
      const values = Object.fromEntries(
        model.variables.map(({ name, shape }) => [
          name,
          tf.tensor(referenceValues(name, shape), [...shape]),
        ]),
      );
      const batch = await data.splits.train.slice(0, 12);
      const expected = tf.tidy(() => {
        const x = tf.tensor2d(
          Array.from(
            { length: 12 },
            (_, row) =>
              Array.from({ length: 5 }, (_, index) => batch.features[`x${index}`]!.values[row]!),
          ),
        );
        const dense = (x: tf.Tensor, name: string) =>
          tf.add(
            tf.matMul(x as tf.Tensor2D, values[`${name}/kernel`] as tf.Tensor2D),
            values[`${name}/bias`]!,
          );
        const shared = tf.relu(dense(x, "shared/dense1"));
        const hidden = (net: string) => tf.relu(dense(shared, `${net}/dense1`));
        const own = tf.slice2d(dense(hidden("light"), "light.auxiliary") as tf.Tensor2D, [0, 1], [
          -1,
          4,
        ]);
        const teacher = tf.slice2d(
          dense(hidden("booster"), "booster/head") as tf.Tensor2D,
          [0, 1],
          [
            -1,
            4,
          ],
        );
        const difference = tf.sum(tf.squaredDifference(own, teacher), -1);
        const p = tf.logSoftmax(teacher), q = tf.logSoftmax(own);
        const divergence = tf.sum(tf.mul(tf.exp(p), tf.sub(p, q)), -1);
        return [difference, divergence].map((each) => tf.mean(each).dataSync()[0]!);
      });
      const state = initialState(model, values);
      const before = [...state.values["light.auxiliary/kernel"]!.dataSync()];
      const position = { step: 0, steps: 1, epoch: 0, epochs: 1 };
      const input = stepInput(model, batch, position, 0.2, 0);
      const { losses, norm, state: next } = trainStep(model, state, input);
      assertNear("hints", [...losses.dataSync()].slice(3), expected, 1e-4);
      // Only the logits of the label that the hints read learn.
      const after = [...next.values["light.auxiliary/kernel"]!.dataSync()];
      after.forEach((value, index) =>
        assertEquals(value !== before[index], index % 5 > 0, `${index}`)
      );
      tf.dispose([losses, norm]);
      disposeInput(input);
      disposeState(state, next);
      disposeState(next);
      await data.close();
      await Deno.writeTextFile(join(folder, "several.json"), JSON.stringify(pipeline));
      const engine = current();
      const run = join(folder, "run");
      const { result } = await runFile(join(folder, "several.json"), run, engine);
      await evaluateRun(run, { engine, checkpoint: "last" }, ({ metrics }) => {
        for (const [name, value] of Object.entries(result.test.run!)) {
          assertNear(name, [metrics.run![name] as number], [value as number], 1e-4);
        }
      });
      await exportModel(run, join(folder, "net"), { engine });
      const written = await Deno.readTextFile(join(folder, "net", "model.json"));
      assertEquals(written.includes("auxiliary"), false);
    }),
);
