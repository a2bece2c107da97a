import { type RecordBatch, Schema, type Table } from "apache-arrow";
import { UserError } from "../base/errors.ts";
import { joinArrays } from "../base/join_arrays.ts";
import { counted } from "../base/text_table.ts";
import { hint } from "../base/hints.ts";
import { recordBatchOf } from "../base/wide_schema.ts";
import { cutRows } from "../input/images/cut_rows.ts";
import type { ModelFile } from "../run/model/model_file.ts";
import type { DecodedRows, RowDecoder } from "../run/model/row_decoder.ts";
import type { Values } from "../stages/batch.ts";
import type { NetName } from "../stages/network.ts";
import { type ClassValue, type LabelAnswers, labelAnswers, Predictions } from "./answers.ts";
import { refusedValue } from "./misfit.ts";
import { batchOfRows, type Row } from "./rows.ts";
import type { FeatureValues, NetRunner } from "./runners.ts";
import { sampleRows } from "./samples.ts";

/** Describes one input of {@linkcode Model.predict} when it is called with typed arrays. */
export interface ModelInputInfo {
  /** The feature. */
  readonly name: string;
  /** The shape of one row. */
  readonly shape: readonly number[];
  /** `float32` for numbers, `int32` for ids. */
  readonly dtype: "float32" | "int32";
}

/** The objects that a {@linkcode LoadedModel} is made of. */
export interface ModelParts {
  /** The content of `model.json`. */
  readonly model: ModelFile;
  /** The net; undefined for an export folder that does not record it. */
  readonly net: NetName | undefined;
  /** Decodes rows into features. */
  readonly decoder: RowDecoder;
  /** Computes the net's logits from features. */
  readonly runner: NetRunner;
  /** The features that the runner expects. */
  readonly inputs: readonly ModelInputInfo[];
  /** The number of rows to compute at a time; undefined to choose it by the size of a row. */
  readonly batch: number | undefined;
}

/**
 * A trained net and everything that is needed to turn a row of the source into a prediction. Close
 * it when it is no longer needed.
 */
export interface Model extends AsyncDisposable {
  /** The net; undefined for an export folder that does not record it. */
  readonly net: NetName | undefined;
  /** The engine that computes the net, such as `ONNX Runtime`. */
  readonly engine: string;
  /** The columns that rows must have. */
  readonly columns: readonly string[];
  /** The features that `predict` accepts as typed arrays. */
  readonly inputs: readonly ModelInputInfo[];
  /** The kind of the label; `several` for several labels. */
  readonly kind: "class" | "binary" | "number" | "multi-label" | "several";
  /** The classes in the order of the logits; for a binary label, its two values. */
  readonly classes: readonly ClassValue[];
  /** Each label by its name, if there are several; empty for a single label. */
  readonly labels: Readonly<Record<string, Pick<Model, "kind" | "classes">>>;
  /**
   * Computes predictions for rows.
   *
   * @param rows The rows: as objects with the names of the columns as keys, as an Arrow table, or
   *   as one typed array per feature (see {@linkcode Model.inputs}).
   * @throws {UserError} If a column is missing or has another type than in the run.
   */
  predict(rows: readonly Row[] | Table | FeatureValues): Promise<Predictions>;
  /**
   * Computes predictions for record batches as they arrive. A large record batch yields several
   * results.
   *
   * @param batches The record batches.
   * @throws {UserError} If a column is missing or has another type than in the run.
   */
  predict(batches: AsyncIterable<RecordBatch>): AsyncGenerator<Predictions>;
  /** Releases the memory of the net. */
  close(): Promise<void>;
}

/** Rows that were decoded into the features of a net. */
export interface ModelRows {
  /** The number of rows. */
  readonly rows: number;
  /** The number of rows that have features, if rows with nulls were dropped. */
  readonly size: number;
  /** The values of the features, row by row. */
  readonly values: FeatureValues;
  /** The positions of the rows that have features; undefined if all have. */
  readonly kept: Uint32Array | undefined;
  /** The number of values that are not in the vocabularies of the training rows. */
  readonly unknown: number;
}

