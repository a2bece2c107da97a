/**
 * Operations on embedding tables, of which a step uses only a few rows. They read rows, sum up
 * their gradients, and write new values in place. Their cost depends on the number of rows used,
 * not on the size of the table.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { Unforeseen } from "./capture/trace.ts";
import { heapOf } from "./kernels/wasm_heap.ts";
import { isRecording } from "./capture/recorder.ts";
import type { Collectives } from "./cluster/collectives.ts";
import { distinct, rowsAt, sumByPlace } from "./ops/distinct.ts";
import { isNative } from "./ops/native_op.ts";
import { select } from "./ops/select.ts";
import { needsRangeChecks, orNaN } from "./range_checks.ts";
import {
  ownGradients,
  readPlaces,
  readSharded,
  shardsOf,
  writeShardedRows,
} from "./sharded_tables.ts";
import { placeOf, readStored, storedTables, writeStored } from "./stores.ts";

/**
 * Creates embedding tables of zeros. On the native engine they are in one store, so that rows of all
 * of them can be read by one operation, and written by one.
 *
 * @param counts The number of rows of each table.
 * @param size The number of values per row.
 * @param shards The processes of a cluster over which the rows are dealt; by default, this process
 *   holds all rows.
 * @returns The tables, `[rows, size]`, with the rows that this process holds.
 */
export function createTables(
  counts: readonly number[],
  size: number,
  shards?: Collectives,
): tf.Tensor2D[] {
  if (isNative()) return storedTables(counts, size, shards);
  return counts.map((rows) => tf.fill([rows, size], 0) as tf.Tensor2D);
}

/**
 * Checks whether a tensor is a table in a store, which only the functions of this module can read.
 * On engines other than the native one, tables are like other tensors.
 *
 * @param tensor The tensor.
 */
export function isStored(tensor: tf.Tensor): boolean {
  return placeOf(tensor) !== undefined;
}

/**
 * Returns an object that is the same for tables whose rows one operation can read.
 *
 * @param table The table.
 * @returns The table's store, or what stands for the table alone.
 */
export function storeOf(table: tf.Tensor): object {
  return placeOf(table)?.store ?? table.dataId;
}

/**
 * Returns the number of rows of a table. If it is sharded, a process holds only some of them.
 *
 * @param table The table.
 */
export function rowCount(table: tf.Tensor): number {
  return placeOf(table)?.all ?? table.shape[0]!;
}

/**
 * Reads rows of a table by their numbers. Callers must define the gradient.
 *
 * @param table The table `[rows, size]`, float32.
 * @param ids The row numbers, int32, of any shape.
 * @returns The rows `[...ids, size]`.
 * @throws {Error} If a row number is not from 0 to rows − 1.
 */
export function gatherRows(table: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  return tf.tidy(() => gatherFrom([table], ids).rows);
}

/**
 * Reads rows of tables of one store. Callers must define the gradient. If the tables are sharded,
 * all processes read at the same time.
 *
 * @param tables One table, for all row numbers; or several, one for each number along the last axis.
 * @param ids The row numbers in the tables, int32.
 * @param name For sharded tables, a name that no other exchange of the same function has.
 * @returns The rows `[...ids, size]`, and their numbers in the store.
 * @throws {Error} If a row number is not from 0 to rows − 1.
 */
export function gatherFrom(
  tables: readonly tf.Tensor[],
  ids: tf.Tensor,
  name = "lookup",
): { readonly rows: tf.Tensor; readonly numbers: tf.Tensor } {
  const numbers = rowNumbers(tables, ids);
  if (needsRangeChecks() && isNative() && !shardsOf(tables[0]!)) {
    // While a function is recorded, values must not be read.
    const wrong = isRecording() ? undefined : wrongRow(tables, ids);
    if (wrong) throw wrong;
    const rows = gatherNumbered(tables[0]!, numbers);
    if (!isRecording()) return { rows, numbers };
    const count = placeOf(tables[0]!)?.store.rows ?? tables[0]!.shape[0]!;
    return { rows: orNaN(rows, numbers, count), numbers };
  }
  try {
    if (shardsOf(tables[0]!)) {
      return { rows: tf.tidy(() => readSharded(tables[0]!, numbers, name)), numbers };
    }
    return { rows: gatherNumbered(tables[0]!, numbers), numbers };
  } catch (error) {
    if (numbers === ids || error instanceof Unforeseen) throw error;
    throw wrongRow(tables, ids) ?? error;
  }
}

