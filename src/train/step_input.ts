import * as tf from "@tensorflow/tfjs";
import { deriveSeed } from "../base/random.ts";
import type { Batch } from "../stages/batch.ts";
import type { Position } from "../stages/gradient.ts";
import { changingFactors } from "./objective.ts";
import { callStage, StageError } from "../stages/stage_error.ts";
import type { StepNumbers } from "../stages/optimizer.ts";
import { describeValue } from "../base/describe_value.ts";
import type { Model, StepInput } from "./step.ts";
import { batchTensors, rowsOf } from "./tensors.ts";

/**
 * A batch and all else that changes from step to step, as tensors.
 *
 * @param model The loss terms, for factors that change, and the optimizer.
 * @param batch The rows.
 * @param position Where the run is.
 * @param rate The learning rate.
 * @param seed The run's seed.
 * @param taken How many steps the optimizer has taken, an earlier run's among them; by default all
 *   of the position.
 * @returns The tensors, which the caller disposes of.
 * @throws {StageError} If the optimizer computes what is no number.
 */
export function stepInput(
  model: Pick<Model, "terms" | "optimizer" | "optimizerStage">,
  batch: Batch,
  position: Position,
  learningRate: number,
  seed: number,
  taken: number = position.step,
): StepInput {
  const step = taken + 1;
  return {
    ...batchTensors(batch),
    learningRate: tf.scalar(learningRate),
    step: tf.scalar(step),
    scalars: optimizerScalars(model, { step, learningRate }),
    seed: tf.scalar(deriveSeed(seed, "step", position.step) >>> 2, "int32"),
    factors: changingFactors(model.terms).map((factor) => tf.scalar(factor(position))),
  };
}

/**
 * Disposes of what {@linkcode stepInput} made.
 *
 * @param input The tensors.
 */
export function disposeInput(
  { learningRate, step, scalars, seed, factors, ...batch }: StepInput,
): void {
  tf.dispose([...rowsOf(batch), learningRate, step, ...Object.values(scalars), seed, ...factors]);
}

/**
 * Computes an optimizer's numbers from a step's number and learning rate.
 *
 * @param model The optimizer.
 * @param at The step.
 * @returns The numbers as tensors, by name.
 * @throws {StageError} If one of them is no finite number.
 */
export function optimizerScalars(
  { optimizer, optimizerStage }: Pick<Model, "optimizer" | "optimizerStage">,
  at: StepNumbers,
): Record<string, tf.Scalar> {
  const scalars = callStage(optimizerStage, "scalars()", () => optimizer.scalars?.(at) ?? {});
  for (const [name, value] of Object.entries(scalars)) {
    if (typeof value === "number" && Number.isFinite(value)) continue;
    throw new StageError(
      optimizerStage,
      `computed ${
        describeValue(value)
      } as the scalar ${name} of step ${at.step}; expected a finite number`,
    );
  }
  return Object.fromEntries(
    Object.entries(scalars).map(([name, value]) => [name, tf.scalar(value)]),
  );
}
