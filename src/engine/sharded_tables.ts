/**
 * Operations on sharded tables, whose rows are dealt over the processes of a cluster: row r belongs
 * to the process r mod n. Rows have numbers that are the same in all processes, and that tell the
 * owner as well: number mod n.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import type { Collectives } from "./cluster/collectives.ts";
import { commonLength, ownLength } from "./cluster/row_lists.ts";
import { asksForOwnRows } from "./cluster/synchronization.ts";
import { distinct, lengthened, rowsAt } from "./ops/distinct.ts";
import { nativeOp } from "./ops/native_op.ts";
import { select } from "./ops/select.ts";
import { placeOf, readStored, writeStored } from "./stores.ts";

/**
 * Returns the processes over which the rows of a table are dealt.
 *
 * @param table The table.
 * @returns The processes; undefined if this process holds all rows.
 */
export function shardsOf(table: tf.Tensor): Collectives | undefined {
  return placeOf(table)?.store.shards;
}

const INT32 = { type: "int32" } as const;

const whole = (value: number) => tf.scalar(value, "int32");

/** Rows that this process is asked for. */
interface Held {
  /** Their places in the store of this process: for rows of others, that of the spare row. */
  readonly places: tf.Tensor;
  /** Whether the rows belong to this process, bool. */
  readonly isOwn: tf.Tensor;
}

/**
 * Finds the places of rows in the store of this process. Sizes do not depend on how many rows
 * belong to it, so all processes compute the same graph.
 */
function heldRows(table: tf.Tensor, numbers: tf.Tensor): Held {
  const { rows, shards } = placeOf(table)!.store, { size, rank } = shards!;
  const compute = (op: string) => nativeOp(op, { T: INT32 }, [numbers, whole(size)], 1)[0]!;
  const isOwn = tf.equal(compute("FloorMod"), whole(rank));
  const places = select(isOwn, compute("FloorDiv"), whole(rows - 1), "int32");
  // All processes refuse a number of no row, not just one of them.
  const isRow = tf.greaterEqual(numbers, whole(0));
  return { isOwn, places: select(isRow, places, whole(-1), "int32") };
}

/** Keeps the values of own rows. The others are 0, even if the values are NaN. */
const ownValues = (isOwn: tf.Tensor, values: tf.Tensor) =>
  select(tf.expandDims(isOwn, -1), values, tf.scalar(0), "float32");

/** The rows `[rows, size]` by their numbers; those that this process does not hold are 0. */
function readHeld(table: tf.Tensor, numbers: tf.Tensor): tf.Tensor {
  const { isOwn, places } = heldRows(table, numbers);
  return ownValues(isOwn, readStored(table, places));
}

/**
 * Reads rows of a sharded table, in all processes at the same time. In a training step, each process
 * asks for its own rows; otherwise, all processes ask for the same ones.
 *
 * @param table The table, or another one of the same store.
 * @param numbers The numbers of the rows, int32, of any shape.
 * @param name A name that no other exchange of the same function has.
 * @returns The rows `[...numbers, size]`.
 */
export function readSharded(table: tf.Tensor, numbers: tf.Tensor, name: string): tf.Tensor {
  const shards = shardsOf(table)!;
  const flat = tf.reshape(numbers, [-1]) as tf.Tensor1D;
  const read = asksForOwnRows()
    ? readOwn(shards, table, flat, name)
    : shards.sum(readHeld(table, flat), `${name}: rows`);
  return tf.reshape(read, [...numbers.shape, table.shape.at(-1)!]);
}

/** Reads rows for which only this process asks, each of them once. */
function readOwn(
  shards: Collectives,
  table: tf.Tensor,
  numbers: tf.Tensor1D,
  name: string,
): tf.Tensor {
  const own = distinct(numbers);
  const length = commonLength(shards.sum(ownLength(own.count, shards), `${name}: lengths`));
  const list = lengthened(own, length.rows);
  const all = shards.gatherLists(list, length, `${name}: ids`);
  const rows = shards.sumOfLists(readHeld(table, all), length, `${name}: rows`);
  const first = tf.mul(length.rows, whole(shards.rank));
  return rowsAt(rows, tf.add(own.places, first));
}

/**
 * Prepares the gradients of rows for this process. Those of other processes become gradients of 0 of
 * the spare row, which is 0 and which no lookup reads.
 *
 * @param table The table, or another one of the same store.
 * @param numbers The numbers of the rows, `[uses]`, int32.
 * @param gradients The gradients `[uses, size]`.
 * @returns The places of the rows in the store of this process, and their gradients.
 */
export function ownGradients(
  table: tf.Tensor,
  numbers: tf.Tensor1D,
  gradients: tf.Tensor2D,
): { readonly ids: tf.Tensor1D; readonly values: tf.Tensor2D } {
  const { isOwn, places } = heldRows(table, numbers);
  return {
    ids: places as tf.Tensor1D,
    values: ownValues(isOwn, gradients) as tf.Tensor2D,
  };
}

/**
 * Reads rows by their places in the store of this process. The spare row is 0, even if an optimizer
 * has made it something else.
 *
 * @param table The table, or another one of the same store.
 * @param places The places `[rows]`, int32.
 * @returns The rows `[rows, size]`.
 */
export function readPlaces(table: tf.Tensor, places: tf.Tensor1D): tf.Tensor2D {
  const isRow = tf.less(places, whole(placeOf(table)!.store.rows - 1));
  return ownValues(isRow, readStored(table, places)) as tf.Tensor2D;
}

/**
 * Overwrites successive rows of a sharded table, of which this process takes its own.
 *
 * @param table The table.
 * @param start The number of the first row in the table.
 * @param values The rows `[count, size]`.
 */
export function writeShardedRows(table: tf.Tensor, start: number, values: tf.Tensor): void {
  const { first, store: { shards } } = placeOf(table)!, { size, rank } = shards!;
  const skipped = (rank - start % size + size) % size, [count] = values.shape as [number];
  const own = Math.ceil((count - skipped) / size);
  if (own <= 0) return;
  tf.tidy(() => {
    const from = first + (start + skipped - rank) / size;
    const rows = tf.range(skipped, skipped + (own - 1) * size + 1, size, "int32");
    writeStored(table, tf.range(from, from + own, 1, "int32"), tf.gather(values, rows));
  });
}

/**
 * Gathers successive rows of a sharded table from all processes, each of which calls this.
 *
 * @param table The table.
 * @param from The first row of each process, by its place in the table.
 * @param count The number of rows of each process.
 * @param name The name of the call.
 * @returns The rows `[most n · count, size]` in the order of the table, from row `n · from` on.
 */
export function gatherShardedRows(
  table: tf.Tensor,
  { from, count }: { readonly from: number; readonly count: number },
  name: string,
): tf.Tensor2D {
  const { first, all, store: { shards, size } } = placeOf(table)!;
  return tf.tidy(() => {
    const places = tf.range(first + from, first + from + count, 1, "int32");
    const held = shards!.gather(readStored(table, places), name);
    const dealt = tf.reshape(held, [shards!.size, count, size]);
    const inOrder = tf.reshape(tf.transpose(dealt, [1, 0, 2]), [shards!.size * count, size]);
    return tf.slice2d(inOrder as tf.Tensor2D, [0, 0], [
      Math.min(all - shards!.size * from, shards!.size * count),
      size,
    ]);
  });
}
