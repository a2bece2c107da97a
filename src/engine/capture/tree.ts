import * as tf from "@tensorflow/tfjs";

/** Tensors in lists and plain objects, nested as one likes. */
export type Tree = tf.Tensor | readonly Tree[] | { readonly [key: string]: Tree };

/**
 * The tensors of a tree, in a fixed order.
 *
 * @param tree The tree.
 */
export function leaves(tree: Tree): tf.Tensor[] {
  if (tree instanceof tf.Tensor) return [tree];
  return Object.values(tree).flatMap(leaves);
}

/**
 * A tree of the same form with other tensors.
 *
 * @typeParam T The form.
 * @param tree The form.
 * @param tensors The tensors, in the order of {@linkcode leaves}.
 */
export function withLeaves<T extends Tree>(tree: T, tensors: readonly tf.Tensor[]): T {
  let next = 0;
  const rebuild = (tree: Tree): Tree => {
    if (tree instanceof tf.Tensor) return tensors[next++]!;
    if (Array.isArray(tree)) return tree.map(rebuild);
    return Object.fromEntries(
      Object.entries(tree as Record<string, Tree>).map(([key, part]) => [key, rebuild(part)]),
    );
  };
  return rebuild(tree) as T;
}
