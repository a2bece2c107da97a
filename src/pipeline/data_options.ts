/**
 * The schemas of the columns in a pipeline file: `data.features`, `data.label`, `data.split`,
 * `data.group`, `data.nulls` and `data.memory`.
 *
 * @module
 */

import { z } from "zod";
import { parseSize, sizePattern } from "../base/bytes.ts";

const columnName = z.string().min(1, { error: "expected the name of a column" });

const fill = z.strictObject({
  fill: z.union([z.number(), z.string()]).describe("The value that replaces a null."),
});

const nulls = z.union([z.enum(["error", "drop", "mean", "median"]), fill], {
  error: "expected error, drop, mean, median or { fill: VALUE }",
});

/** The schema of `data.nulls`. */
export const nullsSchema = nulls.describe(
  "How to treat nulls in features that do not set `nulls`. error (the default): a null is an " +
    "error. drop: the row is left out, also for nulls in the label, the weight, and the columns " +
    "that `group`, losses, and metrics name. mean, median: the mean or median of the training rows replaces a null " +
    "in numbers. { fill: VALUE }: the value replaces a null. If the choice does not suit a " +
    "feature, such as the mean of text, a null is an error.",
);

const nan = z.enum(["error", "missing"], { error: "expected error or missing" }).optional()
  .describe(
    "How to treat NaN. error (the default): NaN is an error. missing: NaN is treated as a null.",
  );

const idValue = z.union([z.string(), z.int()], {
  error: "expected text or a whole number; put numbers of 2^53 or more in quotes",
}).transform(String);

const classValue = z.union([z.string(), z.number(), z.boolean()]).transform(String);

/** Ids of the values of the training rows. Without a minimum count, `train` is the short form. */
const trainingIds = z.strictObject({
  train: z.literal(true, { error: "expected true" }).describe(
    "Each value of the training rows gets an id. All other values share one more id.",
  ),
  minCount: z.int({ error: "expected a whole number" })
    .positive({ error: "expected a whole number of 1 or more" }).optional()
    .describe(
      "The minimum number of occurrences in the training rows for a value to get its own id.",
    ),
}).transform(({ minCount }): "train" | { train: true; minCount: number } =>
  minCount === undefined ? "train" : { train: true, minCount }
);

const ids = z.union([
  z.literal("train"),
  trainingIds,
  z.array(idValue).min(1).refine((values) => new Set(values).size === values.length, {
    error: "expected values that differ",
  }),
  z.strictObject({
    hash: z.int().positive().describe(
      "The number of hash buckets. The id of a value is the number of its bucket.",
    ),
  }),
  z.strictObject({
    count: z.int().positive().describe(
      "The number of ids. The column contains ids from 0 to count − 1.",
    ),
  }),
  z.strictObject({
    of: z.string().min(1).describe(
      "The name of another feature. Equal values of both features get the same id.",
    ),
  }),
], {
  error:
    "expected train, { train: true, minCount: COUNT }, a list of values, { hash: BUCKETS }, { count: IDS } or { of: ANOTHER FEATURE }",
});

const image = z.strictObject({
  resize: z.enum(["stretch", "crop"], { error: "expected stretch or crop" }).optional().describe(
    "How images of other sizes get the size in `shape`. stretch: the proportions change. crop: " +
      "the edges are cut off. By default, images of other sizes are an error.",
  ),
  alpha: z.enum(["drop", "white", "black"], { error: "expected drop, white or black" }).optional()
    .describe(
      "How transparent pixels are read if `shape` has no alpha channel. white, black: as if the image " +
        "had a background of this color. drop: the alpha channel is ignored. By default, " +
        "transparent pixels are an error.",
    ),
  bits: z.literal(8, { error: "expected 8" }).optional().describe(
    "8: images with 16 bits per value are rounded to 8 bits. By default, they are an error.",
  ),
  orientation: z.enum(["apply", "ignore"], { error: "expected apply or ignore" }).optional()
    .describe(
      "Whether to turn images upright according to their EXIF data. apply (the default): turn them. ignore: keep them as they are stored.",
    ),
});