/** Returns the error for a row number that is not in its table. */
function wrongRow(tables: readonly tf.Tensor[], ids: tf.Tensor): RangeError | undefined {
  const values = ids.dataSync(),
    countOf = (index: number) => rowCount(tables[index % tables.length]!);
  const index = values.findIndex((id, index) => id < 0 || id >= countOf(index));
  if (index < 0) return undefined;
  return new RangeError(
    `there is no row ${values[index]} in a table of ${countOf(index)} rows, from 0 to ${
      countOf(index) - 1
    }`,
  );
}

/**
 * Returns the numbers of rows in the store of their tables. A number that is not in its table
 * becomes one that is not in the store.
 *
 * @param tables A table for all row numbers; or several, of one store, one for each number along
 *   the last axis.
 * @param ids The row numbers in the tables, int32.
 * @returns The row numbers in the store, of the same shape.
 */
function rowNumbers(tables: readonly tf.Tensor[], ids: tf.Tensor): tf.Tensor {
  const places = tables.map(placeOf), [first] = places;
  // In a table that is alone, TensorFlow refuses numbers of other rows.
  if (!first || first.rows === first.store.rows) return ids;
  const { size } = first.store.shards ?? { size: 1 };
  const numbers = (values: readonly number[]) =>
    values.length === 1 ? tf.scalar(values[0]!, "int32") : tf.tensor1d([...values], "int32");
  const firsts = numbers(places.map((place) => place!.first * size));
  const counts = numbers(places.map((place) => place!.all));
  return tf.tidy(() => {
    const within = tf.logicalAnd(tf.greaterEqual(ids, tf.scalar(0, "int32")), tf.less(ids, counts));
    return select(within, tf.add(ids, firsts), tf.scalar(-1, "int32"), "int32");
  });
}

/**
 * Checks whether a row of a store belongs to a table.
 *
 * @param table The table, or another one of the same store.
 * @param number The row number in the store.
 */
export function hasRow(table: tf.Tensor, number: number): boolean {
  const place = placeOf(table);
  return !place || number >= place.first && number < place.first + place.rows;
}

/**
 * Reads rows by their numbers in the store of a table. Callers must define the gradient.
 *
 * @param table The table, or another one of the same store.
 * @param numbers The row numbers in the store, int32, of any shape.
 * @returns The rows `[...numbers, size]`.
 * @throws {Error} If there is no such row.
 */
export function gatherNumbered(table: tf.Tensor, numbers: tf.Tensor): tf.Tensor {
  if (!isNative()) return tf.gather(table, numbers);
  if (placeOf(table)) return readStored(table, numbers);
  return rowsAt(table, numbers);
}

/**
 * A sparse gradient of a table. It lists only the rows that were read; the gradient of all other
 * rows is 0.
 */
export interface RowGradient {
  /** The row numbers in the table's store, `[touched]`, int32, each once. */
  readonly ids: tf.Tensor1D;
  /** The gradients `[touched, size]`. */
  readonly values: tf.Tensor2D;
  /** The values of the rows `[touched, size]`. */
  readonly rows: tf.Tensor2D;
  /** If the table is sharded, the processes that have the gradients of its other rows. */
  readonly shards?: Collectives | undefined;
}

/**
 * Creates the sparse gradient of a table. Gradients that belong to the same row are added up.
 *
 * @param ids The row number of each gradient in the table's store, `[uses]`, int32.
 * @param values The gradients `[uses, size]`.
 * @param table The table, or another one of the same store.
 * @returns The gradients, with each row listed once.
 */
export function sumByRow(
  ids: tf.Tensor1D,
  values: tf.Tensor2D,
  table: tf.Tensor,
): RowGradient {
  const shards = shardsOf(table);
  const own = shards ? ownGradients(table, ids, values) : { ids, values };
  const sums = isNative() ? nativeSumByRow(own.ids, own.values) : heapSumByRow(ids, values);
  const rows = shards ? readPlaces(table, sums.ids) : gatherNumbered(table, sums.ids);
  return { ...sums, shards, rows: rows as tf.Tensor2D };
}

