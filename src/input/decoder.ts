import { type Data, DataType, type Field, type RecordBatch, type Schema } from "apache-arrow";
import { classLabels, isEqual, shown } from "../../plugins/sources/class_labels.ts";
import {
  type FeatureOptions,
  labelColumns,
  type LabelOptions,
  type NullPolicy,
  type SeveralLabelOptions,
} from "../pipeline/data_options.ts";
import { type Place, type Problem, UserError } from "../base/errors.ts";
import { type Change, hint, type HintText, nameHint } from "../base/hints.ts";
import { didYouMean, nearest } from "../base/nearest.ts";
import { yamlName } from "../base/quoted.ts";
import { StageError, type StageReference } from "../stages/stage_error.ts";
import { uniqueNamesHint } from "./open_data.ts";
import type { ColumnSpec, LabelSpec, Values } from "../stages/batch.ts";
import { type ColumnChunk, ColumnReader, isMeasured } from "./columns.ts";
import { loadDecoders } from "./images/load.ts";
import { type LabelColumn, LabelReader } from "./label.ts";
import { MultiLabelReader } from "./multi_label.ts";
import { packedLabels, repackedLabels, unpackedLabel } from "./label_columns.ts";
import type { IdCounts, IdRequest } from "./ids.ts";
import { layoutOf } from "./layout.ts";
import { listed } from "../base/listed.ts";
import { appendTo } from "../base/long_lists.ts";
import {
  combineParts,
  listParts,
  mapParts,
  mapValues,
  type Parts,
  type Specs,
} from "../stages/parts.ts";
import { labelParts, severalLabels } from "../stages/labels.ts";
import type { StoredColumns } from "./rows.ts";
import { readTeacher, type TeacherColumn } from "./teacher_column.ts";
import type { ColumnText } from "./texts.ts";

/**
 * The columns to read, and how. No property is optional, so every function that reads rows, in any
 * thread, must receive a complete request.
 */
export interface ColumnsRequest {
  /** The features by name. */
  readonly features: Readonly<Record<string, FeatureOptions>>;
  /** The label, or several labels by name. */
  readonly label: LabelOptions | SeveralLabelOptions;
  /** The default for nulls in features without an option of their own, if it is applicable. */
  readonly nulls: NullPolicy | undefined;
  /** Facts about columns of text from the sources, by column. */
  readonly texts: Readonly<Record<string, ColumnText>>;
  /** The column with the weights of rows in losses, if there is one. */
  readonly weight: string | undefined;
  /** The columns that metrics and losses read, and the column of groups. */
  readonly columns: readonly string[];
  /** The columns with the outputs of teachers outside the run, by the teacher's name. */
  readonly teachers: Readonly<Record<string, TeacherColumn>>;
  /** The source's stage, for messages. */
  readonly stage: StageReference;
  /**
   * Returns the place of an option of `data` in the pipeline file, such as that at `features`,
   * `image`, `shape`.
   */
  readonly places: ((...path: readonly string[]) => Place | undefined) | undefined;
}

/**
 * The columns to read, and how, without the functions of {@linkcode ColumnsRequest}, so that the
 * request can be sent to another thread.
 */
export type SentRequest = Omit<ColumnsRequest, "places">;

/**
 * Converts a request into a form that can be sent to another thread.
 *
 * @param request The request.
 */
export function sentRequest({ places: _, ...request }: ColumnsRequest): SentRequest {
  return request;
}

/**
 * Converts a request that was sent from another thread. Functions cannot be sent, so the errors of
 * this request contain no places in the pipeline file.
 *
 * @param request The request as it was sent.
 */
export function receivedRequest(request: SentRequest): ColumnsRequest {
  return { ...request, places: undefined };
}

/**
 * The shapes, ids, and classes of columns that were read before. They also apply when other rows of
 * these columns are read.
 */
export interface KnownColumns {
  /** The source's columns. */
  readonly schema: Schema;
  /** The specs of the columns. */
  readonly specs: Specs;
  /**
   * Whether the same rows are read again. In other rows, columns that only metrics read get ids of
   * their own.
   */
  readonly sameRows: boolean;
}