const feature = z.strictObject({
  column: columnName.optional().describe("The column's name; the feature's name by default."),
  shape: z.array(
    z.int({ error: "expected a whole number" }).positive({ error: "expected at least 1" }),
    { error: "expected a list of whole numbers, such as [28, 28, 1]" },
  ).optional().describe(
    "The shape of one row, such as [28, 28, 1]. By default, the shape of the column's type.",
  ),
  dtype: z.enum(["float32", "int32"], { error: "expected float32 or int32" }).optional().describe(
    "The type of the values that the nets receive. Ids need int32. By default, int32 for " +
      "strings and float32 for other columns.",
  ),
  nulls: nulls.optional().describe(
    "How to treat nulls. error: a null is an error. drop: the row is left out. mean, median: the " +
      "mean or median of the training rows replaces a null in numbers. { fill: VALUE }: the " +
      "value replaces a null. By default, the value of data.nulls.",
  ),
  nan,
  pad: z.number({ error: "expected a number" }).optional().describe(
    "Pads lists that are shorter than `shape` with this value, and truncates longer lists.",
  ),
  ids: ids.optional().describe(
    "How strings and whole numbers become ids. train: each value of the training rows gets an " +
      "id, and all other values share one more id. A list of values: the same for the values in " +
      "the list. { train: true, minCount: N }: the same for values that occur at least N times " +
      "in the training rows. { hash: N }: values are hashed to N ids. { count: N }: the column " +
      "contains ids from 0 to N − 1. { of: F }: the ids of the feature F.",
  ),
  length: z.int({ error: "expected a whole number" }).positive().optional().describe(
    "The length of lists of ids. Shorter lists are padded with −1; longer lists are " +
      "cut according to `keep`.",
  ),
  keep: z.enum(["first", "last"], { error: "expected first or last" }).optional().describe(
    "Which values of lists longer than `length` to keep: the first or the last; first " +
      "by default.",
  ),
  image: image.optional().describe("How PNG and JPEG images are converted to `shape`."),
}).refine(({ image, shape }) => image?.resize === undefined || shape !== undefined, {
  error: "`image.resize` requires `shape`, such as [32, 32, 3]",
}).refine(({ keep, length }) => keep === undefined || length !== undefined, {
  error: "`keep` requires `length`",
}).refine(({ length, shape, pad }) => length === undefined || (!shape && pad === undefined), {
  error: "expected either `length`, or `shape` and `pad`",
});

/** The schema of an entry of `data.features`. */
export const featureSchema = feature.nullable().transform((value): FeatureOptions => value ?? {});

const pattern = z.string({ error: "expected the name of a column, or a pattern such as mean *" })
  .min(1, { error: "expected the name of a column, or a pattern such as mean *" });

/** The schema of `data.features`. */
export const featuresSchema = z.union([
  z.literal("rest").describe(
    "All columns but the label, the weight, the column of `split.by`, and those that only `group`, " +
      "losses, and metrics use.",
  ),
  z.array(pattern).min(1, { error: "expected at least one feature" }).describe(
    "Columns, by name or by a pattern in which * stands for any text. An entry that starts with ! " +
      "leaves columns out of the patterns.",
  ),
  z.record(pattern, featureSchema).refine((features) => Object.keys(features).length > 0, {
    error: "expected at least one feature",
  }).describe(
    "Features, by the name that stages use, with their options. A name with * is a pattern of " +
      "column names, for all columns that no other entry names.",
  ),
], { error: "expected rest, a list of columns, or a map of features" });

/**
 * The features as a pipeline writes them: all columns that have no other purpose, a list of names
 * and patterns, or a map of features with their options.
 */
export type FeatureChoice = "rest" | readonly string[] | Readonly<Record<string, FeatureOptions>>;

