import * as tf from "@tensorflow/tfjs";

/** What this kernel uses of the WebAssembly backend. */
interface WasmBackend {
  makeOutput(shape: readonly number[], type: tf.DataType): tf.TensorInfo;
  typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array | Int32Array;
}

/**
 * `tf.unsortedSegmentSum`: adds up the slices of `x` that have the same id. Slices with a negative id
 * are left out, as in TensorFlow, and so are those whose id is too high.
 */
export const unsortedSegmentSum: tf.KernelFunc = ({ inputs, attrs, backend }) => {
  const wasm = backend as WasmBackend;
  const { x, segmentIds } = inputs as Record<"x" | "segmentIds", tf.TensorInfo>;
  const segments = attrs!["numSegments"] as number;
  const shape = [segments, ...x.shape.slice(segmentIds.shape.length)];
  const out = wasm.makeOutput(shape, x.dtype);
  // Views of the heap, so they are taken when nothing will be allocated any more.
  const sums = wasm.typedArrayFromHeap(out).fill(0);
  const values = wasm.typedArrayFromHeap(x);
  const ids = wasm.typedArrayFromHeap(segmentIds);
  const size = tf.util.sizeFromShape(shape.slice(1));
  for (let slice = 0; slice < ids.length; slice++) {
    const id = ids[slice]!;
    if (id < 0 || id >= segments) continue;
    const from = slice * size;
    const to = id * size;
    for (let i = 0; i < size; i++) sums[to + i]! += values[from + i]!;
  }
  return out;
};
