import * as tf from "@tensorflow/tfjs";

/** Tensors in nested lists and plain objects. */
export type Tree = tf.Tensor | readonly Tree[] | { readonly [key: string]: Tree };

/**
 * Lists the tensors of a tree in a fixed order.
 *
 * @param tree The tree.
 * @returns The tensors.
 */
export function leaves(tree: Tree): tf.Tensor[] {
  if (tree instanceof tf.Tensor) return [tree];
  return Object.values(tree).flatMap(leaves);
}

/**
 * Copies a tree (nested lists and objects that contain tensors) and replaces its tensors with
 * others.
 *
 * @typeParam T The type of the tree.
 * @param tree The tree whose structure is copied.
 * @param tensors The tensors, in the order of {@linkcode leaves}.
 * @returns The new tree.
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
