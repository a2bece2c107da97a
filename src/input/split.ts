import { counted } from "../base/text_table.ts";
import type { RecordBatch, Schema } from "apache-arrow";
import { hint } from "../base/hints.ts";
import { joinArrays } from "../base/join_arrays.ts";
import { LargeMap } from "../base/large_map.ts";
import { openData } from "./open_data.ts";
import { callStage, StageError, type StageReference } from "../stages/stage_error.ts";
import type { Dataset, Source } from "../stages/source.ts";
import type { ColumnChunk } from "./columns.ts";
import { divideGroups, groupRows, largestGroup, windowGroups } from "./groups.ts";
import {
  type ColumnsRequest,
  type DecodedBatch,
  Decoder,
  droppedRows,
  type KnownColumns,
  prepareDecoding,
  sentRequest,
  wantedColumns,
} from "./decoder.ts";
import { RowCounter, type RowCounts } from "./counts.ts";
import type { IdCounts } from "./ids.ts";
import { formatBytes } from "../base/bytes.ts";
import type { Memory } from "./memory.ts";
import { listParts, mapParts } from "../stages/parts.ts";
import { inSharedMemory, type Rows, type SharedRows, Store, StoredRows } from "./rows.ts";
import type { SelectedRows } from "./select_rows.ts";
import { Spill } from "./spill.ts";
import { type SharedStream, type SourceSetup, Stream, StreamedRows } from "./streamed.ts";

/** The options of {@linkcode openSplit}, such as the memory that the rows may use. */
export interface SplitOptions {
  /** The training split, whose shapes, ids and classes apply, if another split is opened. */
  readonly like?: Pick<Split, "schema" | "specs"> | undefined;
  /** The memory for rows; unlimited by default. */
  readonly memory?: Memory | undefined;
  /** The setup for another thread that opens the source, if that is possible. */
  readonly setup?: SourceSetup | undefined;
  /** The name of the split, for messages. */
  readonly name?: string | undefined;
  /** The column whose equal values make rows a group, if batches keep groups together. */
  readonly group?: string | undefined;
  /** Receives log lines about long operations. */
  readonly report?: ((line: string) => void) | undefined;
}

/** How batches keep the rows of a group together in a split. */
export interface Together {
  /** The maximum number of rows in a group; larger groups are divided. */
  readonly most: number;
  /** The run's seed. */
  readonly seed: number;
}

/** How training rows are shuffled: as a whole, or within windows of a number of rows. */
export type Shuffle = "whole" | { readonly window: number };

/** The rows of one split: training, validation, or test. */
export interface Split extends Rows {
  /** The source's columns. */
  readonly schema: Schema;
  /** A text that changes when the source's rows change. */
  readonly fingerprint: string;
  /** How the rows are shuffled. */
  readonly shuffle: Shuffle;
  /**
   * The counts of ids from vocabularies, by feature. They are counted over all rows of the source,
   * even if the split has only some of them.
   */
  readonly idCounts: Readonly<Record<string, IdCounts>>;
  /**
   * Returns some of the rows as another split, without a copy. Closing one split closes both.
   *
   * @param rows Row numbers; they must be ascending if rows are not in memory.
   */
  subset(rows: Uint32Array): Split;
  /**
   * Returns counts of classes and weights. If rows are not in memory, they are counted over all
   * rows of the source.
   */
  counts(): RowCounts;
  /**
   * Makes batches keep the rows of each group together. The split must have been opened with the
   * option `group`.
   *
   * @param together The maximum number of rows in a group.
   * @returns The largest group: the number of its rows, and its first row; undefined without rows.
   *   Also the number of record batches that an epoch reads, divided by how many there are, if the
   *   rows are shuffled in windows.
   */
  keepTogether(together: Together): {
    readonly largest: { readonly rows: number; readonly first: number } | undefined;
    readonly reads: number;
  };
  /** Returns what another thread needs to read the same rows, or the reason why it cannot. */
  share(): SharedRows | SharedStream | string;
  /** Closes the source and frees the rows. */
  close(): Promise<void>;
}

/**
 * Opens a source and reads the requested columns. Rows that fit in the memory limit are kept in
 * memory. Rows that do not fit are read once for checks, and again when they are needed. If such
 * rows can only be read in order, they are copied to a temporary Arrow file during the first pass.
 *
 * @param source The source.
 * @param request The columns to read.
 * @param options The training split, the memory limit, and the name of the split.
 * @returns The rows.
 * @throws {UserError} If a column is missing, or does not agree with its options.
 */
