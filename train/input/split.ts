import type { Data, Field, RecordBatch, Schema } from "apache-arrow";
import type { FeatureOptions, LabelOptions } from "../../pipeline/data_options.ts";
import { type Place, type Problem, UserError } from "../../pipeline/errors.ts";
import { didYouMean } from "../../pipeline/nearest.ts";
import { callStage, StageError, type StageReference } from "../../pipeline/stage_error.ts";
import type { LabelSpec } from "../../pipeline/stages/batch.ts";
import type { Dataset, Source } from "../../pipeline/stages/source.ts";
import { type ColumnChunk, ColumnReader, listed } from "./columns.ts";
import { LabelReader } from "./label.ts";
import { type Rows, type SharedRows, Store, StoredRows } from "./rows.ts";

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
export interface Split extends Rows {
  /** What the label is. */
  readonly label: LabelSpec;
  /** The source's columns. */
  readonly schema: Schema;
  /** A text that changes when the source's rows do. */
  readonly fingerprint: string;
  /**
   * Some of the rows as a split of their own, without a copy. Closing either closes both.
   *
   * @param rows Row numbers, in the order wanted.
   */
  subset(rows: Uint32Array): Split;
  /** What another thread needs to read the same rows. */
  share(): SharedRows;
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
  const columns = wantedColumns(request);
  const dataset = await callStage(stage, "open()", () => source.open({ columns }));
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
    const features = plan.features.map(({ name, reader }, index) =>
      [name, {
        spec: reader.finish(column(index)),
        values: column(index).map(({ values }) => values),
      }] as const
    );
    const store = new Store({
      chunkRows: read.map(({ rows }) => rows),
      features: Object.fromEntries(features),
      label: plan.label.reader.finish(column(features.length)),
    });
    return new StoredSplit(store, { dataset, stage }, keptRows(read));
  } catch (error) {
    await dataset.close?.();
    throw error;
  }
}

/** The columns that features and label are read from, each once. */
function wantedColumns({ features, label }: SplitRequest): string[] {
  const named = Object.entries(features).map(([name, { column }]) => column ?? name);
  return [...new Set([...named, label.column])];
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

/** A split whose rows are in memory, and the source that they came from. */
class StoredSplit extends StoredRows implements Split {
  readonly label: LabelSpec;
  readonly #source: { readonly dataset: Dataset; readonly stage: StageReference };

  constructor(
    store: Store,
    source: { readonly dataset: Dataset; readonly stage: StageReference },
    index?: Uint32Array,
  ) {
    super(store, index);
    this.label = store.columns.label.spec;
    this.#source = source;
  }

  get schema(): Schema {
    return this.#source.dataset.schema;
  }

  get fingerprint(): string {
    return this.#source.dataset.fingerprint;
  }

  subset(rows: Uint32Array): Split {
    return new StoredSplit(this.store, this.#source, this.stored(rows));
  }

  async close(): Promise<void> {
    this.store.clear();
    const { dataset, stage } = this.#source;
    await callStage(stage, "close()", () => dataset.close?.());
  }
}
