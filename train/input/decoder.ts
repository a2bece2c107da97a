import type { Data, Field, RecordBatch, Schema } from "apache-arrow";
import type { FeatureOptions, LabelOptions } from "../../pipeline/data_options.ts";
import { type Place, type Problem, UserError } from "../../pipeline/errors.ts";
import { didYouMean } from "../../pipeline/nearest.ts";
import { StageError, type StageReference } from "../../pipeline/stage_error.ts";
import type { ColumnSpec, LabelSpec } from "../../pipeline/stages/batch.ts";
import { type ColumnChunk, ColumnReader, listed } from "./columns.ts";
import { LabelReader } from "./label.ts";
import type { IdRequest } from "./ids.ts";
import type { StoredColumn, StoredColumns } from "./rows.ts";

/** Which columns are wanted, and of what. */
export interface ColumnsRequest {
  /** The features by name. */
  readonly features: Readonly<Record<string, FeatureOptions>>;
  /** The label. */
  readonly label: LabelOptions;
  /** The column that says how much each row counts in losses. */
  readonly weight?: string | undefined;
  /** Columns that metrics read. */
  readonly columns?: readonly string[] | undefined;
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
  /** Columns that are no features, if these are the same rows: other splits have ids of their own. */
  readonly columns?: Readonly<Record<string, ColumnSpec>> | undefined;
}

/** The wanted columns of a record batch. */
export interface DecodedBatch {
  /** How many rows. */
  readonly rows: number;
  /** The features in their order, other columns, and the label. */
  readonly columns: readonly ColumnChunk[];
}

/** Makes typed arrays of the wanted columns of a source, record batch by record batch. */
export class Decoder {
  readonly #planned: PlannedColumns;
  readonly #stage: StageReference;
  readonly #request: ColumnsRequest;

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
    this.#request = request;
  }

  /**
   * Reads the next record batch.
   *
   * @param batch The record batch.
   * @throws {UserError} If a value is not as wanted.
   */
  read(batch: RecordBatch): DecodedBatch {
    const { features, columns: others, label } = this.#planned;
    const columns = [...features, ...others, label].map(({ field, reader }) =>
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
    const { features, columns, label } = this.#planned, { weight, columns: named } = this.#request;
    const filled = read.filter(({ rows }) => rows > 0);
    const column = (index: number) => filled.map(({ columns }) => columns[index]!);
    const stored: Record<string, StoredColumn> = {}, others: Record<string, StoredColumn> = {};
    // Those that have another one's vocabulary come after it.
    const ordered = [...features.entries()]
      .sort(([, a], [, b]) => Number(a.borrowed) - Number(b.borrowed));
    for (const [index, { name, reader, lender }] of ordered) {
      stored[name] = {
        spec: reader.finish(column(index), stored[lender]?.spec),
        values: column(index).map(({ values }) => values),
      };
    }
    for (const [index, { name, reader }] of columns.entries()) {
      const chunks = column(features.length + index);
      others[name] = { spec: reader.finish(chunks), values: chunks.map(({ values }) => values) };
    }
    if (weight !== undefined) refuseNoWeights(others[weight]!, this.#request);
    return {
      chunkRows: filled.map(({ rows }) => rows),
      features: Object.fromEntries(features.map(({ name }) => [name, stored[name]!])),
      label: label.reader.finish(column(features.length + columns.length)),
      ...(named && {
        columns: Object.fromEntries(named.map((name) => [name, others[name]!])),
      }),
      ...(weight !== undefined && { weight: others[weight]! }),
    };
  }
}

/**
 * The columns that features and label are read from, each once.
 *
 * @param request What is wanted.
 */
export function wantedColumns({ features, label, weight, columns = [] }: ColumnsRequest): string[] {
  const named = Object.entries(features).map(([name, { column }]) => column ?? name);
  return [
    ...new Set([...named, label.column, ...columns, ...weight === undefined ? [] : [weight]]),
  ];
}

/** The columns that are no features and not the label. */
function extraColumns(
  { weight, columns = [] }: ColumnsRequest,
): { column: string; path: string }[] {
  const all = columns.map((column) => ({ column, path: "" }));
  if (weight === undefined) return all;
  return [...all.filter(({ column }) => column !== weight), { column: weight, path: "weight" }];
}

function refuseNoWeights({ spec, values }: StoredColumn, { weight, places }: ColumnsRequest): void {
  const place = places?.("weight");
  if (spec.dtype !== "float32") {
    throw new UserError(`the column ${weight} holds strings, which are no weights`, {
      place,
      exitCode: 2,
    });
  }
  let first = 0;
  for (const chunk of values) {
    const row = chunk.findIndex((value: number) => !(value >= 0));
    if (row >= 0) {
      throw new UserError(
        `row ${first + row} of the column ${weight} has the weight ${
          chunk[row]
        } (rows count from 0)`,
        { place, hint: "weights are 0 or more" },
      );
    }
    first += chunk.length;
  }
}

/** How a feature's values become ids: that of another feature, if it says so. */
function idRequest(
  name: string,
  { features, places }: ColumnsRequest,
): IdRequest | undefined {
  const { ids } = features[name]!;
  if (ids === undefined || typeof ids === "string" || !("of" in ids)) {
    return ids && { options: ids, name, borrowed: false };
  }
  const other = features[ids.of];
  if (other?.ids && (typeof other.ids === "string" || !("of" in other.ids))) {
    return { options: other.ids, name: ids.of, borrowed: true };
  }
  const names = Object.keys(features);
  throw new UserError(
    other
      ? `the feature ${ids.of} does not say itself how its values become ids`
      : `there is no feature ${JSON.stringify(ids.of)}`,
    {
      place: places?.(`features.${name}.ids`),
      hint: other
        ? `write how at features.${ids.of}.ids, such as train`
        : `${didYouMean(ids.of, names)}the features are ${names.join(", ")}`,
      exitCode: 2,
    },
  );
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
  readonly features: {
    name: string;
    field: Field;
    reader: ColumnReader;
    /** The feature whose ids it has, which may be itself. */
    lender: string;
    borrowed: boolean;
  }[];
  readonly columns: { name: string; field: Field; reader: ColumnReader }[];
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
    return plan(column ?? name, column ? `${path}.column` : path, (field, likeField) => {
      const ids = idRequest(name, request);
      return {
        name,
        field,
        lender: ids?.name ?? name,
        borrowed: ids?.borrowed ?? false,
        reader: new ColumnReader(field, {
          column: column ?? name,
          options,
          ids,
          like: like && likeField && { spec: like.features[name]!, field: likeField },
          place: (option) => places(option ? `${path}.${option}` : path),
        }),
      };
    });
  });
  const columns = extraColumns(request).flatMap(({ column, path }) =>
    plan(column, path, (field, likeField) => ({
      name: column,
      field,
      reader: new ColumnReader(field, {
        column,
        options: { nulls: "error", shape: [] },
        like: like?.columns && likeField && { spec: like.columns[column]!, field: likeField },
        place: () => places(path),
      }),
    }))
  );
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
  return { features, columns, label };
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