export async function openSplit(
  source: Source,
  request: ColumnsRequest,
  options: SplitOptions = {},
): Promise<Split> {
  return await readSplit(await openDataset(source, request), request, options);
}

/**
 * Opens a source without reading rows.
 *
 * @param source The source.
 * @param request The columns to read.
 * @param others Other columns to read, which are no part of the request.
 * @returns The opened data set.
 * @throws {UserError} If the source cannot be opened.
 */
export async function openDataset(
  source: Source,
  request: ColumnsRequest,
  others: readonly string[] = [],
): Promise<Dataset> {
  const { stage } = request;
  const columns = [...new Set([...wantedColumns(request), ...others])];
  return await openData(source, stage, { columns }, others);
}

/**
 * Reads the rows of an opened data source, like {@linkcode openSplit}.
 *
 * @param dataset The opened data source; it is closed if reading fails.
 * @param request The columns to read.
 * @param options The training split, the memory limit, and the name of the split.
 * @returns The rows.
 * @throws {UserError} If a column is missing, or does not agree with its options.
 */
export async function readSplit(
  dataset: Dataset,
  request: ColumnsRequest,
  options: SplitOptions = {},
): Promise<Split> {
  try {
    await prepareDecoding(dataset.schema, request);
    const gone = await goThrough(dataset, request, options);
    if (gone) return gone;
    const spill = await Spill.create(wantedColumns(request));
    try {
      return await spilled(dataset, request, options, spill);
    } catch (error) {
      await spill.remove();
      throw error;
    }
  } catch (error) {
    await dataset.close?.();
    throw error;
  }
}

/**
 * Reads all rows once. Returns undefined if they do not fit in memory and can only be read in order.
 */
async function goThrough(
  dataset: Dataset,
  request: ColumnsRequest,
  options: SplitOptions,
): Promise<Split | undefined> {
  const { stage } = request, { memory } = options;
  const where = rowsOf(dataset, options);
  const decoder = new Decoder(dataset.schema, request, otherRows(options.like), where);
  const tally = new Tally(options, dataset);
  let read: DecodedBatch[] | undefined = [], counter: RowCounter | undefined;
  for await (const { batch, isRest } of recordBatches(dataset, stage)) {
    const decoded = decoder.read(batch);
    tally.add(decoded, isRest);
    if (read && tally.expected > (memory?.left ?? Infinity)) {
      // Report problems now and not after the rest, which may be long.
      decoder.refuse();
      if (!canStream(dataset)) return undefined;
      counter = new RowCounter(decoder.hasClasses);
      for (const one of read) counter.add(one.rows, one.columns, droppedRows(one));
      read = undefined;
    }
    counter?.add(decoded.rows, decoded.columns, droppedRows(decoded));
    read?.push(memory ? moved(decoded) : decoded);
  }
  if (!read) return streamed(dataset, request, options, { tally, decoder, counter: counter! });
  if (memory) memory.left -= tally.bytes;
  const store = new Store(decoder.finish(read));
  const idCounts = decoder.idCounts(), groupOf = tally.groups();
  return new StoredSplit(store, { dataset, stage, where, idCounts, groupOf }, tally.kept());
}

/** Reads all rows once, and copies them to a file. */
async function spilled(
  dataset: Dataset,
  request: ColumnsRequest,
  options: SplitOptions,
  spill: Spill,
): Promise<Split> {
  const { stage } = request, { name, memory, report = () => {} } = options;
  report(
    `data: ${named(name)} can only be read in order and do not fit in the memory for rows ` +
      `(data.memory: ${formatBytes(memory!.bytes)}); they are copied to ` +
      `${spill.folder}, which is removed at the end`,
  );
  const where = rowsOf(dataset, options);
  const decoder = new Decoder(dataset.schema, request, otherRows(options.like), where);
  const tally = new Tally(options, dataset), counter = new RowCounter(decoder.hasClasses);
  for await (const { batch, isRest } of recordBatches(dataset, stage)) {
    const decoded = decoder.read(batch);
    tally.add(decoded, isRest);
    counter.add(decoded.rows, decoded.columns, droppedRows(decoded));
    await spill.write(batch);
  }
  const copy = await spill.open();
  await callStage(stage, "close()", () => dataset.close?.());
  const close = async () => {
    await copy.close?.();
    await spill.remove();
  };
  // The copy has the requested columns, and the fingerprint of the original.
  const read = { tally, decoder, counter };
  return streamed({ ...copy, close }, request, { ...options, setup: spill.setup }, read, dataset);
}