const labelFill = z.strictObject({
  fill: z.union([z.number(), z.string(), z.array(z.string()).max(0)], {
    error: "expected a number, text, or [] for a row without classes",
  }).describe(
    "The value that replaces a null. For a label of kind multi-label: [], which means no classes.",
  ),
});

const label = z.strictObject({
  column: columnName.describe("The column's name."),
  kind: z.enum(["class", "binary", "number", "multi-label"], {
    error: "expected class, binary, number or multi-label",
  })
    .optional().describe(
      "The kind of label. class: one of several classes. binary: 0 or 1. number: a numeric value. " +
        "multi-label: any number of classes in each row, as a list of their names, or as a list " +
        "with one 0 or 1 for each class. By default, number for columns of floats and class for " +
        "all others.",
    ),
  classes: z.union([
    z.int().min(2),
    z.array(classValue).min(2).refine((names) => new Set(names).size === names.length, {
      error: "expected values that differ",
    }),
  ], {
    error: "expected the number of classes, at least 2, or a list of their values or names",
  })
    .optional().describe(
      "The values of the column in the order of the classes, such as [-1, 1] or [no, " +
        "yes]. For whole numbers, and for lists of 0 and 1, also the number of classes, or their " +
        "names. By default, the values in the training rows.",
    ),
  nulls: z.union([z.enum(["error", "drop"]), labelFill], {
    error: "expected error, drop or { fill: VALUE }",
  }).optional().describe(
    "How to treat nulls. error (the default): a null is an error. drop (the default if " +
      "data.nulls is drop): the row is left out. { fill: VALUE }: the value replaces a null.",
  ),
  nan,
});

const labelError = {
  error: "expected the name of a column, or { column, kind, classes, nulls, nan }",
};

/** The schema of `data.label`. */
export const labelSchema = z.union([
  columnName.transform((column): LabelOptions => ({ column })),
  label,
], labelError);

const namedLabel = label.extend({
  nulls: z.union([z.enum(["error", "mask", "drop"]), labelFill], {
    error: "expected error, mask, drop or { fill: VALUE }",
  }).optional().describe(
    "How to treat nulls. error (the default): a null is an error. mask: the losses and metrics of " +
      "this label leave the row out; those of the other labels use it. drop (the default if " +
      "data.nulls is drop): the row is left out. { fill: VALUE }: the value replaces a null.",
  ),
});

/** The name of one of several labels. It is a part of the names of outputs and metrics. */
const labelName = z.string().regex(/^[A-Za-z][\w-]*$/, {
  error: "expected letters, digits, dashes and underscores, and a letter first",
});

/** The schema of one of `data.labels`. */
export const namedLabelSchema = z.union([
  columnName.transform((column): NamedLabelOptions => ({ column })),
  namedLabel,
], labelError);

/** The schema of `data.labels`. */
export const labelsSchema = z.record(labelName, namedLabelSchema, {
  error: "expected labels by name, such as { click: COLUMN, buy: COLUMN }",
}).refine(
  (labels) => Object.keys(labels).length > 0,
  { error: "expected at least one label" },
);

const fraction = z.number().gt(0).lt(1);

const byColumn = (what: string) => columnName.describe(what);

