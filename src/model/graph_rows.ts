/**
 * Writes rows as an exported graph reads them, so that other programs can compute them.
 *
 * @module
 */

import * as arrow from "apache-arrow";
import { writeArrowFile } from "../base/files/arrow_writer.ts";
import { unwritable } from "../base/files/unwritable.ts";
import type { FeatureInput } from "./onnx/columns.ts";
import { type FeatureValues, inputArrays } from "./runners.ts";

/**
 * Rows in the form in which an exported graph reads them, and the logits that the graph is expected
 * to compute for them.
 */
export interface GraphRows {
  /** The number of rows. */
  readonly rows: number;
  /** The values of each feature, row by row. */
  readonly values: FeatureValues;
  /** The logits, row by row. */
  readonly logits: Float32Array;
}

/**
 * Writes an Arrow file with one column for each input of an exported graph, and the column
 * `logits`.
 *
 * @param path The path of the file.
 * @param inputs The inputs of the graph.
 * @param graphRows The rows.
 * @throws {UserError} If the file cannot be written.
 */
export function writeRows(
  path: string,
  inputs: readonly FeatureInput[],
  { rows, values, logits }: GraphRows,
): void {
  const columns = [
    ...inputArrays(inputs, values).map(({ name, type, data, shape }) =>
      column(name, arrowTypes[type]!(), { rows, values: data, shape })
    ),
    column("logits", new arrow.Float32(), { rows, values: logits, shape: [logits.length / rows] }),
  ];
  const schema = new arrow.Schema(columns.map(({ field }) => field));
  const children = columns.map(({ data }) => data), type = new arrow.Struct(schema.fields);
  try {
    const data = arrow.makeData({ type, length: rows, nullCount: 0, children });
    writeArrowFile(path, schema, [new arrow.RecordBatch(schema, data)]);
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** The Arrow types by the names that ONNX Runtime uses. */
const arrowTypes: Readonly<Record<string, () => arrow.DataType>> = {
  string: () => new arrow.Utf8(),
  bool: () => new arrow.Bool(),
  float32: () => new arrow.Float32(),
  float64: () => new arrow.Float64(),
  int8: () => new arrow.Int8(),
  uint8: () => new arrow.Uint8(),
  int16: () => new arrow.Int16(),
  uint16: () => new arrow.Uint16(),
  int32: () => new arrow.Int32(),
  uint32: () => new arrow.Uint32(),
  int64: () => new arrow.Int64(),
  uint64: () => new arrow.Uint64(),
};

/** Creates a column with one value per row, or with one fixed-size list per row. */
function column(
  name: string,
  type: arrow.DataType,
  { rows, values, shape }: {
    readonly rows: number;
    readonly values: unknown;
    readonly shape: readonly number[];
  },
) {
  const list = Array.from(values as ArrayLike<unknown>);
  const flat = arrow.DataType.isBool(type) ? list.map(Boolean) : list;
  const [leaf] = arrow.vectorFromArray(flat, type).data;
  if (shape.length === 0) return { field: new arrow.Field(name, type, false), data: leaf! };
  const size = shape.reduce((product, size) => product * size, 1);
  const whole = new arrow.FixedSizeList(size, new arrow.Field("item", type, false));
  const data = arrow.makeData({ type: whole, length: rows, nullCount: 0, child: leaf! });
  return { field: new arrow.Field(name, whole, false), data };
}
