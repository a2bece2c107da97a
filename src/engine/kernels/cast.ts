import type * as tf from "@tensorflow/tfjs";
import { heapOf } from "./wasm_heap.ts";

/** `tf.cast`: numbers become integers by cutting their fraction off, and true unless they are 0. */
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
