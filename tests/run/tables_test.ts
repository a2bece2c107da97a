import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { CapturedFunction } from "../../src/engine/capture/capture.ts";
import type { AnyStage } from "../../src/stages/stage.ts";
import type { GradientPolicy } from "../../src/stages/gradient.ts";
import type { NetworkPair, VariableOwner } from "../../src/stages/network.ts";
import type { Optimizer } from "../../src/stages/optimizer.ts";
import adagrad from "../../plugins/optimizers/adagrad.ts";
import adam from "../../plugins/optimizers/adam.ts";
import sgd from "../../plugins/optimizers/sgd.ts";
import { Forward } from "../../src/train/forward.ts";
import type { Term } from "../../src/train/objective.ts";
import {
  disposeState,
  gradientNorms,
  initialState,
  type Model,
  type State,
  type StepInput,
  trainStep,
} from "../../src/train/step.ts";
import { optimizerScalars } from "../../src/train/step_input.ts";
import { mapValues } from "../../src/stages/parts.ts";
import { DeclaredVariables, initialValues } from "../../src/train/variables.ts";
import { forEachEngine, forNative, leftBehind } from "../support/engines.ts";
import { relativeError } from "../support/numbers.ts";

const rows = 12, size = 3;

/** The table's first values: row and column in one number. */
const first = Float32Array.from(
  { length: rows * size },
  (_, i) => Math.floor(i / size) + (i % size) / 10,
);

/**
 * Each net's logit is the sum of the rows that it looks up, times the net's weight. With a loss
 * that is the mean of the logits, the gradient of a row is known by hand: its uses · weight /
 * batch.
 */
function build(
  { use, options = {} }: { use: AnyStage; options?: Record<string, unknown> },
  { owner = "shared", policy = [{ from: 1, to: 1, shared: 1 }] }: {
    owner?: VariableOwner;
    policy?: GradientPolicy;
  } = {},
): Model {
  const variables = new DeclaredVariables();
  const table = variables.add({
    name: "table",
    shape: [rows, size],
    initializer: { kind: "constant", value: 0 },
    owner,
    table: true,
  });
  const net = (weight: number): NetworkPair["light"] => ({ ids }, scope) => {
    const found = scope.lookup(table, ids!);
    return { rows: found, logits: tf.mul(tf.sum(found, [1, 2]).expandDims(1), weight) };
  };
  const term = (net: "light" | "booster"): Term => ({
    form: "task",
    name: net,
    stage: { kind: "loss", name: "sum" },
    weight: 1,
    policy: net === "light" ? policy : [{ from: 1, to: 1, shared: 1 }],
    compute: (output) => tf.sum(output, -1),
    on: { net, output: "logits" },
  });
  return {
    pair: { light: net(1), booster: net(2) },
    variables: variables.all,
    terms: [term("light"), term("booster")],
    optimizer: use.create(use.options.parse(options), {}) as Optimizer,
    optimizerStage: { kind: "optimizer", name: use.name },
  };
}

// A copy: TensorFlow may compute in the array itself, and steps write tables in place.
function start(model: Model): State {
  return initialState(model, { table: tf.tensor2d(first.slice(), [rows, size]) });
}

function inputOf(model: Model, ids: number[][], step: number, learningRate = 0.1): StepInput {
  return {
    features: { ids: tf.tensor2d(ids, undefined, "int32") },
    label: tf.zeros([ids.length]),
    learningRate: tf.scalar(learningRate),
    step: tf.scalar(step),
    scalars: optimizerScalars(model, { step, learningRate }),
    seed: tf.scalar(0, "int32"),
    factors: [],
  };
}

/**
 * Batches of four rows of two ids; row 3 is used thrice in the first, row 11 never, and in the
 * fifth there is one row alone: fewer than there are parts to write.
 */
const batches = [
  [[3, 3], [0, 5], [3, 1], [7, 10]],
  [[5, 2], [5, 5], [0, 3], [8, 9]],
  [[6, 4], [3, 0], [10, 10], [1, 2]],
  [[3, 3], [3, 3], [3, 3], [3, 0]],
  [[2, 2], [2, 2], [2, 2], [2, 2]],
  [[0, 1], [2, 4], [5, 6], [7, 8]],
];

