import type { tf } from "./tf.ts";
import type { LabelSpec } from "./batch.ts";
import type { HintLoss, LossScope, LossVariables } from "./loss.ts";
import {
  type Create,
  defineStage,
  type OptionsSchema,
  type Stage,
  type StageDefinition,
} from "./stage.ts";

/** What a phase has measured so far, on the validation split, or on the test split without one. */
export interface Measured {
  /**
   * The metrics with a single value, by key, such as `light/accuracy`, and whether higher or lower
   * values are better.
   */
  readonly better: Readonly<Record<string, "higher" | "lower">>;
  /** The key of the metric that selects the best epoch, if there is one. */
  readonly select?: string | undefined;
  /**
   * The values of each evaluation so far by the metric's key, oldest first; null if the metric had
   * no value.
   */
  readonly values: Readonly<Record<string, readonly (number | null)[]>>;
}

/** How far training has come in the current phase, or in the run if the pipeline has no phases. */
export interface Position {
  /** The step about to run, from 0 at the start of the phase. */
  readonly step: number;
  /** The number of steps of the phase. */
  readonly steps: number;
  /** The epochs done, as a fraction: 1.5 is halfway through the second epoch. */
  readonly epoch: number;
  /** The number of epochs of the phase. */
  readonly epochs: number;
  /** The metrics of the evaluations so far; undefined if nothing is evaluated. */
  readonly measured?: Measured | undefined;
}

/**
 * The factor that multiplies a gradient: 0 blocks it, 1 passes it unchanged. A function is called
 * before each step, so that the factor can change during the run.
 */
export type Factor = number | ((position: Position) => number);

/**
 * A head of a gradient policy: layers with variables of the policy, whose output stands in for the
 * teacher's or the student's output in some passes. The head reads outputs of the nets as
 * constants, so no gradient passes through it to the nets. It is not part of a net: its variables
 * are not counted as parameters, and it is not exported.
 */
export interface PolicyHead {
  /** The outputs of the nets that the head reads, such as `booster.features`. */
  readonly reads: readonly string[];
  /**
   * Computes the output of the head.
   *
   * @param outputs The outputs that the head reads, `[batch, ...]`, in the same order.
   * @param scope The label and the variables of this step.
   * @returns A tensor of the same shape as the output for which it stands in.
   */
  compute(outputs: readonly tf.Tensor[], scope: LossScope): tf.Tensor;
}

/**
 * A pass of a gradient policy: one computation of a loss, with the factors that multiply the
 * gradients.
 */
export interface GradientPass {
  /** The factor that multiplies the gradient of the teacher's output. */
  readonly from: Factor;
  /**
   * The factor that multiplies the gradient of the student's output, or of the only output of a
   * loss that compares it with the label.
   */
  readonly to: Factor;
  /** The factor that multiplies the gradient of shared variables. */
  readonly shared: Factor;
  /**
   * Whether teacher and student are exchanged, so that the loss is computed in the other direction.
   */
  readonly reversed?: boolean;
  /**
   * A head whose output replaces that of the teacher. `from` is then the factor of the gradient of
   * the head's variables. With `reversed`, the teacher is the net of the entry's `to`.
   */
  readonly teacher?: PolicyHead;
  /**
   * A head whose output replaces that of the student. `to` is then the factor of the gradient of the
   * head's variables. With `reversed`, the student is the net of the entry's `from`.
   */
  readonly student?: PolicyHead;
  /** The loss of this pass, instead of that of the entry. */
  readonly loss?: HintLoss;
}

/**
 * A gradient policy: a list of passes. The loss is computed once for each pass, and the results are
 * added.
 */
export type GradientPolicy = readonly GradientPass[];

/** What a gradient policy knows of the loss whose gradient it determines. */
export interface GradientContext {
  /** The label. */
  readonly label: LabelSpec;
  /** The shapes of the compared outputs, without the batch axis: of `on`, or of `from` and `to`. */
  readonly shapes: readonly (readonly number[])[];
  /**
   * Returns the shape of an output of the nets that the loss compares, without the batch axis.
   *
   * @param output The output, such as `booster.features`.
   * @throws {UserError} If there is no such output.
   */
  shapeOf(output: string): readonly number[];
  /** Declares the variables of the policy's heads. */
  readonly variables: LossVariables;
}

/** A stage that decides which variables get the gradient of a loss, and how much of it. */
export type GradientStage = Stage<"gradient", GradientContext, GradientPolicy>;

/** The definition of a gradient policy, for {@linkcode defineGradient}. */
export type GradientDefinition<Schema extends OptionsSchema> = StageDefinition<Schema> & {
  /** Makes the policy. */
  readonly create: Create<Schema, GradientContext, GradientPolicy>;
};

/**
 * Defines a gradient policy: how much of a loss's gradient reaches the teacher, the student, and
 * the variables that both nets share.
 *
 * @param definition The policy's name, summary, options and `create` function.
 * @returns The stage.
 *
 * @example Hint gradients reach the booster only in the second half of the run.
 * ```ts
 * import { defineGradient, type GradientStage, z } from "@rocket-launching/rocket/plugin";
 *
 * const late: GradientStage = defineGradient({
 *   name: "late",
 *   summary: "Blocks the booster's gradient during the first part of the run.",
 *   options: z.object({ after: z.number().min(0).max(1).default(0.5) }),
 *   create: ({ after }) => [
 *     { from: ({ step, steps }) => (step < after * steps ? 0 : 1), to: 1, shared: 1 },
 *   ],
 * });
 * ```
 */
export function defineGradient<Schema extends OptionsSchema>(
  definition: GradientDefinition<Schema>,
): GradientStage {
  return defineStage("gradient", definition);
}
