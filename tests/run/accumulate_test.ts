import { assert, assertEquals, assertRejects } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import {
  Field,
  Float32,
  Int32,
  List,
  Table,
  tableFromArrays,
  tableToIPC,
  vectorFromArray,
} from "apache-arrow";
import { join } from "node:path";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { netsOf, prepareNets } from "../../src/run/prepare_nets.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import type { Batch } from "../../src/stages/batch.ts";
import { captured } from "../../src/train/captured.ts";
import {
  type PartInput,
  partSizes,
  partsOfBatch,
  partStep,
  StepInParts,
  type UpdateInput,
  updateStep,
} from "../../src/train/parts.ts";
import {
  disposeState,
  initialState,
  type Model,
  type State,
  type StepOutput,
  trainStep,
} from "../../src/train/step.ts";
import { disposeInput, stepInput } from "../../src/train/step_input.ts";
import { rowsOf } from "../../src/train/tensors.ts";
import { initialValues } from "../../src/train/variables.ts";
import { forEachEngine, forNative } from "../support/engines.ts";
import { digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";

const current = () => tf.getBackend() === "wasm" ? "wasm" as const : "native" as const;

Deno.test("partSizes() divides rows evenly into parts that are not too large", () => {
  assertEquals(partSizes(512, 128), [128, 128, 128, 128]);
  assertEquals(partSizes(300, 128), [100, 100, 100]);
  assertEquals(partSizes(129, 128), [64, 65]);
  assertEquals(partSizes(7, 128), [7]);
});

/** How far two lists of numbers are apart, as a fraction of the length of the second one. */
function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assertEquals(actual.length, expected.length);
  let difference = 0, length = 0;
  for (let index = 0; index < expected.length; index++) {
    difference += (actual[index]! - expected[index]!) ** 2;
    length += expected[index]! ** 2;
  }
  return Math.sqrt(difference / (length || 1));
}

/** Clicks with row weights, a table of embeddings, lists of ids, and a hint. */
async function withClicks(
  test: (model: Model, batch: Batch) => Promise<void>,
  train: Record<string, unknown> = {},
): Promise<void> {
  await withPipeline({}, async (_file, folder) => {
    const rows = 41, numbers = Float32Array.from({ length: rows }, (_, i) => Math.sin(i));
    const table = tableFromArrays({
      a: numbers,
      clicked: Int32Array.from(numbers, (value) => value > 0 ? 1 : 0),
      item: Int32Array.from(numbers, (_, row) => row % 7),
    });
    const columns = table.assign(
      new Table({
        history: vectorFromArray(
          Array.from(numbers, (_, row) => [row % 7, (row + 3) % 7].slice(0, row % 3)),
          new List(Field.new("item", new Int32())),
        ),
        importance: vectorFromArray(
          Array.from(numbers, (_, row) => row % 5 / 2),
          new Float32(),
        ),
      }),
    );
    const path = join(folder, "rows.arrow");
    await Deno.writeFile(path, tableToIPC(columns, "file"));
    const source = { use: "arrow", path };
    const plan = await readPlan(
      digitsPipeline({
        data: {
          train: source,
          test: source,
          features: { a: {}, item: { ids: "train" }, history: { ids: { of: "item" }, length: 3 } },
          label: { column: "clicked", kind: "binary" },
          weight: "importance",
        },
        network: {
          use: "ctr",
          embedding: 4,
          light: { hidden: [6] },
          booster: { hidden: [12] },
        },
        losses: [
          { use: "binary-cross-entropy", on: "light" },
          { use: "binary-cross-entropy", on: "booster" },
          { use: "mse-hint", weight: 0.1, schedule: { use: "ramp", over: 1 } },
        ],
        optimizer: { use: "adam", learningRate: 0.01 },
        train: { epochs: 1, batch: 41, clip: { norm: 0.05 }, ...train },
        metrics: [],
      }) as unknown as Pipeline,
    );
    const data = await prepareData(plan);
    const { model } = prepareNets(plan, data, netsOf(plan));
    const batch = data.transforms.apply(await data.splits.train.slice(0, rows), {
      ...{ seed: 1, epoch: 0, batch: 0, training: true },
    });
    await test(model, batch);
    await data.close();
  });
}

const positionOf = (step: number) => ({ step, steps: 10, epoch: step / 10, epochs: 1 });

/** Takes steps on a batch, as a whole or in parts. */
function steps(
  model: Model,
  batch: Batch,
  most: number,
  step?: StepInParts,
  count = 5,
): { losses: number[][]; norms: number[]; state: Record<string, Float32Array> } {
  let state: State = initialState(model, initialValues(model.variables, 3));
  const losses: number[][] = [], norms: number[] = [];
  for (let at = 0; at < count; at++) {
    const parts = step
      ? partsOfBatch(batch, most).map(({ batch, ...part }) =>
        stepInput(model, batch, positionOf(at), 0.01, 0, at, part)
      )
      : [stepInput(model, batch, positionOf(at), 0.01, 0, at)];
    const [input, ...others] = parts;
    const output: StepOutput = step
      ? step.call({ state, input: input!, others })
      : trainStep(model, state, input!);
    losses.push([...output.losses.dataSync()]);
    norms.push(output.norm.dataSync()[0]!);
    tf.dispose([output.losses, output.norm]);
    parts.forEach(disposeInput);
    disposeState(state, output.state);
    state = output.state;
  }
  const values = Object.entries({ value: state.values, ...state.slots }).flatMap((
    [slot, tensors],
  ) =>
    Object.entries(tensors).map(([name, tensor]) =>
      [`${slot} ${name}`, tensor.dataSync<"float32">()] as const
    )
  );
  disposeState(state);
  return { losses, norms, state: Object.fromEntries(values) };
}

