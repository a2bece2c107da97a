/**
 * What a pipeline file says of the columns that it reads: `data.features` and `data.label`.
 *
 * @module
 */

import { z } from "zod";

const columnName = z.string().min(1, { error: "expected the name of a column" });

const nulls = z.union([
  z.enum(["error", "drop"]),
  z.strictObject({
    fill: z.union([z.number(), z.string()]).describe("The value that takes a null's place."),
  }),
], { error: 'expected "error", "drop" or { fill: VALUE }' }).default("error").describe(
  "What becomes of nulls: an error, the row dropped, or a value in their place.",
);

const feature = z.strictObject({
  column: columnName.optional().describe("The column; the feature's name by default."),
  shape: z.array(
    z.int({ error: "expected a whole number" }).positive({ error: "expected at least 1" }),
    { error: "expected a list of whole numbers, such as [28, 28, 1]" },
  ).optional().describe(
    "The shape of one row, such as [28, 28, 1]; as the column's type has it by default.",
  ),
  dtype: z.enum(["float32", "int32"], { error: "expected float32 or int32" }).optional().describe(
    "What the nets get: int32 for ids; float32 by default, and int32 for strings.",
  ),
  nulls,
  pad: z.number({ error: "expected a number" }).optional().describe(
    "Pads lists that are shorter than `shape` with this value, and cuts longer ones.",
  ),
});

/** The schema of an entry of `data.features`. */
export const featureSchema = feature.nullable().transform((value): FeatureOptions =>
  value ?? { nulls: "error" }
);

const label = z.strictObject({
  column: columnName.describe("The column."),
  kind: z.enum(["class", "binary", "number"], { error: "expected class, binary or number" })
    .optional().describe(
      "class: one of several; binary: 0 or 1; number: a value to predict. By the column's type by default: number for floats, class for all else.",
    ),
  classes: z.union([
    z.int().min(2),
    z.array(z.string()).min(2).refine((names) => new Set(names).size === names.length, {
      error: "expected names that differ",
    }),
  ], { error: "expected how many classes there are, 2 or more, or a list of their names" })
    .optional().describe(
      "How many classes there are, or their names in order; what the training rows have by default.",
    ),
  nulls,
});

/** The schema of `data.label`. */
export const labelSchema = z.union([
  columnName.transform((column): LabelOptions => ({ column, nulls: "error" })),
  label,
], { error: "expected the name of a column, or { column, kind, classes, nulls }" });

const units: Readonly<Record<string, number>> = { kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

const size = /^(\d+(?:\.\d+)?) ?(kB|MB|GB|TB)$/;

/** The least memory for rows that makes sense: a window is a quarter of it. */
const leastMemory = 1e4;

const memoryError = { error: "expected a number of bytes, or a size such as 512MB or 4GB" };

/** The schema of `data.memory`: bytes. */
export const memorySchema = z.union([
  z.int(memoryError).min(leastMemory, { error: "expected 10kB or more" }),
  z.string().regex(size, memoryError).transform((text): number => {
    const [, number, unit] = size.exec(text)!;
    return Math.round(Number(number) * units[unit!]!);
  }).refine((bytes) => bytes >= leastMemory, { error: "expected 10kB or more" }),
], memoryError);

/** What becomes of nulls. */
export type NullPolicy = "error" | "drop" | { readonly fill: number | string };

/** How a feature is read from its column. */
export interface FeatureOptions {
  /** The column; the feature's name by default. */
  readonly column?: string | undefined;
  /** The shape of one row; as the column's type has it by default. */
  readonly shape?: readonly number[] | undefined;
  /** What the nets get; `int32` for strings and `float32` for all else by default. */
  readonly dtype?: "float32" | "int32" | undefined;
  /** What becomes of nulls. */
  readonly nulls: NullPolicy;
  /** Fills up lists that are shorter than the shape; longer ones are cut. */
  readonly pad?: number | undefined;
}

/** How the label is read from its column. */
export interface LabelOptions {
  /** The column. */
  readonly column: string;
  /** What is predicted; by the column's type by default. */
  readonly kind?: "class" | "binary" | "number" | undefined;
  /** How many classes there are, or their names in order. */
  readonly classes?: number | readonly string[] | undefined;
  /** What becomes of nulls. */
  readonly nulls: NullPolicy;
}
