import * as tf from "@tensorflow/tfjs";
import { heapOf } from "./wasm_heap.ts";

/**
 * The kernel of `tf.unsortedSegmentSum`, which adds up the slices of `x` with the same id. As in
 * TensorFlow, it ignores slices with a negative id, and also those whose id is too high.
 */
export const unsortedSegmentSum: tf.KernelFunc = ({ inputs, attrs, backend }) => {
  const { x, segmentIds } = inputs as Record<"x" | "segmentIds", tf.TensorInfo>;
  const segments = attrs!["numSegments"] as number;
  const shape = [segments, ...x.shape.slice(segmentIds.shape.length)];
  const heap = heapOf(backend);
  const result = heap.empty(shape, x.dtype);
  const [sums, values, ids] = heap.views(result, x, segmentIds) as [
    Float32Array,
    Float32Array,
    Int32Array,
  ];
  sums.fill(0);
  const size = tf.util.sizeFromShape(shape.slice(1));
  for (const [slice, id] of ids.entries()) {
    if (id < 0 || id >= segments) continue;
    for (let i = 0; i < size; i++) sums[id * size + i]! += values[slice * size + i]!;
  }
  return result;
};