const opByOp = (model: Model) =>
  new StepInParts({
    part: { call: (input) => partStep(model, input), dispose() {} },
    update: { call: (input) => updateStep(model, input), dispose() {} },
  });

forEachEngine(
  "a step in parts equals the step on the whole batch: clipped, with row weights, tables, lists",
  () =>
    withClicks((model, batch) => {
      const whole = steps(model, batch, 41);
      assert(whole.norms.every((norm) => norm > 0.05), "nothing is clipped");
      for (const most of [6, 40]) {
        const before = tf.memory().numTensors;
        const inParts = steps(model, batch, most, opByOp(model));
        assertEquals(tf.memory().numTensors, before, "tensors are left");
        assert(distance(inParts.losses.flat(), whole.losses.flat()) < 1e-5);
        assert(distance(inParts.norms, whole.norms) < 1e-5);
        for (const [name, values] of Object.entries(whole.state)) {
          const error = distance(inParts.state[name]!, values);
          assert(error < 1e-4, `${name} is off by ${error} in parts of ${most}`);
        }
      }
      return Promise.resolve();
    }),
);

forNative(
  "a captured step in parts equals one that runs op by op",
  () =>
    withClicks((model, batch) => {
      const reports: string[] = [];
      const listener = { report: (line: string) => void reports.push(line), debug: true };
      const step = new StepInParts({
        part: captured(
          "training step",
          listener,
          (input: PartInput) => partStep(model, input),
          ({ input }) => rowsOf(input),
        ),
        update: captured(
          "update",
          listener,
          (input: UpdateInput) => updateStep(model, input),
          () => [],
        ),
      });
      const graphs = steps(model, batch, 21, step),
        expected = steps(model, batch, 21, opByOp(model));
      step.dispose();
      // Parts of 20 and 21 rows, and the update.
      assertEquals(reports.length, 3, reports.join("\n"));
      for (const line of reports) assert(line.includes("captured as a graph"), line);
      assert(distance(graphs.losses.flat(), expected.losses.flat()) < 1e-5);
      for (const [name, values] of Object.entries(expected.state)) {
        const error = distance(graphs.state[name]!, values);
        assert(error < 1e-5, `${name} is off by ${error}`);
      }
      return Promise.resolve();
    }),
);

forEachEngine(
  "a part whose losses are not finite leaves the tables as they are",
  () =>
    withClicks((model, batch) => {
      const label = { ...batch.label, values: Float32Array.from(batch.label.values) };
      label.values[40] = NaN;
      const table = model.variables.find(({ table }) => table)!.name;
      const [before, after] = [0, 1].map((count) =>
        steps(model, { ...batch, label }, 15, opByOp(model), count)
      );
      assert(Number.isNaN(after!.norms[0]));
      for (
        const slot of ["value", "firstMoment"].filter((slot) => `${slot} ${table}` in after!.state)
      ) {
        assertEquals(after!.state[`${slot} ${table}`], before!.state[`${slot} ${table}`]);
      }
      return Promise.resolve();
    }),
);

/** The bytes of a checkpoint's tensors. Metadata before them states when the run went on. */
async function tensorsOf(run: string, name: string): Promise<Uint8Array> {
  const bytes = await Deno.readFile(join(run, "checkpoints", name));
  return bytes.subarray(8 + Number(new DataView(bytes.buffer).getBigUint64(0, true)));
}

forEachEngine(
  "`accumulate` trains as with larger batches, with a last group of fewer rows, and resumes",
  () => {
    const pipeline = (train: Record<string, unknown>) =>
      digitsPipeline({
        optimizer: { use: "sgd", learningRate: 0.05, momentum: 0.9 },
        train: { epochs: 2, clip: { norm: 1 }, ...train },
        outputs: [{ use: "checkpoint", everySteps: 1 }],
      });
    const inParts = pipeline({ batch: 100, accumulate: 4 });
    return withPipeline(inParts, async (file, folder) => {
      const losses: Record<string, number[]> = { parts: [], whole: [] };
      const parts = await runFile(file, join(folder, "parts"), current(), {
        step: ({ loss }) => void losses.parts!.push(loss),
      });
      // 1438 rows are 4 batches of 400 rows an epoch, the last of which has 238.
      assertEquals(parts.result.steps, 8);
      await withPipeline(pipeline({ batch: 400 }), async (file, folder) => {
        await runFile(file, join(folder, "whole"), current(), {
          step: ({ loss }) => void losses.whole!.push(loss),
        });
      });
      assert(distance(losses.parts!, losses.whole!) < 1e-5, JSON.stringify(losses));
      const out = join(folder, "run"), stop = new AbortController();
      await assertRejects(() =>
        runFile(file, out, current(), {
          step: ({ step }) => step === 5 ? stop.abort() : undefined,
        }, { signal: stop.signal })
      );
      const { result } = await runFile(file, out, current(), {}, { resume: true });
      assertEquals(result.test, parts.result.test);
      const last = "rocket-000008.safetensors";
      assertEquals(await tensorsOf(out, last), await tensorsOf(join(folder, "parts"), last));
    });
  },
);
