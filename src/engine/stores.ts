/**
 * The memory of embedding tables on the native engine. Tables that are created together are the
 * rows of one resource variable of TensorFlow, their _store_: first the rows of the first table,
 * then those of the next one. The variable never moves, so writing rows copies nothing else. A table
 * is a tensor whose handle refers to the variable. Only the functions of this module can read and
 * write it, and `data()` and `dataSync()`, which copy all rows.
 *
 * The rows of sharded tables are dealt over the processes of a cluster: process p of n holds the
 * rows p, p + n, p + 2n, … of a table. Each process has a store with as many rows.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import type { Collectives } from "./cluster/collectives.ts";
import { isNative, nativeOp } from "./ops/native_op.ts";

/** A resource variable that holds tables. */
export interface Store {
  /** The number of rows of all tables; with sharded tables, also the spare row at the end. */
  readonly rows: number;
  /** The number of values per row. */
  readonly size: number;
  /** The processes over which the rows are dealt; undefined if this process holds all of them. */
  readonly shards?: Collectives | undefined;
}

/** The place of a table in its store. */
export interface Stored {
  /** The store. */
  readonly store: Store;
  /** The number of the table's first row in the store. */
  readonly first: number;
  /** The number of the table's rows in the store. */
  readonly rows: number;
  /** The number of the table's rows in all processes. */
  readonly all: number;
}

/** TensorFlow's number for the type of handles of resource variables. */
export const RESOURCE = 20;

/** The op that overwrites rows of a resource variable. */
export const WRITE_ROWS = "ResourceScatterUpdate";

/** An op's attribute, as tfjs-node's addon takes it. */
interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** The parts of tfjs-node's backend that tables need. */
interface TableBackend {
  readonly binding:
    & Readonly<
      Record<`TF_${"FLOAT" | "INT32" | "ATTR_TYPE" | "ATTR_STRING" | "ATTR_SHAPE"}`, number>
    >
    & {
      executeOp(
        op: string,
        attributes: readonly Attribute[],
        inputs: readonly number[],
        outputs: number,
      ): { readonly id: number }[];
      createTensor(shape: number[], type: number, values: ArrayBufferView): number;
      tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array;
      deleteTensor(id: number): void;
    };
  readonly tensorMap: { get(id: object): { readonly id: number } };
  getInputTensorIds(tensors: readonly tf.Tensor[]): number[];
  createOutputTensor(metadata: { id: number; shape: number[]; dtype: number }): tf.Tensor;
  readSync(id: object): Float32Array | Int32Array | Uint8Array;
}

/** The places of tables, by the data id of their tensors. */
const places = new WeakMap<object, Stored>();

const float32 = { type: "float32" } as const, int32 = { type: "int32" } as const;

/** The name with which TensorFlow gives a variable a unique name. */
const ANONYMOUS = "cd2c89b7-88b7-44c8-ad83-06c2a9158347";

/**
 * Creates tables of zeros in one store.
 *
 * @param counts The number of rows of each table.
 * @param size The number of values per row.
 * @param shards The processes over which the rows are dealt; by default, this process holds all.
 * @returns The tables, `[rows, size]`, with the rows that this process holds.
 */
