import * as tf from "@tensorflow/tfjs";

/**
 * `tf.matMul` that transposes its factors first: the backend's own way with `transposeA` and
 * `transposeB`, which the gradients of a dense layer need, is about ten times as slow.
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

/** A tensor whose last two axes have changed places. */
function swapped(x: tf.Tensor): tf.Tensor {
  const axes = [...x.shape.keys()];
  return tf.transpose(x, [...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
}
