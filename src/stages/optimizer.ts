import type * as tf from "@tensorflow/tfjs";
import type { z } from "zod";
import type { Variable } from "./network.ts";
import {
  type Create,
  defineStage,
  type OptionsSchema,
  type Stage,
  type StageDefinition,
} from "./stage.ts";

/** Where a step is, in plain numbers. */
export interface StepNumbers {
  /** The number of the step that the optimizer takes, from 1. Steps that are skipped do not count; each phase counts its own. */
  readonly step: number;
  /** The learning rate of the step. */
  readonly rate: number;
}

/** One variable in one step. */
export interface UpdateInput<Slot extends string = string, Scalar extends string = string> {
  /** Which variable it is. */
  readonly variable: Variable;
  /** Its value. */
  readonly value: tf.Tensor;
  /** The gradient of the total loss. */
  readonly gradient: tf.Tensor;
  /** What this optimizer keeps of this variable, by slot. */
  readonly slots: Readonly<Record<Slot, tf.Tensor>>;
  /** The learning rate of this step. */
  readonly rate: tf.Scalar;
  /** The number of this step as in {@linkcode StepNumbers}, as a float32: exact up to 2²⁴. */
  readonly step: tf.Scalar;
  /** What the optimizer's own `scalars` computed for this step. */
  readonly scalars: Readonly<Record<Scalar, tf.Scalar>>;
}

/** A variable and its slots after a step. */
export interface UpdateOutput<Slot extends string = string> {
  /** The variable's new value. */
  readonly value: tf.Tensor;
  /** The slots' new values. */
  readonly slots: Readonly<Record<Slot, tf.Tensor>>;
}

/** A rule by which variables follow their gradients. It holds no state: the slots do. */
export interface Optimizer<Slot extends string = string, Scalar extends string = string> {
  /** What it keeps of each variable, with the value that each slot starts with. */
  readonly slots: Readonly<Record<Slot, number>>;
  /**
   * Numbers of a step that follow from its number and its rate, by name. They are computed in float64
   * and handed to the rule as tensors.
   *
   * @param at The step.
   */
  scalars?(at: StepNumbers): Readonly<Record<Scalar, number>>;
  /**
   * The variable and its slots after a step; a pure function of tensors.
   *
   * @param input The variable, its gradient and its slots.
   */
  update(input: UpdateInput<Slot, Scalar>): UpdateOutput<Slot>;
}

/** A stage that moves variables. */
export type OptimizerStage = Stage<"optimizer", Record<never, never>, Optimizer>;

/** What a slot of each name starts with. */
export type SlotStarts<Slot extends string> = Readonly<Partial<Record<Slot, number>>>;

/** What the author of an optimizer writes. */
export type OptimizerDefinition<
  Schema extends OptionsSchema,
  Slot extends string,
  Scalar extends string = never,
> =
  & StageDefinition<Schema>
  & {
    /** What it keeps of each variable, with the value that each slot starts with; it may depend on the options. */
    readonly slots: SlotStarts<Slot> | ((options: z.output<Schema>) => SlotStarts<Slot>);
    /**
     * Numbers that change with the step and that float32 would compute too coarsely, such as 1 − βᵗ. The
     * rule gets them as `scalars`.
     *
     * @param options The options.
     */
    readonly scalars?: (
      options: z.output<Schema>,
    ) => (at: StepNumbers) => Readonly<Record<Scalar, number>>;
    /** Makes the rule, which {@linkcode Optimizer.update} is. */
    readonly create: Create<
      Schema,
      Record<never, never>,
      (input: UpdateInput<NoInfer<Slot>, NoInfer<Scalar>>) => UpdateOutput<NoInfer<Slot>>
    >;
  };

/**
 * Defines an optimizer. `rate` and `schedule` of its entry are the pipeline's and not among its
 * options.
 *
 * @param definition Its name, options, slots and how it is made.
 * @returns The stage.
 *
 * @example
 * ```ts
 * import { defineOptimizer, type OptimizerStage, tf, z } from "@rocket-launching/rocket";
 *
 * const heavyBall: OptimizerStage = defineOptimizer({
 *   name: "heavy-ball",
 *   summary: "Moves by a decaying sum of the gradients.",
 *   options: z.object({ decay: z.number().min(0).lt(1).default(0.9) }),
 *   slots: { move: 0 },
 *   create: ({ decay }) => ({ value, gradient, slots, rate }) => {
 *     const move = tf.add(tf.mul(slots.move, decay), gradient);
 *     return { value: tf.sub(value, tf.mul(move, rate)), slots: { move } };
 *   },
 * });
 * ```
 */
export function defineOptimizer<
  Schema extends OptionsSchema,
  Slot extends string,
  Scalar extends string = never,
>(
  { slots, scalars, create, ...definition }: OptimizerDefinition<Schema, Slot, Scalar>,
): OptimizerStage {
  const stage = defineStage("optimizer", {
    ...definition,
    create: (options: z.output<Schema>) => ({
      slots: typeof slots === "function" ? slots(options) : slots,
      ...(scalars && { scalars: scalars(options) }),
      update: create(options, {}),
    }),
  });
  return stage as unknown as OptimizerStage;
}
