import type { ArrowField, ArrowRecordBatch, ArrowSchema } from "../base/arrow_types.ts";
import { type Create, defineStage, type OptionsSchema, type Stage } from "./stage.ts";
import type { StageDefinition } from "./stage.ts";

/** The information that a source receives when it is created: the folder of the pipeline file. */
export interface SourceContext {
  /** The folder of the pipeline file; relative paths start there. */
  readonly folder: string;
}

/** The location of a row in the files of a data set. */
export interface RowLocation {
  /** The file, as the pipeline names it. */
  readonly file: string;
  /** The row's number in that file, from 0. */
  readonly row: number;
  /** The line of a text file on which the row starts, from 1. */
  readonly line?: number | undefined;
}

/** A data source that has been opened. It provides rows as Arrow record batches. */
export interface Dataset {
  /** The names and types of all columns, including columns that were not requested. */
  readonly schema: ArrowSchema;
  /** A text that changes when the data changes. It is stored with the run's results. */
  readonly fingerprint: string;
  /**
   * The paths of the files that the rows are read from, so that no command replaces one of them with
   * its results; absent if the rows do not come from files of this machine.
   */
  readonly files?: readonly string[] | undefined;
  /**
   * The number of rows of each record batch; absent if that is not known without reading them all.
   */
  readonly rowCounts?: readonly number[] | undefined;
  /**
   * Reads one record batch by its number; absent if the source can only be read in order.
   *
   * @param index The record batch, from 0.
   */
  recordBatch?(index: number): Promise<ArrowRecordBatch>;
  /**
   * Reads single rows by their numbers; absent if that would mean reading many other rows. With it,
   * training rows that do not fit in memory are shuffled globally; without it, they are shuffled
   * within windows of record batches.
   *
   * @param numbers Row numbers from 0 over all record batches, in any order; they may repeat.
   * @returns These rows, in this order.
   */
  rows?(numbers: ArrayLike<number>): Promise<ArrowRecordBatch>;
  /** Reads the record batches in order, from the start. */
  recordBatches(): AsyncIterable<ArrowRecordBatch>;
  /**
   * Finds the file of a row, for messages; absent if rows do not come from files.
   *
   * @param row The number of a row that has been read, from 0 over all record batches.
   * @returns The file and the row's number in it; undefined if that is not known.
   */
  locate?(row: number): RowLocation | undefined;
  /**
   * Finds columns that are null in all rows. The types of such columns carry no information, so the
   * types in other splits are used. It is called only for columns whose types differ between
   * splits; absent if the source does not know.
   *
   * @param names The columns to look at.
   * @returns The columns that contain only nulls or have no rows.
   */
  withoutValues?(names: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Changes the types of columns, since a column may have a narrower type in one split of a
   * pipeline than in another. Absent if the source cannot change types.
   *
   * @param fields The columns to change, each with a type that holds the values of all splits. A
   *   column without values may get any type.
   * @returns The data set that replaces this one; closing it closes both.
   * @throws {UserError} If a value cannot be read as its new type. A column that cannot have the
   *   type may keep its own.
   */
  widen?(fields: readonly ArrowField[]): Promise<Dataset>;
  /**
   * Facts about columns of text, by the column's name. For other columns, the facts are determined
   * from the rows that are read.
   */
  readonly textFacts?: ReadonlyMap<string, TextFacts> | undefined;
  /** Closes files. */
  close?(): Promise<void>;
}

/** Facts about a column of text that may be intended to contain numbers. */
export interface TextFacts {
  /** The number of values without nulls. */
  readonly values: number;
  /** The number of these values that are numbers. */
  readonly numbers: number;
  /**
   * The distinct texts that are not numbers. The list is cut after {@linkcode maxOddTexts} + 1
   * texts.
   */
  readonly texts: readonly string[];
  /**
   * Whether some values, such as `007`, are read as numbers only if the column's type is declared.
   */
  readonly codes: boolean;
  /** The location of the first text that is not a number; absent if it is not known. */
  readonly first?: RowLocation | undefined;
  /** The texts that mean null, for a source with the options `nullValues` and `columns`. */
  readonly nullValues?: readonly string[] | undefined;
}

/**
 * The maximum number of distinct texts, such as `n/a`, in a column that may be intended to contain
 * numbers. A column with more such texts is treated as text.
 */
export const maxOddTexts = 8;

/**
 * Checks whether a column of text may be intended to contain numbers: most of its values are
 * numbers, and there are few distinct other texts.
 *
 * @param facts The facts about the column.
 */
export function mayBeNumbers({ values, numbers, texts }: TextFacts): boolean {
  return texts.length <= maxOddTexts && 2 * numbers > values;
}

/**
 * What the caller needs from a source that it opens: which columns it will read, and whether it
 * uses the fingerprint.
 */
export interface OpenRequest {
  /**
   * The columns that will be read; all by default. A source may leave out other columns from its
   * record batches, but not from its schema. It ignores names of columns that it does not have.
   */
  readonly columns?: readonly string[] | undefined;
  /**
   * Whether the fingerprint is used; true by default. Otherwise, a source can return an empty text
   * instead, so that it need not read all data for the fingerprint.
   */
  readonly fingerprint?: boolean | undefined;
}

/** A data source that has not been opened yet. */
export interface Source {
  /**
   * Opens the source.
   *
   * @param request The columns that will be read. The rows and their order do not depend on it.
   * @throws {UserError} If the data does not exist or has another format.
   */
  open(request?: OpenRequest): Promise<Dataset>;
}

/** A stage that reads rows. */
export type SourceStage = Stage<"source", SourceContext, Source>;

/** The definition of a source, for {@linkcode defineSource}. */
export type SourceDefinition<Schema extends OptionsSchema> = StageDefinition<Schema> & {
  /** Creates the source without opening any file. */
  readonly create: Create<Schema, SourceContext, Source>;
};

/**
 * Defines a source, which provides rows as Arrow record batches.
 *
 * @param definition The source's name, summary, options and `create` function.
 * @returns The stage.
 *
 * @example
 * ```ts
 * import { defineSource, type SourceStage, z } from "@rocket-launching/rocket/plugin";
 * import { tableFromArrays } from "npm:apache-arrow@21.2.0";
 *
 * const counting: SourceStage = defineSource({
 *   name: "counting",
 *   summary: "Provides rows with the whole numbers from 0.",
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
