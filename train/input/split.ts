import type { Data, Field, RecordBatch, Schema } from "apache-arrow";
import type { FeatureOptions, LabelOptions } from "../../pipeline/data_options.ts";
import { type Place, type Problem, UserError } from "../../pipeline/errors.ts";
import { didYouMean } from "../../pipeline/nearest.ts";
import { callStage, StageError, type StageReference } from "../../pipeline/stage_error.ts";
import type { Batch, Column, ColumnSpec, LabelSpec, Values } from "../../pipeline/stages/batch.ts";
import type { Dataset, Source } from "../../pipeline/stages/source.ts";
import { type ColumnChunk, ColumnReader, listed, sizeOf } from "./columns.ts";
import { LabelReader } from "./label.ts";
import type { ValuesConstructor } from "./layout.ts";

/** What of a source is wanted. */
export interface SplitRequest {
  /** The features by name. */
  readonly features: Readonly<Record<string, FeatureOptions>>;
  /** The label. */
  readonly label: LabelOptions;
  /** The source's stage, for messages. */
  readonly stage: StageReference;
  /** Where the pipeline file has an option of the data, such as `features.image.shape`. */
  readonly places?: ((path: string) => Place | undefined) | undefined;
}

/** The rows of one split, in memory. */
export interface Split {
  /** How many rows. */
  readonly rows: number;
  /** What the features are, before any transform. */
  readonly features: Readonly<Record<string, ColumnSpec>>;
  /** What the label is. */
  readonly label: LabelSpec;
  /** The source's columns. */
  readonly schema: Schema;
  /** A text that changes when the source's rows do. */
  readonly fingerprint: string;
  /**
   * Copies some rows.
   *
   * @param rows Row numbers, in any order, with repetition if wanted.
   * @throws {RangeError} If there is no such row.
   */
  gather(rows: ArrayLike<number>): Batch;
  /**
   * Rows that follow one another: views, without a copy, where they are so in the file.
   *
   * @param start The first row.
   * @param end The row after the last.
   * @throws {RangeError} If there are no such rows.
   */
  slice(start: number, end: number): Batch;
  /**
   * Some of the rows as a split of their own, without a copy. Closing either closes both.
   *
   * @param rows Row numbers, in the order wanted.
   */
  subset(rows: Uint32Array): Split;
  /** Lets go of the source and of the rows. */
  close(): Promise<void>;
}

/**
 * Opens a source and reads the columns that are wanted.
 *
 * @param source The source.
 * @param request The columns.
 * @param like The training split, whose shapes, ids and classes hold, when this is another one.
 * @returns The rows.
 * @throws {UserError} If a column is missing, or is not as wanted.
 */
export async function openSplit(
  source: Source,
  request: SplitRequest,
  like?: Split,
): Promise<Split> {
  const { stage } = request;
  const dataset = await callStage(stage, "open()", () => source.open());
  if (!Array.isArray(dataset?.schema?.fields) || typeof dataset.recordBatches !== "function") {
    throw new StageError(stage, "opened something that is not a data set", {
      hint: "open() returns { schema, fingerprint, recordBatches() }",
    });
  }
  try {
    const plan = planColumns(dataset.schema, request, like);
    const readers = [...plan.features.map(({ reader }) => reader), plan.label.reader];
    const fields = [...plan.features.map(({ field }) => field), plan.label.field];
    const read: { rows: number; columns: ColumnChunk[] }[] = [];
    for await (const batch of recordBatches(dataset, stage)) {
      const columns = readers.map((reader, index) =>
        reader.read(columnOf(batch, fields[index]!, stage))
      );
      if (batch.numRows > 0) read.push({ rows: batch.numRows, columns });
    }
    const column = (index: number) => read.map(({ columns }) => columns[index]!);
    const features = plan.features.map(({ name, reader }, index): StoredColumn => ({
      name,
      spec: reader.finish(column(index)),
      values: column(index).map(({ values }) => values),
    }));
    const label = plan.label.reader.finish(column(features.length));
    const store = new Store(dataset, stage, read.map(({ rows }) => rows), features, label);
    return new StoredSplit(store, keptRows(read));
  } catch (error) {
    await dataset.close?.();
    throw error;
  }
}

interface PlannedColumns {
  readonly features: { name: string; field: Field; reader: ColumnReader }[];
  readonly label: { field: Field; reader: LabelReader };
}

