import * as tf from "@tensorflow/tfjs";
import type { Batch, Column } from "../stages/batch.ts";
import { listParts, mapParts, type Parts } from "../stages/parts.ts";

/** A batch on the engine: features `[batch, ...shape]`, labels and weights `[batch]`. */
export type BatchTensors = Omit<Parts<tf.Tensor>, "columns">;

/**
 * Uploads a batch: ids, which are kept in an Int32Array, as int32 and all else as float32.
 *
 * @param batch The rows, transformed.
 * @returns The tensors, which the caller disposes of.
 */
export function batchTensors({ size, columns: _, ...computed }: Batch): BatchTensors {
  return mapParts<Column, tf.Tensor>(computed, (column) => upload(column, size));
}

/**
 * All tensors of a batch.
 *
 * @param batch The batch.
 */
export function rowsOf(batch: BatchTensors): tf.Tensor[] {
  return listParts<tf.Tensor>(batch);
}

function upload({ values, shape }: Column, size: number): tf.Tensor {
  const dims = [size, ...shape];
  // Engines keep the array, and take none in shared memory, where rows may be.
  const own = values.buffer instanceof SharedArrayBuffer ? values.slice() : values;
  if (own instanceof Int32Array) return tf.tensor(own, dims, "int32");
  return tf.tensor(own instanceof Float32Array ? own : Float32Array.from(own), dims);
}
