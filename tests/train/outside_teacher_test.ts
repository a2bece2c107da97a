import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { Bool, type DataType, Field, FixedSizeList, Float32, Int32 } from "apache-arrow";
import { Table, vectorFromArray } from "apache-arrow";
import kl from "../../plugins/losses/kl.ts";
import mseHint from "../../plugins/losses/mse_hint.ts";
import softLabel from "../../plugins/losses/soft_label.ts";
import sgd from "../../plugins/optimizers/sgd.ts";
import type { HintLoss, LossStage, Optimizer } from "../../plugin.ts";
import { CapturedFunction } from "../../src/engine/capture/capture.ts";
import { labelSchema } from "../../src/pipeline/data_options.ts";
import { openSplit } from "../../src/input/split.ts";
import { initialState, type Model, type StepInput, trainStep } from "../../src/train/step.ts";
import { batchTensors, rowsOf } from "../../src/train/tensors.ts";
import { DeclaredVariables } from "../../src/train/variables.ts";
import { assertNear, readTeachersReference } from "../reference/fixtures.ts";
import { referenceUniform } from "../reference/values.ts";
import { memorySource, sourceReference } from "../support/arrow.ts";
import { forEachEngine } from "../support/engines.ts";
import { lossContext } from "../plugins/losses/support.ts";

const stages: readonly LossStage[] = [softLabel, kl, mseHint];
const rows = 12, name = "t";

const raw = (side: string, units: number) =>
  referenceUniform(`teachers/${side}/units${units}`, [rows, units], -3, 3);

/** The column of `teachers.py`; every third row is null with `skip`. */
function columnOf(units: number, skip: boolean) {
  const logits = raw("from", units);
  const each = Array.from({ length: rows }, (_, row) => {
    if (skip && row % 3 === 0) return null;
    const own = [...logits.subarray(row * units, (row + 1) * units)];
    if (units === 1) return 1 / (1 + Math.exp(-own[0]!));
    const exps = own.map(Math.exp), sum = exps.reduce((a, b) => a + b);
    return exps.map((exp) => exp / sum);
  });
  const type: DataType = units === 1
    ? new Float32()
    : new FixedSizeList(units, new Field("item", new Float32(), true));
  return vectorFromArray(each, type);
}

/** A net whose logits are a variable, taught by the column. */
async function taught(stage: LossStage, units: number, skip: boolean) {
  const classes = units === 1 ? 2 : units;
  const y = vectorFromArray(Array.from({ length: rows }, (_, row) => row % classes), new Int32());
  const split = await openSplit(memorySource(new Table({ p: columnOf(units, skip), y })), {
    features: {},
    label: labelSchema.parse({ column: "y", kind: units === 1 ? "binary" : "class", classes }),
    nulls: undefined,
    texts: {},
    weight: undefined,
    columns: [],
    teachers: {
      [name]: { column: "p", of: undefined, missing: skip ? "skip" : "error" },
    },
    stage: sourceReference,
    places: undefined,
  });
  const variables = new DeclaredVariables();
  const own = variables.add({
    name: "own",
    shape: [rows, units],
    initializer: { kind: "constant", value: 0 },
    owner: "light",
  });
  const temperature = stage === kl ? { temperature: 2 } : {};
  const context = lossContext(split.label, [[units], [units]]);
  const model: Model = {
    pair: { light: (_features, scope) => ({ logits: scope.read(own) }) },
    variables: variables.all,
    terms: [{
      form: "hint",
      name: "hint",
      stage: { kind: "loss", name: stage.name },
      weight: 1,
      policy: [{ from: 0, to: 1, shared: 1 }],
      compute: stage.create(stage.options.parse(temperature), context) as HintLoss,
      to: { net: "light", output: "logits" },
      outside: { name, skip },
    }],
    optimizer: sgd.create(sgd.options.parse({}), {}) as Optimizer,
    optimizerStage: { kind: "optimizer", name: "sgd" },
  };
  return { model, batch: await split.slice(0, rows) };
}

for (const captured of [false, true]) {
  const how = captured ? "captured" : "op by op";
  forEachEngine(`hints from a column of probabilities agree with PyTorch, ${how}`, async () => {
    const seen = new Set<string>(), reference = await readTeachersReference();
    for (const stage of stages) {
      for (const units of [1, 5]) {
        for (const skip of [false, true]) {
          const key = `${stage.name}/units${units}/${skip ? "skip" : "all"}`;
          seen.add(key);
          const { model, batch } = await taught(stage, units, skip);
          const student = raw("to", units);
          const state = initialState(model, { own: tf.tensor2d(student, [rows, units]) });
          const input: StepInput = {
            ...batchTensors(batch, { columns: [], teachers: [name] }),
            learningRate: tf.scalar(1),
            step: tf.scalar(1),
            scalars: {},
            seed: tf.scalar(0, "int32"),
            factors: [],
          };
          const step = new CapturedFunction(
            ({ input }: { input: StepInput }) => trainStep(model, state, input),
            { rows: ({ input }) => rowsOf(input) },
          );
          const after = captured ? step.call({ input }) : trainStep(model, state, input);
          const [, loss] = after.losses.dataSync();
          const moved = after.state.values.own!.dataSync();
          assertNear(key, [loss!], [reference[key]!.loss], 1e-5);
          const gradient = student.map((was, index) => was - moved[index]!);
          assertNear(key, gradient, reference[key]!.gradient, 2e-5);
          step.dispose();
        }
      }
    }
    assertEquals(seen, new Set(Object.keys(reference)));
  });
}

Deno.test("a teacher's probabilities of 0 and 1 become finite logits, and hard labels too", async () => {
  const split = await openSplit(
    memorySource(
      new Table({
        p: vectorFromArray([true, false], new Bool()),
        y: vectorFromArray([0, 1], new Int32()),
      }),
    ),
    {
      features: {},
      label: labelSchema.parse({ column: "y", kind: "binary" }),
      nulls: undefined,
      texts: {},
      weight: undefined,
      columns: [],
      teachers: { [name]: { column: "p", of: "probabilities", missing: "error" } },
      stage: sourceReference,
      places: undefined,
    },
  );
  const { teachers } = await split.slice(0, 2);
  assertEquals(teachers![name]!.shape, [1]);
  const limit = Math.log((1 - 1e-7) / 1e-7);
  assertNear("logits", teachers![name]!.values, [limit, -limit], 1e-6);
  await split.close();
});