/** The schema of `data.split`. */
export const splitSchema = z.strictObject({
  test: fraction.optional().describe(
    "The fraction of the rows in the test split, if they have no source of their own.",
  ),
  validation: fraction.optional().describe("The fraction of the rows in the validation split."),
  by: z.union([
    z.literal("random"),
    z.strictObject({
      time: byColumn(
        "A column of times or numbers. The last rows are test rows, and those before them " +
          "validation rows.",
      ),
    }),
    z.strictObject({
      group: byColumn(
        "A column such as a user's id. All rows with the same value are in one split.",
      ),
    }),
    z.strictObject({
      stratify: byColumn(
        "A column such as the label. The rows of each value are divided in the same proportions.",
      ),
    }),
  ], {
    error: "expected random, { time: COLUMN }, { group: COLUMN } or { stratify: COLUMN }",
  }).default("random").describe(
    "What decides the split of a row. random: chance. time: the last rows in time are test rows. " +
      "group: all rows of a group are in one split. stratify: the rows of each value are divided in " +
      "the same proportions.",
  ),
  seed: z.int().min(0).max(2 ** 32 - 1).optional().describe(
    "The seed of the split; the seed of the run by default. If it is set, runs with different seeds " +
      "have the same split.",
  ),
}).refine(({ test = 0, validation = 0 }) => test + validation < 1, {
  error: "expected fractions whose sum is less than 1: the other rows are training rows",
});

/** The schema of `data.sampling`. */
export const samplingSchema = z.strictObject({
  label: z.string().min(1, { error: "expected the name of a label" }).optional().describe(
    "The label by whose classes rows are sampled, one of `data.labels`. Rows in which this label " +
      "is null are kept.",
  ),
  keep: z.record(
    z.string(),
    z.number({ error: "expected a number above 0, up to 1" })
      .gt(0, { error: "expected a number above 0, up to 1" })
      .max(1, { error: "expected a number above 0, up to 1" }),
  ).describe(
    "The fraction of the training rows to keep, by class: the value of the label, such as 0 for " +
      "negatives. All rows of other classes are kept.",
  ),
}).describe(
  "Trains on a sample of the training rows of some classes, which the seed selects. The losses " +
    "weigh the kept rows of a class by the inverse of the fraction, so that predicted " +
    "probabilities are those of all rows.",
);

/** The fraction of the training rows to keep, by class. */
export interface SamplingOptions {
  /** The label whose classes decide, if there are several. */
  readonly label?: string | undefined;
  /** The fractions by the class's value. */
  readonly keep: Readonly<Record<string, number>>;
}

/** How the rows of a source are divided into splits. */
export interface SplitOptions {
  /** The fraction of test rows; undefined if they have a source of their own. */
  readonly test?: number | undefined;
  /** The fraction of validation rows; undefined for none. */
  readonly validation?: number | undefined;
  /** What decides the split of a row: chance, or a column. */
  readonly by:
    | "random"
    | { readonly time: string }
    | { readonly group: string }
    | { readonly stratify: string };
  /** The seed; that of the run by default. */
  readonly seed?: number | undefined;
}

/**
 * The minimum memory for rows, in bytes. A window, within which rows are shuffled, uses a quarter
 * of the memory.
 */
const minMemory = 1e4;

const memoryError = { error: "expected a number of bytes, or a size such as 512MB or 4GB" };

/** The schema of `data.memory`, which converts sizes such as `512MB` to bytes. */
export const memorySchema = z.union([
  z.int(memoryError).min(minMemory, { error: "expected 10kB or more" }),
  z.string().regex(sizePattern, memoryError).transform((text): number => parseSize(text)!).refine(
    (bytes) => bytes >= minMemory,
    { error: "expected 10kB or more" },
  ),
], memoryError);

/** The schema of `data.group`. */
export const groupSchema = z.union([
  columnName.transform((column): GroupOptions => ({ column, large: "error" })),
  z.strictObject({
    column: columnName.describe(
      "The column that defines the groups: rows with the same value form a group.",
    ),
    large: z.enum(["error", "split"], { error: "expected error or split" }).default("error")
      .describe(
        "How to treat groups with more rows than `train.batch`. error: they are an error. split: " +
          "they are divided into parts of nearly equal size, each of which is in one batch.",
      ),
  }),
], { error: "expected the name of a column, or { column, large }" });

/** How batches keep groups of rows together. */
export interface GroupOptions {
  /** The column whose equal values make rows a group. */
  readonly column: string;
  /** How to treat groups with more rows than a batch. */
  readonly large: "error" | "split";
}

