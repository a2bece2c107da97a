import * as tf from "@tensorflow/tfjs";
import { sumOfSquares } from "../engine/squares.ts";
import type { RowGradient } from "../engine/tables.ts";
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
 * @param exchange A name for adding the squares of sharded tables, if a function does it repeatedly.
 * @returns The sums. Owners whose variables have no gradient are left out.
 */
export function squaresByOwner(
  { gradients, rows }: Gradients,
  variables: readonly Variable[],
  exchange = "step",
): ReadonlyMap<VariableOwner, tf.Scalar> {
  const all = new Map<VariableOwner, tf.Tensor[]>();
  const sharded = new Map<VariableOwner, tf.Tensor[]>();
  const add = (to: typeof all, owner: VariableOwner, gradient: tf.Tensor) =>
    to.set(owner, [...(to.get(owner) ?? []), gradient]);
  let shards: RowGradient["shards"];
  for (const { name, owner } of variables) {
    const row = rows.get(name), gradient = gradients[name] ?? row?.values;
    if (gradient) add(row?.shards ? sharded : all, owner, gradient);
    shards ??= row?.shards;
  }
  const squares = new Map([...all].map(([owner, own]) => [owner, sumOfSquares(own)]));
  if (!shards) return squares;
  // Each process has the gradients of the rows that it holds.
  const owners = [...sharded.keys()];
  const parts = owners.map((owner) => sumOfSquares(sharded.get(owner)!));
  const sums = shards.sums(parts, `squares of ${exchange}`);
  owners.forEach((owner, index) => {
    const own = squares.get(owner), sum = sums[index] as tf.Scalar;
    squares.set(owner, own ? tf.add(own, sum) : sum);
  });
  return squares;
}
