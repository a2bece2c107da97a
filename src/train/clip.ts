import * as tf from "@tensorflow/tfjs";
import { sumOfSquares } from "../engine/squares.ts";
import type { Variable, VariableOwner } from "../stages/network.ts";
import type { Gradients } from "./gradients.ts";

/**
 * The largest allowed norm of gradients. See Pascanu et al., "On the difficulty of training RNNs",
 * section 3.2.
 */
export interface Clip {
  /** The largest allowed L2 norm. */
  readonly norm: number;
  /**
   * Which gradients are clipped together: `all` clips the gradients of all variables by their
   * common norm; `owner` clips the light net's, the booster's, and the shared gradients separately.
   */
  readonly per: "all" | "owner";
}

/** Prevents a division by zero, as in PyTorch. */
const EPSILON = 1e-6;

/** Clipped gradients, and their norm before clipping. */
export interface Clipped extends Gradients {
  /** The L2 norm of all gradients before clipping. It is NaN or infinite if any gradient is. */
  readonly norm: tf.Scalar;
}

/**
 * Measures the L2 norm of gradients and scales down those above the limit. Like PyTorch's
 * `clip_grad_norm_`, it multiplies them by min(1, limit / (norm + 1e-6)).
 *
 * @param gradients The gradients. Gradients of tables list each row once, with the sum over its
 *   uses.
 * @param variables The variables.
 * @param clip The limit; undefined only measures the norm.
 * @returns The gradients. They belong to the enclosing `tf.tidy()`.
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
 * Computes sums of squares of gradients, separately for each owner of variables (light net,
 * booster, both nets, or a loss).
 *
 * @param gradients The gradients.
 * @param variables The variables.
 * @returns The sums. Owners whose variables have no gradient are left out.
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
