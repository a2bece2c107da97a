import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { CapturedFunction } from "../../src/engine/capture/capture.ts";
import { gatherRows } from "../../src/engine/tables.ts";
import type { Optimizer, OptimizerStage } from "../../src/stages/optimizer.ts";
import adagrad from "../../plugins/optimizers/adagrad.ts";
import adam from "../../plugins/optimizers/adam.ts";
import adamw from "../../plugins/optimizers/adamw.ts";
import sgd from "../../plugins/optimizers/sgd.ts";
import type { Term } from "../../src/train/objective.ts";
import {
  disposeState,
  initialState,
  type Model,
  type State,
  type StepInput,
  trainStep,
} from "../../src/train/step.ts";
import { disposeInput, optimizerScalars } from "../../src/train/step_input.ts";
import { rowsOf } from "../../src/train/tensors.ts";
import { DeclaredVariables } from "../../src/train/variables.ts";
import { assertNear, readTablesReference } from "../reference/fixtures.ts";
import { referenceIntegers, referenceUniform } from "../reference/values.ts";
import { forEachEngine } from "../support/engines.ts";

const steps = 50, batch = 4, places = 2, rows = 12, size = 3;

const part = (name: string, low: number, high: number) =>
  tf.tensor2d(referenceUniform(`tables/${name}`, [rows, size], low, high), [rows, size]);

/** The problem of tables.py: ½ Σ curvature · (row − target)² over the rows that are read. */
function modelOf(stage: OptimizerStage, options: object, tables: "lazy" | "exact"): Model {
  const variables = new DeclaredVariables();
  const table = variables.add({
    name: "table",
    shape: [rows, size],
    initializer: { kind: "constant", value: 0 },
    owner: "light",
    table: true,
  });
  const target = part("target", -1, 1), curvature = part("curvature", 0.2, 2);
  const term: Term = {
    form: "task",
    name: "squares",
    stage: { kind: "loss", name: "squares" },
    weight: 1,
    policy: [{ from: 1, to: 1, shared: 1 }],
    compute: (output) => tf.sum(output, -1),
    on: { net: "light", output: "logits" },
  };
  return {
    pair: {
      light: ({ ids }, scope) => {
        const apart = tf.sub(scope.lookup(table, ids!), gatherRows(target, ids!));
        const each = tf.mul(gatherRows(curvature, ids!), tf.square(apart));
        return { logits: tf.mul(tf.sum(each, [1, 2]).expandDims(1), 0.5) };
      },
    },
    variables: variables.all,
    terms: [term],
    optimizer: stage.create(stage.options.parse(options), {}) as Optimizer,
    optimizerStage: { kind: "optimizer", name: stage.name },
    tables,
  };
}

/** The table after the steps of tables.py. */
function trained(model: Model, learningRate: number, captured: boolean): Float32Array {
  const captures: boolean[] = [];
  const step = new CapturedFunction(
    ({ state, input }: { state: State; input: StepInput }) => trainStep(model, state, input),
    {
      rows: ({ input }) => rowsOf(input),
      report: ({ captured }) => captures.push(captured),
    },
  );
  let state = initialState(model, { table: part("start", -1, 1) });
  for (let number = 1; number <= steps; number++) {
    // The last row is read in the first ten steps alone.
    const of = number <= 10 ? rows : rows - 1;
    const ids = referenceIntegers(`tables/ids${number}`, batch * places, of);
    const input: StepInput = {
      features: { ids: tf.tensor2d(ids, [batch, places], "int32") },
      label: tf.zeros([batch]),
      learningRate: tf.scalar(learningRate),
      step: tf.scalar(number),
      scalars: optimizerScalars(model, { step: number, learningRate }),
      seed: tf.scalar(0, "int32"),
      factors: [],
    };
    const after = captured ? step.call({ state, input }) : trainStep(model, state, input);
    disposeState(state, after.state);
    disposeInput(input);
    tf.dispose([after.losses, after.norm]);
    state = after.state;
  }
  const values = state.values.table!.dataSync<"float32">().slice();
  disposeState(state);
  step.dispose();
  // Where steps are captured at all, these are.
  if (captured && tf.getBackend() === "tensorflow") assertEquals(captures, [true]);
  return values;
}

const stages = { sgd, nesterov: sgd, adam, adamw, adagrad };

for (const tables of ["lazy", "exact"] as const) {
  const what = tables === "lazy"
    ? "on the rows that a step reads alone"
    : "on the dense table, decay and momentum included";
  forEachEngine(`tables: ${tables} agrees after 50 steps with PyTorch ${what}`, async () => {
    const { runs } = await readTablesReference();
    for (const [name, stage] of Object.entries(stages)) {
      const { options: { lr, momentum, nesterov, weight_decay }, ...found } = runs[name]!;
      const own = stage === sgd ? { momentum, nesterov } : {};
      const options = { ...own, weightDecay: weight_decay };
      for (const captured of [false, true]) {
        const values = trained(modelOf(stage, options, tables), lr, captured);
        assertNear(`${name}${captured ? ", captured" : ""}`, values, found[tables], 1e-6);
      }
    }
  });
}

forEachEngine(
  "embeddingL2 agrees with PyTorch's gradient of λ/2 · Σ w² over the rows that are updated",
  async () => {
    const { penalized: { embeddingL2, lr, ...expected } } = await readTablesReference();
    for (const tables of ["lazy", "exact"] as const) {
      for (const captured of [false, true]) {
        const model = { ...modelOf(adam, {}, tables), embeddingL2 };
        const values = trained(model, lr, captured);
        assertNear(`${tables}${captured ? ", captured" : ""}`, values, expected[tables], 1e-6);
      }
    }
  },
);

forEachEngine("adam's lazy tables agree with PyTorch's SparseAdam after 50 steps", async () => {
  const { sparseAdam } = await readTablesReference();
  // SparseAdam adds epsilon before the correction and not after it, which is 1e-8 of a root.
  assertNear("sparse", trained(modelOf(adam, {}, "lazy"), 0.01, false), sparseAdam, 5e-6);
});

Deno.test("lazy and exact differ only in rows that are not read", async () => {
  const { runs } = await readTablesReference();
  for (const { lazy, exact } of Object.values(runs)) {
    const apart = lazy.flat().map((value, index) => Math.abs(value - exact.flat()[index]!));
    assert(Math.max(...apart) > 1e-3);
  }
});

forEachEngine(
  "sgd and adagrad without decay and momentum update lazy and exact tables alike",
  () => {
    for (const stage of [sgd, adagrad]) {
      const [lazy, exact] = (["lazy", "exact"] as const).map((tables) =>
        trained(modelOf(stage, { weightDecay: 0 }, tables), 0.05, false)
      );
      assertNear(stage.name, lazy!, [...exact!], 1e-6);
      assertEquals(lazy!.length, rows * size);
    }
  },
);