/** Consecutive rows of a stream with their predictions. */
export interface PredictedPart {
  /** The rows, with all columns that were read. */
  readonly part: RecordBatch;
  /** The predictions for these rows. */
  readonly predictions: Predictions;
}

/** The number of schemas whose decoders are kept. A decoder has an index of each vocabulary. */
const KEPT_DECODERS = 4;

/** A model that was loaded from a run folder or an export folder. */
export class LoadedModel implements Model {
  readonly net: NetName | undefined;
  readonly engine: string;
  readonly columns: readonly string[];
  readonly inputs: readonly ModelInputInfo[];
  readonly kind: "class" | "binary" | "number" | "multi-label" | "several";
  readonly classes: readonly ClassValue[];
  readonly labels: Readonly<Record<string, Pick<Model, "kind" | "classes">>>;
  readonly #label: LabelAnswers;
  readonly #parts: ModelParts;
  /** The decoders of the last schemas, by their keys. */
  readonly #decoders = new Map<string, (batch: RecordBatch) => DecodedRows>();

  /**
   * Creates a model.
   *
   * @param parts The net, its decoder, and its runner.
   */
  constructor(parts: ModelParts) {
    this.#parts = parts;
    this.net = parts.net;
    this.engine = parts.runner.engine;
    this.columns = parts.decoder.columns;
    this.inputs = parts.inputs;
    this.#label = labelAnswers(parts.model.label);
    this.kind = this.#label.kind;
    this.classes = this.#label.classes;
    this.labels = this.#label.labels ?? {};
  }

  predict(rows: readonly Row[] | Table | FeatureValues): Promise<Predictions>;
  predict(batches: AsyncIterable<RecordBatch>): AsyncGenerator<Predictions>;
  predict(
    rows: readonly Row[] | Table | FeatureValues | AsyncIterable<RecordBatch>,
  ): Promise<Predictions> | AsyncGenerator<Predictions> {
    if (Symbol.asyncIterator in rows) {
      return this.#predicted(rows as AsyncIterable<RecordBatch>);
    }
    if (Array.isArray(rows)) return this.#rows(rows);
    return "batches" in rows && Array.isArray(rows.batches)
      ? this.#all((rows as Table).batches)
      : this.#arrays(rows as FeatureValues);
  }

  async close(): Promise<void> {
    await this.#parts.runner.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #rows(rows: readonly Row[]): Promise<Predictions> {
    return await this.#all([batchOfRows(this.#parts.model, rows)]);
  }

