/**
 * Operations on embedding tables, of which a step uses only a few rows. They read rows, sum up
 * their gradients, and write new values in place. Their cost depends on the number of rows used,
 * not on the size of the table.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { heapOf } from "./kernels/wasm_heap.ts";
import { isNative, nativeOp } from "./ops/native_op.ts";

/**
 * Reads rows of a table by their numbers. Callers must define the gradient.
 *
 * @param table The table `[rows, size]`, float32.
 * @param ids The row numbers, int32, of any shape.
 * @returns The rows `[...ids, size]`.
 * @throws {Error} If a row number is not from 0 to rows − 1.
 */
export function gatherRows(table: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  // tfjs-node's own `gather` reads the indices back to check them, but TensorFlow checks them
  // anyway.
  if (!isNative()) return tf.gather(table, ids);
  const attributes = {
    Tparams: { type: "float32" },
    Tindices: { type: "int32" },
    Taxis: { type: "int32" },
    batch_dims: { int: 0 },
  } as const;
  return nativeOp("GatherV2", attributes, [table, ids, tf.scalar(0, "int32")], 1)[0]!;
}

/**
 * A sparse gradient of a table. It lists only the rows that were read; the gradient of all other
 * rows is 0.
 */
export interface RowGradient {
  /** The row numbers `[touched]`, int32, each once. */
  readonly ids: tf.Tensor1D;
  /** The gradients `[touched, size]`. */
  readonly values: tf.Tensor2D;
  /** The values of the rows `[touched, size]` when they were read. */
  readonly rows: tf.Tensor2D;
}

/**
 * Creates the sparse gradient of a table. Gradients that belong to the same row are added up.
 *
 * @param ids The row number of each gradient, `[uses]`, int32.
 * @param values The gradients `[uses, size]`.
 * @param rows The values of the row of each gradient, `[uses, size]`.
 * @returns The gradients, with each row listed once.
 */
export function sumByRow(
  ids: tf.Tensor1D,
  values: tf.Tensor2D,
  rows: tf.Tensor2D,
): RowGradient {
  const sum = isNative() ? nativeSumByRow : heapSumByRow;
  const { first, ...sums } = sum(ids, values);
  // Reading from a large table misses the processor's caches, whereas the rows that were just read
  // are in them.
  return { ...sums, rows: gatherRows(rows, first) as tf.Tensor2D };
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
  const int32 = { type: "int32" } as const;
  return nativeOp(
    "UnsortedSegmentSum",
    { T: { type: "float32" }, Tindices: int32, Tnumsegments: int32 },
    [values, ids, tf.scalar(rows, "int32")],
    1,
  )[0] as tf.Tensor2D;
}

/** Gradients by row, with the index of each row's first use. */
type Sums = Omit<RowGradient, "rows"> & { readonly first: tf.Tensor1D };

function nativeSumByRow(ids: tf.Tensor1D, values: tf.Tensor2D): Sums {
  const int32 = { type: "int32" } as const;
  const [rows, places] = nativeOp("Unique", { T: int32, out_idx: int32 }, [ids], 2);
  // Only TensorFlow knows the number of distinct rows, because it changes from step to step.
  const [count] = nativeOp("Size", { T: int32, out_type: int32 }, [rows!], 1);
  const segments = { Tindices: int32, Tnumsegments: int32 };
  const [sums] = nativeOp(
    "UnsortedSegmentSum",
    { T: { type: "float32" }, ...segments },
    [values, places!, count!],
    1,
  );
  const [uses] = nativeOp("Size", { T: int32, out_type: int32 }, [ids], 1);
  const [order] = nativeOp(
    "Range",
    { Tidx: int32 },
    [tf.scalar(0, "int32"), uses!, tf.scalar(1, "int32")],
    1,
  );
  const [first] = nativeOp(
    "UnsortedSegmentMin",
    { T: int32, ...segments },
    [order!, places!, count!],
    1,
  );
  return {
    ids: rows as tf.Tensor1D,
    values: sums as tf.Tensor2D,
    // While a step is traced, there are more rows than uses, and a row without a use has no first
    // index.
    first: tf.minimum(first!, tf.sub(uses!, tf.scalar(1, "int32"))) as tf.Tensor1D,
  };
}

function heapSumByRow(ids: tf.Tensor1D, values: tf.Tensor2D): Sums {
  const places = new Map<number, number>();
  const numbers = ids.dataSync<"int32">();
  const first: number[] = [];
  const segments = Int32Array.from(numbers, (id, use) => {
    const place = places.get(id) ?? places.size;
    if (place === places.size) first.push(use);
    places.set(id, place);
    return place;
  });
  return {
    ids: tf.tensor1d(Int32Array.from(places.keys()), "int32"),
    values: tf.unsortedSegmentSum(values, tf.tensor1d(segments, "int32"), places.size),
    first: tf.tensor1d(first, "int32"),
  };
}

/**
 * Overwrites rows of a table in its own memory, so no new tensor is created. All references to the
 * tensor see the new values.
 *
 * @param table The table `[rows, size]`.
 * @param ids The row numbers `[touched]`, int32, each once.
 * @param values The new values `[touched, size]`.
 */
export function writeRows(table: tf.Tensor, ids: tf.Tensor1D, values: tf.Tensor): void {
  if (isNative()) {
    // TensorFlow returns the same memory under another name.
    nativeOp("InplaceUpdate", { T: { type: "float32" } }, [table, ids, values], 1)[0]!.dispose();
    return;
  }
  const [all, rows, written] = heapOf(tf.backend()).views(table, ids, values);
  const size = table.shape.at(-1)!;
  rows!.forEach((row, index) =>
    all!.set(written!.subarray(index * size, (index + 1) * size), row * size)
  );
}
