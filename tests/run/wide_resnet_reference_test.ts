/**
 * Wide residual rockets against PyTorch: outputs, losses, gradients and ten steps, from the same
 * weights and batches.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import type { GradientPolicy } from "../../src/stages/gradient.ts";
import type { NetName, Variable } from "../../src/stages/network.ts";
import crossEntropy from "../../plugins/losses/cross_entropy.ts";
import mseHint from "../../plugins/losses/mse_hint.ts";
import wideResnet from "../../plugins/networks/wide_resnet.ts";
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
import { DeclaredVariables } from "../../src/train/variables.ts";
import {
  assertNear,
  assertSummary,
  readWideResnetReference,
  referenceBatch,
  type Sharing,
  type TrainingRun,
  type WideResnetReference,
} from "../reference/fixtures.ts";
import { referenceValues } from "../reference/values.ts";
import { forEachEngine } from "../support/engines.ts";

const policies = {
  block: { task: [{ from: 1, to: 1, shared: 1 }], hint: [{ from: 0, to: 1, shared: 1 }] },
  pass: { task: [{ from: 1, to: 1, shared: 1 }], hint: [{ from: 1, to: 1, shared: 1 }] },
  own: { task: [{ from: 1, to: 1, shared: 0 }], hint: [{ from: 0, to: 1, shared: 0 }] },
} as const satisfies Record<string, { task: GradientPolicy; hint: GradientPolicy }>;

const plain: GradientPolicy = [{ from: 1, to: 1, shared: 1 }];
const nets = ["light", "booster"] as const;

function build(
  { case: { sharing, light, booster, image, classes, hintWeight } }: WideResnetReference,
  policy: keyof typeof policies,
  optimizer: unknown,
): Model {
  const variables = new DeclaredVariables();
  const label = { kind: "class", classes, shape: [], dtype: "int32" } as const;
  const pair = wideResnet.create(wideResnet.options.parse({ sharing, light, booster }), {
    features: { image: { shape: image, dtype: "float32" } },
    label,
    units: classes,
    nets,
    variables,
  });
  const logits = (net: NetName) => ({ net, output: "logits" });
  const context = { label, variables: variables.ofLoss("loss") };
  const task = (net: NetName): Term => ({
    form: "task",
    name: net,
    stage: { kind: "loss", name: "cross-entropy" },
    weight: 1,
    policy: net === "light" ? policies[policy].task : plain,
    compute: crossEntropy.create(crossEntropy.options.parse({}), {
      ...context,
      shapes: [[classes]],
    }),
    on: logits(net),
  } as Term);
  const hint = {
    form: "hint",
    name: "hint",
    stage: { kind: "loss", name: "mse-hint" },
    weight: hintWeight,
    policy: policies[policy].hint,
    pairs: [{
      compute: mseHint.create(mseHint.options.parse({}), {
        ...context,
        shapes: [[classes], [classes]],
      }),
      from: logits("booster"),
      to: logits("light"),
    }],
  } as Term;
  return {
    pair,
    variables: variables.all,
    terms: [task("light"), task("booster"), hint],
    optimizer: sgd.create(sgd.options.parse(optimizer), {}),
    optimizerStage: { kind: "optimizer", name: "sgd" },
  };
}

function start(model: Model): State {
  return initialState(
    model,
    Object.fromEntries(
      model.variables.map(({ name, shape }) => [
        name,
        tf.tensor(referenceValues(name, shape), [...shape]),
      ]),
    ),
  );
}

function input(reference: WideResnetReference, batch: number, learningRate: number): StepInput {
  const { image, label } = referenceBatch(reference, batch);
  const { case: { image: shape, batch: rows } } = reference;
  return {
    features: { image: tf.tensor(image, [rows, ...shape]) },
    label: tf.tensor1d(label, "int32"),
    learningRate: tf.scalar(learningRate),
    step: tf.scalar(1),
    scalars: {},
    seed: tf.scalar(0, "int32"),
    factors: [],
  };
}

function logitsOf(model: Model, state: State, image: tf.Tensor, training: boolean) {
  const forward = new Forward(model.pair, {
    values: state.values,
    features: { image },
    training,
    seed: () => tf.scalar(0, "int32"),
  });
  return nets.map((net) => [net, forward.outputs(net).logits.dataSync()] as const);
}

const trainable = ({ variables }: Model): Variable[] =>
  variables.filter((variable) => variable.trainable);

async function checkFirstStep(
  reference: WideResnetReference,
  policy: keyof typeof policies,
): Promise<void> {
  const expected = reference[policy]!.firstStep;
  const model = build(reference, policy, {});
  const state = start(model);
  const batch = input(reference, expected.firstBatch, 1);
  for (const [net, logits] of logitsOf(model, state, batch.features.image!, true)) {
    assertNear(`${net} logits`, logits, expected.logits[net]);
  }
  const rows = await gradientNorms(model, state, batch);
  for (const [index, term] of (["ceLight", "ceBooster", "hint"] as const).entries()) {
    const norms = expected.gradientNorms[term];
    for (const owner of ["light", "booster", "shared"] as const) {
      const actual = rows[index]!.norms[owner] ?? 0;
      if (norms[owner] === 0) assertEquals(actual, 0);
      else assertNear(`${term} norm of ${owner}`, [actual], [norms[owner]]);
    }
  }
  const moved = trainStep(model, state, batch);
  const { ceLight, ceBooster, hint, total } = expected.losses;
  const [sum, light, booster, unweighted] = moved.losses.dataSync();
  assertNear(
    "losses",
    [light!, booster!, unweighted! * reference.case.hintWeight, sum!],
    [ceLight, ceBooster, hint, total],
  );
  const gradients = new RecordedGradients(model, state, batch);
  for (const { name } of trainable(model)) {
    assertSummary(`gradient of ${name}`, gradients.of(name), expected.gradients[name]!);
  }
}

/** Gradients without the rounding that a difference of variables would bring. */
class RecordedGradients {
  readonly #gradients = new Map<string, Float32Array>();

