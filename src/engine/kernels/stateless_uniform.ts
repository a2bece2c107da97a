import * as tf from "@tensorflow/tfjs";

const NAME = "StatelessRandomUniform";

/**
 * Draws random numbers in [0, 1) that depend only on a seed and a shape. They are the same on all
 * engines except the native one, whose own kernel draws different numbers.
 *
 * @param shape The shape of the result.
 * @param seed An int32 scalar.
 * @returns A float32 tensor of random numbers.
 */
export function statelessUniform(shape: number[], seed: tf.Scalar): tf.Tensor {
  const backendName = tf.getBackend();
  // The kernel works on any backend, so it is registered for each one that uses it.
  if (!tf.getKernel(NAME, backendName)) {
    tf.registerKernel({ kernelName: NAME, backendName, kernelFunc });
  }
  return tf.engine().runKernel(NAME, { seed }, { shape }) as tf.Tensor;
}

/** The kernel, a keyed hash of each index. */
const kernelFunc: tf.KernelFunc = ({ inputs, attrs, backend }) => {
  const { readSync, write } = backend as tf.KernelBackend;
  const shape = attrs!["shape"] as number[];
  const [seed] = readSync.call(backend, inputs["seed"]!.dataId) as Int32Array;
  // With a single key, the numbers of one seed would be shifted numbers of another.
  const before = mix(seed!);
  const after = mix(before ^ 0x9e3779b9);
  const values = new Float32Array(tf.util.sizeFromShape(shape));
  for (let index = 0; index < values.length; index++) {
    const bits = mix(mix(Math.imul(index, 0x9e3779b9) + before) ^ after);
    values[index] = (bits >>> 8) / 2 ** 24;
  }
  return { dataId: write.call(backend, values, shape, "float32"), shape, dtype: "float32" };
};

/** Mixes 32 bits (the finalizer of MurmurHash3). */
function mix(bits: number): number {
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
