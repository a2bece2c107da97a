import * as tf from "@tensorflow/tfjs";
import { sumOfSquares } from "../engine/squares.ts";
import type { Variable, VariableOwner } from "../stages/network.ts";
import type { Gradients } from "./gradients.ts";

/** How long gradients may be: Pascanu et al., "On the difficulty of training RNNs", section 3.2. */
export interface Clip {
  /** The greatest L2 norm. */
  readonly norm: number;
  /**
   * Whose norm it is: of the gradients of all variables together; or of the light net's own, the
   * booster's own and the shared ones, each for itself.
   */
  readonly per: "all" | "owner";
}

/** As in PyTorch, so that a norm of 0 divides nothing. */
const EPSILON = 1e-6;

/** Gradients that are short enough, and how long they were. */
export interface Clipped extends Gradients {
  /** The L2 norm of all gradients before; NaN or infinite if any number of them is. */
  readonly norm: tf.Scalar;
}

/**
 * Measures gradients, and shortens those that are too long: each is multiplied by
 * min(1, norm / (its norm + 1e-6)), as by PyTorch's `clip_grad_norm_`.
 *
 * @param gradients The gradients; of tables each row once, with the sum of its uses.
 * @param variables The variables.
 * @param clip How long they may be; as long as they are by default.
 * @returns The gradients, which belong to the tidy around.
 */
export function clipGradients(
  gradients: Gradients,
  variables: readonly Variable[],
  clip: Clip | undefined,
): Clipped {
  const squares = squaresByOwner(gradients, variables);
  const sum = tf.addN([tf.scalar(0), ...squares.values()]);
  const norm = tf.sqrt(sum) as tf.Scalar;
  if (!clip) return { ...gradients, norm };
  const factors = new Map([...squares].map(([owner, own]) => {
    const length = clip.per === "all" ? norm : tf.sqrt(own);
    return [owner, tf.minimum(1, tf.div(clip.norm, tf.add(length, EPSILON)))] as const;
  }));
  const owners = new Map(variables.map(({ name, owner }) => [name, owner]));
  const shorten = <T extends tf.Tensor>(name: string, gradient: T) =>
    tf.mul(gradient, factors.get(owners.get(name)!)!) as T;
  return {
    norm,
    gradients: Object.fromEntries(
      Object.entries(gradients.gradients).map((
        [name, gradient],
      ) => [name, gradient && shorten(name, gradient)]),
    ),
    rows: new Map(
      [...gradients.rows].map((
        [name, rows],
      ) => [name, { ...rows, values: shorten(name, rows.values) }]),
    ),
  };
}

/**
 * The sum of squares of the gradients of each owner's variables.
 *
 * @param gradients The gradients.
 * @param variables The variables.
 * @returns The sums; an owner whose variables have no gradient has none.
 */
export function squaresByOwner(
  { gradients, rows }: Gradients,
  variables: readonly Variable[],
): ReadonlyMap<VariableOwner, tf.Scalar> {
  const all = new Map<VariableOwner, tf.Tensor[]>();
  for (const { name, owner } of variables) {
    const gradient = gradients[name] ?? rows.get(name)?.values;
    if (gradient) all.set(owner, [...(all.get(owner) ?? []), gradient]);
  }
  return new Map([...all].map(([owner, own]) => [owner, sumOfSquares(own)]));
}
