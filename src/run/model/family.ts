import {
  Bool,
  type DataType,
  Field,
  Float64,
  Int64,
  TimestampMillisecond,
  Utf8,
} from "apache-arrow";
import { z } from "zod";
import { type Family, layoutOf } from "../../input/layout.ts";
import type { SourceType } from "./model_file.ts";

export type { Family };

/** The schema of a {@linkcode Family}. */
export const familySchema: z.ZodType<Family> = z.enum([
  "whole numbers",
  "numbers",
  "booleans",
  "strings",
  "times",
]);

/** A type of each family. */
const types: Readonly<Record<Family, () => DataType>> = {
  "whole numbers": () => new Int64(),
  numbers: () => new Float64(),
  booleans: () => new Bool(),
  strings: () => new Utf8(),
  times: () => new TimestampMillisecond(),
};

/**
 * What a column of a source holds.
 *
 * @param field The column.
 */
export function sourceTypeOf({ type }: Field): SourceType {
  return { text: String(type), family: layoutOf(type)!.family };
}

/**
 * A column that holds the same as another did: splits and later rows are held to what it holds, not
 * to its width.
 *
 * @param name The column.
 * @param type What it held.
 */
export function fieldOf(name: string, { family }: SourceType): Field {
  return new Field(name, types[family](), true);
}
