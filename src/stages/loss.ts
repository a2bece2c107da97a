import type * as tf from "@tensorflow/tfjs";
import type { LabelSpec } from "./batch.ts";
import type { Variable, VariableSpec } from "./network.ts";
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
  /**
   * Where variables of the loss's own are declared, such as those of a regressor between two maps. The
   * optimizer moves them with the nets', but they belong to neither: they are in no net's number of
   * parameters, and do not ship.
   */
  readonly variables: LossVariables;
}

/** Where a loss declares its variables. */
export interface LossVariables {
  /**
   * Declares a variable.
   *
   * @param spec Its name, unique within the loss, its shape and how it starts.
   * @returns The handle to read it by, with the loss's name before its own.
   * @throws {Error} If the loss has declared one of this name.
   */
  add(spec: Omit<VariableSpec, "owner" | "table">): Variable;
}

/** What a loss may use in one step beside the outputs that it compares. */
export interface LossScope {
  /** The label, `[batch]`: int32 classes, or float32. */
  readonly label: tf.Tensor;
  /**
   * The value of a variable in this step.
   *
   * @param variable What {@linkcode LossVariables.add} returned.
   */
  read(variable: Variable): tf.Tensor;
}

/**
 * Compares an output of one net with the label.
 *
 * @param output The output, `[batch, units]` for logits.
 * @param label The label, `[batch]`: int32 classes, or float32.
 * @param scope The variables of this step.
 * @returns One loss a row, `[batch]`, or their mean, a scalar.
 */
export type TaskLoss = (output: tf.Tensor, label: tf.Tensor, scope: LossScope) => tf.Tensor;

/**
 * Compares an output of the teacher (`from`) with one of the student (`to`). How much of the
 * gradient reaches either is not its concern: a gradient stage decides that.
 *
 * @param from The teacher's output, `[batch, ...]`.
 * @param to The student's output, `[batch, ...]`.
 * @param scope The label and the variables of this step.
 * @returns One loss a row, `[batch]`; a scalar where rows are compared with one another.
 */
export type HintLoss = (from: tf.Tensor, to: tf.Tensor, scope: LossScope) => tf.Tensor;

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
