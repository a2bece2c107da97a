import * as tf from "@tensorflow/tfjs";

/**
 * Runs a computation without recording it on the tape. No gradient flows through it, and tensors
 * for gradients are not kept.
 *
 * @param compute The computation.
 * @returns The result of `compute`.
 */
export function offTape<T>(compute: () => T): T {
  // tfjs does not record operations inside a kernel, and this makes tfjs treat the computation as
  // one.
  const { state } = tf.engine();
  state.kernelDepth++;
  try {
    return compute();
  } finally {
    state.kernelDepth--;
  }
}
