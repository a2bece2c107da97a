/**
 * Converts rows of plain values to record batches.
 *
 * @module
 */

import {
  Binary,
  Bool,
  type DataType,
  Field,
  Float64,
  Int64,
  List,
  makeData,
  type RecordBatch,
  Schema,
  TimestampMillisecond,
  Uint64,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { describeValue } from "../base/describe_value.ts";
import { recordBatchOf } from "../base/wide_schema.ts";
import type { ModelFile, SourceFeature } from "../run/model/model_file.ts";
import type { Family } from "../run/model/family.ts";

/** A row to predict on: its values by the names of the source's columns. */
export type Row = Readonly<Record<string, unknown>>;

/** For each family of values: the JavaScript value that a row must have, and its Arrow type. */
const kinds: Readonly<
  Record<Family, { type: () => DataType; what: string; read: (value: unknown) => unknown }>
> = {
  "whole numbers": {
    type: () => new Int64(),
    what: "a whole number",
    read: (value) =>
      typeof value === "bigint"
        ? value
        : Number.isSafeInteger(value)
        ? BigInt(value as number)
        : undefined,
  },
  numbers: {
    type: () => new Float64(),
    what: "a number",
    read: (value) =>
      typeof value === "number" ? value : typeof value === "bigint" ? Number(value) : undefined,
  },
  booleans: {
    type: () => new Bool(),
    what: "true or false",
    read: (value) => typeof value === "boolean" ? value : undefined,
  },
  strings: {
    type: () => new Utf8(),
    what: "a text",
    read: (value) => typeof value === "string" ? value : undefined,
  },
  times: {
    type: () => new TimestampMillisecond(),
    what: "a Date",
    read: (value) =>
      value instanceof Date && !Number.isNaN(value.getTime()) ? value.getTime() : undefined,
  },
  images: {
    type: () => new Binary(),
    what: "the bytes of an image, or a list of pixels",
    read: (value) => value instanceof Uint8Array ? value : undefined,
  },
};

/**
 * Creates a record batch from rows.
 *
 * @param model The content of `model.json`. Values of columns that it does not list are ignored.
 * @param rows The rows. A value that is missing or undefined becomes null.
 * @throws {UserError} If a value does not have the type of its column.
 */
export function batchOfRows(
  { features }: Pick<ModelFile, "features">,
  rows: readonly Row[],
): RecordBatch {
  const byColumn = new Map(features.map((feature) => [feature.column, feature]));
  const fields: Field[] = [], children = [];
  for (const [column, trained] of byColumn) {
    // A column may have the name of a property that all objects inherit.
    const given = rows.map((row) => Object.hasOwn(row, column) ? row[column] : undefined);
    const feature = given.some(Array.isArray) ? asPixels(trained) : trained;
    const values = given.map((value, index) => readValue(value, feature, depthOf(feature), index));
    const type = typeOf(feature, values);
    fields.push(new Field(column, type, true));
    // The type cannot be inferred from values that are all null.
    const [data] = vectorFromArray(values, type).data;
    children.push(data ?? makeData({ type, length: 0 }));
  }
  return recordBatchOf(new Schema(fields), children, rows.length);
}

/** Returns a feature of images as one of lists of whole numbers, which are decoded pixels. */
function asPixels(feature: SourceFeature): SourceFeature {
  if (feature.type.family !== "images") return feature;
  return { ...feature, type: { text: "List<Uint8>", family: "whole numbers" } };
}

/** Returns the number of nested lists around a value. */
const depthOf = ({ type: { text } }: SourceFeature) =>
  [...text.matchAll(/List|FixedSizeBinary/g)].length;

function typeOf(feature: SourceFeature, values: readonly unknown[]): DataType {
  const { family } = feature.type;
  let type = family === "whole numbers" ? wholeType(feature, values) : kinds[family].type();
  for (let depth = depthOf(feature); depth > 0; depth--) {
    type = new List(new Field("item", type, true));
  }
  return type;
}

/** Returns the integer type that represents all values, because Int64 would wrap large ones. */
function wholeType(feature: SourceFeature, values: readonly unknown[]): DataType {
  let least: [value: bigint, row: number] = [0n, 0], most: [value: bigint, row: number] = [0n, 0];
  const visit = (value: unknown, row: number) => {
    if (Array.isArray(value)) { for (const item of value) visit(item, row); }
    else if (typeof value === "bigint") {
      if (value < least[0]) least = [value, row];
      if (value > most[0]) most = [value, row];
    }
  };
  values.forEach(visit);
  const largest = least[0] < 0n ? 2n ** 63n : 2n ** 64n;
  if (most[0] >= largest) throw refuseValue(feature, ...most, `a whole number below ${largest}`);
  if (least[0] < -(2n ** 63n)) throw refuseValue(feature, ...least, "a whole number from -2⁶³");
  return most[0] >= 2n ** 63n ? new Uint64() : new Int64();
}

function readValue(value: unknown, feature: SourceFeature, depth: number, row: number): unknown {
  if (value === null || value === undefined) return null;
  const { what, read } = kinds[feature.type.family];
  if (depth > 0) {
    const isList = Array.isArray(value) ||
      ArrayBuffer.isView(value) && !(value instanceof DataView);
    if (isList) {
      return Array.from(
        value as ArrayLike<unknown>,
        (item) => readValue(item, feature, depth - 1, row),
      );
    }
  } else {
    const known = read(value);
    if (known !== undefined) return known;
  }
  throw refuseValue(feature, value, row, depth > 0 ? "a list" : what);
}

function refuseValue(
  feature: SourceFeature,
  value: unknown,
  row: number,
  expected: string,
): UserError {
  return new UserError(
    `the column ${feature.column} of row ${row} has ${describeValue(value)}; expected ${expected}`,
    {
      hint: hint(
        "model/row",
        `the run was trained with values of the type ${feature.type.text}: use the same type in all rows`,
        { edit: "the program" },
      ),
    },
  );
}
