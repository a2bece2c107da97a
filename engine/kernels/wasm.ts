import * as tf from "@tensorflow/tfjs";
import { WASM_BACKEND } from "../wasm.ts";
import { conv2dBackpropFilter } from "./conv2d_backprop_filter.ts";
import { depthwiseBackpropFilter, depthwiseBackpropInput } from "./depthwise_backprop.ts";
import { einsum } from "./einsum.ts";
import { unsortedSegmentSum } from "./unsorted_segment_sum.ts";

/** What the WebAssembly backend lacks and training needs. */
const KERNELS: Readonly<Record<string, tf.KernelFunc>> = {
  Conv2DBackpropFilter: conv2dBackpropFilter,
  DepthwiseConv2dNativeBackpropFilter: depthwiseBackpropFilter,
  DepthwiseConv2dNativeBackpropInput: depthwiseBackpropInput,
  Einsum: einsum,
  UnsortedSegmentSum: unsortedSegmentSum,
};

/**
 * Gives tfjs's WebAssembly backend the kernels that it lacks and that training needs: the gradients
 * of convolutions (plain and depthwise) and of `tf.gather`, and `tf.einsum`. What the backend has
 * itself stays, so nothing happens the second time.
 *
 * Left out, and only on the plain JavaScript backend: complex numbers with `tf.fft`, ragged and
 * string tensors.
 */
export function registerWasmKernels(): void {
  for (const [kernelName, kernelFunc] of Object.entries(KERNELS)) {
    if (tf.getKernel(kernelName, WASM_BACKEND)) continue;
    tf.registerKernel({ kernelName, backendName: WASM_BACKEND, kernelFunc });
  }
}
