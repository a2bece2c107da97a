/**
 * What the tests of losses have in common.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { CapturedFunction } from "../../../src/engine/capture/capture.ts";
import type {
  HintLoss,
  LabelSpec,
  LossContext,
  LossScope,
  LossStage,
  TaskLoss,
} from "../../../plugin.ts";
import { DeclaredVariables } from "../../../src/train/variables.ts";
import {
  assertNear,
  type DistillationCase,
  distillationInputs,
  distillationLabels,
  type LossReference,
  readDistillationReference,
  readLossesReference,
  referenceLabels,
  referenceLogits,
} from "../../reference/fixtures.ts";
import { binaryLabel, classLabel, numberLabel } from "../../support/labels.ts";

/**
 * What a loss knows.
 *
 * @param label The label.
 * @param shapes The shapes of what it compares, without the batch.
 * @param variables Where it declares variables; by default they are not looked at.
 */
export function lossContext(
  label: LabelSpec,
  shapes: readonly (readonly number[])[],
  variables: DeclaredVariables = new DeclaredVariables(),
): LossContext {
  return { label, shapes, variables: variables.ofLoss("tried") };
}

/** The scope of a loss that reads neither label nor variables. */
const noScope: LossScope = {
  get label(): tf.Tensor {
    throw new Error("there is no label");
  },
  columns: {},
  read: ({ name }) => {
    throw new Error(`there is no ${name}`);
  },
};

/**
 * A loss with the label.
 *
 * @param stage The stage.
 * @param label The label.
 * @param shape The output's shape, without the batch.
 * @param options The options, as a pipeline file has them.
 */
export function makeTask(
  stage: LossStage,
  label: LabelSpec,
  shape: readonly number[],
  options: unknown = {},
): (output: tf.Tensor, label: tf.Tensor) => tf.Tensor {
  const context = lossContext(label, [shape]);
  const loss = stage.create(stage.options.parse(options), context) as TaskLoss;
  return (output, label) => loss(output, label, noScope);
}

/**
 * A hint.
 *
 * @param stage The stage.
 * @param from The shape of the teacher's output, without the batch.
 * @param to The shape of the student's output.
 * @param options The options, as a pipeline file has them.
 * @param label The label; three classes by default.
 */
export function makeHint(
  stage: LossStage,
  from: readonly number[],
  to: readonly number[] = from,
  options: unknown = {},
  label: LabelSpec = classLabel(3),
): PlainHint {
  const context = lossContext(label, [from, to]);
  const hint = stage.create(stage.options.parse(options), context) as HintLoss;
  return (from, to, label) =>
    hint(from, to, label ? { label, columns: {}, read: noScope.read } : noScope);
}

/** A hint without variables, and the label where it reads that. */
export type PlainHint = (from: tf.Tensor, to: tf.Tensor, label?: tf.Tensor) => tf.Tensor;

/** What a loss comes to. */
export interface Computed {
  /** One loss a row. */
  readonly losses: readonly number[];
  /** The gradient of the losses' mean by each output, flat. */
  readonly gradients: readonly (readonly number[])[];
}

/**
 * Computes a loss with its gradients.
 *
 * @param loss The loss of some outputs.
 * @param outputs What it is derived by.
 */
export function compute(
  loss: (...outputs: tf.Tensor[]) => tf.Tensor,
  ...outputs: tf.Tensor[]
): Computed {
  const gradients = tf.grads((...outputs: tf.Tensor[]) => tf.mean(loss(...outputs)))(outputs);
  return {
    losses: [...loss(...outputs).dataSync()],
    gradients: gradients.map((gradient) => [...gradient.dataSync()]),
  };
}

/**
 * Computes a hint of two nets' logits.
 *
 * @param hint The hint.
 * @param from The teacher's logits.
 * @param to The student's logits.
 */
export function computeHint(
  hint: (from: tf.Tensor, to: tf.Tensor) => tf.Tensor,
  from: number[][],
  to: number[][],
): Computed {
  return compute(hint, tf.tensor2d(from), tf.tensor2d(to));
}

/**
 * Compares a stage's loss and gradients with PyTorch's in all cases of the reference that it has,
 * op by op and as a graph.
 *
 * @param stage The stage.
 * @param least How many cases there must be.
 * @param tolerance The relative difference of gradients that passes.
 */
