import type { Data, Field, RecordBatch, Schema } from "apache-arrow";
import type { FeatureOptions, LabelOptions } from "../../pipeline/data_options.ts";
import { type Place, type Problem, UserError } from "../../pipeline/errors.ts";
import { didYouMean } from "../../pipeline/nearest.ts";
import { StageError, type StageReference } from "../../pipeline/stage_error.ts";
import type { ColumnSpec, LabelSpec } from "../../pipeline/stages/batch.ts";
import { type ColumnChunk, ColumnReader, listed } from "./columns.ts";
import { LabelReader } from "./label.ts";
import type { StoredColumns } from "./rows.ts";

/** Which columns are wanted, and of what. */
export interface ColumnsRequest {
  /** The features by name. */
  readonly features: Readonly<Record<string, FeatureOptions>>;
  /** The label. */
  readonly label: LabelOptions;
  /** The source's stage, for messages. */
  readonly stage: StageReference;
  /** Where the pipeline file has an option of the data, such as `features.image.shape`. */
  readonly places?: ((path: string) => Place | undefined) | undefined;
}

/** What is known of a split's columns, whose shapes, ids and classes hold for another one. */
export interface KnownColumns {
  /** The source's columns. */
  readonly schema: Schema;
  /** The features by name. */
  readonly features: Readonly<Record<string, ColumnSpec>>;
  /** The label. */
  readonly label: LabelSpec;
}

/** The wanted columns of a record batch. */
export interface DecodedBatch {
  /** How many rows. */
  readonly rows: number;
  /** The features in their order, and the label. */
  readonly columns: readonly ColumnChunk[];
}

/** Makes typed arrays of the wanted columns of a source, record batch by record batch. */
export class Decoder {
  readonly #planned: PlannedColumns;
  readonly #stage: StageReference;

  /**
   * Finds the columns; all that are missing or do not suit are reported together.
   *
   * @param schema The source's columns.
   * @param request Which are wanted.
   * @param like What they were in the training split, or before.
   * @throws {UserError} If one is missing, or is not as wanted.
   */
  constructor(schema: Schema, request: ColumnsRequest, like?: KnownColumns) {
    this.#planned = planColumns(schema, request, like);
    this.#stage = request.stage;
  }

  /**
   * Reads the next record batch.
   *
   * @param batch The record batch.
   * @throws {UserError} If a value is not as wanted.
   */
  read(batch: RecordBatch): DecodedBatch {
    const { features, label } = this.#planned;
    const columns = [...features, label].map(({ field, reader }) =>
      compacted(reader.read(columnOf(batch, field, this.#stage)))
    );
    return { rows: batch.numRows, columns };
  }

  /**
   * Says what the columns are, and makes the ids of strings final.
   *
   * @param read What of the record batches is kept.
   * @throws {UserError} If a label is no class.
   */
  finish(read: readonly DecodedBatch[]): StoredColumns {
    const { features, label } = this.#planned;
    const filled = read.filter(({ rows }) => rows > 0);
    const column = (index: number) => filled.map(({ columns }) => columns[index]!);
    const stored = features.map(({ name, reader }, index) =>
      [name, {
        spec: reader.finish(column(index)),
        values: column(index).map(({ values }) => values),
      }] as const
    );
    return {
      chunkRows: filled.map(({ rows }) => rows),
      features: Object.fromEntries(stored),
      label: label.reader.finish(column(features.length)),
    };
  }
}

/**
 * The columns that features and label are read from, each once.
 *
 * @param request What is wanted.
 */
export function wantedColumns({ features, label }: ColumnsRequest): string[] {
  const named = Object.entries(features).map(([name, { column }]) => column ?? name);
  return [...new Set([...named, label.column])];
}

/** How many bytes a view may keep in memory beside its own: few do not matter. */
const keptBeside = 2 ** 16;

/** A view of a record batch keeps all of it in memory; of one with much else, values are copied. */
function compacted({ values, dropped }: ColumnChunk): ColumnChunk {
  const beside = values.buffer.byteLength - values.byteLength;
  if (beside <= Math.max(keptBeside, values.byteLength)) return { values, dropped };
  return { values: values.slice(), dropped };
}

interface PlannedColumns {
  readonly features: { name: string; field: Field; reader: ColumnReader }[];
  readonly label: { field: Field; reader: LabelReader };
}

function planColumns(
  schema: Schema,
  request: ColumnsRequest,
  like?: KnownColumns,
): PlannedColumns {
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