/** Steps through some batches and gives the table and the slots afterwards. */
function train(
  model: Model,
  run = (state: State, input: StepInput) => trainStep(model, state, input),
) {
  let state = start(model);
  batches.forEach((ids, index) => {
    const input = inputOf(model, ids, index + 1);
    const { state: next, losses, norm } = run(state, input);
    disposeState(state, next);
    tf.dispose([
      input.features,
      input.label,
      input.learningRate,
      input.step,
      input.seed,
      losses,
      norm,
    ]);
    state = next;
  });
  const values = [state.values.table!, ...Object.values(state.slots).map((slot) => slot.table!)]
    .map((tensor) => Array.from(tensor.dataSync()));
  disposeState(state);
  return values;
}

/** The same by hand: `rule` moves one number of a touched row by its summed gradient. */
function byHand(
  slots: number,
  rule: (value: number, gradient: number, slots: number[], step: number) => [number, ...number[]],
): number[][] {
  const all = [
    Array.from(first),
    ...Array.from({ length: slots }, () => Array(rows * size).fill(0)),
  ];
  batches.forEach((ids, index) => {
    const uses = new Map<number, number>();
    for (const id of ids.flat()) uses.set(id, (uses.get(id) ?? 0) + 1);
    for (const [row, count] of uses) {
      // Light weighs 1 and booster 2, and each loss is a mean over four rows.
      const gradient = count * 3 / 4;
      for (let i = row * size; i < (row + 1) * size; i++) {
        const [value, ...moved] = rule(
          all[0]![i]!,
          gradient,
          all.slice(1).map((s) => s[i]!),
          index + 1,
        );
        all[0]![i] = value;
        moved.forEach((slot, s) => all[s + 1]![i] = slot);
      }
    }
  });
  return all;
}

const optimizers: Readonly<
  Record<string, [{ use: AnyStage; options?: Record<string, unknown> }, number[][]]>
> = {
  sgd: [{ use: sgd }, byHand(0, (w, g) => [w - 0.1 * g])],
  "sgd with momentum and weight decay": [
    { use: sgd, options: { momentum: 0.9, weightDecay: 0.01 } },
    byHand(1, (w, g, [m]) => {
      const next = 0.9 * m! + g + 0.01 * w;
      return [w - 0.1 * next, next];
    }),
  ],
  adagrad: [
    { use: adagrad },
    byHand(1, (w, g, [s]) => [w - 0.1 * g / (Math.sqrt(s! + g * g) + 1e-10), s! + g * g]),
  ],
  adam: [
    { use: adam },
    byHand(2, (w, g, [m, v], step) => {
      const mean = 0.9 * m! + 0.1 * g, square = 0.999 * v! + 0.001 * g * g;
      const root = Math.sqrt(square / (1 - 0.999 ** step)) + 1e-8;
      return [w - 0.1 * mean / (1 - 0.9 ** step) / root, mean, square];
    }),
  ],
};

for (const [name, [optimizer, expected]] of Object.entries(optimizers)) {
  forEachEngine(`trainStep() updates touched rows with ${name}, and sums duplicates`, () => {
    const actual = train(build(optimizer));
    actual.forEach((values, index) => {
      const error = relativeError(values, expected[index]!);
      assert(error < 1e-6, `${index === 0 ? "table" : "slot"}: ${error}`);
    });
    // Row 11 is in no batch: not a bit of it changes.
    assertEquals(actual[0]!.slice(11 * size), Array.from(first.slice(11 * size)));
  });

  forNative(
    `a captured step moves by ${name} the rows that it touches as an eager one does`,
    () => {
      const model = build(optimizer);
      const reports: boolean[] = [];
      const captured = new CapturedFunction(
        ({ state, input }: { state: State; input: StepInput }) => trainStep(model, state, input),
        { report: ({ captured }) => reports.push(captured) },
      );
      const actual = train(model, (state, input) => captured.call({ state, input }));
      captured.dispose();
      assertEquals(reports, [true]);
      actual.forEach((values, index) => assert(relativeError(values, expected[index]!) < 1e-6));
    },
  );
}