export async function assertDistillation(
  stage: LossStage,
  least: number,
  tolerance = 1e-4,
): Promise<void> {
  const { losses } = await readDistillationReference();
  const cases = Object.entries(losses).filter(([, reference]) => reference.stage === stage.name);
  assert(cases.length >= least, `${cases.length} cases of ${stage.name}`);
  for (const [name, reference] of cases) {
    for (const captured of [false, true]) {
      const actual = computeCase(stage, name, reference, captured);
      const where = `${name}${captured ? ", captured" : ""}`;
      assertNear(where, [actual.value], [reference.value], 1e-5);
      for (const [input, gradient] of Object.entries(reference.gradients)) {
        assertNear(`${where}: gradient by ${input}`, actual.gradients[input]!, gradient, tolerance);
      }
    }
  }
}

function computeCase(
  stage: LossStage,
  name: string,
  reference: DistillationCase,
  captured: boolean,
): { value: number; gradients: Record<string, ArrayLike<number>> } {
  const { shapes, rows, options } = reference;
  const [units] = shapes.to!.slice(-1);
  const label = units === 1 ? binaryLabel : classLabel(units!);
  const declared = new DeclaredVariables();
  const context = lossContext(label, [shapes.from!, shapes.to!], declared);
  const hint = stage.create(stage.options.parse(options), context) as HintLoss;
  const own = (variable: string) => variable.replace(/^losses\/tried\//, "");
  assertEquals(
    Object.fromEntries(declared.all.map(({ name, shape }) => [own(name), shape])),
    Object.fromEntries(Object.entries(shapes).filter(([input]) => input.includes("/"))),
  );
  const values = distillationInputs(name, reference);
  const inputs = Object.fromEntries(
    Object.entries(shapes).map(([input, shape]) => [
      input,
      tf.tensor(values[input]!, [...(input.includes("/") ? [] : [rows]), ...shape]),
    ]),
  );
  const labels = tf.tensor1d(distillationLabels(Math.max(units!, 2), rows), label.dtype);
  const names = Object.keys(inputs);
  const run = ({ inputs, label }: { inputs: Record<string, tf.Tensor>; label: tf.Tensor }) => {
    const scope: LossScope = { label, columns: {}, read: ({ name }) => inputs[own(name)]! };
    const loss = () => tf.mean(hint(inputs.from!, inputs.to!, scope)) as tf.Scalar;
    const { value, grads } = tf.engine().gradients(loss, names.map((name) => inputs[name]!));
    return { value, gradients: [...grads] };
  };
  const input = { inputs, label: labels };
  const compute = new CapturedFunction(run);
  // A graph is what the third call runs: two are recorded and compared.
  for (let call = 0; captured && call < 2; call++) tf.dispose(compute.call(input));
  const { value, gradients } = captured ? compute.call(input) : run(input);
  const result = {
    value: value.dataSync()[0]!,
    gradients: Object.fromEntries(names.map((name, i) => [name, gradients[i]!.dataSync()])),
  };
  compute.dispose();
  return result;
}

/**
 * Compares a loss's value and gradients with PyTorch's, for moderate and for extreme logits.
 *
 * @param stage The stage.
 * @param units How many logits.
 * @param options The options, as a pipeline file has them.
 * @param name The reference's name for this loss with these options.
 * @param tolerance The relative difference of gradients that passes.
 */
export async function assertReference(
  stage: LossStage,
  units: readonly number[],
  options: unknown = {},
  name: string = stage.name,
  tolerance = 1e-4,
): Promise<void> {
  const reference = await readLossesReference();
  for (const count of units) {
    for (const range of [3, 60]) {
      const { rows, [stage.form]: losses } = reference[`units${count}`]![`range${range}`]!;
      const expected: LossReference = losses[name]!;
      const logits = (side: "from" | "to") =>
        tf.tensor(referenceLogits(side, count, range, rows), [rows, count]);
      const actual = stage.form === "hint"
        ? compute(makeHint(stage, [count], [count], options), logits("from"), logits("to"))
        : compute(taskOf(stage, count, rows, options), logits("to"));
      const where = `${name} of ${count} logits up to ${range}`;
      assertNear(where, [mean(actual.losses)], [expected.value], 1e-5);
      const sides = stage.form === "hint" ? ["from", "to"] : ["on"];
      for (const [index, side] of sides.entries()) {
        const gradient = expected.gradients[side]!;
        assertNear(`${where}: gradient by ${side}`, actual.gradients[index]!, gradient, tolerance);
      }
    }
  }
}

/** A loss with the label of the reference, as a function of the output. */
function taskOf(stage: LossStage, units: number, rows: number, options: unknown) {
  const values = referenceLabels(units, rows);
  const label = units > 1
    ? classLabel(units)
    : stage.name === "mean-squared-error"
    ? numberLabel
    : binaryLabel;
  const loss = makeTask(stage, label, [units], options);
  return (output: tf.Tensor) => loss(output, tf.tensor1d(values, label.dtype));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
