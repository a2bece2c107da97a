import type * as tf from "@tensorflow/tfjs";

/**
 * The kernel of `tf.identity`, which shares the numbers. The backend's own kernel copies all
 * tensors that gradients keep.
 */
export const identity: tf.KernelFunc = ({ inputs, backend }) => {
  const { dataId, shape, dtype } = inputs["x"]!;
  (backend as tf.KernelBackend).incRef(dataId);
  return { dataId, shape, dtype };
};
