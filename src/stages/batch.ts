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
  /** What the nets get: `float32` for numbers, or `int32` for ids, whose order means nothing. */
  readonly dtype: "float32" | "int32";
  /** The values that the ids stand for, where these are known. */
  readonly vocabulary?: readonly string[] | undefined;
  /** What the ids are, for features that say so (`ids:`). */
  readonly ids?: IdSpec | undefined;
  /** The text that ids were made of without `ids:`, for messages. */
  readonly text?: TextColumn | undefined;
  /** What the numbers count, where a float32 cannot hold them: a transform has to bring them into range. */
  readonly unit?: "seconds since 1970" | undefined;
  /** What takes the place of nulls. Until it is measured, they are NaN. */
  readonly missing?: "mean" | "median" | undefined;
  /**
   * What the values of a row stand for, where that is more than their position: row-major, an axis after the other,
   * independent of `shape`. A transform that spreads ids over places, such as `one-hot`, declares it, so that weights of
   * an earlier run can be matched value by value.
   */
  readonly places?: readonly PlaceAxis[] | undefined;
}

/** A column of text that a feature is read from. */
export interface TextColumn {
  /** The column's name. */
  readonly column: string;
  /** The first row that holds no number, in words. */
  readonly row: string;
  /** What that row holds. */
  readonly value: string;
  /** What to write if it was meant to hold numbers; absent where most of its values are none. */
  readonly hint?: string | undefined;
}

/** One axis of the values of a row. */
export interface PlaceAxis {
  /** How many places it has. */
  readonly size: number;
  /** The ids that the places stand for, in order; places that are only positions have none. */
  readonly ids?: IdKeys | undefined;
}

/** What ids stand for. */
export interface IdKeys {
  /** Whether they are the values of a vocabulary, hashes, or the numbers themselves. */
  readonly kind: IdSpec["kind"];
  /** A name for messages: the feature whose ids they are. */
  readonly name: string;
  /** How many ids there are. */
  readonly count: number;
  /** The values of a vocabulary, in the order of their ids. One more id stands for all other values. */
  readonly vocabulary?: readonly string[] | undefined;
}

/**
 * What the ids of a feature stand for.
 *
 * @param name The feature.
 * @param spec What it is.
 * @param count How many ids there are, where nothing says so.
 * @returns The ids, or `undefined` for a feature of numbers.
 *
 * @example
 * ```ts
 * import { idKeysOf } from "@rocket-launching/rocket";
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
 * What ids are: whole numbers from 0 to `count` − 1. With a vocabulary the last one stands for all values
 * that are not in it.
 *
 * A list of ids whose rows differ in length comes as `[length]` ids, in their order from the first place on,
 * and −1 in the places behind the last one. So `ids ≥ 0` is its mask, and the sum of that its length.
 */
export interface IdSpec {
  /**
   * What an id stands for: `vocabulary`, a value; `hash`, all values with that hash; `count`, the number itself.
   */
  readonly kind: "vocabulary" | "hash" | "count";
  /** How many ids there are. */
  readonly count: number;
  /** A name: features with ids of one name give the same value the same id. */
  readonly name: string;
  /** Whether places may be empty, that is −1. */
  readonly padded: boolean;
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
  /** How much each row counts in losses; absent where all count alike. */
  readonly weight?: Column | undefined;
  /** Columns by their names in the source that only metrics read. No transform sees them changed. */
  readonly columns?: Readonly<Record<string, Column>> | undefined;
}
