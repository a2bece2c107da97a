import * as tf from "@tensorflow/tfjs";
import type { Batch, Column } from "../stages/batch.ts";
import { listParts, mapParts, type Parts } from "../stages/parts.ts";

/** A batch as tensors of the engine: features `[batch, ...shape]`, labels and weights `[batch]`. */
export type BatchTensors = Omit<Parts<tf.Tensor>, "columns">;

/**
 * Uploads a batch to the engine. Ids, which are in an Int32Array, become int32 tensors; all other
 * values become float32 tensors.
 *
 * @param batch The transformed batch.
 * @returns The tensors, which the caller disposes of.
 */
export function batchTensors({ size, columns: _, ...computed }: Batch): BatchTensors {
  return mapParts<Column, tf.Tensor>(computed, (column) => upload(column, size));
}

/**
 * Lists all tensors of a batch.
 *
 * @param batch The batch.
 * @returns The tensors.
 */
export function rowsOf(batch: BatchTensors): tf.Tensor[] {
  return listParts<tf.Tensor>(batch);
}

function upload({ values, shape }: Column, size: number): tf.Tensor {
  const dims = [size, ...shape];
  // Engines keep the array and do not accept shared memory, where rows can be.
  const own = values.buffer instanceof SharedArrayBuffer ? values.slice() : values;
  if (own instanceof Int32Array) return tf.tensor(own, dims, "int32");
  return tf.tensor(own instanceof Float32Array ? own : Float32Array.from(own), dims);
}
