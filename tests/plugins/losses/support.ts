/**
 * What the tests of losses have in common.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import type { HintLoss, LabelSpec, LossStage, TaskLoss } from "../../../plugin.ts";
import {
  assertNear,
  type LossReference,
  readLossesReference,
  referenceLabels,
  referenceLogits,
} from "../../reference/fixtures.ts";
import { binaryLabel, classLabel, numberLabel } from "../../support/labels.ts";

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
): TaskLoss {
  return stage.create(stage.options.parse(options), { label, shapes: [shape] }) as TaskLoss;
}

/**
 * A hint.
 *
 * @param stage The stage.
 * @param from The shape of the guide's output, without the batch.
 * @param to The shape of the guided net's output.
 * @param options The options, as a pipeline file has them.
 */
export function makeHint(
  stage: LossStage,
  from: readonly number[],
  to: readonly number[] = from,
  options: unknown = {},
): HintLoss {
  const context = { label: classLabel(3), shapes: [from, to] };
  return stage.create(stage.options.parse(options), context) as HintLoss;
}

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
 * @param from The guide's logits.
 * @param to The guided net's logits.
 */
export function computeHint(hint: HintLoss, from: number[][], to: number[][]): Computed {
  return compute(hint, tf.tensor2d(from), tf.tensor2d(to));
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
