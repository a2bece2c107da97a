import {
  Binary,
  Bool,
  type DataType,
  Field,
  Float64,
  Int64,
  TimestampMillisecond,
  Uint64,
  Utf8,
} from "apache-arrow";
import { z } from "zod";
import { type Family, layoutOf } from "../../input/layout.ts";
import type { SourceType } from "./model_file.ts";

export type { Family };

/**
 * The schema of a {@linkcode Family}, which is the kind of a column's values regardless of their
 * bit width.
 */
export const familySchema: z.ZodType<Family> = z.enum([
  "whole numbers",
  "numbers",
  "booleans",
  "strings",
  "times",
  "images",
]);

/** A representative Arrow type for each family. */
const types: Readonly<Record<Family, () => DataType>> = {
  "whole numbers": () => new Int64(),
  numbers: () => new Float64(),
  booleans: () => new Bool(),
  strings: () => new Utf8(),
  times: () => new TimestampMillisecond(),
  images: () => new Binary(),
};

/**
 * Returns the type of a source's column.
 *
 * @param field The column.
 */
export function sourceTypeOf({ type }: Field): SourceType {
  return { text: String(type), family: layoutOf(type)!.family };
}

/**
 * Creates an Arrow column for the same kind of values as a column of the training data, such as
 * whole numbers or strings. Rows to predict on may have a different bit width.
 *
 * @param name The name of the column.
 * @param type The type of the column in the training data.
 */
export function fieldOf(name: string, { family, text }: SourceType): Field {
  // Int64 cannot represent the larger half of these numbers.
  const type = text === "Uint64" ? new Uint64() : types[family]();
  return new Field(name, type, true);
}
