import * as tf from "@tensorflow/tfjs";
import { isNative } from "../engine/ops/native_op.ts";
import { isStored, sliceRows, storeOf, VALUES_AT_ONCE, writeRows } from "../engine/tables.ts";
import type { Variable } from "../stages/network.ts";
import type { Model } from "./step.ts";
import { emptyTables, type TablesTogether, type TensorsByName } from "./variables.ts";

/**
 * Determines which tables a training step reads and updates together: those with the same owner and
 * rows of the same size, if the optimizer moves all numbers alike.
 *
 * @param model The model.
 * @returns The groups of tables; tables that are in no group are on their own.
 */
export function storedTogether(
  { variables, optimizer, tables, shards }: Pick<
    Model,
    "variables" | "optimizer" | "tables" | "shards"
  >,
): TablesTogether {
  if (!optimizer.elementwise || tables === "exact") return [];
  const groups = new Map<string, Variable[]>();
  for (const variable of variables.filter(({ table }) => table)) {
    const key = `${variable.shape[1]} ${variable.owner} ${variable.shard ?? false}`;
    groups.set(key, [...groups.get(key) ?? [], variable]);
  }
  const most = MAX_ROWS - variables.length * (shards?.size ?? 1);
  return [...groups.values()].flatMap((group) => withinLimit(group, most)).filter(({ length }) =>
    length > 1
  );
}

/**
 * The largest number of rows of a store: row numbers are int32. Each process has as many rows of a
 * sharded table, so some numbers are unused.
 */
const MAX_ROWS = 2 ** 31 - 1;

/** Divides a group whose rows cannot be numbered together. */
function withinLimit(group: readonly Variable[], most: number): Variable[][] {
  const parts: Variable[][] = [];
  let rows = Infinity;
  for (const variable of group) {
    const own = variable.shape[0]!;
    if (rows + own > most) {
      parts.push([]);
      rows = 0;
    }
    parts.at(-1)!.push(variable);
    rows += own;
  }
  return parts;
}

/**
 * Puts the tables among the values of variables where a training step of a model expects them: in
 * stores, or, if a step updates all rows, in plain tensors.
 *
 * @param model The model.
 * @param values The values by name. The result takes ownership of them.
 * @returns The values.
 */
export function withTables(
  model: Pick<Model, "variables" | "optimizer" | "tables" | "shards">,
  values: TensorsByName,
): TensorsByName {
  const tables = model.variables.filter(({ table, name }) => table && values[name]);
  if (model.tables === "exact") {
    return replaced(values, tables, ({ name }) => {
      const table = values[name]!;
      return isStored(table) ? sliceRows(table, 0, table.shape[0]!) : table;
    });
  }
  if (!isNative()) return values;
  const groups = storedTogether(model);
  const storeOfTable = ({ name }: Variable) => storeOf(values[name]!);
  const inPlace = tables.every(({ name }) => isStored(values[name]!)) &&
    groups.every((group) => new Set(group.map(storeOfTable)).size === 1);
  if (inPlace) return values;
  const moved = emptyTables(tables, groups, model.shards);
  return replaced(values, tables, ({ name }) => {
    const table = moved.get(name)!;
    copyRows(values[name]!, table);
    return table;
  });
}

/** Replaces tables, and disposes of those that are no longer used. */
function replaced(
  values: TensorsByName,
  tables: readonly Variable[],
  by: (table: Variable) => tf.Tensor,
): TensorsByName {
  const all: Record<string, tf.Tensor> = { ...values };
  for (const table of tables) {
    const old = values[table.name]!, next = by(table);
    if (next !== old) old.dispose();
    all[table.name] = next;
  }
  return all;
}

function copyRows(from: tf.Tensor, to: tf.Tensor): void {
  const [rows, size] = from.shape as [number, number];
  const count = Math.max(1, Math.floor(VALUES_AT_ONCE / size));
  for (let start = 0; start < rows; start += count) {
    const end = Math.min(start + count, rows);
    tf.tidy(() =>
      writeRows(to, tf.range(start, end, 1, "int32"), sliceRows(from, start, end - start))
    );
  }
}
