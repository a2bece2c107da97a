import * as tf from "@tensorflow/tfjs";

/**
 * Computes something that no gradient passes through, without a record of it: what gradients would
 * need is not kept.
 *
 * @param compute Computes it.
 * @returns What `compute` returns.
 */
export function offTape<T>(compute: () => T): T {
  // tfjs records nothing within a kernel, which is what this looks like to it.
  const { state } = tf.engine();
  state.kernelDepth++;
  try {
    return compute();
  } finally {
    state.kernelDepth--;
  }
}
