import * as tf from "@tensorflow/tfjs";
import { WASM_BACKEND } from "../wasm.ts";
import { byCpu } from "./by_cpu.ts";
import { cast } from "./cast.ts";
import { conv2dBackpropFilter, conv2dBackpropInput } from "./conv2d_backprop.ts";
import { depthwiseBackpropFilter, depthwiseBackpropInput } from "./depthwise_backprop.ts";
import { einsum } from "./einsum.ts";
import { identity } from "./identity.ts";
import { transposingMatMul } from "./mat_mul.ts";
import { avgPoolBackprop, maxPoolBackprop } from "./pool_backprop.ts";
import { unsortedSegmentSum } from "./unsorted_segment_sum.ts";

/** What tfjs's WebAssembly backend 4.22 lacks. */
const MISSING: Readonly<Record<string, tf.KernelFunc>> = {
  Conv2DBackpropFilter: conv2dBackpropFilter,
  DepthwiseConv2dNativeBackpropFilter: depthwiseBackpropFilter,
  DepthwiseConv2dNativeBackpropInput: depthwiseBackpropInput,
  Einsum: einsum,
  UnsortedSegmentSum: unsortedSegmentSum,
};

/** What it has, with wrong results. */
const WRONG: Readonly<Record<string, tf.KernelFunc>> = {
  // It divides by the whole window where a part of it lies outside of the maps.
  AvgPoolGrad: avgPoolBackprop,
  AvgPool3DGrad: avgPoolBackprop,
  // Its largest value starts from the least number above 0, so what is below 0 is lost.
  MaxPoolGrad: maxPoolBackprop,
  MaxPool3DGrad: maxPoolBackprop,
  MaxPool3D: byCpu("MaxPool3D"),
  Dilation2D: byCpu("Dilation2D"),
  Dilation2DBackpropFilter: byCpu("Dilation2DBackpropFilter"),
  Dilation2DBackpropInput: byCpu("Dilation2DBackpropInput"),
  // It cuts numbers off to 8 bits where it should tell whether they are 0.
  Cast: cast,
  Conv3DBackpropInputV2: byCpu("Conv3DBackpropInputV2"),
};

/** What it has, and does slowly, by its own kernel. */
const SLOW: Readonly<Record<string, (own: tf.KernelFunc) => tf.KernelFunc>> = {
  BatchMatMul: transposingMatMul,
  Conv2DBackpropInput: () => conv2dBackpropInput,
  Identity: () => identity,
};

let registered = false;

/**
 * Completes tfjs's WebAssembly backend for training. Nothing happens the second time.
 *
 * - It adds the kernels that are missing: the gradients of convolutions (plain and depthwise) and
 *   of `tf.gather`, and `tf.einsum`.
 * - It replaces those that give wrong results: the gradients of `tf.maxPool` below 0 and of
 *   `tf.avgPool` at the rim, `tf.cast` to booleans, and a few of three-dimensional and
 *   morphological layers, which run on the plain JavaScript backend.
 * - It replaces those that hold training back: `tf.matMul` of transposed factors, the gradient of
 *   `tf.conv2d` to its input, and the copies of all that gradients keep.
 *
 * Left out, and on the plain JavaScript backend only: complex numbers with `tf.fft`, ragged and
 * string tensors. Not to be used on wasm: a number as the padding of `tf.conv2d` or of a pooling
 * whose kernel or stride is not square, which reads and writes outside of its memory.
 */
export function registerWasmKernels(): void {
  if (registered) return;
  registered = true;
  for (const [name, kernelFunc] of Object.entries(MISSING)) {
    if (!tf.getKernel(name, WASM_BACKEND)) register(name, kernelFunc);
  }
  for (const [name, kernelFunc] of Object.entries(WRONG)) replace(name, () => kernelFunc);
  for (const [name, improve] of Object.entries(SLOW)) replace(name, improve);
}

/** Registers a kernel. */
function register(kernelName: string, kernelFunc: tf.KernelFunc): void {
  tf.registerKernel({ kernelName, backendName: WASM_BACKEND, kernelFunc });
}

/** Registers a kernel in the place of the backend's own, whose set-up still runs. */
function replace(kernelName: string, improve: (own: tf.KernelFunc) => tf.KernelFunc): void {
  const own = tf.getKernel(kernelName, WASM_BACKEND);
  tf.unregisterKernel(kernelName, WASM_BACKEND);
  tf.registerKernel({ ...own, kernelFunc: improve(own.kernelFunc) });
}