/** The requested columns of a record batch, decoded. */
export interface DecodedBatch {
  /** The number of rows. */
  readonly rows: number;
  /** The values of the columns. */
  readonly columns: Parts<ColumnChunk>;
}

/** Decodes the requested columns of a source into typed arrays, record batch by record batch. */
export class Decoder {
  readonly #planned: Parts<PlannedColumn, PlannedColumn<LabelSpec>>;
  readonly #stage: StageReference;
  /** Whether ids are counted; not if the rows are read again. */
  readonly #counts: boolean;

  /**
   * Finds the requested columns. Problems of all columns are reported together.
   *
   * @param schema The source's columns.
   * @param request The columns to read.
   * @param like The columns of the training split, or of the same rows when they were read before.
   * @param where Describes the position of a row in messages; by default its number.
   * @throws {UserError} If a column is missing, or does not agree with its options.
   */
  constructor(
    schema: Schema,
    request: ColumnsRequest,
    like?: KnownColumns,
    where = rowNumber,
  ) {
    this.#planned = planColumns(schema, request, where, like);
    this.#stage = request.stage;
    this.#counts = !like?.sameRows;
  }

  /**
   * Reads the next record batch.
   *
   * @param batch The record batch.
   * @throws {UserError} If a value does not agree with the options of its column.
   */
  read(batch: RecordBatch): DecodedBatch {
    const columns = mapParts<PlannedColumn, ColumnChunk>(
      this.#planned,
      ({ read }) => compacted(read((field) => columnOf(batch, field, this.#stage))),
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

  /** Completes a batch whose null lists did not have a known length when it was read. */
  #shaped({ rows, columns }: DecodedBatch): DecodedBatch {
    if (listParts<ColumnChunk>(columns).every(({ unshaped }) => unshaped === undefined)) {
      return { rows, columns };
    }
    return {
      rows,
      columns: combineParts<[PlannedColumn, ColumnChunk], ColumnChunk>(
        [this.#planned, columns],
        ([{ shaped }, chunk]) => shaped(chunk, rows),
      ),
    };
  }

  /** Whether the label's values are classes. */
  get hasClasses(): boolean {
    const { labelKind } = this.#planned.label;
    return labelKind === "class" || labelKind === "binary";
  }

  /**
   * Returns the counts of ids from vocabularies in all rows, by feature. Call it after
   * {@linkcode Decoder.finish}.
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
   * Rejects the rows so far if any of them has nulls that are not allowed, numbers that are not
   * finite, or labels that are not classes.
   *
   * @throws {UserError} With the problems of all columns.
   */
  refuse(): void {
    refuseProblems(listParts<PlannedColumn>(this.#planned));
  }

  /**
   * Finalizes the columns and the ids of strings, after all record batches were read.
   *
   * @param read The record batches that were kept.
   * @throws {UserError} If any row has a problem, see {@linkcode Decoder.refuse}.
   */
  finish(read: readonly DecodedBatch[]): StoredColumns {
    this.refuse();
    const planned = this.#planned;
    const filled = read.filter(({ rows }) => rows > 0).map((batch) => this.#shaped(batch));
    const chunks = filled.length > 0
      ? combineParts(filled.map(({ columns }) => columns), (all: ColumnChunk[]) => all)
      : mapParts<PlannedColumn, ColumnChunk[]>(planned, () => []);
    const done = new Map<PlannedColumn, Finished>();
    // Features that use the vocabulary of another feature come after it.
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
      ([column, chunks]) => done.get(column) ?? column.finish(chunks),
    );
    return {
      chunkRows: filled.map(({ rows }) => rows),
      specs: { ...mapParts<Finished, ColumnSpec>(finished, ({ spec }) => spec), label: label.spec },
      values: mapParts<Finished, readonly Values[]>(finished, ({ values }) => values),
    };
  }
}

/**
 * Decodes only the features of a source, in the shapes and with the vocabularies of the training
 * split. No row depends on later ones, so each record batch is final as soon as it was read.
 */
export class FeatureDecoder {
  readonly #planned: Readonly<Record<string, PlannedColumn>>;
  readonly #stage: StageReference;

  /**
   * Finds the features. Problems of all columns are reported together.
   *
   * @param schema The source's columns.
   * @param request The columns to read; only the features are used.
   * @param like The columns of the training split.
   * @param where Describes the position of a row in messages; by default its number.
   * @throws {UserError} If a column is missing, or does not agree with its options.
   */
  constructor(schema: Schema, request: ColumnsRequest, like: KnownColumns, where = rowNumber) {
    const plan = new ColumnPlan(schema, request, where, like);
    const features = plan.features();
    plan.refuse();
    this.#planned = features as Readonly<Record<string, PlannedColumn>>;
    this.#stage = request.stage;
  }

  /**
   * Reads the next record batch.
   *
   * @param batch The record batch.
   * @returns The values of each feature. They may be views of the record batch.
   * @throws {UserError} If any row so far has a value that does not agree with the options of its
   *   column.
   */
  read(batch: RecordBatch): Record<string, ColumnChunk> {
    const chunks = mapValues(
      this.#planned,
      ({ read }) => read((field) => columnOf(batch, field, this.#stage)),
    );
    refuseProblems(Object.values(this.#planned));
    return chunks;
  }
}

/** Describes the position of a row in messages. */
const rowNumber = (row: number) => `row ${row}`;

function refuseProblems(columns: readonly PlannedColumn[]): void {
  const problems = columns.flatMap(({ problems }) => problems());
  if (problems.length > 0) throw new UserError(problems);
}

/**
 * Returns the names of all columns to read, each once.
 *
 * @param request The columns to read.
 */
export function wantedColumns(
  { features, label, weight, columns, teachers }: SentRequest,
): string[] {
  const named = Object.entries(features).map(([name, { column }]) => column ?? name);
  const others = [...columns, ...Object.values(teachers).map(({ column }) => column)];
  return [
    ...new Set([
      ...named,
      ...labelColumns(label),
      ...others,
      ...weight === undefined ? [] : [weight],
    ]),
  ];
}

/**
 * Loads the modules that are needed to decode the requested columns, such as those for images. It
 * must be awaited before a {@linkcode Decoder} reads rows.
 *
 * @param schema The source's columns.
 * @param request The columns to read.
 */
export async function prepareDecoding(schema: Schema, request: SentRequest): Promise<void> {
  const names = new Set(wantedColumns(request));
  await loadDecoders(schema.fields.filter(({ name }) => names.has(name)));
}

/**
 * Finds the rows that are dropped because of a null in any column.
 *
 * @param batch The rows.
 * @returns 1 for each dropped row; undefined if no row is dropped.
 */
export function droppedRows({ columns, rows }: DecodedBatch): Uint8Array | undefined {
  const all = listParts<ColumnChunk>(columns).flatMap(({ dropped }) => dropped ?? []);
  if (all.length < 2) return all[0];
  return Uint8Array.from({ length: rows }, (_, row) => +all.some((dropped) => dropped[row]));
}

/**
 * The range of weights above 0. Sums of weights, and weights divided by such sums, stay in the range
 * of float32, also if class weights and sampling weights multiply them.
 */
const leastWeight = 1e-20, mostWeight = 1e20;

/** Rejects weights below 0, and those for which float32 has too few digits. */
function refuseWeights(
  { values }: ColumnChunk,
  whereIn: (row: number) => string,
  weight: string,
  place: Place | undefined,
): void {
  const row = values.findIndex((value: number) =>
    !(value === 0 || value >= leastWeight && value <= mostWeight)
  );
  if (row < 0) return;
  const value = values[row]!;
  const isOutside = value > 0;
  throw new UserError(
    `${whereIn(row)}, column ${weight}: the weight is ${value}; expected ${
      isOutside ? "0, or 1e-20 to 1e20" : "0 or more"
    } (rows count from 0)`,
    {
      place,
      hint: isOutside
        ? hint(
          "weight/range",
          "multiply all weights by the same number, which changes no loss",
          { edit: "the data file" },
        )
        : hint("weight/negative", "correct the data: weights must be 0 or more", {
          edit: "the data file",
        }),
    },
  );
}

/** Returns the options for a feature's ids, which may be those of another feature. */
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
      ? `the feature ${name} uses the ids of the feature ${ids.of}, which does not define ids itself`
      : `there is no feature ${JSON.stringify(ids.of)}`,
    {
      place: places?.("features", name, "ids"),
      hint: other
        ? hint("ids/of-none", `define them at features.${ids.of}, such as \`ids: train\``, {
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

/** Checks whether a feature defines its own ids. */
const hasOwnIds = ({ ids }: Pick<FeatureOptions, "ids">) =>
  ids !== undefined && (typeof ids === "string" || !("of" in ids));

/** The number of unused bytes that a view may always keep in memory. */
const keptBeside = 2 ** 16;

/** Copies values that are a small view of a record batch, which would stay in memory with them. */
function compacted(chunk: ColumnChunk): ColumnChunk {
  const { values } = chunk;
  const beside = values.buffer.byteLength - values.byteLength;
  if (beside <= Math.max(keptBeside, values.byteLength)) return chunk;
  return { ...chunk, values: values.slice() };
}

/**
 * The description of a column whose rows have all been read, and its values by chunk, if they are
 * kept in memory.
 */
export interface Finished<Spec extends ColumnSpec = ColumnSpec> {
  readonly spec: Spec;
  readonly values: readonly Values[];
}

/** A requested column, and how it is read. */
export interface PlannedColumn<Spec extends ColumnSpec = ColumnSpec> {
  /** The other feature that defines its ids, if there is one. */
  readonly lender?: string | undefined;
  /** Reads the next record batch, whose columns a function returns. */
  readonly read: (columnOf: (field: Field) => Data) => ColumnChunk;
  /** Completes a chunk after all rows were read. */
  readonly shaped: (chunk: ColumnChunk, rows: number) => ColumnChunk;
  /** Makes ids final and returns the spec, after all rows were read. */
  readonly finish: (chunks: readonly ColumnChunk[], lender?: ColumnSpec) => Finished<Spec>;
  /** Returns the problems of the rows so far. */
  readonly problems: () => Problem[];
  /** Counts the ids of rows that are kept. */
  readonly tally?: ((chunk: ColumnChunk, rows: number, dropped?: Uint8Array) => void) | undefined;
  /** The kind of the label, if the column is a label. */
  readonly labelKind?: LabelSpec["kind"];
  /** The kind of each label, if the column has several. */
  readonly labelKinds?: Readonly<Record<string, LabelSpec["kind"]>>;
  /** Returns the counts of ids from a vocabulary. */
  readonly idCounts?: (() => IdCounts | undefined) | undefined;
}

/** Plans the columns of a source, and collects their problems. */
class ColumnPlan {
  readonly #schema: Schema;
  readonly #request: ColumnsRequest;
  readonly #where: (row: number) => string;
  readonly #like: KnownColumns | undefined;
  readonly #places: NonNullable<ColumnsRequest["places"]>;
  readonly #problems: Problem[] = [];

  constructor(
    schema: Schema,
    request: ColumnsRequest,
    where: (row: number) => string,
    like: KnownColumns | undefined,
  ) {
    this.#schema = schema;
    this.#request = request;
    this.#where = where;
    this.#like = like;
    this.#places = request.places ?? (() => undefined);
  }

  /**
   * Throws the problems of the columns that were planned, which are undefined.
   *
   * @throws {UserError} If there are any.
   */
  refuse(): void {
    if (this.#problems.length > 0) throw new UserError(this.#problems, { exitCode: 2 });
  }

  features(): Record<string, PlannedColumn | undefined> {
    const request = this.#request, { texts } = request;
    return mapValues(request.features, ({ column, ...options }, name) => {
      const path = ["features", name];
      const named = column ? [...path, "column"] : path;
      const change = (near: string) => ({ set: { [column ? "." : "column"]: near } });
      return this.#plan(column ?? name, named, change, (field, likeField) => {
        const ids = idRequest(name, request);
        const reader = new ColumnReader(field, {
          column: column ?? name,
          options: { ...options, nulls: options.nulls ?? suitableNulls(field, options, request) },
          ids,
          text: Object.hasOwn(texts, column ?? name) ? texts[column ?? name] : undefined,
          where: this.#where,
          like: likeField && { spec: this.#like!.specs.features[name]!, field: likeField },
          place: (option) => this.#places(...path, ...option?.split(".") ?? []),
        });
        return planned(field, reader, ids?.borrowed ? ids.name : undefined);
      });
    });
  }

  columns(): Record<string, PlannedColumn | undefined> {
    const known = this.#like?.specs.columns;
    return Object.fromEntries(
      this.#request.columns.map((name) => [name, this.#other(name, "", known?.[name])]),
    );
  }

  weight(): PlannedColumn | undefined {
    const { weight } = this.#request;
    if (weight === undefined) return undefined;
    const column = this.#other(weight, "weight", this.#like?.specs.weight);
    return weighing(column, weight, this.#where, this.#places("weight"));
  }

  label(): PlannedColumn<LabelSpec> | undefined {
    const { label } = this.#request, like = this.#like?.specs.label;
    if (!("labels" in label)) {
      const one = this.#label(label, ["label"], like);
      return one && plannedLabel(one);
    }
    const readers = Object.entries(label.labels).map(([name, { nulls, ...options }]) => {
      // Rows that a null would drop are those that it masks.
      const own = nulls === "mask" ? "drop" : nulls;
      const one = this.#label(
        { ...options, ...(own && { nulls: own }) },
        ["labels", name],
        like?.labels?.[name],
      );
      return one && { name, isMasked: nulls === "mask", ...one };
    });
    const known = readers.filter((reader) => reader !== undefined);
    return known.length < readers.length ? undefined : severalPlanned(known);
  }

  #label(
    label: LabelOptions,
    path: readonly [string, ...string[]],
    known: LabelSpec | undefined,
  ): { field: Field; reader: LabelColumn } | undefined {
    const { nulls } = this.#request, where = this.#where;
    const asLabel = (column: string) => ({ set: { column } });
    return this.#plan(label.column, path, asLabel, (field, likeField) => {
      const place = this.#places(...path);
      const options = namedClasses(label, field, this.#schema, known, place);
      const like = likeField && known && { spec: known, field: likeField };
      const name = path[0] === "labels" ? path[1] : undefined;
      const kind = known?.kind ?? options.kind;
      const Reader = kind === "multi-label" ? MultiLabelReader : LabelReader;
      return { field, reader: new Reader(field, options, { place, like, nulls, where, name }) };
    });
  }

  /**
   * Plans the columns with the outputs of teachers.
   *
   * @param label The label, if it has no problems.
   */
  teachers(
    label: PlannedColumn<LabelSpec> | undefined,
  ): Record<string, PlannedColumn | undefined> | undefined {
    const { teachers, nulls } = this.#request, known = this.#like?.specs.teachers;
    if (Object.keys(teachers).length === 0) return undefined;
    return mapValues(teachers, (teacher, name) => {
      const place = (option: string) => this.#places("teachers", name, option);
      return this.#plan(
        teacher.column,
        ["teachers", name, "column"],
        (near) => ({ set: { ".": near } }),
        (field, likeField) => {
          const spec = this.#like?.sameRows ? known?.[name] : undefined;
          return readTeacher(teacher, {
            field,
            like: likeField && spec && { spec, field: likeField },
            kind: (teacher.label === undefined
              ? label?.labelKind
              : label?.labelKinds?.[teacher.label]) ?? "class",
            drop: nulls === "drop" && teacher.missing === "error",
            where: this.#where,
            place,
          });
        },
      );
    });
  }

  /** Plans a column of weights or of metrics. */
  #other(
    column: string,
    path: "weight" | "",
    known: ColumnSpec | undefined,
  ): PlannedColumn | undefined {
    const { nulls } = this.#request, places = path === "" ? ["columns", column] : [path];
    return this.#plan(column, places, (near) => otherColumn(path, near), (field, likeField) => {
      const reader = new ColumnReader(field, {
        column,
        use: path === "weight" ? "weight" : "metrics",
        options: { nulls: nulls === "drop" ? "drop" : "error", shape: [] },
        where: this.#where,
        like: this.#like?.sameRows && likeField && known
          ? { spec: known, field: likeField }
          : undefined,
        place: () => this.#places(...places),
      });
      return planned(field, reader);
    });
  }

  #plan<T>(
    column: string,
    path: readonly string[],
    change: (column: string) => Change,
    make: (field: Field, like?: Field) => T,
  ): T | undefined {
    const { fields } = this.#schema;
    const field = fields.find(({ name }) => name === column);
    if (!field) {
      const names = fields.map(({ name }) => name);
      this.#problems.push({
        message: `the data has no column ${JSON.stringify(column)}`,
        place: this.#places(...path),
        hint: columnHint(column, names, change),
      });
      return undefined;
    }
    const count = fields.filter(({ name }) => name === column).length;
    if (count > 1) {
      this.#problems.push({
        message: `the data has ${count} columns with the name ${column}`,
        place: this.#places(...path),
        hint: uniqueNamesHint(),
      });
      return undefined;
    }
    try {
      return make(field, this.#like?.schema.fields.find(({ name }) => name === column));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      appendTo(this.#problems, error.problems);
      return undefined;
    }
  }
}

function planColumns(
  schema: Schema,
  request: ColumnsRequest,
  where: (row: number) => string,
  like?: KnownColumns,
): Parts<PlannedColumn, PlannedColumn<LabelSpec>> {
  const plan = new ColumnPlan(schema, request, where, like);
  const features = plan.features(), columns = plan.columns();
  const weight = plan.weight(), label = plan.label();
  const teachers = plan.teachers(label);
  plan.refuse();
  // There were no problems, so no column is undefined.
  return { features, columns, weight, label, teachers } as Parts<
    PlannedColumn,
    PlannedColumn<LabelSpec>
  >;
}

/**
 * Returns the label's options with the names of classes from the metadata of the schema, unless the
 * pipeline file lists the classes.
 *
 * @throws {UserError} If the metadata of the training split have other names.
 */
function namedClasses(
  label: LabelOptions,
  { type }: Field,
  schema: Schema,
  spec: LabelSpec | undefined,
  place: Place | undefined,
): LabelOptions {
  const isClass = label.kind !== "number" && label.kind !== "multi-label" && DataType.isInt(type);
  const names = isClass && label.classes === undefined
    ? classLabels(schema.metadata, label.column)
    : undefined;
  if (!names) return label;
  const known = spec?.vocabulary;
  if (known && !isEqual(known, names)) {
    throw new UserError(
      `the classes of the column ${label.column} are ${shown(names)} in this split, but ${
        shown(known)
      } in the training split`,
      {
        place,
        hint: hint("classes/splits", "write all files with the same classes in the same order", {
          edit: "a data file",
        }),
      },
    );
  }
  // Names that look like numbers would be read as values of the column.
  const isNumber = names.every((name) => name.trim() !== "" && Number.isFinite(Number(name)));
  return { ...label, classes: isNumber ? names.length : names };
}

/**
 * Returns the hint for a missing column: the name that was most likely meant, and the names of all
 * columns.
 *
 * @param written The name of the missing column.
 * @param names The names of all columns.
 * @param change What changes when the user follows the hint, by the name of the column to use.
 */
export function columnHint(
  written: string,
  names: readonly string[],
  change: (column: string) => Change,
): HintText {
  if (names.length === 0) {
    return hint("column/none", "the data has no columns at all: use other files", {
      edit: "the source, or the data file",
    });
  }
  const near = nearest(written, names) ?? names[0]!;
  const words = `${didYouMean(written, names)}its columns are ${listed(names.map(yamlName))}`;
  return hint("column/name", words, change(near));
}

/** Returns the change to another column. The column of a metric, a loss, or groups
 * may be named at several places. */
const otherColumn = (path: "weight" | "", column: string): Change =>
  path === "weight" ? { set: { ".": column } } : { edit: "the name of the column" };

/** Plans a column that is read by a {@linkcode ColumnReader}. */
function planned(field: Field, reader: ColumnReader, lender?: string): PlannedColumn {
  return {
    lender,
    read: (columnOf) => reader.read(columnOf(field)),
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

/** Plans a single label. */
function plannedLabel(
  { field, reader }: { readonly field: Field; readonly reader: LabelColumn },
): PlannedColumn<LabelSpec> {
  return {
    read: (columnOf) => reader.read(columnOf(field)),
    shaped: (chunk, rows) => reader.shaped(chunk, rows),
    finish: (chunks) => reader.finish(chunks),
    problems: () => reader.problems(),
    labelKind: reader.kind,
  };
}

/** Plans several labels as one column, in which their values are side by side. */
function severalPlanned(
  labels: readonly {
    readonly name: string;
    readonly isMasked: boolean;
    readonly field: Field;
    readonly reader: LabelColumn;
  }[],
): PlannedColumn<LabelSpec> {
  return {
    read(columnOf) {
      const columns = labels.map(({ field }) => columnOf(field));
      const chunks = labels.map(({ reader }, index) => reader.read(columns[index]!));
      const masked = labels.map(({ isMasked }) => isMasked);
      return packedLabels(chunks, masked, columns[0]!.length);
    },
    shaped: (chunk) => chunk,
    finish(chunks) {
      const parts = labels.map(({ name, isMasked, reader }, at) => {
        const own = chunks.map((chunk) => unpackedLabel(chunk, at));
        const { spec, values } = reader.finish(own);
        return { name, spec: isMasked ? { ...spec, masked: true as const } : spec, values };
      });
      const spec = severalLabels(Object.fromEntries(parts.map(({ name, spec }) => [name, spec])));
      const sizes = labelParts(spec).map(({ size }) => size);
      const values = chunks.map((chunk, index) =>
        repackedLabels(chunk, parts.map(({ values }) => values[index]!), sizes)
      );
      return { spec, values };
    },
    problems: () => labels.flatMap(({ reader }) => reader.problems()),
    labelKind: "several",
    labelKinds: Object.fromEntries(labels.map(({ name, reader }) => [name, reader.kind])),
  };
}

/** Adds the checks for weights to a column. */
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
    read(columnOf) {
      const chunk = column.read(columnOf);
      refuseWeights(chunk, (row) => where(rows + row), name, place);
      rows += chunk.values.length;
      return chunk;
    },
    finish(chunks) {
      const finished = column.finish(chunks);
      const { dtype, unit } = finished.spec;
      if (dtype === "float32" && !unit) return finished;
      throw new UserError(
        `the column ${name} holds ${unit ? "times" : "strings"}, which cannot be weights`,
        {
          place,
          hint: hint("weight/type", "name a column of numbers that are 0 or more", {
            edit: "the column of weights",
          }),
          exitCode: 2,
        },
      );
    },
  };
}

/** Returns `data.nulls` if it is applicable to a feature; otherwise nulls are errors. */
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
      `returned a record batch ${
        data ? `with the type ${data.type} for` : "without"
      } the column ${name}`,
      {
        hint: hint("source/schema", `return the type ${type}, which its schema declares`, {
          edit: "the stage",
        }),
      },
    );
  }
  return data;
}
