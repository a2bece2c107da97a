import type * as tf from "@tensorflow/tfjs";

/**
 * The kernel of `tf.identity`. Its result uses the same memory as its input. The backend's own
 * kernel makes a copy, which is slow because tfjs calls it for each tensor that a gradient needs
 * later.
 */
export const identity: tf.KernelFunc = ({ inputs, backend }) => {
  const { dataId, shape, dtype } = inputs["x"]!;
  (backend as tf.KernelBackend).incRef(dataId);
  return { dataId, shape, dtype };
};