const moved = (model: Model) => {
  const [table] = train(model);
  return table!.some((value, index) => value !== first[index]);
};

/** Four tables, of two sizes and two owners, from which the light net reads a column each. */
function several(optimizer: Optimizer, together: boolean): Model {
  const variables = new DeclaredVariables();
  const tables = [[12, 3, "light"], [5, 3, "light"], [7, 2, "light"], [9, 3, "shared"]] as const;
  const declared = tables.map(([rows, size, owner], index) =>
    variables.add({
      name: `table${index}`,
      shape: [rows, size],
      initializer: { kind: "normal", deviation: 1 },
      owner,
      table: true,
    })
  );
  const threes = [declared[0]!, declared[1]!, declared[3]!];
  return {
    pair: {
      light: ({ ids }, scope) => {
        const columns = tf.split(ids!, 4, 1);
        const rows = together
          ? tf.reshape(
            scope.lookupColumns(threes, tf.concat([columns[0]!, columns[1]!, columns[3]!], 1)),
            [-1, 9],
          )
          : tf.concat(
            [0, 1, 3].map((index) =>
              tf.reshape(scope.lookup(declared[index]!, columns[index]!), [-1, 3])
            ),
            1,
          );
        const twos = tf.reshape(scope.lookup(declared[2]!, columns[2]!), [-1, 2]);
        const all = tf.concat([rows, twos], 1);
        return { logits: tf.sum(tf.square(all), 1, true) };
      },
    },
    variables: variables.all,
    terms: [{
      form: "task",
      name: "light",
      stage: { kind: "loss", name: "sum" },
      weight: 1,
      policy: [{ from: 1, to: 1, shared: 1 }],
      compute: (output) => tf.sum(output, -1),
      on: { net: "light", output: "logits" },
    }],
    optimizer,
    optimizerStage: { kind: "optimizer", name: "test" },
    clip: { norm: 1, per: "owner" },
  };
}

/** Trains four steps, and returns all values and slots by name. */
function trainSeveral(model: Model, captured: boolean): Record<string, number[]> {
  let state = initialState(model, initialValues(model.variables, 1));
  const step = new CapturedFunction(
    ({ state, input }: { state: State; input: StepInput }) => trainStep(model, state, input),
    { rows: ({ input }) => [input.features.ids!, input.label] },
  );
  for (let number = 1; number <= 4; number++) {
    const ids = Array.from(
      { length: 20 },
      (_, row) => [12, 5, 7, 9].map((rows, column) => (row * (column + 1) + number) % (rows - 1)),
    );
    const input = inputOf(model, ids, number);
    const { state: next, losses, norm } = captured
      ? step.call({ state, input })
      : trainStep(model, state, input);
    tf.dispose([losses, norm]);
    disposeState(state, next);
    state = next;
  }
  step.dispose();
  const all = { ...state.values };
  for (const [slot, tensors] of Object.entries(state.slots)) {
    for (const [name, tensor] of Object.entries(tensors)) all[`${slot}/${name}`] = tensor;
  }
  const numbers = mapValues(all, (tensor) => [...tensor.dataSync()]);
  disposeState(state);
  return numbers;
}

forEachEngine("trainStep() updates tables together as it updates each on its own", () => {
  const stage = adam.create(adam.options.parse({}), {}) as Optimizer;
  const alone = trainSeveral(several({ ...stage, elementwise: false }, false), false);
  assertEquals(Object.keys(alone).length, 12);
  for (const together of [false, true]) {
    for (const captured of [false, true]) {
      const joined = trainSeveral(several(stage, together), captured);
      for (const [name, values] of Object.entries(alone)) {
        assert(relativeError(joined[name]!, values) < 1e-6, name);
      }
    }
  }
});

forEachEngine("trainStep() updates no row of a table whose only gradient is blocked", () => {
  const block: GradientPolicy = [{ from: 0, to: 1, shared: 0 }];
  const model = build({ use: sgd }, { policy: block });
  // The booster's loss goes on moving it.
  assert(moved(model));
  assert(!moved({ ...model, terms: model.terms.slice(0, 1) }));
});

