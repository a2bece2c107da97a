import * as tf from "@tensorflow/tfjs";

/**
 * The kernel of `tf.einsum` for one or two tensors. It brings their axes into the same order,
 * multiplies with broadcasting, and sums over the axes that are missing in the result. As on the
 * other backends, tfjs has no gradient for it.
 */
export const einsum: tf.KernelFunc = ({ inputs, attrs }) => {
  const { equation } = attrs as unknown as { equation: string };
  const tensors = Object.values(inputs) as unknown as tf.Tensor[];
  const { allDims, summedDims, idDims } = tf.backend_util.decodeEinsumEquation(
    equation,
    tensors.length,
  );
  tf.backend_util.checkEinsumDimSizes(allDims.length, idDims, tensors);
  return tf.tidy(() => {
    const aligned = tensors.map((tensor, i) => {
      const { permutationIndices, expandDims } = tf.backend_util.getEinsumPermutation(
        allDims.length,
        idDims[i]!,
      );
      const shape = permutationIndices.map((axis) => tensor.shape[axis]!);
      for (const axis of expandDims) shape.splice(axis, 0, 1);
      return tf.reshape(tf.transpose(tensor, permutationIndices), shape);
    });
    const product = aligned.reduce((a, b) => tf.mul(a, b));
    return summedDims.length > 0 ? tf.sum(product, summedDims) : tf.clone(product);
  });
};