export function storedTables(
  counts: readonly number[],
  size: number,
  shards?: Collectives,
): tf.Tensor2D[] {
  const backend = tableBackend(), { binding } = backend;
  // All processes have as many rows, so that they number them alike.
  const held = counts.map((count) => shards ? Math.ceil(count / shards.size) : count);
  const rows = held.reduce((sum, count) => sum + count, shards ? 1 : 0);
  const store: Store = { rows, size, shards };
  const text = (name: string, value: string) => ({ name, type: binding.TF_ATTR_STRING, value });
  const type = (name: string, value: number) => ({ name, type: binding.TF_ATTR_TYPE, value });
  const [variable] = binding.executeOp(
    "VarHandleOp",
    [
      text("container", ""),
      text("shared_name", ANONYMOUS),
      type("dtype", binding.TF_FLOAT),
      { name: "shape", type: binding.TF_ATTR_SHAPE, value: [rows, size] },
    ],
    [],
    1,
  );
  const zeros = tf.fill([rows, size], 0), [values] = backend.getInputTensorIds([zeros]);
  const assigned = [variable!.id, values!];
  binding.executeOp("AssignVariableOp", [type("dtype", binding.TF_FLOAT)], assigned, 0);
  // The variable keeps the memory of the zeros.
  zeros.dispose();
  let first = 0;
  const tables = held.map((count, index) => {
    // tfjs-node deletes the handle with the tensor, so each table has a handle of its own. The
    // variable is freed with its last handle.
    const [handle] = binding.executeOp("Identity", [type("T", RESOURCE)], [variable!.id], 1);
    const metadata = { id: handle!.id, shape: [count, size], dtype: binding.TF_FLOAT };
    const table = backend.createOutputTensor(metadata) as tf.Tensor2D;
    places.set(table.dataId, { store, first, rows: count, all: counts[index]! });
    first += count;
    return table;
  });
  binding.deleteTensor(variable!.id);
  return tables;
}

/**
 * Returns the place of a table in its store.
 *
 * @param table The table.
 * @returns Its place; undefined for a tensor that is not in a store.
 */
export function placeOf(table: tf.Tensor): Stored | undefined {
  return places.get(table.dataId);
}

/**
 * Reads rows of a store. A row number that is not in the store throws an error.
 *
 * @param table A table in the store.
 * @param rows The row numbers in the store, int32, of any shape.
 * @returns The rows `[...rows, size]`.
 */
export function readStored(table: tf.Tensor, rows: tf.Tensor): tf.Tensor {
  const attributes = {
    dtype: float32,
    Tindices: int32,
    batch_dims: { int: 0 },
    validate_indices: { bool: true },
  };
  return nativeOp("ResourceGather", attributes, [table, rows], 1)[0]!;
}

/**
 * Overwrites rows of a store.
 *
 * @param table A table in the store.
 * @param rows The row numbers in the store, `[touched]`, int32, each once.
 * @param values The new values `[touched, size]`.
 */
export function writeStored(table: tf.Tensor, rows: tf.Tensor, values: tf.Tensor): void {
  nativeOp(WRITE_ROWS, { dtype: float32, Tindices: int32 }, [table, rows, values], 0);
}

/** Backends that can read tables. */
const prepared = new WeakSet<object>();

/** Returns tfjs-node's backend, whose method for reading tensors knows tables. */
function tableBackend(): TableBackend {
  const backend = tf.backend() as unknown as TableBackend;
  if (!isNative()) throw new Error("stores need the native engine");
  if (prepared.has(backend)) return backend;
  prepared.add(backend);
  const { readSync } = backend;
  backend.readSync = (id) => {
    const place = places.get(id);
    return place ? readAll(backend, id, place) : readSync.call(backend, id);
  };
  return backend;
}

/** Copies the rows of a table. */
function readAll(
  { binding, tensorMap }: TableBackend,
  id: object,
  { first, rows }: Stored,
): ReturnType<TableBackend["readSync"]> {
  const type = (name: string, value: number) => ({ name, type: binding.TF_ATTR_TYPE, value });
  const numbers = Int32Array.from({ length: rows }, (_, row) => first + row);
  const index = binding.createTensor([rows], binding.TF_INT32, numbers);
  const [copy] = binding.executeOp(
    "ResourceGather",
    [type("dtype", binding.TF_FLOAT), type("Tindices", binding.TF_INT32)],
    [tensorMap.get(id).id, index],
    1,
  );
  try {
    return binding.tensorDataSync(copy!.id);
  } finally {
    binding.deleteTensor(copy!.id);
    binding.deleteTensor(index);
  }
}