/** What to do with the nulls of a column. */
export type NullPolicy = "error" | "drop" | "mean" | "median" | {
  readonly fill: number | string;
};

/** The ways in which strings and whole numbers become ids. */
export type IdOptions =
  | "train"
  | {
    readonly train: true;
    readonly minCount: number;
    /** Whether all values get ids if none occurs so often; only for `data.prepare: auto`. */
    readonly orAll?: true;
  }
  | readonly string[]
  | { readonly hash: number }
  | { readonly count: number }
  | { readonly of: string };

/** How a feature is read from its column. */
export interface FeatureOptions {
  /** The column's name; the feature's name by default. */
  readonly column?: string | undefined;
  /** The shape of one row; by default it follows from the column's type. */
  readonly shape?: readonly number[] | undefined;
  /** The type that the nets get; `int32` for strings and `float32` for other columns by default. */
  readonly dtype?: "float32" | "int32" | undefined;
  /** What to do with nulls; `data.nulls` by default. */
  readonly nulls?: NullPolicy | undefined;
  /** What to do with NaN: an error by default; `missing` treats it as a null. */
  readonly nan?: "error" | "missing" | undefined;
  /** The value that pads lists shorter than the shape; longer lists are truncated. */
  readonly pad?: number | undefined;
  /** How strings and whole numbers become ids. */
  readonly ids?: IdOptions | undefined;
  /** The length of lists of ids; shorter lists are padded with −1. */
  readonly length?: number | undefined;
  /** Which values to keep of longer lists; the first by default. */
  readonly keep?: "first" | "last" | undefined;
  /** How images are converted to the shape. */
  readonly image?: ImageOptions | undefined;
}

/** How PNG and JPEG images are converted. */
export interface ImageOptions {
  /** How images of other sizes get the size of the shape; an error by default. */
  readonly resize?: "stretch" | "crop" | undefined;
  /** How transparent pixels are read without a channel for alpha; an error by default. */
  readonly alpha?: "drop" | "white" | "black" | undefined;
  /** Rounds 16 bits per value to 8; an error by default. */
  readonly bits?: 8 | undefined;
  /** Whether images are turned upright as their EXIF data say; `apply` by default. */
  readonly orientation?: "apply" | "ignore" | undefined;
}

/** How one of several labels is read from its column. */
export interface NamedLabelOptions extends Omit<LabelOptions, "nulls"> {
  /** What to do with nulls: as for a single label, or `mask`. */
  readonly nulls?: LabelOptions["nulls"] | "mask" | undefined;
}

/** Several labels, by name. */
export interface SeveralLabelOptions {
  /** The labels. */
  readonly labels: Readonly<Record<string, NamedLabelOptions>>;
}

/**
 * Lists the columns of a label, or of several labels, without repetitions.
 *
 * @param label The options of the label, or of several labels.
 */
export function labelColumns(label: LabelOptions | SeveralLabelOptions): string[] {
  if (!("labels" in label)) return [label.column];
  return [...new Set(Object.values(label.labels).map(({ column }) => column))];
}

/** The value that replaces a null in a label; an empty list if the row has none of its classes. */
export interface LabelFill {
  /** The value. */
  readonly fill: number | string | readonly string[];
}

/** How the label is read from its column. */
export interface LabelOptions {
  /** The column's name. */
  readonly column: string;
  /** The kind of label; by default it follows from the column's type. */
  readonly kind?: "class" | "binary" | "number" | "multi-label" | undefined;
  /** The number of classes, or their values or names in order. */
  readonly classes?: number | readonly string[] | undefined;
  /** What to do with nulls; `drop` by default if `data.nulls` is `drop`, an error if not. */
  readonly nulls?: "error" | "drop" | LabelFill | undefined;
  /** What to do with NaN: an error by default; `missing` treats it as a null. */
  readonly nan?: "error" | "missing" | undefined;
}
