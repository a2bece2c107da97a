import { type StepNumbers, tf, type UpdateInput, z } from "../../plugin.ts";

/** The options of Adam and its variants. */
export const momentOptions = {
  betas: z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]).default([0.9, 0.999])
    .describe("The decay rates of the running means of the gradient and of its square."),
  epsilon: z.number().positive().default(1e-8).describe(
    "The constant added to the square root in the denominator.",
  ),
};

/** The slots in which Adam keeps its running means (moments) for each variable. */
export const momentSlots = { mean: 0, square: 0 } as const;

/** The parsed options of Adam and its variants. */
interface MomentOptions {
  readonly betas: readonly [number, number];
  readonly epsilon: number;
}

/** The scalars of an Adam update that depend on the step. */
export type MomentScalar = "size" | "root";

/**
 * Computes Adam's bias corrections, as PyTorch applies them: `size` is learning rate / (1 − β₁ᵗ),
 * and `root` is √(1 − β₂ᵗ).
 *
 * @param options The decay rates.
 */
export function momentScalars(
  { betas: [first, second] }: Pick<MomentOptions, "betas">,
): (at: StepNumbers) => Record<MomentScalar, number> {
  return ({ step, learningRate }) => ({
    size: learningRate / (1 - first ** step),
    root: Math.sqrt(1 - second ** step),
  });
}

/**
 * Computes Adam's update for a gradient (Kingma and Ba, 2015): m = β₁ m + (1 − β₁) g; v = β₂ v + (1
 * − β₂) g². The update is learning rate · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε).
 *
 * @param gradient The gradient, with or without that of a penalty.
 * @param input The slots, and the scalars of the step from {@linkcode momentScalars}.
 * @param options The decay rates and epsilon.
 * @returns The update to subtract, and the new slots.
 */
export function adamMove(
  gradient: tf.Tensor,
  { slots, scalars }: Pick<
    UpdateInput<keyof typeof momentSlots, MomentScalar>,
    "slots" | "scalars"
  >,
  { betas: [first, second], epsilon }: MomentOptions,
): { move: tf.Tensor; slots: Record<keyof typeof momentSlots, tf.Tensor> } {
  const mix = (kept: tf.Tensor, value: tf.Tensor, beta: number) =>
    tf.add(tf.mul(kept, beta), tf.mul(value, 1 - beta));
  const mean = mix(slots.mean, gradient, first);
  const square = mix(slots.square, tf.square(gradient), second);
  const root = tf.add(tf.div(tf.sqrt(square), scalars.root), epsilon);
  return { move: tf.mul(tf.div(mean, root), scalars.size), slots: { mean, square } };
}