/**
 * Computes the gradient of a whole table: the sum of gradients for rows that were read, and 0 for
 * the others.
 *
 * @param ids The row number of each gradient, `[uses]`, int32.
 * @param values The gradients `[uses, size]`.
 * @param rows The number of rows of the table.
 * @returns The gradient `[rows, size]`.
 */
export function wholeGradient(ids: tf.Tensor1D, values: tf.Tensor2D, rows: number): tf.Tensor2D {
  if (!isNative()) return tf.unsortedSegmentSum(values, ids, rows) as tf.Tensor2D;
  return sumByPlace(values, ids, tf.scalar(rows, "int32"));
}

/** Gradients by row. */
type Sums = Pick<RowGradient, "ids" | "values">;

function nativeSumByRow(ids: tf.Tensor1D, values: tf.Tensor2D): Sums {
  const { ids: rows, places, count } = distinct(ids);
  return { ids: rows, values: sumByPlace(values, places, count) };
}

function heapSumByRow(ids: tf.Tensor1D, values: tf.Tensor2D): Sums {
  const places = new Map<number, number>();
  const numbers = ids.dataSync<"int32">();
  const segments = Int32Array.from(numbers, (id) => {
    const place = places.get(id) ?? places.size;
    places.set(id, place);
    return place;
  });
  return {
    ids: tf.tensor1d(Int32Array.from(places.keys()), "int32"),
    values: tf.unsortedSegmentSum(values, tf.tensor1d(segments, "int32"), places.size),
  };
}

/**
 * Overwrites rows of a table in its own memory, so no new tensor is created. All references to the
 * table see the new values.
 *
 * @param table The table `[rows, size]`, from {@linkcode createTables}.
 * @param ids The row numbers `[touched]`, int32, each once; of a sharded table, those among the rows
 *   that this process holds.
 * @param values The new values `[touched, size]`.
 */
export function writeRows(table: tf.Tensor, ids: tf.Tensor1D, values: tf.Tensor): void {
  tf.tidy(() => writeNumbered(table, placesOf(table, ids) as tf.Tensor1D, values));
}

/**
 * Overwrites successive rows of a table. If it is sharded, this process takes the rows that it
 * holds.
 *
 * @param table The table.
 * @param start The number of the first row.
 * @param values The new values `[count, size]`.
 */
export function writeSuccessive(table: tf.Tensor, start: number, values: tf.Tensor): void {
  if (shardsOf(table)) return writeShardedRows(table, start, values);
  tf.tidy(() => writeRows(table, tf.range(start, start + values.shape[0]!, 1, "int32"), values));
}

/** Returns the places of rows in the store; for a sharded table, of rows that this process holds. */
function placesOf(table: tf.Tensor, rows: tf.Tensor): tf.Tensor {
  const place = placeOf(table);
  return place?.store.shards
    ? tf.add(rows, tf.scalar(place.first, "int32"))
    : rowNumbers([table], rows);
}

/**
 * Overwrites rows by their numbers in the store of a table.
 *
 * @param table The table, or another one of the same store.
 * @param numbers The row numbers in the store, `[touched]`, int32, each once.
 * @param values The new values `[touched, size]`.
 */
export function writeNumbered(table: tf.Tensor, numbers: tf.Tensor1D, values: tf.Tensor): void {
  if (isNative()) return writeStored(table, numbers, values);
  const [all, rows, written] = heapOf(tf.backend()).views(table, numbers, values);
  const size = table.shape.at(-1)!;
  rows!.forEach((row, index) =>
    all!.set(written!.subarray(index * size, (index + 1) * size), row * size)
  );
}

/**
 * The number of values of a table that are copied, read, or written at once (16 MB), because large
 * tables should not be in memory twice.
 */
export const VALUES_AT_ONCE = 2 ** 22;

/**
 * Copies consecutive rows of a table, or of another tensor.
 *
 * @param table The table `[rows, size]`, or a tensor `[rows, ...shape]`.
 * @param start The number of the first row; of a sharded table, among the rows that this process
 *   holds.
 * @param count The number of rows.
 * @returns The rows `[count, size]`, or `[count, ...shape]`.
 */
export function sliceRows(table: tf.Tensor, start: number, count: number): tf.Tensor {
  if (!placeOf(table)) return tf.slice(table, start, count);
  return tf.tidy(() =>
    gatherNumbered(table, placesOf(table, tf.range(start, start + count, 1, "int32")))
  );
}
