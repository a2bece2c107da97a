/**
 * Batches of rows, and the descriptions of their columns.
 *
 * @module
 */

/** The typed arrays that can hold a column's values. */
export type Values =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/** The values of one feature, or of the label, for some rows. */
export interface Column {
  /**
   * The values of all rows, one row after another. They may be a view of a file: never write to
   * them.
   */
  readonly values: Values;
  /** The shape of one row: `[]` for a number, `[height, width, channels]` for an image. */
  readonly shape: readonly number[];
}

/** The description of a column: its shape, its type, and its ids if it has any. */
export interface ColumnSpec {
  /** The shape of one row. */
  readonly shape: readonly number[];
  /**
   * The type that the nets get: `float32` for numbers, `int32` for ids, whose order has no meaning.
   */
  readonly dtype: "float32" | "int32";
  /** The values that the ids represent, in the order of the ids; absent if they are not known. */
  readonly vocabulary?: readonly string[] | undefined;
  /** The ids of a feature with the option `ids`. */
  readonly ids?: IdSpec | undefined;
  /** The column of text that became ids although the feature has no `ids` option, for messages. */
  readonly text?: TextColumn | undefined;
  /**
   * The unit of numbers that float32 cannot represent exactly. A transform has to bring them into
   * range.
   */
  readonly unit?: "seconds since 1970" | undefined;
  /** The statistic that replaces nulls. Nulls are NaN until it is measured. */
  readonly missing?: "mean" | "median" | undefined;
  /**
   * The ids that the positions of a row's values represent, by axis. The axes are row-major and
   * independent of `shape`. A transform that spreads ids over positions, such as `one-hot`,
   * declares them, so that the weights of an earlier run can be matched value by value. Absent if
   * positions do not represent ids.
   */
  readonly places?: readonly PlaceAxis[] | undefined;
}

/** For a feature that is a column of text: the column, and its first value that is not a number. */
export interface TextColumn {
  /** The column's name. */
  readonly column: string;
  /** The location of the first row whose value is not a number, as text for messages. */
  readonly row: string;
  /** The value in that row. */
  readonly value: string;
  /** How to read the column as numbers; absent if most of its values are not numbers. */
  readonly hint?: string | undefined;
}

/** An axis of {@linkcode ColumnSpec.places}: what the positions along it represent. */
export interface PlaceAxis {
  /** The number of positions along the axis. */
  readonly size: number;
  /** The ids that the positions represent, in order; absent if the positions represent no ids. */
  readonly ids?: IdKeys | undefined;
}

/** The values that the ids of a feature represent. */
export interface IdKeys {
  /** Whether an id stands for a value of a vocabulary, for a hash, or for the number itself. */
  readonly kind: IdSpec["kind"];
  /** The feature that the ids come from, for messages. */
  readonly name: string;
  /** The number of ids. */
  readonly count: number;
  /**
   * The values of a vocabulary, in the order of their ids. All other values share one additional
   * id.
   */
  readonly vocabulary?: readonly string[] | undefined;
}

/**
 * Describes what the ids of a feature represent.
 *
 * @param name The feature's name.
 * @param spec The feature's column.
 * @param count The number of ids to assume if the column has neither `ids` nor a vocabulary.
 * @returns The ids; `undefined` for a feature of numbers, and if the number of ids is not known.
 *
 * @example
 * ```ts
 * import { idKeysOf } from "@rocket-launching/rocket/plugin";
 * import { assertEquals } from "@std/assert";
 *
 * const keys = idKeysOf("city", { shape: [], dtype: "int32", vocabulary: ["Oslo", "Rome"] });
 * assertEquals(keys?.count, 2);
 * ```
 */
export function idKeysOf(
  name: string,
  { dtype, ids, vocabulary }: ColumnSpec,
  count?: number,
): IdKeys | undefined {
  const known = ids?.count ?? vocabulary?.length ?? count;
  if (dtype !== "int32" || known === undefined) return undefined;
  return {
    kind: ids?.kind ?? (vocabulary ? "vocabulary" : "count"),
    name: ids?.name ?? name,
    count: known,
    ...(vocabulary && { vocabulary }),
  };
}

/**
 * The ids of a feature: whole numbers from 0 to `count` − 1. With a vocabulary, all values that are
 * not in it share the last id.
 *
 * A list of ids has the shape `[length]`: the ids in order, then −1 up to the end. So `ids ≥ 0` is
 * the mask of the list, and the sum of the mask is its length.
 */
export interface IdSpec {
  /**
   * What an id represents. `vocabulary`: one value. `hash`: all values with that hash. `count`: the
   * number itself.
   */
  readonly kind: "vocabulary" | "hash" | "count";
  /** The number of ids. */
  readonly count: number;
  /** The name of the ids. Features with the same name give the same value the same id. */
  readonly name: string;
  /** Whether a list may be padded with −1. */
  readonly padded: boolean;
}

/** The description of a pipeline's label: the column that the nets predict. */
export interface LabelSpec extends ColumnSpec {
  /**
   * `class`: one of several classes. `binary`: 0 or 1, with one logit. `number`: a numeric value.
   * `multi-label`: any number of classes at once: 0 or 1 for each class, in a row of shape
   * `[classes]`, with one logit for each. `several`: the labels of a pipeline with `data.labels`. Their values are side by side in one
   * row of shape `[labels]`, and so are their logits, in the order of {@linkcode LabelSpec.labels}.
   * A null that masks a label is NaN. Only networks, transforms, and losses without a label of their
   * own see this kind; other losses and metrics see a single label.
   */
  readonly kind: "class" | "binary" | "number" | "multi-label" | "several";
  /** The number of classes; 2 for a binary label, and 0 for a number and for several labels. */
  readonly classes: number;
  /** Whether a null masks the label, so that losses and metrics of the label leave the row out. */
  readonly masked?: true | undefined;
  /** The labels of a pipeline with `data.labels`, by name; absent for a single label. */
  readonly labels?: Readonly<Record<string, LabelSpec>> | undefined;
  /** How often the classes occur in the training rows; absent if no part of the run needs it. */
  readonly training?: LabelStatistics | undefined;
}

/** Statistics of the label over the training rows. Rows count by the weights of the data. */
export interface LabelStatistics {
  /** The number of training rows. */
  readonly rows: number;
  /** The sum of the weights of all rows; the number of rows if they have no weights. */
  readonly total: number;
  /**
   * The sum of the weights of the rows of each class; empty for a label that is a number. A row with
   * a label of kind `multi-label` counts for each of its classes.
   */
  readonly classes: readonly number[];
  /** The mean of a label that is a number or binary; 0 for other labels, and if `total` is 0. */
  readonly mean: number;
}

/** The columns of some rows that are processed together. */
export interface Batch {
  /** The number of rows. */
  readonly size: number;
  /** The features by name. */
  readonly features: Readonly<Record<string, Column>>;
  /** The label. */
  readonly label: Column;
  /** The weight of each row in losses; absent if all rows have the same weight. */
  readonly weight?: Column | undefined;
  /**
   * Columns that only metrics, losses, and groups read, by their names in the source. Transforms leave them unchanged.
   */
  readonly columns?: Readonly<Record<string, Column>> | undefined;
  /**
   * The logits of teachers outside the run, `[units]` per row, in training batches; NaN in rows
   * without a teacher's output. Transforms leave them unchanged.
   */
  readonly teachers?: Readonly<Record<string, Column>> | undefined;
}