/**
 * Returns a function that describes the position of a row in its source: its file, if known, and its
 * split.
 *
 * @param dataset The rows.
 * @param options The name of the split, if the rows are those of one.
 */
export function rowsOf(
  dataset: Dataset | SelectedRows,
  { name }: Pick<SplitOptions, "name">,
): (row: number) => string {
  const split = name === undefined ? "" : ` (${name} split)`;
  return (row) => {
    const at = dataset.locate?.(row);
    const number = "selection" in dataset ? dataset.selection.rows[row] : row;
    return at ? `row ${at.row} of ${at.file}${split}` : `row ${number}${split}`;
  };
}

/** Names the rows of a split in messages; those of a file for predictions have no split. */
const named = (split: string | undefined) => split === undefined ? "the rows" : `the ${split} rows`;

/** Returns the columns of the training split, for another split. */
const otherRows = (like: SplitOptions["like"]): KnownColumns | undefined =>
  like && { schema: like.schema, specs: like.specs, sameRows: false };

/** Facts about rows that were read once and not kept. */
interface ReadOnce {
  readonly tally: Tally;
  readonly decoder: Decoder;
  readonly counter: RowCounter;
}

function streamed(
  dataset: Dataset,
  request: ColumnsRequest,
  options: SplitOptions,
  { tally, decoder, counter }: ReadOnce,
  original: Dataset = dataset,
): Split {
  const { memory, name, setup, report = () => {} } = options;
  const { schema, fingerprint } = original, where = rowsOf(original, options);
  const window = dataset.rows ? undefined : tally.windowRows(memory!);
  report(
    `data: ${named(name)} (${formatBytes(tally.bytes)}) do not fit in the memory for rows ` +
      `(data.memory: ${formatBytes(memory!.bytes)}): they are read when they are needed` +
      (name !== "train"
        ? ""
        : window === undefined
        ? ", and shuffled as a whole"
        : `, and shuffled in windows of ${window.toLocaleString("en")} rows`),
  );
  const stream = new Stream(dataset, request, {
    specs: decoder.finish([]).specs,
    rowCounts: rowCountsOf(dataset, tally, request.stage),
    window,
    fingerprint: dataset.fingerprint,
  });
  const counts = counter.finish(stream.facts.specs), idCounts = decoder.idCounts();
  const groupOf = tally.groups();
  const origin = { setup, schema, fingerprint, where, counts, idCounts, groupOf };
  return new StreamedSplit(stream, origin, tally.kept());
}

/**
 * Returns the number of rows in each record batch, by its number. Sources may omit empty record
 * batches when they are read in order, so the source's own `rowCounts` decide.
 */
function rowCountsOf(
  { rowCounts }: Dataset,
  tally: Tally,
  stage: StageReference,
): readonly number[] {
  if (!rowCounts) return tally.rowCounts;
  const sum = (counts: readonly number[]) => counts.reduce((sum, rows) => sum + rows, 0);
  const stated = sum(rowCounts), read = sum(tally.rowCounts);
  if (stated === read) return rowCounts;
  throw new StageError(
    stage,
    `returned ${counted(read, "row")}, but its rowCounts add up to ${stated}`,
    {
      hint: hint(
        "source/row-counts",
        "set rowCounts to the number of rows of each record batch that recordBatch() returns",
        { edit: "the stage" },
      ),
    },
  );
}

/**
 * Moves a batch that is kept to shared memory. This is done batch by batch, because moving all of
 * them at the end would need twice the memory. Batches that are not kept stay in ordinary memory,
 * which is freed sooner.
 */
const moved = ({ rows, columns }: DecodedBatch): DecodedBatch => ({
  rows,
  columns: mapParts<ColumnChunk, ColumnChunk>(
    columns,
    (column) => ({ ...column, values: inSharedMemory(column.values) }),
  ),
});

const canStream = ({ rows, recordBatch }: Dataset) =>
  rows !== undefined || recordBatch !== undefined;

/** A record batch, or a part of one. */
interface BatchPart {
  readonly batch: RecordBatch;
  /** Whether this part belongs to the same record batch as the previous part. */
  readonly isRest: boolean;
}

/**
 * The maximum number of rows that are decoded at a time. Some writers write a whole table as one
 * record batch.
 */
const maxRows = 2 ** 18;

/**
 * Reads the record batches of a data source in order. Large record batches are divided.
 *
 * @param dataset The opened data source.
 * @param stage The source's stage, for messages.
 */
