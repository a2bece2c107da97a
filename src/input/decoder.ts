import type { Data, Field, RecordBatch, Schema } from "apache-arrow";
import type { FeatureOptions, LabelOptions, NullPolicy } from "../pipeline/data_options.ts";
import { type Place, type Problem, UserError } from "../base/errors.ts";
import { type Change, hint, type HintText, nameHint } from "../base/hints.ts";
import { didYouMean, nearest } from "../base/nearest.ts";
import { StageError, type StageReference } from "../stages/stage_error.ts";
import type { ColumnSpec, LabelSpec, Values } from "../stages/batch.ts";
import { type ColumnChunk, ColumnReader, isMeasured } from "./columns.ts";
import { LabelReader } from "./label.ts";
import type { IdCounts, IdRequest } from "./ids.ts";
import { layoutOf } from "./layout.ts";
import { listed } from "./listed.ts";
import {
  combineParts,
  listParts,
  mapParts,
  mapValues,
  type Parts,
  type Specs,
} from "../stages/parts.ts";
import type { StoredColumns } from "./rows.ts";
import type { ColumnText } from "./texts.ts";

/**
 * Which columns are wanted, and of what. Whoever reads rows is handed all of it, in another thread
 * as well: it has no part that may be left out.
 */
export interface ColumnsRequest {
  /** The features by name. */
  readonly features: Readonly<Record<string, FeatureOptions>>;
  /** The label. */
  readonly label: LabelOptions;
  /** What becomes of nulls where a feature does not say so, as far as that suits it. */
  readonly nulls: NullPolicy | undefined;
  /** What sources know of columns of text, by column. */
  readonly texts: Readonly<Record<string, ColumnText>>;
  /** The column that says how much each row counts in losses, if one does. */
  readonly weight: string | undefined;
  /** Columns that metrics read. */
  readonly columns: readonly string[];
  /** The source's stage, for messages. */
  readonly stage: StageReference;
  /** Where the pipeline file has an option of the data, such as `features.image.shape`. */
  readonly places: ((path: string) => Place | undefined) | undefined;
}

/** A request as it can be sent to another thread: a function cannot. */
export type SentRequest = Omit<ColumnsRequest, "places">;

/**
 * Makes a request ready to be sent.
 *
 * @param request The request.
 */
export function sentRequest({ places: _, ...request }: ColumnsRequest): SentRequest {
  return request;
}

/**
 * A request that was sent from another thread, which knows the places.
 *
 * @param request What it sent.
 */
export function receivedRequest(request: SentRequest): ColumnsRequest {
  return { ...request, places: undefined };
}

/** What is known of a split's columns, whose shapes, ids and classes hold for another one. */
export interface KnownColumns {
  /** The source's columns. */
  readonly schema: Schema;
  /** What they are. */
  readonly specs: Specs;
  /**
   * Whether they are known of the same rows: columns that only metrics read have ids of their own
   * in others.
   */
  readonly sameRows: boolean;
}

/** The wanted columns of a record batch. */
export interface DecodedBatch {
  /** How many rows. */
  readonly rows: number;
  /** Their values. */
  readonly columns: Parts<ColumnChunk>;
}

/** Makes typed arrays of the wanted columns of a source, record batch by record batch. */
export class Decoder {
  readonly #planned: Parts<PlannedColumn, PlannedColumn<LabelSpec>>;
  readonly #stage: StageReference;
  /** Whether ids are counted: of rows that are read again they were. */
  readonly #counts: boolean;

  /**
   * Finds the columns; all that are missing or do not suit are reported together.
   *
   * @param schema The source's columns.
   * @param request Which are wanted.
   * @param like What they were in the training split, or before.
   * @param where Where a row is, in words; its number by default.
   * @throws {UserError} If one is missing, or is not as wanted.
   */
  constructor(
    schema: Schema,
    request: ColumnsRequest,
    like?: KnownColumns,
    where: (row: number) => string = (row) => `row ${row}`,
  ) {
    this.#planned = planColumns(schema, request, where, like);
    this.#stage = request.stage;
    this.#counts = !like?.sameRows;
  }