  async #arrays(values: FeatureValues): Promise<Predictions> {
    const { inputs } = this.#parts;
    const rows = rowsOf(inputs, values), misfit = this.#parts.runner.misfit?.(values);
    if (misfit) throw refusedValue(misfit, misfit.row);
    return this.#predictions(rows, await this.#run(rows, values));
  }

  async #all(batches: readonly RecordBatch[]): Promise<Predictions> {
    const parts: Predictions[] = [];
    for await (const { predictions } of this.stream(batches)) parts.push(predictions);
    const [first] = parts;
    if (parts.length === 1) return first!;
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    const logits = new Float32Array(rows * this.#parts.model.network.units);
    const answered = new Uint8Array(rows).fill(1);
    let row = 0;
    for (const part of parts) {
      logits.set(part.logits, row * part.units);
      if (part.answered) answered.set(part.answered, row);
      row += part.rows;
    }
    const whole = parts.every((part) => !part.answered);
    const sum = (of: (part: Predictions) => number) =>
      parts.reduce((sum, part) => sum + of(part), 0);
    return new Predictions(this.#label, {
      ...{ rows, logits, units: first?.units ?? this.#parts.model.network.units },
      answered: whole ? undefined : answered,
      unknown: sum(({ unknown }) => unknown),
      notFinite: sum(({ notFinite }) => notFinite),
    });
  }

  async *#predicted(batches: AsyncIterable<RecordBatch>): AsyncGenerator<Predictions> {
    for await (const { predictions } of this.stream(batches)) yield predictions;
  }

  /**
   * Computes predictions for record batches as they arrive.
   *
   * @param batches The record batches.
   * @returns Consecutive slices of the record batches with their predictions.
   * @throws {UserError} If a column is missing or has another type than in the run.
   */
  async *stream(
    batches: AsyncIterable<RecordBatch> | Iterable<RecordBatch>,
  ): AsyncGenerator<PredictedPart> {
    const waiting: { readonly part: RecordBatch; readonly predictions: Promise<Predictions[]> }[] =
      [];
    const most = this.#parts.runner.waits ? MOST_WAITING : 0;
    const next = async () => {
      const { part, predictions } = waiting.shift()!;
      return { part, predictions: (await predictions)[0]! };
    };
    for await (const { part, before } of this.parts(most > 0 ? readAhead(batches) : batches)) {
      const predictions = this.compute([this.decode(part, before)]);
      // A failure is thrown when it is this part's turn.
      predictions.catch(() => {});
      waiting.push({ part, predictions });
      while (waiting.length > most) yield await next();
    }
    while (waiting.length > 0) yield await next();
  }

  /**
   * Cuts record batches into the parts that {@linkcode LoadedModel.stream} computes.
   *
   * @param batches The record batches.
   * @returns Consecutive slices of the record batches, and the number of rows before each of them.
   */
  async *parts(
    batches: AsyncIterable<RecordBatch> | Iterable<RecordBatch>,
  ): AsyncGenerator<{ readonly part: RecordBatch; readonly before: number }> {
    let before = 0;
    for await (const batch of batches) {
      for (let start = 0; start < batch.numRows; start += this.rowsAtOnce) {
        const part = batch.slice(start, Math.min(start + this.rowsAtOnce, batch.numRows));
        yield { part, before };
        before += part.numRows;
      }
    }
  }

  /**
   * Makes rows from `model.json`, never from data, as `export` does for `samples.arrow`.
   *
   * @throws {UserError} If the transforms refuse all rows that can be made.
   */
  sample(): RecordBatch {
    return sampleRows(this.#parts.model, this.#parts.decoder).rows;
  }

  /** The label's kind and classes, or those of each of several labels. */
  get answers(): LabelAnswers {
    return this.#label;
  }

  /** The number of rows that are computed at a time. */
  get rowsAtOnce(): number {
    return this.#parts.batch ?? rowsAtOnce(this.inputs);
  }

  /**
   * Cuts rows into parts for {@linkcode LoadedModel.decode}, each of which takes a fraction of a
   * second, unless a single image of it is very large.
   *
   * @param rows The rows.
   */
  cut(rows: RecordBatch): Iterable<RecordBatch> {
    return cutRows(rows, this.columns, this.rowsAtOnce);
  }

  /**
   * Decodes rows into features, the first half of a prediction.
   *
   * @param rows The rows.
   * @param before The number of rows before them, for messages.
   * @returns The features, for {@linkcode LoadedModel.compute}.
   * @throws {UserError} If a column is missing or has another type than in the run, or a value that
   *   the net cannot take.
   */
  decode(rows: RecordBatch, before: number): ModelRows {
    const decoded = this.#decode(rows, before), { kept } = decoded;
    const misfit = this.#parts.runner.misfit?.(decoded.values);
    if (!misfit) return decoded;
    throw refusedValue(misfit, before + (kept ? kept[misfit.row]! : misfit.row));
  }

  #decode(rows: RecordBatch, before: number): ModelRows {
    // Select only the columns that the model reads, since others, such as the label, may have any
    // type.
    const batch = withColumns(rows, this.columns);
    const { decode, isNew } = this.#decoderOf(batch.schema);
    try {
      return modelRows(batch.numRows, decode(batch));
    } catch (error) {
      // A decoder counts the rows of all requests. Another one finds the number of the row here.
      this.#decoders.delete(schemaKey(batch.schema));
      if (isNew && before === 0 || !(error instanceof UserError)) throw error;
      this.#parts.decoder.open(batch.schema, (row) => `row ${before + row}`)(batch);
      throw error;
    }
  }

  /**
   * Computes predictions for decoded rows, all with one call of the engine.
   *
   * @param parts The rows, as {@linkcode LoadedModel.decode} returned them.
   * @returns The predictions for each part.
   */
  async compute(parts: readonly ModelRows[]): Promise<Predictions[]> {
    const { units } = this.#parts.model.network;
    const filled = parts.filter(({ size }) => size > 0);
    const size = filled.reduce((sum, { size }) => sum + size, 0);
    const logits = await this.#run(size, joinValues(filled));
    let start = 0;
    return parts.map(({ rows, size, kept, unknown }) => {
      const own = size * units === logits.length
        ? logits
        : logits.slice(start * units, (start + size) * units);
      start += size;
      if (!kept) return this.#predictions(rows, own, undefined, unknown);
      const all = new Float32Array(rows * units).fill(NaN);
      const answered = new Uint8Array(rows);
      kept.forEach((row, index) => {
        all.set(own.subarray(index * units, (index + 1) * units), row * units);
        answered[row] = 1;
      });
      return this.#predictions(rows, all, answered, unknown);
    });
  }

  /** Computes the logits of rows. */
  async #run(rows: number, values: FeatureValues): Promise<Float32Array> {
    const { runner, model } = this.#parts, { units } = model.network;
    if (rows === 0) return new Float32Array();
    const logits = await runner.run(rows, values);
    if (logits.length === rows * units) return logits;
    throw new UserError(
      `the net returned ${counted(logits.length, "logit")} for ${counted(rows, "row")}; expected ${
        rows * units
      }`,
    );
  }

  /** Finds or makes the decoder for a schema: to make one, all vocabularies are indexed. */
  #decoderOf(schema: Schema): { decode: (batch: RecordBatch) => DecodedRows; isNew: boolean } {
    const key = schemaKey(schema), known = this.#decoders.get(key);
    if (known) return { decode: known, isNew: false };
    const decode = this.#parts.decoder.open(schema);
    if (this.#decoders.size === KEPT_DECODERS) {
      this.#decoders.delete(this.#decoders.keys().next().value!);
    }
    this.#decoders.set(key, decode);
    return { decode, isNew: true };
  }

  #predictions(
    rows: number,
    logits: Float32Array,
    answered?: Uint8Array,
    unknown = 0,
  ): Predictions {
    const { units } = this.#parts.model.network;
    // The highest of such logits is not defined: the row would get the first class.
    let whole = answered, notFinite = 0;
    for (let index = 0; index < logits.length; index++) {
      if (Number.isFinite(logits[index])) continue;
      const row = Math.floor(index / units);
      if (whole?.[row] === 0) continue;
      whole ??= new Uint8Array(rows).fill(1);
      whole[row] = 0;
      notFinite++;
    }
    return new Predictions(this.#label, {
      ...{ rows, units, logits, unknown, notFinite },
      answered: whole,
    });
  }
}

