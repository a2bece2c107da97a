import type { tf } from "./tf.ts";
import type { z } from "./z.ts";
import type { Variable } from "./network.ts";
import {
  type Create,
  defineStage,
  type OptionsSchema,
  type Stage,
  type StageDefinition,
} from "./stage.ts";

/** The number and the learning rate of a step. */
export interface StepNumbers {
  /**
   * The number of the optimizer's step, from 1. Skipped steps do not count. Each phase counts from
   * 1.
   */
  readonly step: number;
  /** The learning rate of the step. */
  readonly learningRate: number;
}

/** The input of the update of one variable in one step. */
export interface UpdateInput<Slot extends string = string, Scalar extends string = string> {
  /** The variable. */
  readonly variable: Variable;
  /** The variable's value. */
  readonly value: tf.Tensor;
  /** The gradient of the total loss with respect to the variable. */
  readonly gradient: tf.Tensor;
  /** The values of the variable's slots, by name. */
  readonly slots: Readonly<Record<Slot, tf.Tensor>>;
  /** The learning rate of this step. */
  readonly learningRate: tf.Scalar;
  /** The number of this step as in {@linkcode StepNumbers}, as a float32: exact up to 2²⁴. */
  readonly step: tf.Scalar;
  /** The numbers that the optimizer's `scalars` computed for this step. */
  readonly scalars: Readonly<Record<Scalar, tf.Scalar>>;
}

/** A variable and its slots after a step. */
export interface UpdateOutput<Slot extends string = string> {
  /** The variable's new value. */
  readonly value: tf.Tensor;
  /** The slots' new values. */
  readonly slots: Readonly<Record<Slot, tf.Tensor>>;
}

/**
 * A rule that updates variables from their gradients. Its state, such as moments, is stored in
 * slots: tensors with the shape of the variable.
 */
export interface Optimizer<Slot extends string = string, Scalar extends string = string> {
  /** The names of the slots that each variable has, with their initial values. */
  readonly slots: Readonly<Record<Slot, number>>;
  /**
   * Whether {@linkcode Optimizer.update} treats each number on its own, and all variables alike.
   * All vectors are then updated by one call, and so are rows of several embedding tables, which is
   * faster; `variable` is one of them, with the shape of all. `false` by default.
   */
  readonly elementwise?: boolean | undefined;
  /**
   * Computes numbers from the number and the learning rate of a step, by name. They are computed in
   * float64 and passed to the rule as tensors.
   *
   * @param at The step.
   */
  scalars?(at: StepNumbers): Readonly<Record<Scalar, number>>;
  /**
   * Computes the values of a variable and its slots after a step. It must be a pure function of
   * tensors.
   *
   * @param input The variable, its gradient and its slots.
   */
  update(input: UpdateInput<Slot, Scalar>): UpdateOutput<Slot>;
}

/** A stage that updates the variables of the nets and losses from their gradients. */
export type OptimizerStage = Stage<"optimizer", Record<never, never>, Optimizer>;

/**
 * The initial value of each slot of an optimizer. All elements of a slot start with the same value.
 */
export type SlotStarts<Slot extends string> = Readonly<Partial<Record<Slot, number>>>;

/** The definition of an optimizer, for {@linkcode defineOptimizer}. */
export type OptimizerDefinition<
  Schema extends OptionsSchema,
  Slot extends string,
  Scalar extends string = never,
> =
  & StageDefinition<Schema>
  & {
    /**
     * The names of the slots that each variable has, with their initial values. They may depend on
     * the options.
     */
    readonly slots: SlotStarts<Slot> | ((options: z.output<Schema>) => SlotStarts<Slot>);
    /** As {@linkcode Optimizer.elementwise}; `false` by default. */
    readonly elementwise?: boolean;
    /**
     * Computes numbers that change with the step and that need more precision than float32, such as
     * 1 − βᵗ. The rule gets them as `scalars`.
     *
     * @param options The checked options.
     */
    readonly scalars?: (
      options: z.output<Schema>,
    ) => (at: StepNumbers) => Readonly<Record<Scalar, number>>;
    /** Creates the update rule: {@linkcode Optimizer.update}. */
    readonly create: Create<
      Schema,
      Record<never, never>,
      (input: UpdateInput<NoInfer<Slot>, NoInfer<Scalar>>) => UpdateOutput<NoInfer<Slot>>
    >;
  };

/**
 * Defines an optimizer. The keys `learningRate`, `schedule` and `tables` of its entry in a pipeline
 * file belong to the pipeline, so they are not options of the optimizer.
 *
 * @param definition The optimizer's name, summary, options, slots and `create` function.
 * @returns The stage.
 *
 * @example
 * ```ts
 * import { defineOptimizer, type OptimizerStage, tf, z } from "@rocket-launching/rocket/plugin";
 *
 * const heavyBall: OptimizerStage = defineOptimizer({
 *   name: "heavy-ball",
 *   summary: "Updates variables by a decaying sum of the gradients.",
 *   options: z.object({ decay: z.number().min(0).lt(1).default(0.9) }),
 *   slots: { move: 0 },
 *   create: ({ decay }) => ({ value, gradient, slots, learningRate }) => {
 *     const move = tf.add(tf.mul(slots.move, decay), gradient);
 *     return { value: tf.sub(value, tf.mul(move, learningRate)), slots: { move } };
 *   },
 * });
 * ```
 */
export function defineOptimizer<
  Schema extends OptionsSchema,
  Slot extends string,
  Scalar extends string = never,
>(
  { slots, elementwise, scalars, create, ...definition }: OptimizerDefinition<
    Schema,
    Slot,
    Scalar
  >,
): OptimizerStage {
  const stage = defineStage("optimizer", {
    ...definition,
    create: (options: z.output<Schema>) => ({
      slots: typeof slots === "function" ? slots(options) : slots,
      elementwise,
      ...(scalars && { scalars: scalars(options) }),
      update: create(options, {}),
    }),
  });
  return stage as unknown as OptimizerStage;
}
