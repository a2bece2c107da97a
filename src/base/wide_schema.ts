/**
 * Creates record batches with tens of thousands of columns. arrow-js looks up each column by name
 * when it creates a record batch, which takes quadratic time in the number of columns.
 *
 * @module
 */

import {
  type Data,
  type Field,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  type TypeMap,
} from "apache-arrow";
import type { ArrowRecordBatch, ArrowSchema, ArrowType } from "./arrow_types.ts";

/**
 * Changes a schema so that arrow-js creates record batches with it in linear time. arrow-js merges
 * the schema with the columns of each record batch, some of which can have become nullable. The
 * replaced method `assign` handles this case without searching for each name.
 *
 * @param schema The schema. It is changed in place, because the reader of a file keeps a reference
 *   to it.
 * @returns The same schema.
 */
export function withQuickAssign<T extends ArrowSchema>(schema: T): T {
  if (Object.hasOwn(schema, "assign")) return schema;
  const assign = schema.assign;
  const quick = (...args: unknown[]): Schema => {
    const [fields] = args as [readonly Field[]];
    const isOwn = args.length === 1 && Array.isArray(fields) &&
      fields.length === schema.fields.length &&
      fields.every(({ name }, index) => name === schema.fields[index]!.name);
    if (!isOwn) return (assign as (...args: unknown[]) => Schema).apply(schema, args);
    return withQuickAssign(new Schema([...fields], schema.metadata, schema.dictionaries));
  };
  // Not enumerable, so that comparing or printing schemas is not affected.
  Object.defineProperty(schema, "assign", { value: quick, enumerable: false });
  return schema;
}

/**
 * Creates a record batch from the values of its columns. The time that this takes grows linearly
 * with the number of columns, unlike with the constructor of arrow-js.
 *
 * @param schema Names and types of the columns.
 * @param children Values of the columns, in the same order.
 * @param rows Number of rows.
 * @returns The record batch.
 */
export function recordBatchOf(
  schema: ArrowSchema,
  children: readonly Data<ArrowType>[],
  rows: number,
): ArrowRecordBatch {
  const type = new Struct<TypeMap>(schema.fields);
  const data = makeData({ type, length: rows, nullCount: 0, children: [...children] });
  return new RecordBatch(withQuickAssign(schema), data);
}