export async function* recordBatches(
  dataset: Dataset,
  stage: StageReference,
): AsyncGenerator<BatchPart> {
  const batches = callStage(
    stage,
    "recordBatches()",
    () => dataset.recordBatches()[Symbol.asyncIterator](),
  );
  while (true) {
    const next = await callStage(stage, "recordBatches()", () => batches.next());
    if (next.done) return;
    const batch = next.value;
    if (!(batch?.numRows > maxRows)) yield { batch, isRest: false };
    else {
      for (let row = 0; row < batch.numRows; row += maxRows) {
        const part = batch.slice(row, Math.min(row + maxRows, batch.numRows));
        yield { batch: part, isRest: row > 0 };
      }
    }
  }
}

/** The time between two log lines while rows are read, in milliseconds. */
const patience = 10_000;

/** Collects facts about rows while they are read. */
class Tally {
  readonly #options: SplitOptions;
  readonly #total: number | undefined;
  /** The rows of each record batch that are kept; undefined while no row was dropped. */
  #kept: Uint32Array[] | undefined;
  /** The number of each group by its value in the column, and the group of each row. */
  readonly #numbers = new LargeMap<number, number>();
  readonly #groups: Uint32Array[] = [];
  #rowBytes = 0;
  #rows = 0;
  #reportedAt = performance.now();
  /** The number of rows in each record batch. */
  readonly rowCounts: number[] = [];
  /** The memory of the rows so far, in bytes. */
  bytes = 0;

  constructor(options: SplitOptions, { rowCounts }: Dataset) {
    this.#options = options;
    this.#total = rowCounts?.reduce((sum, rows) => sum + rows, 0);
  }

  /**
   * Adds a record batch, or a part of one.
   *
   * @param decoded The decoded columns.
   * @param isRest Whether it belongs to the same record batch as the previous part.
   */
  add({ rows, columns: parts }: DecodedBatch, isRest: boolean): void {
    const columns = listParts<ColumnChunk>(parts);
    const buffers = new Set(columns.map(({ values }) => values.buffer));
    for (const { byteLength } of buffers) this.bytes += byteLength;
    if (rows > 0) {
      this.#rowBytes ||= columns.reduce((sum, { values }) => sum + values.byteLength, 0) / rows;
    }
    if (columns.some(({ dropped }) => dropped)) this.#kept ??= [rowNumbers(this.#rows)];
    this.#kept?.push(
      rowNumbers(rows).filter((row) => !columns.some(({ dropped }) => dropped?.[row]))
        .map((row) => this.#rows + row),
    );
    const { group } = this.#options;
    if (group !== undefined) this.#groups.push(this.#groupsOf(parts.columns![group]!, rows));
    if (isRest) this.rowCounts[this.rowCounts.length - 1]! += rows;
    else this.rowCounts.push(rows);
    this.#rows += rows;
    this.#reportProgress();
  }

  /** An estimate of the memory of all rows, in bytes. */
  get expected(): number {
    const part = this.#total ? this.#rows / this.#total : 1;
    return part > 0 ? this.bytes / part : this.bytes;
  }

  /** Returns the rows that are kept, or undefined if all are kept. */
  kept(): Uint32Array | undefined {
    return this.#kept && joinArrays(this.#kept, Uint32Array);
  }

  /** Returns the number of each row's group, if groups are kept together. */
  groups(): Uint32Array | undefined {
    return this.#options.group === undefined ? undefined : joinArrays(this.#groups, Uint32Array);
  }

