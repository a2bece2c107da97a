/**
 * Record batches of tens of thousands of columns. arrow-js looks each column up by its name among
 * all columns when it makes a record batch, which takes time by the square of their number.
 *
 * @module
 */

import {
  type Data,
  type DataType,
  type Field,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  type TypeMap,
} from "apache-arrow";

/**
 * A schema of the same columns whose record batches arrow-js makes in time by the number of
 * columns: it assigns a schema its own columns, in their order, of which some may allow nulls now.
 *
 * @param schema The schema. It is changed, as the reader of a file keeps it.
 */
export function withQuickAssign<T extends Schema>(schema: T): T {
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
  // Whoever compares or shows schemas sees no more of it than of another one.
  Object.defineProperty(schema, "assign", { value: quick, enumerable: false });
  return schema;
}

/**
 * A record batch of columns.
 *
 * @param schema The columns' names and types.
 * @param children Their values.
 * @param rows How many rows there are.
 */
export function recordBatchOf(
  schema: Schema,
  children: readonly Data<DataType>[],
  rows: number,
): RecordBatch {
  const type = new Struct<TypeMap>(schema.fields);
  const data = makeData({ type, length: rows, nullCount: 0, children: [...children] });
  return new RecordBatch(withQuickAssign(schema), data);
}
