import { Field, type RecordBatch, type Schema } from "apache-arrow";
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
   * Gives columns other types: the values of a column may have a narrower type in one split of a pipeline
   * than in another. Absent where types are as they are.
   *
   * @param fields The columns that change, each with a type that holds the values of all splits.
   * @returns The data set that takes the place of this one; closing it closes both.
   * @throws {UserError} If a value is not in that type. A column that cannot have it may stay as it is.
   */
  widen?(fields: readonly Field[]): Promise<Dataset>;
  /** Lets go of files. */
  close?(): Promise<void>;
}

/** What is known of a column of text whose values are mostly numbers. */
export interface TextFacts {
  /** How many values it has, without nulls, as far as they were counted. */
  readonly values: number;
  /** How many of them are numbers. */
  readonly numbers: number;
  /** The texts that are no numbers, each once, the first few. */
  readonly texts: readonly string[];
  /** Where the first of them is. */
  readonly first: RowLocation;
}

/** The key of a field's metadata that has them. */
const textFacts = "rocket:text";

/**
 * A field of a column of text, with what is known of it.
 *
 * @param field The field.
 * @param facts What is known.
 */
export function withTextFacts(field: Field, facts: TextFacts): Field {
  const metadata = new Map([...field.metadata, [textFacts, JSON.stringify(facts)]]);
  return new Field(field.name, field.type, field.nullable, metadata);
}

/**
 * What a source knows of a column of text, if most of its values are numbers.
 *
 * @param field The column's field.
 */
export function textFactsOf({ metadata }: Field): TextFacts | undefined {
  const facts = metadata.get(textFacts);
  return facts === undefined ? undefined : JSON.parse(facts);
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
