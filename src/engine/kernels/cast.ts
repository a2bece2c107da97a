import type * as tf from "@tensorflow/tfjs";
import { heapOf } from "./wasm_heap.ts";

/**
 * The kernel of `tf.cast`: conversion to integers truncates fractions, and conversion to booleans
 * gives true for all numbers except 0.
 */
export const cast: tf.KernelFunc = ({ inputs, attrs, backend }) => {
  const x = inputs["x"]!;
  const dtype = attrs!["dtype"] as tf.DataType;
  const heap = heapOf(backend);
  const result = heap.empty(x.shape, dtype);
  const [values, from] = heap.views(result, x);
  if (dtype === "bool") {
    for (let i = 0; i < from!.length; i++) {
      values![i] = from![i] === 0 ? 0 : 1;
    }
  } else values!.set(from!);
  return result;
};
