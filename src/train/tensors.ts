import * as tf from "@tensorflow/tfjs";
import type { Batch, Column } from "../stages/batch.ts";
import type { PartsRead } from "./objective.ts";
import { listParts, mapParts, type Parts } from "../stages/parts.ts";

/**
 * A batch as tensors of the engine: features `[batch, ...shape]`, labels, weights, and the columns
 * `[batch]` and the logits of outside teachers `[batch, units]` that losses read.
 */
export type BatchTensors = Parts<tf.Tensor>;

/**
 * Uploads a batch to the engine. Ids, which are in an Int32Array, become int32 tensors; all other
 * values become float32 tensors.
 *
 * @param batch The transformed batch.
 * @param read The columns and outside teachers that losses read. Each value of a column becomes a
 *   number that only says which rows of the batch have equal values.
 * @returns The tensors, which the caller disposes of.
 */
export function batchTensors(
  { size, columns = {}, teachers = {}, ...computed }: Batch,
  read: PartsRead = { columns: [], teachers: [] },
): BatchTensors {
  const named = (names: readonly string[], columnOf: (name: string) => Column) =>
    names.length > 0 ? Object.fromEntries(names.map((name) => [name, columnOf(name)])) : undefined;
  const all = {
    ...computed,
    columns: named(
      read.columns,
      (name) => read.areNumbered ? columns[name]! : numbered(columns[name]!),
    ),
    teachers: named(read.teachers, (name) => teachers[name]!),
  };
  return mapParts<Column, tf.Tensor>(all, (column) => upload(column, size));
}

/**
 * Replaces the values of columns by numbers that say which rows of the batch have equal values.
 *
 * @param columns The columns of the batch.
 * @param names The columns that losses read.
 */
export function numberedColumns(
  columns: NonNullable<Batch["columns"]>,
  names: readonly string[],
): NonNullable<Batch["columns"]> {
  return {
    ...columns,
    ...Object.fromEntries(names.map((name) => [name, numbered(columns[name]!)])),
  };
}

/** Replaces values by numbers from 0 in the order of their first rows. */
function numbered({ values, shape }: Column): Column {
  const numbers = new Map<number, number>();
  const own = new Int32Array(values.length);
  for (let row = 0; row < values.length; row++) {
    const value = values[row]!;
    let number = numbers.get(value);
    if (number === undefined) numbers.set(value, number = numbers.size);
    own[row] = number;
  }
  return { values: own, shape };
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
