/**
 * Rows on their way from a source to the nets.
 *
 * @module
 */

/** The arrays that a column's values may be kept in. */
export type Values =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/** The values of one feature, or of the label, for a number of rows. */
export interface Column {
  /** The values of all rows, one row after the other. It may be a view of a file: never write to it. */
  readonly values: Values;
  /** The shape of one row: `[]` for a number, `[height, width, channels]` for an image. */
  readonly shape: readonly number[];
}

/** What is known of a column before any row is read. */
export interface ColumnSpec {
  /** The shape of one row. */
  readonly shape: readonly number[];
  /** What the nets get: `float32`, or `int32` for ids. */
  readonly dtype: "float32" | "int32";
  /** The values that the ids stand for, for columns of strings. */
  readonly vocabulary?: readonly string[] | undefined;
}

/** What the label is. */
export interface LabelSpec extends ColumnSpec {
  /** `class`: one of several; `binary`: 0 or 1, one logit; `number`: a value to predict. */
  readonly kind: "class" | "binary" | "number";
  /** How many classes there are; 2 for a binary label and 0 for a number. */
  readonly classes: number;
}

/** Some rows. */
export interface Batch {
  /** How many rows. */
  readonly size: number;
  /** The features by name. */
  readonly features: Readonly<Record<string, Column>>;
  /** The label. */
  readonly label: Column;
}
