import { tf, type UpdateInput, z } from "../../plugin.ts";

/** The options of Adam and its variants. */
export const momentOptions = {
  betas: z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]).default([0.9, 0.999])
    .describe("What is kept of the mean and of the mean square."),
  epsilon: z.number().positive().default(1e-8).describe("What is added to the root."),
};

/** What Adam keeps of a variable. */
export const momentSlots = { mean: 0, square: 0 } as const;

/**
 * Adam's move for a gradient (Kingma and Ba, 2015): m = β₁ m + (1 − β₁) g; v = β₂ v + (1 − β₂) g²; the move is
 * rate · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε).
 *
 * @param gradient The gradient, with or without a penalty's.
 * @param input The slots, the rate and the step.
 * @param options The decay rates and epsilon.
 * @returns The move to subtract, and the slots after it.
 */
export function adamMove(
  gradient: tf.Tensor,
  { slots, rate, step }: Pick<UpdateInput<keyof typeof momentSlots>, "slots" | "rate" | "step">,
  { betas: [first, second], epsilon }: { betas: readonly [number, number]; epsilon: number },
): { move: tf.Tensor; slots: Record<keyof typeof momentSlots, tf.Tensor> } {
  const mix = (kept: tf.Tensor, value: tf.Tensor, beta: number) =>
    tf.add(tf.mul(kept, beta), tf.mul(value, 1 - beta));
  const mean = mix(slots.mean, gradient, first);
  const square = mix(slots.square, tf.square(gradient), second);
  // The step is a tensor: a step that was recorded once holds for all.
  const correction = (beta: number) => tf.sub(1, tf.pow(beta, step));
  const root = tf.add(tf.sqrt(tf.div(square, correction(second))), epsilon);
  const move = tf.mul(tf.div(tf.div(mean, correction(first)), root), rate);
  return { move, slots: { mean, square } };
}
