import type * as tf from "@tensorflow/tfjs";
import type { LabelSpec } from "./batch.ts";
import {
  type Create,
  defineStage,
  type OptionsSchema,
  type Stage,
  type StageDefinition,
} from "./stage.ts";

/** What a loss knows when it is made. */
export interface LossContext {
  /** The label. */
  readonly label: LabelSpec;
  /** The shapes of the outputs it compares, without the batch: of `on`, or of `from` and `to`. */
  readonly shapes: readonly (readonly number[])[];
}

/**
 * Compares an output of one net with the label.
 *
 * @param output The output, `[batch, units]` for logits.
 * @param label The label, `[batch]`: int32 classes, or float32.
 * @returns One loss a row, `[batch]`, or their mean, a scalar.
 */
export type TaskLoss = (output: tf.Tensor, label: tf.Tensor) => tf.Tensor;

/**
 * Compares an output of the guiding net (`from`) with one of the guided net (`to`). How much of the
 * gradient reaches either is not its concern: a gradient stage decides that.
 *
 * @param from The guide's output, `[batch, ...]`.
 * @param to The guided net's output, `[batch, ...]`.
 * @returns One loss a row, `[batch]`, or their mean, a scalar.
 */
export type HintLoss = (from: tf.Tensor, to: tf.Tensor) => tf.Tensor;

/** A stage that compares outputs. */
export interface LossStage extends Stage<"loss", LossContext, TaskLoss | HintLoss> {
  /** `task`: an output with the label (`on:`); `hint`: an output with another (`from:`, `to:`). */
  readonly form: "task" | "hint";
}

/** What the author of a loss writes. */
export type LossDefinition<Schema extends OptionsSchema> =
  & StageDefinition<Schema>
  & (
    | { readonly form: "task"; readonly create: Create<Schema, LossContext, TaskLoss> }
    | { readonly form: "hint"; readonly create: Create<Schema, LossContext, HintLoss> }
  );

/**
 * Defines a loss. `on`, `from`, `to`, `weight` and `gradient` of its entry are the pipeline's and not
 * among its options.
 *
 * @param definition Its name, options and how it is made.
 * @returns The stage.
 *
 * @example
 * ```ts
 * import { defineLoss, type LossStage, tf, z } from "@rocket-launching/rocket";
 *
 * const absoluteHint: LossStage = defineLoss({
 *   name: "absolute-hint",
 *   summary: "The absolute distance of the logits.",
 *   form: "hint",
 *   options: z.object({ scale: z.number().positive().default(1) }),
 *   create: ({ scale }) => (from, to) => tf.mul(tf.sum(tf.abs(tf.sub(from, to)), -1), scale),
 * });
 * ```
 */
export function defineLoss<Schema extends OptionsSchema>(
  definition: LossDefinition<Schema>,
): LossStage {
  const stage = defineStage("loss", definition as Parameters<typeof defineStage>[1]);
  return { ...stage, kind: "loss", form: definition.form } as LossStage;
}
