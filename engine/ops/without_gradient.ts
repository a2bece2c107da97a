import * as tf from "@tensorflow/tfjs";

/**
 * Computes without a tape: no gradient passes what is computed here, and nothing is kept for one.
 *
 * @typeParam T What is computed.
 * @param compute Computes it, at once.
 * @returns What it returned.
 */
export function withoutGradient<T>(compute: () => T): T {
  // What a kernel computes within itself is not on the tape; so is all that happens at its depth.
  const { state } = tf.engine();
  state.kernelDepth++;
  try {
    return compute();
  } finally {
    state.kernelDepth--;
  }
}
