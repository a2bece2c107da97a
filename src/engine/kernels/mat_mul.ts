import * as tf from "@tensorflow/tfjs";

/**
 * Returns a kernel for `tf.matMul` that transposes its factors first. The backend's own handling of
 * `transposeA` and `transposeB`, which gradients of dense layers need, is about ten times as slow.
 *
 * @param kernelFunc The backend's own kernel.
 * @returns The kernel to use instead.
 */
export function transposingMatMul(kernelFunc: tf.KernelFunc): tf.KernelFunc {
  return ({ inputs, attrs, backend }) => {
    const { a, b } = inputs as unknown as Record<"a" | "b", tf.Tensor>;
    const { transposeA, transposeB } = attrs as unknown as Record<`transpose${"A" | "B"}`, boolean>;
    const left = transposeA ? swapped(a) : a;
    const right = transposeB ? swapped(b) : b;
    const result = kernelFunc({
      inputs: { a: left, b: right },
      attrs: { transposeA: false, transposeB: false },
      backend,
    });
    if (transposeA) left.dispose();
    if (transposeB) right.dispose();
    return result;
  };
}

/** Swaps the last two axes of a tensor. */
function swapped(x: tf.Tensor): tf.Tensor {
  const axes = [...x.shape.keys()];
  return tf.transpose(x, [...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
}
