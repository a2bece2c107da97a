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

/** Kernels that tfjs's WebAssembly backend 4.22 lacks. */
const MISSING: Readonly<Record<string, tf.KernelFunc>> = {
  Conv2DBackpropFilter: conv2dBackpropFilter,
  DepthwiseConv2dNativeBackpropFilter: depthwiseBackpropFilter,
  DepthwiseConv2dNativeBackpropInput: depthwiseBackpropInput,
  Einsum: einsum,
  UnsortedSegmentSum: unsortedSegmentSum,
};

/** Kernels of the backend that give wrong results. */
const WRONG: Readonly<Record<string, tf.KernelFunc>> = {
  // The backend's kernel divides by the size of the whole window even where it extends beyond the
  // maps.
  AvgPoolGrad: avgPoolBackprop,
  AvgPool3DGrad: avgPoolBackprop,
  // The backend's kernel starts its maximum at the smallest number above 0, so it ignores numbers
  // below 0.
  MaxPoolGrad: maxPoolBackprop,
  MaxPool3DGrad: maxPoolBackprop,
  MaxPool3D: byCpu("MaxPool3D"),
  Dilation2D: byCpu("Dilation2D"),
  Dilation2DBackpropFilter: byCpu("Dilation2DBackpropFilter"),
  Dilation2DBackpropInput: byCpu("Dilation2DBackpropInput"),
  // The backend's kernel truncates numbers to 8 bits instead of comparing them with 0.
  Cast: cast,
  Conv3DBackpropInputV2: byCpu("Conv3DBackpropInputV2"),
};

/** Functions that make slow kernels of the backend faster, using the backend's own kernel. */
const SLOW: Readonly<Record<string, (own: tf.KernelFunc) => tf.KernelFunc>> = {
  BatchMatMul: transposingMatMul,
  Conv2DBackpropInput: () => conv2dBackpropInput,
  Identity: () => identity,
};

let registered = false;

/**
 * Completes tfjs's WebAssembly backend for training. Later calls do nothing.
 *
 * - It adds missing kernels: the gradients of convolutions (plain and depthwise) and of
 *   `tf.gather`, and `tf.einsum`.
 * - It replaces kernels that give wrong results: the gradients of `tf.maxPool` below 0 and of
 *   `tf.avgPool` at the border, `tf.cast` to booleans, and a few kernels of three-dimensional and
 *   morphological layers, which run on the plain JavaScript backend.
 * - It replaces kernels that slow down training: `tf.matMul` of transposed factors, the gradient of
 *   `tf.conv2d` with respect to its input, and the copies of tensors that gradients keep.
 *
 * Complex numbers with `tf.fft`, ragged tensors, and string tensors are not supported; they work
 * only on the plain JavaScript backend. On wasm, do not use a number as the padding of a
 * `tf.conv2d` or a pooling whose kernel or stride is not square, because the backend then accesses
 * memory out of bounds.
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

/** Registers a kernel for the wasm backend. */
function register(kernelName: string, kernelFunc: tf.KernelFunc): void {
  tf.registerKernel({ kernelName, backendName: WASM_BACKEND, kernelFunc });
}

/** Replaces a kernel of the backend. The setup function of the old kernel still runs. */
function replace(kernelName: string, improve: (own: tf.KernelFunc) => tf.KernelFunc): void {
  const own = tf.getKernel(kernelName, WASM_BACKEND);
  tf.unregisterKernel(kernelName, WASM_BACKEND);
  tf.registerKernel({ ...own, kernelFunc: improve(own.kernelFunc) });
}
