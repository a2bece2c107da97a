import * as tf from "@tensorflow/tfjs";
import type { Batch, Column } from "../pipeline/stages/batch.ts";
import type { TensorsByName } from "./variables.ts";

/** A batch on the engine. */
export interface BatchTensors {
  /** The features, `[batch, ...shape]`. */
  readonly features: TensorsByName;
  /** The labels, `[batch]`. */
  readonly label: tf.Tensor;
  /** How much each row counts in losses, `[batch]`; absent where all count alike. */
  readonly weight?: tf.Tensor | undefined;
}

/**
 * Uploads a batch: ids, which are kept in an Int32Array, as int32 and all else as float32.
 *
 * @param batch The rows, transformed.
 * @returns The tensors, which the caller disposes of.
 */
export function batchTensors({ size, features, label, weight }: Batch): BatchTensors {
  return {
    features: Object.fromEntries(
      Object.entries(features).map(([name, column]) => [name, upload(column, size)]),
    ),
    label: upload(label, size),
    ...(weight && { weight: upload(weight, size) }),
  };
}

/**
 * All tensors of a batch.
 *
 * @param batch The batch.
 */
export function rowsOf({ features, label, weight }: BatchTensors): tf.Tensor[] {
  return [...Object.values(features), label, ...weight ? [weight] : []];
}

function upload({ values, shape }: Column, size: number): tf.Tensor {
  const dims = [size, ...shape];
  // Engines keep the array, and take none in shared memory, where rows may be.
  const own = values.buffer instanceof SharedArrayBuffer ? values.slice() : values;
  if (own instanceof Int32Array) return tf.tensor(own, dims, "int32");
  return tf.tensor(own instanceof Float32Array ? own : Float32Array.from(own), dims);
}
