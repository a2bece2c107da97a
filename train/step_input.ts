import * as tf from "@tensorflow/tfjs";
import { deriveSeed } from "../pipeline/random.ts";
import type { Batch } from "../pipeline/stages/batch.ts";
import type { Position } from "../pipeline/stages/gradient.ts";
import { changingFactors } from "./objective.ts";
import type { PreparedNets } from "./prepare_nets.ts";
import type { StepInput } from "./step.ts";
import { batchTensors, rowsOf } from "./tensors.ts";

/**
 * A batch and all else that changes from step to step, as tensors.
 *
 * @param terms The loss terms, for factors that change.
 * @param batch The rows.
 * @param position Where the run is.
 * @param rate The learning rate.
 * @param seed The run's seed.
 * @returns The tensors, which the caller disposes of.
 */
export function stepInput(
  terms: PreparedNets["model"]["terms"],
  batch: Batch,
  position: Position,
  rate: number,
  seed: number,
): StepInput {
  return {
    ...batchTensors(batch),
    rate: tf.scalar(rate),
    step: tf.scalar(position.step + 1),
    seed: tf.scalar(deriveSeed(seed, "step", position.step) >>> 2, "int32"),
    factors: changingFactors(terms).map((factor) => tf.scalar(factor(position))),
  };
}

/**
 * Disposes of what {@linkcode stepInput} made.
 *
 * @param input The tensors.
 */
export function disposeInput({ rate, step, seed, factors, ...batch }: StepInput): void {
  tf.dispose([...rowsOf(batch), rate, step, seed, ...factors]);
}