  constructor(model: Model, state: State, batch: StepInput) {
    const recording: Model = {
      ...model,
      optimizer: {
        ...model.optimizer,
        // Otherwise, vectors would be updated together.
        elementwise: false,
        update: ({ variable, value, gradient, slots }) => {
          this.#gradients.set(variable.name, gradient.dataSync() as Float32Array);
          return { value, slots };
        },
      },
    };
    trainStep(recording, state, batch);
  }

  of(name: string): Float32Array {
    return this.#gradients.get(name) ?? new Float32Array();
  }
}

function checkRun(
  reference: WideResnetReference,
  policy: keyof typeof policies,
  run: TrainingRun,
): void {
  const { learningRate, ...options } = run.options;
  const model = build(reference, policy, options);
  let state = start(model);
  run.losses.forEach(([light, booster, hint], index) => {
    const batch = input(reference, run.firstBatch + index, learningRate);
    const output = trainStep(model, state, batch);
    const [, ...losses] = output.losses.dataSync();
    losses[2]! *= reference.case.hintWeight;
    assertNear(`losses of step ${index}`, losses, [light, booster, hint]);
    disposeState(state, output.state);
    state = output.state;
  });
  for (const { name } of model.variables) {
    assertSummary(name, state.values[name]!.dataSync(), run.variables[name]!);
  }
  const { image } = referenceBatch(reference, "evaluation");
  const { case: { image: shape, batch: rows } } = reference;
  for (
    const [net, logits] of logitsOf(model, state, tf.tensor(image, [rows, ...shape]), false)
  ) {
    assertNear(`${net} logits after the steps`, logits, run.logits[net]);
  }
}

for (const sharing of ["interval", "bottom", "none"] as const satisfies readonly Sharing[]) {
  const reference = await readWideResnetReference(sharing);
  const policed = (["block", "pass", "own"] as const).filter((policy) => reference[policy]);

  forEachEngine(`wideResnet() with ${sharing} sharing declares PyTorch's variables`, () => {
    const declared = build(reference, "block", {}).variables;
    assertEquals(
      Object.fromEntries(declared.map(({ name, shape, owner }) => [name, { shape, owner }])),
      Object.fromEntries(
        Object.entries(reference.variables)
          .map(([name, { shape, owner }]) => [name, { shape, owner }]),
      ),
    );
  });

  for (const policy of policed) {
    forEachEngine(
      `trainStep() with ${sharing} sharing (${policy}) gives PyTorch's outputs, losses and gradients`,
      () => checkFirstStep(reference, policy),
    );
    for (const kind of ["momentum", "nesterov"] as const) {
      const runs = reference[policy] as Partial<Record<typeof kind, TrainingRun>>;
      const run = runs[kind];
      if (!run) continue;
      forEachEngine(
        `trainStep() with ${sharing} sharing (${policy}, ${kind}) follows PyTorch for ten steps`,
        () => checkRun(reference, policy, run),
      );
    }
  }
}
