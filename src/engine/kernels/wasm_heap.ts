import type * as tf from "@tensorflow/tfjs";

/** A view of a tensor's numbers in WebAssembly memory. */
export type HeapView = Float32Array | Int32Array | Uint8Array;

/** The memory of the WebAssembly backend, for kernels written in plain TypeScript. */
export interface WasmHeap {
  /** Creates a tensor without setting its numbers. */
  empty(shape: readonly number[], type: tf.DataType): tf.TensorInfo;
  /** Creates a float32 tensor of zeros. */
  zeros(shape: readonly number[]): tf.TensorInfo;
  /**
   * Returns views of tensors' numbers, for reading and writing. Create all tensors first, because
   * views become detached when the heap grows.
   */
  views(...tensors: tf.TensorInfo[]): HeapView[];
}

/**
 * Returns access to the memory of the WebAssembly backend.
 *
 * @param backend The backend that a kernel received.
 * @returns The memory.
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
