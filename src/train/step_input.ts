import * as tf from "@tensorflow/tfjs";
import { deriveSeed } from "../base/random.ts";
import type { Batch } from "../stages/batch.ts";
import type { Position } from "../stages/gradient.ts";
import { changingFactors, type PartShare, partsRead } from "./objective.ts";
import { mapValues } from "../stages/parts.ts";
import { weightedRows } from "../stages/row_weights.ts";
import { callStage, StageError } from "../stages/stage_error.ts";
import type { StepNumbers } from "../stages/optimizer.ts";
import { describeValue } from "../base/describe_value.ts";
import type { BatchPart, ProcessPart } from "./parts.ts";
import type { Model, ProcessInput, StepInput } from "./step.ts";
import { batchTensors, rowsOf } from "./tensors.ts";

/**
 * Creates the input of a step: the batch and all other values that change from step to step, as
 * tensors.
 *
 * @param model The loss terms, for gradient factors that change, and the optimizer.
 * @param batch The rows.
 * @param position The position in the run.
 * @param learningRate The learning rate.
 * @param seed The run's seed.
 * @param taken The number of steps that the optimizer has taken, including those of an earlier run;
 *   the position's step by default.
 * @param part The rows' share of the batch, if they are a part of it.
 * @returns The tensors, which the caller disposes of.
 * @throws {StageError} If the optimizer computes a scalar that is not a finite number.
 */
export function stepInput(
  model: Pick<Model, "terms" | "optimizer" | "optimizerStage" | "rowWeights">,
  batch: Batch,
  position: Position,
  learningRate: number,
  seed: number,
  taken: number = position.step,
  part?: Omit<BatchPart, "batch">,
): StepInput {
  const step = taken + 1;
  const purpose = part && part.index > 0 ? [position.step, "part", part.index] : [position.step];
  return {
    ...batchTensors(weightedRows(batch, model.rowWeights), {
      ...partsRead(model.terms),
      // The processes of a cluster divide a batch after its rows have got their numbers.
      areNumbered: part?.process !== undefined,
    }),
    learningRate: tf.scalar(learningRate),
    step: tf.scalar(step),
    scalars: optimizerScalars(model, { step, learningRate }),
    seed: tf.scalar(deriveSeed(seed, "step", ...purpose) >>> 2, "int32"),
    ...(part && { share: shareOf(part) }),
    ...(part?.process && { process: processInput(part.process) }),
    factors: changingFactors(model.terms).map((factor) => tf.scalar(factor(position))),
  };
}

function processInput({ rows, stops, layout }: ProcessPart): ProcessInput {
  return {
    rows: tf.scalar(rows),
    stops: tf.scalar(stops ? 1 : 0),
    layout: tf.zeros([...layout]),
  };
}

function shareOf({ rows, weights, labels }: Omit<BatchPart, "batch">): PartShare {
  return {
    rows: tf.scalar(rows),
    weights: tf.scalar(weights),
    ...(labels && { labels: mapValues(labels, (fraction) => tf.scalar(fraction)) }),
  };
}

/**
 * Disposes of the tensors that {@linkcode stepInput} created.
 *
 * @param input The tensors.
 */
export function disposeInput(
  { learningRate, step, scalars, seed, factors, share, process, ...batch }: StepInput,
): void {
  if (process) tf.dispose({ ...process });
  if (share) tf.dispose([share.rows, share.weights, ...Object.values(share.labels ?? {})]);
  tf.dispose([...rowsOf(batch), learningRate, step, ...Object.values(scalars), seed, ...factors]);
}

/**
 * Computes the numbers that an optimizer needs in addition to gradients and slots in a step, such
 * as Adam's bias correction, from the step's number and learning rate.
 *
 * @param model The optimizer.
 * @param at The step's number and learning rate.
 * @returns The scalars as tensors, by name.
 * @throws {StageError} If a scalar is not a finite number.
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
