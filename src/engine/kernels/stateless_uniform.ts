import * as tf from "@tensorflow/tfjs";

const NAME = "StatelessRandomUniform";

/**
 * Random numbers in [0, 1) that are a function of a seed and a shape alone, on any engine but the
 * native one, whose own kernel draws others.
 *
 * @param shape The shape of the result.
 * @param seed An int32 scalar.
 * @returns A float32 tensor.
 */
export function statelessUniform(shape: number[], seed: tf.Scalar): tf.Tensor {
  const backendName = tf.getBackend();
  // It needs nothing of a backend in particular, so it comes to each that asks for it.
  if (!tf.getKernel(NAME, backendName)) {
    tf.registerKernel({ kernelName: NAME, backendName, kernelFunc });
  }
  return tf.engine().runKernel(NAME, { seed }, { shape }) as tf.Tensor;
}

/** The kernel: a keyed hash of each index. */
const kernelFunc: tf.KernelFunc = ({ inputs, attrs, backend }) => {
  const { readSync, write } = backend as tf.KernelBackend;
  const shape = attrs!["shape"] as number[];
  const [seed] = readSync.call(backend, inputs["seed"]!.dataId) as Int32Array;
  // Two keys, or one seed's numbers would be another's, shifted.
  const before = mix(seed!);
  const after = mix(before ^ 0x9e3779b9);
  const values = new Float32Array(tf.util.sizeFromShape(shape));
  for (let index = 0; index < values.length; index++) {
    const bits = mix(mix(Math.imul(index, 0x9e3779b9) + before) ^ after);
    values[index] = (bits >>> 8) / 2 ** 24;
  }
  return { dataId: write.call(backend, values, shape, "float32"), shape, dtype: "float32" };
};

/** Spreads 32 bits over all 32 (the finalizer of MurmurHash3). */
function mix(bits: number): number {
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