/** Finds the columns; all that are missing or do not suit are reported together. */
function planColumns(schema: Schema, request: SplitRequest, like?: Split): PlannedColumns {
  const { places = () => undefined } = request;
  const problems: Problem[] = [];
  const fieldOf = (fields: readonly Field[], column: string) =>
    fields.find(({ name }) => name === column);
  const plan = <T>(column: string, path: string, make: (field: Field, like?: Field) => T): T[] => {
    const field = fieldOf(schema.fields, column);
    if (!field) {
      const names = schema.fields.map(({ name }) => name);
      problems.push({
        message: `the data has no column ${JSON.stringify(column)}`,
        place: places(path),
        hint: names.length === 0
          ? "it has no columns at all"
          : `${didYouMean(column, names)}its columns are ${listed(names)}`,
      });
      return [];
    }
    try {
      return [make(field, like && fieldOf(like.schema.fields, column))];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(...error.problems);
      return [];
    }
  };
  const features = Object.entries(request.features).flatMap(([name, { column, ...options }]) => {
    const path = `features.${name}`;
    return plan(column ?? name, column ? `${path}.column` : path, (field, likeField) => ({
      name,
      field,
      reader: new ColumnReader(field, {
        column: column ?? name,
        options,
        like: like && likeField && { spec: like.features[name]!, field: likeField },
        place: (option) => places(option ? `${path}.${option}` : path),
      }),
    }));
  });
  const [label] = plan(request.label.column, "label", (field, likeField) => ({
    field,
    reader: new LabelReader(
      field,
      request.label,
      places("label"),
      like && likeField && { spec: like.label, field: likeField },
    ),
  }));
  if (problems.length > 0 || !label) throw new UserError(problems, { exitCode: 2 });
  return { features, label };
}

async function* recordBatches(
  dataset: Dataset,
  stage: StageReference,
): AsyncGenerator<RecordBatch> {
  const batches = callStage(
    stage,
    "recordBatches()",
    () => dataset.recordBatches()[Symbol.asyncIterator](),
  );
  while (true) {
    const next = await callStage(stage, "recordBatches()", () => batches.next());
    if (next.done) return;
    yield next.value;
  }
}

function columnOf(batch: RecordBatch, { name, type }: Field, stage: StageReference): Data {
  const index = batch.schema.fields.findIndex((field) => field.name === name);
  const data = batch.data.children[index];
  if (!data || String(data.type) !== String(type)) {
    throw new StageError(
      stage,
      `gave a record batch ${
        data ? `with the type ${data.type} of` : "without"
      } the column ${name}`,
      { hint: `its schema says ${type}` },
    );
  }
  return data;
}

/** The rows that no column drops, or undefined if all are kept. */
function keptRows(
  read: readonly { readonly rows: number; readonly columns: readonly ColumnChunk[] }[],
): Uint32Array | undefined {
  const dropping = read.some(({ columns }) => columns.some(({ dropped }) => dropped));
  if (!dropping) return undefined;
  const kept: number[] = [];
  let first = 0;
  for (const { rows, columns } of read) {
    for (let row = 0; row < rows; row++) {
      if (!columns.some(({ dropped }) => dropped?.[row])) kept.push(first + row);
    }
    first += rows;
  }
  return Uint32Array.from(kept);
}

interface StoredColumn {
  readonly name: string;
  readonly spec: ColumnSpec;
  /** The values of each chunk. */
  readonly values: readonly Values[];
}

/** All rows of a source, in the chunks that it came in. */
class Store {
  readonly fingerprint: string;
  readonly schema: Schema;
  readonly features: Readonly<Record<string, ColumnSpec>>;
  readonly label: LabelSpec;
  readonly rows: number;
  readonly #dataset: Dataset;
  readonly #stage: StageReference;
  /** The first row of each chunk, and the number of rows. */
  readonly #bounds: Uint32Array;
  #columns: readonly StoredColumn[];
  #labels: StoredColumn;