  /**
   * Reads the next record batch.
   *
   * @param batch The record batch.
   * @throws {UserError} If a value is not as wanted.
   */
  read(batch: RecordBatch): DecodedBatch {
    const columns = mapParts<PlannedColumn, ColumnChunk>(
      this.#planned,
      ({ field, read }) => compacted(read(columnOf(batch, field, this.#stage))),
    );
    const rows = batch.numRows;
    if (this.#counts && rows > 0) this.#tally(columns, rows);
    return { rows, columns };
  }

  #tally(columns: Parts<ColumnChunk>, rows: number): void {
    const dropped = droppedRows({ columns, rows });
    for (const [name, { tally }] of Object.entries(this.#planned.features)) {
      tally?.(columns.features[name]!, rows, dropped);
    }
  }

  /** A batch in which null lists are as long as those of other batches. */
  #shaped({ rows, columns }: DecodedBatch): DecodedBatch {
    if (listParts<ColumnChunk>(columns).every(({ unshaped }) => unshaped === undefined)) {
      return { rows, columns };
    }
    return {
      rows,
      columns: combineParts<[PlannedColumn, ColumnChunk], ColumnChunk>(
        [this.#planned, columns],
        ({ shaped }, chunk) => shaped(chunk, rows),
      ),
    };
  }

  /** Whether the label's values are classes. */
  get hasClasses(): boolean {
    return this.#planned.label.hasClasses ?? false;
  }

  /**
   * How often ids of a vocabulary occur in the rows so far, by feature, once
   * {@linkcode Decoder.finish} was called.
   */
  idCounts(): Record<string, IdCounts> {
    const counts: Record<string, IdCounts> = {};
    for (const [name, { idCounts }] of Object.entries(this.#planned.features)) {
      const found = idCounts?.();
      if (found) counts[name] = found;
    }
    return counts;
  }

  /**
   * Refuses the rows so far if something is wrong with any of them: nulls, numbers that are not
   * finite, and labels that are no classes, of all columns together.
   *
   * @throws {UserError} If something is.
   */
  refuse(): void {
    const problems = listParts<PlannedColumn>(this.#planned).flatMap(({ problems }) => problems());
    if (problems.length > 0) throw new UserError(problems);
  }

  /**
   * Says what the columns are, and makes the ids of strings final.
   *
   * @param read What of the record batches is kept.
   * @throws {UserError} If something is wrong with any row.
   */
  finish(read: readonly DecodedBatch[]): StoredColumns {
    this.refuse();
    const planned = this.#planned;
    const filled = read.filter(({ rows }) => rows > 0).map((batch) => this.#shaped(batch));
    const chunks = filled.length > 0
      ? combineParts(filled.map(({ columns }) => columns), (...all: ColumnChunk[]) => all)
      : mapParts<PlannedColumn, ColumnChunk[]>(planned, () => []);
    const done = new Map<PlannedColumn, Finished>();
    // Those that have another one's vocabulary come after it.
    const ordered = Object.entries(planned.features)
      .sort(([, a], [, b]) => Number(a.lender !== undefined) - Number(b.lender !== undefined));
    for (const [name, column] of ordered) {
      const lender = column.lender === undefined ? undefined : planned.features[column.lender]!;
      done.set(column, column.finish(chunks.features[name]!, lender && done.get(lender)!.spec));
    }
    const label = planned.label.finish(chunks.label);
    done.set(planned.label, label);
    const finished = combineParts<[PlannedColumn, ColumnChunk[]], Finished>(
      [planned, chunks],
      (column, chunks) => done.get(column) ?? column.finish(chunks),
    );
    return {
      chunkRows: filled.map(({ rows }) => rows),
      specs: { ...mapParts<Finished, ColumnSpec>(finished, ({ spec }) => spec), label: label.spec },
      values: mapParts<Finished, readonly Values[]>(finished, ({ values }) => values),
    };
  }
}

/**
 * The columns that features and label are read from, each once.
 *
 * @param request What is wanted.
 */
export function wantedColumns({ features, label, weight, columns }: SentRequest): string[] {
  const named = Object.entries(features).map(([name, { column }]) => column ?? name);
  return [
    ...new Set([...named, label.column, ...columns, ...weight === undefined ? [] : [weight]]),
  ];
}

/**
 * Which rows some column drops.
 *
 * @param batch The rows.
 * @returns 1 for each of them; undefined if no column drops any.
 */
export function droppedRows({ columns, rows }: DecodedBatch): Uint8Array | undefined {
  const all = listParts<ColumnChunk>(columns).flatMap(({ dropped }) => dropped ?? []);
  if (all.length < 2) return all[0];
  return Uint8Array.from({ length: rows }, (_, row) => +all.some((dropped) => dropped[row]));
}

/** Refuses weights below 0. */
function refuseNegative(
  { values }: ColumnChunk,
  whereIn: (row: number) => string,
  weight: string,
  place: Place | undefined,
): void {
  const row = values.findIndex((value: number) => !(value >= 0));
  if (row < 0) return;
  throw new UserError(
    `${whereIn(row)}, column ${weight}: has the weight ${values[row]} (rows count from 0)`,
    {
      place,
      hint: hint("weight/negative", "weights are 0 or more: correct the data", {
        edit: "the data file",
      }),
    },
  );
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
  if (other?.ids && hasOwnIds(other)) {
    return { options: other.ids, name: ids.of, borrowed: true };
  }
  throw new UserError(
    other
      ? `the feature ${ids.of} does not say itself how its values become ids`
      : `there is no feature ${JSON.stringify(ids.of)}`,
    {
      place: places?.(`features.${name}.ids`),
      hint: other
        ? hint("ids/of-none", `write how at features.${ids.of}.ids, such as train`, {
          set: { [`../../${ids.of}/ids`]: "train" },
        })
        : nameHint("ids/of", {
          written: ids.of,
          names: Object.keys(features).filter((other) =>
            other !== name && hasOwnIds(features[other]!)
          ),
          intro: "features with ids of their own are",
          change: (of) => ({ set: { of } }),
        }) ?? hint("ids/own", "no feature has ids to share: write `ids: train` here", {
          set: { ".": "train" },
        }),
      exitCode: 2,
    },
  );
}

/** Whether a feature says itself how its values become ids. */
const hasOwnIds = ({ ids }: Pick<FeatureOptions, "ids">) =>
  ids !== undefined && (typeof ids === "string" || !("of" in ids));

/** How many bytes a view may keep in memory beside its own: few do not matter. */
const keptBeside = 2 ** 16;

/** A view of a record batch keeps all of it in memory; of one with much else, values are copied. */
function compacted(chunk: ColumnChunk): ColumnChunk {
  const { values } = chunk;
  const beside = values.buffer.byteLength - values.byteLength;
  if (beside <= Math.max(keptBeside, values.byteLength)) return chunk;
  return { ...chunk, values: values.slice() };
}

/** What a column is, with the values that are kept of it, by chunk. */
interface Finished<Spec extends ColumnSpec = ColumnSpec> {
  readonly spec: Spec;
  readonly values: readonly Values[];
}

/** A wanted column, and how it is read. */
interface PlannedColumn<Spec extends ColumnSpec = ColumnSpec> {
  readonly field: Field;
  /** The other feature whose ids it has, if it has another one's. */
  readonly lender?: string | undefined;
  /** Reads its part of the next record batch. */
  readonly read: (data: Data) => ColumnChunk;
  /** Makes a chunk whole, when all was read. */
  readonly shaped: (chunk: ColumnChunk, rows: number) => ColumnChunk;
  /** Makes ids final and says what it is, when all was read. */
  readonly finish: (chunks: readonly ColumnChunk[], lender?: ColumnSpec) => Finished<Spec>;
  /** What was wrong with the rows so far. */
  readonly problems: () => Problem[];
  /** Counts the ids of rows that stay. */
  readonly tally?: ((chunk: ColumnChunk, rows: number, dropped?: Uint8Array) => void) | undefined;
  /** Whether the values are classes. */
  readonly hasClasses?: boolean;
  /** How often ids of a vocabulary occur. */
  readonly idCounts?: (() => IdCounts | undefined) | undefined;
}

function planColumns(
  schema: Schema,
  request: ColumnsRequest,
  where: (row: number) => string,
  like?: KnownColumns,
): Parts<PlannedColumn, PlannedColumn<LabelSpec>> {
  const { places = () => undefined, texts } = request;
  const problems: Problem[] = [];
  const fieldOf = (fields: readonly Field[], column: string) =>
    fields.find(({ name }) => name === column);
  const plan = <T>(
    column: string,
    path: string,
    change: (column: string) => Change,
    make: (field: Field, like?: Field) => T,
  ): T | undefined => {
    const field = fieldOf(schema.fields, column);
    if (!field) {
      const names = schema.fields.map(({ name }) => name);
      problems.push({
        message: `the data has no column ${JSON.stringify(column)}`,
        place: places(path),
        hint: columnHint(column, names, change),
      });
      return undefined;
    }
    const count = schema.fields.filter(({ name }) => name === column).length;
    if (count > 1) {
      problems.push({
        message: `the data has ${count} columns called ${column}`,
        place: places(path),
        hint: hint("column/twice", "give each a name of its own where the file is written", {
          edit: "the data file",
        }),
      });
      return undefined;
    }
    try {
      return make(field, like && fieldOf(like.schema.fields, column));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const features = mapValues(request.features, ({ column, ...options }, name) => {
    const path = `features.${name}`;
    const named = column ? `${path}.column` : path;
    const change = (near: string) => ({ set: { [column ? "." : "column"]: near } });
    return plan(column ?? name, named, change, (field, likeField) => {
      const ids = idRequest(name, request);
      const reader = new ColumnReader(field, {
        column: column ?? name,
        options: { ...options, nulls: options.nulls ?? suitableNulls(field, options, request) },
        ids,
        text: Object.hasOwn(texts, column ?? name) ? texts[column ?? name] : undefined,
        where,
        like: like && likeField && { spec: like.specs.features[name]!, field: likeField },
        place: (option) => places(option ? `${path}.${option}` : path),
      });
      return planned(field, reader, ids?.borrowed ? ids.name : undefined);
    });
  });
  /** A column that is no feature. */
  const other = (column: string, path: "weight" | "", known: ColumnSpec | undefined) =>
    plan(column, path, (near) => otherColumn(path, near), (field, likeField) => {
      const reader = new ColumnReader(field, {
        column,
        use: path === "weight" ? "weight" : "metrics",
        options: { nulls: request.nulls === "drop" ? "drop" : "error", shape: [] },
        where,
        like: like?.sameRows && likeField && known ? { spec: known, field: likeField } : undefined,
        place: () => places(path),
      });
      return planned(field, reader);
    });
  const columns = Object.fromEntries(
    request.columns.map((name) => [name, other(name, "", like?.specs.columns?.[name])]),
  );
  const weight = request.weight === undefined ? undefined : weighing(
    other(request.weight, "weight", like?.specs.weight),
    request.weight,
    where,
    places("weight"),
  );
  const asLabel = (column: string) => ({ set: { column } });
  const label = plan(request.label.column, "label", asLabel, (field, likeField) => {
    const reader = new LabelReader(field, request.label, {
      place: places("label"),
      like: like && likeField && { spec: like.specs.label, field: likeField },
      nulls: request.nulls,
      where,
    });
    return {
      field,
      read: (data: Data) => reader.read(data),
      shaped: (chunk: ColumnChunk, rows: number) => reader.shaped(chunk, rows),
      finish: (chunks: readonly ColumnChunk[]) => reader.finish(chunks),
      problems: () => reader.problems(),
      hasClasses: reader.hasClasses,
    };
  });
  if (problems.length > 0) throw new UserError(problems, { exitCode: 2 });
  // Without a problem none of them is missing.
  return { features, columns, weight, label } as Parts<PlannedColumn, PlannedColumn<LabelSpec>>;
}

/**
 * What to do about a column that is not there: the one that was most likely meant, or all that
 * there are.
 */
function columnHint(
  written: string,
  names: readonly string[],
  change: (column: string) => Change,
): HintText {
  if (names.length === 0) {
    return hint("column/none", "the data has no columns at all: name other files", {
      edit: "the source, or the data file",
    });
  }
  const near = nearest(written, names) ?? names[0]!;
  const words = `${didYouMean(written, names)}its columns are ${listed(names)}`;
  return hint("column/name", words, change(near));
}

/** Another column of weights; the columns of metrics are named at several places. */
const otherColumn = (path: "weight" | "", column: string): Change =>
  path === "weight" ? { set: { ".": column } } : { edit: "the metric's column" };

/** A column as a reader reads it. */
function planned(field: Field, reader: ColumnReader, lender?: string): PlannedColumn {
  return {
    field,
    lender,
    read: (data) => reader.read(data),
    shaped: (chunk, rows) => reader.shaped(chunk, rows),
    finish: (chunks, lender) => ({
      spec: reader.finish(chunks, lender),
      values: chunks.map(({ values }) => values),
    }),
    problems: () => reader.problems(),
    tally: (chunk, rows, dropped) => reader.tally(chunk, rows, dropped),
    idCounts: () => reader.idCounts,
  };
}

/** A column of weights: numbers of 0 or more. */
function weighing(
  column: PlannedColumn | undefined,
  name: string,
  where: (row: number) => string,
  place: Place | undefined,
): PlannedColumn | undefined {
  if (!column) return undefined;
  let rows = 0;
  return {
    ...column,
    read(data) {
      const chunk = column.read(data);
      refuseNegative(chunk, (row) => where(rows + row), name, place);
      rows += data.length;
      return chunk;
    },
    finish(chunks) {
      const finished = column.finish(chunks);
      const { dtype, unit } = finished.spec;
      if (dtype === "float32" && !unit) return finished;
      throw new UserError(
        `the column ${name} holds ${unit ? "times" : "strings"}, which are no weights`,
        {
          place,
          hint: hint("weight/type", "a weight is a number of 0 or more: name another column", {
            edit: "the column of weights",
          }),
          exitCode: 2,
        },
      );
    },
  };
}

/** What `data.nulls` says of a feature: where that does not suit, a null is an error. */
function suitableNulls(
  { type }: Field,
  { ids, dtype, pad }: Omit<FeatureOptions, "column">,
  { nulls = "error" }: ColumnsRequest,
): NullPolicy {
  const text = layoutOf(type)?.family === "strings";
  if (isMeasured(nulls)) {
    return text || ids || dtype === "int32" || pad !== undefined ? "error" : nulls;
  }
  if (typeof nulls !== "object" || ids && !(typeof ids === "object" && "count" in ids)) {
    return nulls;
  }
  return text === (typeof nulls.fill === "string") ? nulls : "error";
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
      { hint: hint("source/schema", `its schema says ${type}`, { edit: "the stage" }) },
    );
  }
  return data;
}