/**
 * The number of parts that wait while another thread computes: the next rows are read and decoded
 * meanwhile, and neither thread waits for the other if one part takes it longer than usual.
 */
const MOST_WAITING = 4;

/**
 * Yields values, and asks for the next value before the current one is used.
 *
 * @param values The values.
 */
async function* readAhead<T>(values: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T> {
  const iterator = Symbol.asyncIterator in values
    ? values[Symbol.asyncIterator]()
    : values[Symbol.iterator]();
  const request = async () => await iterator.next();
  let next: Promise<IteratorResult<T>> | undefined;
  try {
    for (let { value, done } = await request(); !done; ({ value, done } = await next)) {
      next = request();
      // A failure is thrown when it is this value's turn.
      next.catch(() => {});
      yield value;
    }
  } finally {
    await next?.catch(() => {});
    await iterator.return?.();
  }
}

/**
 * The number of input values that fit into the processor's caches together with the activations.
 */
const CACHED_VALUES = 2 ** 18;

function rowsAtOnce(inputs: readonly ModelInputInfo[]): number {
  const size = inputs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return Math.max(32, Math.min(8192, Math.floor(CACHED_VALUES / Math.max(1, size))));
}

/** Returns the number of rows in typed arrays. */
function rowsOf(inputs: readonly ModelInputInfo[], values: FeatureValues): number {
  let rows: number | undefined, first = "";
  for (const { name, shape } of inputs) {
    const size = shape.reduce((a, b) => a * b, 1), given = values[name];
    if (given === undefined || !ArrayBuffer.isView(given) || given.length % size !== 0) {
      throw new UserError(
        given === undefined
          ? `the array ${name} is missing`
          : `the array ${name} has ${
            counted(given.length, "value")
          }, which is not a multiple of ${size}`,
        {
          hint: hint(
            "model/arrays",
            `\`model.inputs\` lists the arrays: ${inputs.map(({ name }) => name).join(", ")}`,
            { edit: "the program" },
          ),
        },
      );
    }
    const ownRows = given.length / size;
    if (rows !== undefined && rows !== ownRows) {
      throw new UserError(
        `the array ${name} has ${counted(ownRows, "row")}, but ${first} has ${rows}`,
        {
          hint: hint("model/rows", "give all arrays the same number of rows", {
            edit: "the program",
          }),
        },
      );
    }
    if (rows === undefined) first = name;
    rows = ownRows;
  }
  return rows ?? 0;
}

/**
 * Selects columns of a record batch. If one is missing, all columns are kept: the decoder reports the
 * missing one, and names those that there are.
 */
function withColumns(batch: RecordBatch, names: readonly string[]): RecordBatch {
  const { fields } = batch.schema;
  if (fields.length === names.length && fields.every(({ name }, at) => name === names[at])) {
    return batch;
  }
  // arrow-js's own select() moves columns to other names if it leaves out one before them.
  const wanted = new Set(names);
  const kept = [...fields.keys()].filter((at) => wanted.has(fields[at]!.name));
  if (kept.length < wanted.size) return batch;
  const schema = new Schema(kept.map((at) => fields[at]!));
  const children = kept.map((at) => batch.data.children[at]!);
  return recordBatchOf(schema, children, batch.numRows);
}

/** Identifies the columns of a schema. */
function schemaKey({ fields }: Schema): string {
  return fields.map(({ name, type }) => `${JSON.stringify(name)} ${type}`).join();
}

function modelRows(rows: number, { batch, kept, unknown }: DecodedRows): ModelRows {
  const values = Object.fromEntries(
    Object.entries(batch.features).map(([name, { values }]) => [name, values]),
  );
  return { rows, size: batch.size, values, kept, unknown };
}

/** Joins the values of several parts, feature by feature. */
function joinValues(parts: readonly ModelRows[]): FeatureValues {
  const [first] = parts;
  if (parts.length < 2) return first?.values ?? {};
  return Object.fromEntries(
    Object.keys(first!.values).map((
      name,
    ) => [name, joined(parts.map(({ values }) => values[name]!))]),
  );
}

function joined(arrays: readonly Values[]): Values {
  const types = new Set(arrays.map(({ constructor }) => constructor as Float64ArrayConstructor));
  // Requests may have numbers of different widths; doubles can represent all of them.
  const [type] = types.size === 1 ? types : [Float64Array];
  return joinArrays(arrays, type!);
}
