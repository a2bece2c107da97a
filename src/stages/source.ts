import type { Field, RecordBatch, Schema } from "apache-arrow";
import { type Create, defineStage, type OptionsSchema, type Stage } from "./stage.ts";
import type { StageDefinition } from "./stage.ts";

/** What a source knows when it is made. */
export interface SourceContext {
  /** The folder of the pipeline file; relative paths start there. */
  readonly folder: string;
}

/** Where a row of a data set is. */
export interface RowLocation {
  /** The file, as the pipeline names it. */
  readonly file: string;
  /** The row's number in that file, from 0. */
  readonly row: number;
  /** The line of a text file on which the row starts, from 1. */
  readonly line?: number | undefined;
}

/** Rows as Arrow record batches, opened. */
export interface Dataset {
  /** The names and types of all columns, of those as well that were not asked for. */
  readonly schema: Schema;
  /** A text that changes when the data does, kept with the run's results. */
  readonly fingerprint: string;
  /** How many rows each record batch has, where that is known without reading them all. */
  readonly rowCounts?: readonly number[] | undefined;
  /**
   * Reads one record batch by its number; absent where the source can only be read in order.
   *
   * @param index The record batch, from 0.
   */
  recordBatch?(index: number): Promise<RecordBatch>;
  /**
   * Reads single rows by their numbers; absent where that would mean reading many others. Training rows
   * that do not fit in memory are then shuffled as a whole, else within windows of record batches.
   *
   * @param numbers Row numbers from 0 over all record batches, in any order, with repetition if wanted.
   * @returns These rows, in this order.
   */
  rows?(numbers: ArrayLike<number>): Promise<RecordBatch>;
  /** Reads the record batches in order, from the start. */
  recordBatches(): AsyncIterable<RecordBatch>;
  /**
   * Says which file a row is in, for messages; absent where rows are in no file.
   *
   * @param row The row's number from 0 over all record batches; it has been read.
   * @returns The file and the row's number there; undefined if that is not known.
   */
  locate?(row: number): RowLocation | undefined;
  /**
   * Says which columns have no value in any row. The types of such columns mean nothing, and give way to those of the
   * other splits. Asked only of columns whose types differ; absent where a source does not know.
   *
   * @param names The columns.
   * @returns Those of them that hold only nulls, or have no rows.
   */
  withoutValues?(names: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Gives columns other types: the values of a column may have a narrower type in one split of a pipeline
   * than in another. Absent where types are as they are.
   *
   * @param fields The columns that change, each with a type that holds the values of all splits. A column
   *   without values may get any type.
   * @returns The data set that takes the place of this one; closing it closes both.
   * @throws {UserError} If a value is not in that type. A column that cannot have it may stay as it is.
   */
  widen?(fields: readonly Field[]): Promise<Dataset>;
  /**
   * What is known of columns of text, by name. Of those that are not among them, and where a source does not look, it is
   * worked out from the rows that are read.
   */
  readonly textFacts?: ReadonlyMap<string, TextFacts> | undefined;
  /** Lets go of files. */
  close?(): Promise<void>;
}

/** What a source knows of a column of text that may be meant to hold numbers. */
export interface TextFacts {
  /** How many values it has, without nulls, as far as they were counted. */
  readonly values: number;
  /** How many of them are numbers. */
  readonly numbers: number;
  /** The texts that are no numbers, each once: up to {@linkcode maxOddTexts}, and one more if there are more. */
  readonly texts: readonly string[];
  /** Whether some of the numbers are read as such only if the column is given their type, as `007` is. */
  readonly codes: boolean;
  /** Where the first of the texts is; absent where that is not known. */
  readonly first?: RowLocation | undefined;
  /** The texts that stand for nulls, for a source with the options `nullValues` and `columns`. */
  readonly nullValues?: readonly string[] | undefined;
}

/** So many texts that are no numbers may stand for missing ones. */
export const maxOddTexts = 8;

/**
 * Whether a column of text may be meant to hold numbers: most of its values are numbers, and few texts are none.
 *
 * @param facts What is known of it.
 */
export function mayBeNumbers({ values, numbers, texts }: TextFacts): boolean {
  return texts.length <= maxOddTexts && 2 * numbers > values;
}

/** What is wanted of a source. */
export interface OpenRequest {
  /**
   * The columns that will be read; all by default. A source may leave out the others from its record
   * batches, never from its schema. Names that it does not have mean nothing to it.
   */
  readonly columns?: readonly string[] | undefined;
}

/** Where rows come from. */
export interface Source {
  /**
   * Opens the source.
   *
   * @param request What is wanted of it. The rows and their order do not depend on it.
   * @throws {UserError} If it does not exist or is not what it should be.
   */
  open(request?: OpenRequest): Promise<Dataset>;
}

/** A stage that reads rows. */
export type SourceStage = Stage<"source", SourceContext, Source>;

/** What the author of a source writes. */
export type SourceDefinition<Schema extends OptionsSchema> = StageDefinition<Schema> & {
  /** Makes the source; opens nothing yet. */
  readonly create: Create<Schema, SourceContext, Source>;
};

/**
 * Defines a source: where rows come from, as Arrow record batches.
 *
 * @param definition Its name, options and how it is made.
 * @returns The stage.
 *
 * @example
 * ```ts
 * import { defineSource, type SourceStage, z } from "@rocket-launching/rocket";
 * import { tableFromArrays } from "npm:apache-arrow@21.2.0";
 *
 * const counting: SourceStage = defineSource({
 *   name: "counting",
 *   summary: "The numbers from 0.",
 *   options: z.object({ rows: z.int().positive() }),
 *   create: ({ rows }) => ({
 *     open() {
 *       const table = tableFromArrays({ n: Float32Array.from({ length: rows }, (_, i) => i) });
 *       return Promise.resolve({
 *         schema: table.schema,
 *         fingerprint: `counting ${rows}`,
 *         async *recordBatches() {
 *           yield* table.batches;
 *         },
 *       });
 *     },
 *   }),
 * });
 * ```
 */
export function defineSource<Schema extends OptionsSchema>(
  definition: SourceDefinition<Schema>,
): SourceStage {
  return defineStage("source", definition);
}