  constructor(
    dataset: Dataset,
    stage: StageReference,
    chunkRows: readonly number[],
    features: readonly StoredColumn[],
    label: { spec: LabelSpec; values: readonly Values[] },
  ) {
    this.#dataset = dataset;
    this.#stage = stage;
    this.fingerprint = dataset.fingerprint;
    this.schema = dataset.schema;
    this.features = Object.fromEntries(features.map(({ name, spec }) => [name, spec]));
    this.label = label.spec;
    this.#columns = features;
    this.#labels = { name: "", ...label };
    this.#bounds = new Uint32Array(chunkRows.length + 1);
    chunkRows.forEach((rows, chunk) => this.#bounds[chunk + 1] = this.#bounds[chunk]! + rows);
    this.rows = this.#bounds.at(-1)!;
  }

  gather(rows: ArrayLike<number>): Batch {
    const chunks = new Uint32Array(rows.length), within = new Uint32Array(rows.length);
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index]!;
      const chunk = this.#chunkOf(row);
      chunks[index] = chunk;
      within[index] = row - this.#bounds[chunk]!;
    }
    return this.#batch(rows.length, ({ spec: { shape, dtype }, values }) => {
      const size = sizeOf(shape);
      const gathered = new (batchArray(values[0]!, dtype))(rows.length * size);
      for (let index = 0; index < rows.length; index++) {
        const from = values[chunks[index]!]!, start = within[index]! * size;
        if (size === 1) gathered[index] = from[start]!;
        else gathered.set(from.subarray(start, start + size), index * size);
      }
      return gathered;
    });
  }

  slice(start: number, end: number): Batch {
    const chunk = start < end ? this.#chunkOf(start) : 0;
    if (start === end || end > this.#bounds[chunk + 1]!) {
      return this.gather(Uint32Array.from({ length: end - start }, (_, row) => start + row));
    }
    const first = this.#bounds[chunk]!;
    return this.#batch(end - start, ({ spec: { shape, dtype }, values }) => {
      const size = sizeOf(shape), array = batchArray(values[0]!, dtype);
      const view = values[chunk]!.subarray((start - first) * size, (end - first) * size);
      return view instanceof array ? view : new array(view);
    });
  }

  async close(): Promise<void> {
    this.#columns = this.#columns.map((column) => ({ ...column, values: [] }));
    this.#labels = { ...this.#labels, values: [] };
    await callStage(this.#stage, "close()", () => this.#dataset.close?.());
  }

  #batch(size: number, valuesOf: (column: StoredColumn) => Values): Batch {
    const column = (stored: StoredColumn): Column => ({
      values: stored.values.length > 0 ? valuesOf(stored) : new Float32Array(),
      shape: stored.spec.shape,
    });
    return {
      size,
      features: Object.fromEntries(this.#columns.map((stored) => [stored.name, column(stored)])),
      label: column(this.#labels),
    };
  }

  #chunkOf(row: number): number {
    let low = 0, high = this.#bounds.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#bounds[middle]! <= row) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** Ids come as int32; what is kept as int32 and is no id comes in doubles, which hold it. */
function batchArray(values: Values, dtype: ColumnSpec["dtype"]): ValuesConstructor {
  if (dtype === "int32") return Int32Array;
  return values instanceof Int32Array ? Float64Array : values.constructor as ValuesConstructor;
}

class StoredSplit implements Split {
  readonly #store: Store;
  /** The rows of the store, where these are not all of them in order. */
  readonly #index: Uint32Array | undefined;
  readonly rows: number;

  constructor(store: Store, index?: Uint32Array) {
    this.#store = store;
    this.#index = index;
    this.rows = index?.length ?? store.rows;
  }

  get features(): Readonly<Record<string, ColumnSpec>> {
    return this.#store.features;
  }

  get label(): LabelSpec {
    return this.#store.label;
  }

  get schema(): Schema {
    return this.#store.schema;
  }

  get fingerprint(): string {
    return this.#store.fingerprint;
  }

  gather(rows: ArrayLike<number>): Batch {
    return this.#store.gather(this.#stored(rows));
  }

  slice(start: number, end: number): Batch {
    if (!(start >= 0 && start <= end && end <= this.rows)) {
      throw new RangeError(`no rows ${start} to ${end} among ${this.rows}`);
    }
    return this.#index
      ? this.#store.gather(this.#index.subarray(start, end))
      : this.#store.slice(start, end);
  }

  subset(rows: Uint32Array): Split {
    return new StoredSplit(this.#store, this.#stored(rows));
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  #stored(rows: ArrayLike<number>): Uint32Array {
    return Uint32Array.from(rows, (row) => {
      if (row >= 0 && row < this.rows) return this.#index?.[row] ?? row;
      throw new RangeError(`no row ${row} among ${this.rows}`);
    });
  }
}
