import type * as tf from "@tensorflow/tfjs";

/** Numbers of a tensor, where WebAssembly has them. */
export type HeapView = Float32Array | Int32Array | Uint8Array;

/** The memory of the WebAssembly backend, for kernels written in plain TypeScript. */
export interface WasmHeap {
  /** A new tensor whose numbers are not set. */
  empty(shape: readonly number[], type: tf.DataType): tf.TensorInfo;
  /** A new float32 tensor of zeros. */
  zeros(shape: readonly number[]): tf.TensorInfo;
  /**
   * The numbers of tensors, to read and to write. Take them when all tensors are there, as they are
   * cut off when the heap grows.
   */
  views(...tensors: tf.TensorInfo[]): HeapView[];
}

/**
 * The memory of the WebAssembly backend.
 *
 * @param backend What a kernel was given.
 */
export function heapOf(backend: unknown): WasmHeap {
  const wasm = backend as {
    makeOutput(shape: readonly number[], type: tf.DataType): tf.TensorInfo;
    typedArrayFromHeap(tensor: tf.TensorInfo): HeapView;
  };
  return {
    empty: (shape, type) => wasm.makeOutput(shape, type),
    zeros: (shape) => {
      const tensor = wasm.makeOutput(shape, "float32");
      wasm.typedArrayFromHeap(tensor).fill(0);
      return tensor;
    },
    views: (...tensors) => tensors.map((tensor) => wasm.typedArrayFromHeap(tensor)),
  };
}