  #groupsOf({ values }: ColumnChunk, rows: number): Uint32Array {
    return Uint32Array.from({ length: rows }, (_, row) => {
      const value = values[row]!;
      let number = this.#numbers.get(value);
      if (number === undefined) this.#numbers.set(value, number = this.#numbers.size);
      return number;
    });
  }

  /** Returns the number of rows in a window. */
  windowRows({ window }: Memory): number {
    return Math.max(1, Math.floor(window / Math.max(1, this.#rowBytes)));
  }

  #reportProgress(): void {
    const { name, report } = this.#options;
    if (!report || performance.now() - this.#reportedAt < patience) return;
    this.#reportedAt = performance.now();
    const all = this.#total === undefined ? "" : ` of ${this.#total.toLocaleString("en")}`;
    report(`data: checking ${named(name)}: ${this.#rows.toLocaleString("en")}${all} read`);
  }
}

const rowNumbers = (rows: number) => Uint32Array.from({ length: rows }, (_, row) => row);

/** The source of rows in memory. */
interface StoredSource {
  readonly dataset: Dataset;
  readonly stage: StageReference;
  /** Describes the position of a row in messages. */
  readonly where: (row: number) => string;
  /** The counts of ids from vocabularies, by feature. */
  readonly idCounts: Readonly<Record<string, IdCounts>>;
  /** The number of each row's group, if groups are kept together. */
  readonly groupOf: Uint32Array | undefined;
}

/** A split whose rows are in memory. */
export class StoredSplit extends StoredRows implements Split {
  readonly shuffle = "whole";
  readonly #source: StoredSource;

  constructor(
    store: Store,
    source: StoredSource,
    index?: Uint32Array,
  ) {
    super(store, index);
    this.#source = source;
  }

  get where(): (row: number) => string {
    return this.#source.where;
  }

  get idCounts(): Readonly<Record<string, IdCounts>> {
    return this.#source.idCounts;
  }

  get schema(): Schema {
    return this.#source.dataset.schema;
  }

  get fingerprint(): string {
    return this.#source.dataset.fingerprint;
  }

  subset(rows: Uint32Array): StoredSplit {
    return new StoredSplit(this.store, this.#source, this.stored(rows));
  }

  keepTogether({ most }: Together): ReturnType<Split["keepTogether"]> {
    const { groupOf } = this.#source, rows = this.stored(rowNumbers(this.rows));
    const groups = groupRows(rows.map((row) => groupOf![row]!));
    this.keep(divideGroups(groups, most));
    return { largest: this.rows > 0 ? largestGroup(groups) : undefined, reads: 1 };
  }

  async close(): Promise<void> {
    this.store.clear();
    const { dataset, stage } = this.#source;
    await callStage(stage, "close()", () => dataset.close?.());
  }
}

/** The source of streamed rows. */
interface Origin {
  /** Describes the position of a row in messages. */
  readonly where: (row: number) => string;
  readonly setup: SourceSetup | undefined;
  readonly schema: Schema;
  readonly fingerprint: string;
  readonly counts: RowCounts;
  readonly idCounts: Readonly<Record<string, IdCounts>>;
  readonly groupOf: Uint32Array | undefined;
}

/** A split whose rows are read when they are needed. */
class StreamedSplit extends StreamedRows implements Split {
  readonly #origin: Origin;

  constructor(stream: Stream, origin: Origin, index?: Uint32Array) {
    super(stream, index);
    this.#origin = origin;
  }

  get where(): (row: number) => string {
    return this.#origin.where;
  }

  get idCounts(): Readonly<Record<string, IdCounts>> {
    return this.#origin.idCounts;
  }

  get schema(): Schema {
    return this.#origin.schema;
  }

  get fingerprint(): string {
    return this.#origin.fingerprint;
  }

  get shuffle(): Shuffle {
    const { window } = this.stream.facts;
    return window === undefined ? "whole" : { window };
  }

  subset(rows: Uint32Array): Split {
    const own = this.index ? rows.map((row) => this.index![row]!) : rows;
    return new StreamedSplit(this.stream, this.#origin, own);
  }

  counts(): RowCounts {
    return this.#origin.counts;
  }

  keepTogether({ most, seed }: Together): ReturnType<Split["keepTogether"]> {
    const { groupOf } = this.#origin, { bounds, facts: { window, rowCounts } } = this.stream;
    const sourceRow = (row: number) => this.index?.[row] ?? row;
    const groups = groupRows(rowNumbers(this.rows).map((row) => groupOf![sourceRow(row)]!));
    const largest = this.rows > 0 ? largestGroup(groups) : undefined;
    const divided = divideGroups(groups, most);
    if (window === undefined) {
      this.keep(divided);
      return { largest, reads: 1 };
    }
    const windowed = windowGroups(divided, { bounds, sourceRow, rows: window, seed });
    this.keep(windowed.groups);
    return { largest, reads: windowed.reads / rowCounts.filter((rows) => rows > 0).length };
  }

  share(): SharedStream | string {
    const { stream, index } = this, { setup } = this.#origin;
    if (!setup) {
      return `the stage ${stream.request.stage.name} is not in a file that a thread can load`;
    }
    const request = sentRequest(stream.request), groups = this.groups?.grouped;
    return { source: setup, request, facts: stream.facts, index, groups };
  }

  async close(): Promise<void> {
    this.rest();
    await this.stream.close();
  }
}