forEachEngine("trainStep() scales the gradient into rows of a shared table", () => {
  const half: GradientPolicy = [{ from: 1, to: 1, shared: 0.5 }];
  const whole = build({ use: sgd }), part = build({ use: sgd }, { policy: half });
  const [a] = train({ ...whole, terms: whole.terms.slice(0, 1) });
  const [b] = train({ ...part, terms: part.terms.slice(0, 1) });
  assert(
    relativeError(b!.map((v, i) => 2 * (v - first[i]!)), a!.map((v, i) => v - first[i]!)) < 1e-5,
  );
});

forEachEngine("gradientNorms() sums the gradients of a row that is used twice", async () => {
  const model = build({ use: sgd });
  const state = start(model), input = inputOf(model, batches[0]!, 1);
  const [light, booster] = await gradientNorms(model, state, input);
  // Row 3 is used three times and five rows once, each times 1/4 in three columns.
  const norm = Math.sqrt(size * (3 ** 2 + 5)) / 4;
  assert(relativeError([light!.norms.shared!, booster!.norms.shared!], [norm, 2 * norm]) < 1e-6);
});

forEachEngine("trainStep() leaks no tensor of its lookups", () => {
  const model = build({ use: adam });
  const state = start(model), input = inputOf(model, batches[0]!, 1);
  assertEquals(
    leftBehind(() => {
      const { state: next, losses, norm } = trainStep(model, state, input);
      disposeState(next, state);
      return [losses, norm];
    }),
    0,
  );
});

forEachEngine("Scope.lookup() refuses rows that do not exist", async () => {
  const model = build({ use: sgd });
  const state = start(model);
  await assertRejects(async () => {
    const { losses } = trainStep(model, state, inputOf(model, [[rows, 0]], 1));
    await losses.data();
  });
});

forEachEngine("Scope.read() refuses a table, and Scope.lookup() any other variable", async () => {
  const variables = new DeclaredVariables();
  const initializer = { kind: "constant", value: 0 } as const;
  const table = variables.add({
    name: "t",
    shape: [4, 2],
    initializer,
    owner: "light",
    table: true,
  });
  const kernel = variables.add({ name: "k", shape: [4, 2], initializer, owner: "light" });
  const values = initialValues(variables.all, 1);
  const fails = (light: NetworkPair["light"]) =>
    assertRejects(() =>
      Promise.try(() =>
        new Forward({ light }, {
          values,
          features: {},
          training: false,
          seed: () => tf.scalar(0, "int32"),
        }).outputs("light")
      )
    ) as Promise<Error>;
  const ids = tf.tensor1d([0], "int32");
  const read = await fails((_, scope) => ({ logits: scope.read(table) }));
  assertStringIncludes(
    read.message,
    `the variable "t" is a table: read its rows with scope.lookup()`,
  );
  const lookup = await fails((_, scope) => ({ logits: scope.lookup(kernel, ids) }));
  assertStringIncludes(lookup.message, `the variable "k" is not a table`);
});

forEachEngine("initialValues() draws a large table in parts that all differ", () => {
  const variables = new DeclaredVariables();
  const large = 2 ** 16 + 100;
  variables.add({
    name: "t",
    shape: [large, 2],
    initializer: { kind: "normal", deviation: 0.5 },
    owner: "light",
    table: true,
  });
  const draw = () => initialValues(variables.all, 3).t!.dataSync<"float32">();
  const values = draw();
  assertEquals(draw(), values);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + value * value, 0) / values.length;
  // Five standard errors of 131,272 numbers.
  assert(Math.abs(mean) < 5 * 0.5 / Math.sqrt(values.length), `mean ${mean}`);
  assert(Math.abs(square - 0.25) < 5 * 0.25 * Math.sqrt(2 / values.length), `square ${square}`);
  assert(values.slice(0, 200).some((value, index) => value !== values[2 * 2 ** 16 + index]));
});
