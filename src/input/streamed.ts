/**
 * Rows that do not fit in memory and are read when a batch needs them.
 *
 * @module
 */

import type { RecordBatch } from "apache-arrow";
import { UserError } from "../base/errors.ts";
import { counted } from "../base/text_table.ts";
import { hint, type HintText } from "../base/hints.ts";
import { joinArrays } from "../base/join_arrays.ts";
import type { Registry } from "../pipeline/registry.ts";
import { openData } from "./open_data.ts";
import { callStage, StageError, type StageReference } from "../stages/stage_error.ts";
import type { Batch, Column, ColumnSpec, LabelSpec, Values } from "../stages/batch.ts";
import type { Dataset, SourceStage } from "../stages/source.ts";
import {
  type ColumnsRequest,
  Decoder,
  prepareDecoding,
  receivedRequest,
  type SentRequest,
  wantedColumns,
} from "./decoder.ts";
import { type GroupedRows, Groups } from "./groups.ts";
import { type EpochOrder, wholeOrder, type Window, windowOrder, windowsOf } from "./order.ts";
import { combineParts, type Specs } from "../stages/parts.ts";
import { type OutputColumn, withOutputs } from "./outside_outputs.ts";
import { type Epoch, type Rows, Store } from "./rows.ts";
import { type Selection, selectRows } from "./select_rows.ts";
import { firstAtLeast, lastAtMost } from "./bounds.ts";
import { receivedFields } from "./widen.ts";

/**
 * The shapes, types, and numbers of rows that Rocket determines when it reads streamed rows for the
 * first time. They can be sent to another thread.
 */
export interface StreamFacts {
  /** The specs of the columns. */
  readonly specs: Specs;
  /** The number of rows in each record batch. */
  readonly rowCounts: readonly number[];
  /** The number of rows in a window; undefined if rows are shuffled as a whole. */
  readonly window: number | undefined;
  /** The fingerprint of the data set. */
  readonly fingerprint: string;
}

/** A source in a form that can be sent to another thread, which opens it again. */
export interface SourceSetup {
  /** A built-in name, an absolute path or a URL. */
  readonly specifier: string;
  /** The source's checked options. */
  readonly options: unknown;
  /** The folder that the source's relative paths start from. */
  readonly folder: string;
  /** The columns that get wider types, encoded by {@linkcode sentFields}. */
  readonly widened?: Uint8Array | undefined;
  /** The rows to use; all by default. */
  readonly selection?: Selection | undefined;
  /** The outputs of teachers, which are no columns of the source. */
  readonly outputs?: readonly OutputColumn[] | undefined;
}

/** Streamed rows in a form that can be sent to another thread, which opens their source again. */
export interface SharedStream {
  /** The source. */
  readonly source: SourceSetup;
  /** The columns to read. */
  readonly request: SentRequest;
  /** The facts from the first pass. */
  readonly facts: StreamFacts;
  /** The rows of the source to use, ascending; undefined for all rows. */
  readonly index: Uint32Array | undefined;
  /** The groups that batches keep together, if there are any. */
  readonly groups: GroupedRows | undefined;
}

/**
 * An opened data source whose rows are not kept in memory, but read again each time they are
 * needed.
 */
export class Stream {
  readonly #dataset: Dataset;
  readonly #decoder: Decoder;
  readonly #stage: StageReference;
  readonly request: ColumnsRequest;
  readonly facts: StreamFacts;
  /** The first row of each record batch, followed by the number of rows. */
  readonly bounds: Float64Array;

  /**
   * Takes an opened data set after the first pass.
   *
   * @param dataset The data set, which can read single rows or record batches by number.
   * @param request The columns to read.
   * @param facts The facts from the first pass.
   */
  constructor(dataset: Dataset, request: ColumnsRequest, facts: StreamFacts) {
    this.#dataset = dataset;
    this.#stage = request.stage;
    const { schema } = dataset, { specs } = facts;
    this.#decoder = new Decoder(schema, request, { schema, specs, sameRows: true });
    this.request = request;
    this.facts = facts;
    this.bounds = new Float64Array(facts.rowCounts.length + 1);
    facts.rowCounts.forEach((rows, batch) => this.bounds[batch + 1] = this.bounds[batch]! + rows);
  }

  /** Whether single rows can be read. */
  get byRow(): boolean {
    return this.facts.window === undefined;
  }

  /**
   * Reads single rows.
   *
   * @param rows The row numbers.
   */
  async rows(rows: ArrayLike<number>): Promise<Batch> {
    const batch = await callStage(this.#stage, "rows()", () => this.#dataset.rows!(rows));
    return this.#decoded(batch, rows.length, "rows()").slice(0, rows.length);
  }

  /**
   * Reads a record batch.
   *
   * @param index The number of the record batch.
   */
  async batch(index: number): Promise<Store> {
    const doing = `recordBatch(${index})`;
    const batch = await callStage(this.#stage, doing, () => this.#dataset.recordBatch!(index));
    return this.#decoded(batch, this.facts.rowCounts[index]!, doing);
  }

  /** Closes the source. */
  async close(): Promise<void> {
    await callStage(this.#stage, "close()", () => this.#dataset.close?.());
  }

  #decoded(batch: RecordBatch, rows: number, doing: string): Store {
    if (batch.numRows !== rows) {
      throw new StageError(
        this.#stage,
        `returned ${counted(batch.numRows, "row")} from ${doing}; expected ${
          counted(rows, "row")
        }, as before`,
        { hint: unchangedHint() },
      );
    }
    return new Store(this.#decoder.finish([this.#decoder.read(batch)]));
  }
}

/** The rows of a window, in memory. */
interface LoadedWindow {
  readonly store: Store;
  /** The rows of the store, in the order of the epoch. */
  readonly order: Uint32Array;
}

/** The order of an epoch whose rows are shuffled in windows. */
interface WindowedEpoch {
  readonly of: Epoch;
  readonly windows: readonly Window[];
}

/** The number of consecutive record batches that are kept. */
const keptBatches = 3;

/** All rows of a {@linkcode Stream}, or a selection of them. */
export class StreamedRows implements Rows {
  /** The opened data source. */
  protected readonly stream: Stream;
  /** The rows of the source to use, ascending; undefined for all rows. */
  protected readonly index: Uint32Array | undefined;
  readonly rows: number;
  readonly specs: Specs;
  /** Record batches that were read in order, by number. */
  readonly #batches = new Map<number, Promise<Store>>();
  readonly #loaded = new Map<number, Promise<LoadedWindow>>();
  /** Record batches that were read for groups, the one that was used last at the end. */
  readonly #used = new Map<number, Promise<Store>>();
  #groups: Groups | undefined;
  #whole: { readonly of: Epoch; readonly order: EpochOrder } | undefined;
  #windowed: WindowedEpoch | undefined;

  /**
   * Chooses rows.
   *
   * @param stream The opened data source.
   * @param index The row numbers, ascending; all rows by default.
   * @param groups The groups that batches keep together.
   */
  constructor(stream: Stream, index?: Uint32Array, groups?: GroupedRows) {
    this.stream = stream;
    this.index = index;
    this.#groups = groups && new Groups(groups);
    this.rows = index?.length ?? stream.bounds.at(-1)!;
    this.specs = stream.facts.specs;
  }

  get features(): Readonly<Record<string, ColumnSpec>> {
    return this.specs.features;
  }

  get label(): LabelSpec {
    return this.specs.label;
  }

  get groups(): Groups | undefined {
    return this.#groups;
  }

  /** Sets the groups that batches keep together. */
  protected keep(groups: GroupedRows): void {
    this.#groups = new Groups(groups);
  }

  async gather(rows: ArrayLike<number>): Promise<Batch> {
    const stored = Uint32Array.from(rows, (row) => {
      if (row >= 0 && row < this.rows) return this.index?.[row] ?? row;
      throw new RangeError(`no row ${row} among ${this.rows}`);
    });
    if (this.stream.byRow) return await this.stream.rows(stored);
    const { bounds } = this.stream;
    const batches = [...new Set(stored.map((row) => lastAtMost(bounds, row)))];
    const stores: Store[] = [], firsts = new Map<number, number>();
    let before = 0;
    for (const batch of batches) {
      const store = await this.#recent(batch, batches.length);
      stores.push(store);
      firsts.set(batch, before - bounds[batch]!);
      before += store.rows;
    }
    if (stores.length === 0) return joined([]);
    return Store.joined(stores).gather(
      stored.map((row) => row + firsts.get(lastAtMost(bounds, row))!),
    );
  }

  async slice(start: number, end: number): Promise<Batch> {
    this.#refuseOutside(start, end);
    const rows = this.#stored(start, end);
    if (this.stream.byRow) return await this.stream.rows(rows);
    const parts: Batch[] = [];
    let last = 0;
    for (let from = 0; from < rows.length;) {
      last = lastAtMost(this.stream.bounds, rows[from]!);
      const first = this.stream.bounds[last]!, after = this.stream.bounds[last + 1]!;
      let to = from + 1;
      while (to < rows.length && rows[to]! < after) to++;
      const store = await this.#batch(last);
      parts.push(store.gather(rows.subarray(from, to).map((row) => row - first)));
      from = to;
    }
    if (end > start && last + 1 < this.stream.facts.rowCounts.length) this.#batch(last + 1);
    return joined(parts);
  }

  async shuffled(of: Epoch, start: number, end: number): Promise<Batch> {
    this.#refuseOutside(start, end);
    if (this.stream.byRow) {
      if (!isSame(this.#whole?.of, of)) {
        this.#whole = { of, order: wholeOrder(this.rows, of.seed, of.epoch) };
      }
      const order = this.#whole!.order.at(start, end);
      return await this.stream.rows(this.index ? order.map((row) => this.index![row]!) : order);
    }
    const { windows } = this.#windowsOf(of);
    let number = windows.findIndex((window) => window.end > start);
    const first = number;
    const parts: Batch[] = [];
    for (let position = start; position < end; number++) {
      const window = windows[number]!;
      const { store, order } = await this.#window(number, first);
      const to = Math.min(end, window.end);
      parts.push(store.gather(order.subarray(position - window.start, to - window.start)));
      position = to;
    }
    // Read the next window while this one is used, but only after the previous one is freed.
    if (parts.length === 1 && number < windows.length) this.#window(number, first);
    return joined(parts);
  }

  sourceRow(position: number, epoch?: Epoch): number | undefined {
    if (!epoch) return this.#stored(position, position + 1)[0];
    // Not known with windows: the rows of a window are known only after it is read.
    if (!this.stream.byRow) return undefined;
    const row = wholeOrder(this.rows, epoch.seed, epoch.epoch).at(position, position + 1)[0]!;
    return this.index?.[row] ?? row;
  }

  /** Does nothing: each window is arranged when it is read. */
  arrange(): void {}

  rest(): void {
    this.#batches.clear();
    this.#loaded.clear();
    this.#used.clear();
    this.#groups?.rest();
    this.#whole = this.#windowed = undefined;
  }

  #windowsOf(of: Epoch): WindowedEpoch {
    if (!isSame(this.#windowed?.of, of)) {
      const { bounds, facts: { window } } = this.stream;
      const counts = Array.from(
        { length: bounds.length - 1 },
        (_, batch) => this.#within(batch).length,
      );
      this.#windowed = { of, windows: windowsOf(counts, window!, of.seed, of.epoch) };
      this.#loaded.clear();
    }
    return this.#windowed!;
  }

  /**
   * Returns a window, which is read if needed. Frees the windows before the first one in use.
   */
  #window(number: number, first: number): Promise<LoadedWindow> {
    for (const loaded of this.#loaded.keys()) if (loaded < first) this.#loaded.delete(loaded);
    return kept(this.#loaded, number, () => this.#load(number, this.#windowed!));
  }

  async #load(number: number, { of, windows }: WindowedEpoch): Promise<LoadedWindow> {
    const { batches, start, end } = windows[number]!;
    const stores: Store[] = [];
    const own = new Uint32Array(end - start);
    let filled = 0, before = 0;
    for (const batch of batches) {
      const store = await this.stream.batch(batch);
      stores.push(store);
      const first = this.stream.bounds[batch]!;
      const { from, length } = this.#within(batch);
      for (let row = 0; row < length; row++) {
        own[filled++] = before + (this.index ? this.index[from + row]! - first : row);
      }
      before += store.rows;
    }
    const order = windowOrder(own.length, of.seed, of.epoch, number).map((row) => own[row]!);
    // Nothing else holds the columns, so arranging the rows frees them.
    const store = Store.joined(stores.splice(0));
    store.arrange();
    return { store, order };
  }

  /**
   * Returns the position of the split's first row in a record batch, and the number of its rows.
   */
  #within(batch: number): { from: number; length: number } {
    const first = this.stream.bounds[batch]!, after = this.stream.bounds[batch + 1]!;
    if (!this.index) return { from: first, length: after - first };
    const from = firstAtLeast(this.index, first);
    return { from, length: firstAtLeast(this.index, after) - from };
  }

  /**
   * Returns a record batch, and keeps those that were used last: as many as two windows contain, so
   * that a window stays in memory while its batches are made.
   */
  #recent(number: number, needed: number): Promise<Store> {
    const known = this.#used.get(number);
    this.#used.delete(number);
    if (known) this.#used.set(number, known);
    const batch = kept(this.#used, number, () => this.stream.batch(number));
    const { rowCounts, window } = this.stream.facts;
    let rows = 0;
    for (const used of this.#used.keys()) rows += rowCounts[used]!;
    for (const old of this.#used.keys()) {
      if (rows <= 2 * window! || this.#used.size <= needed) break;
      this.#used.delete(old);
      rows -= rowCounts[old]!;
    }
    return batch;
  }

  #batch(number: number): Promise<Store> {
    const batch = kept(this.#batches, number, () => this.stream.batch(number));
    for (const old of this.#batches.keys()) {
      if (this.#batches.size <= keptBatches) break;
      if (old !== number) this.#batches.delete(old);
    }
    return batch;
  }

  #stored(start: number, end: number): Uint32Array {
    return this.index?.subarray(start, end) ??
      Uint32Array.from({ length: end - start }, (_, row) => start + row);
  }

  #refuseOutside(start: number, end: number): void {
    if (start >= 0 && start <= end && end <= this.rows) return;
    throw new RangeError(`no rows ${start} to ${end} among ${this.rows}`);
  }
}

/**
 * Opens rows in another thread after the main thread has opened them. The rows are not kept in
 * memory, but read from the source when they are needed (streamed).
 *
 * @param shared The rows, as the main thread sent them.
 * @param registry Finds the source.
 * @throws {UserError} If the source cannot be opened in this thread, or has changed.
 */
export async function openStreamed(
  { source: setup, request: sent, facts, index, groups }: SharedStream,
  registry: Registry,
): Promise<StreamedRows> {
  const { specifier, options, folder, widened, selection, outputs = [] } = setup;
  const request = receivedRequest(sent), { stage: reference } = request;
  const stage = await registry.find("source", specifier, { folder, place: reference.place });
  const source = callStage(
    reference,
    "create()",
    () => (stage as SourceStage).create(options, { folder }),
  );
  const added = new Set(outputs.map(({ column }) => column));
  const columns = wantedColumns(request).filter((column) => !added.has(column));
  let dataset = await openData(source, reference, { columns }, []);
  if (dataset.fingerprint !== (selection?.source ?? facts.fingerprint)) {
    await dataset.close?.();
    throw new UserError(`the files of the source ${reference.name} changed while they were read`, {
      place: reference.place,
      hint: unchangedHint(),
    });
  }
  if (widened) {
    const fields = receivedFields(widened), { widen } = dataset;
    dataset = await callStage(reference, "widen()", () => widen!.call(dataset, fields));
  }
  if (selection) dataset = selectRows(dataset, selection);
  for (const output of outputs) dataset = withOutputs(dataset, output);
  await prepareDecoding(dataset.schema, request);
  return new StreamedRows(new Stream(dataset, request, facts), index, groups);
}

/** Returns the hint for rows that changed during a run. */
function unchangedHint(): HintText {
  return hint("source/unchanged", "do not write to files that a run reads", {
    outside: "another program writes to the files",
  });
}

/** Returns the value of a key, which is made if it is missing. A failed value is removed again. */
function kept<T>(all: Map<number, Promise<T>>, key: number, make: () => Promise<T>): Promise<T> {
  const known = all.get(key);
  if (known) return known;
  const made = make();
  all.set(key, made);
  made.catch(() => {
    if (all.get(key) === made) all.delete(key);
  });
  return made;
}

/** Concatenates several batches. */
function joined(parts: readonly Batch[]): Batch {
  const [first] = parts;
  if (!first) return { size: 0, features: {}, label: { values: new Float32Array(), shape: [] } };
  if (parts.length === 1) return first;
  const column = (columns: Column[]): Column => {
    const [{ values: { constructor }, shape }] = columns as [Column];
    const type = constructor as new (length: number) => Values;
    return { values: joinArrays(columns.map(({ values }) => values), type), shape };
  };
  return {
    size: parts.reduce((sum, { size }) => sum + size, 0),
    ...combineParts(parts, column),
  };
}

const isSame = (known: Epoch | undefined, of: Epoch) =>
  known?.seed === of.seed && known.epoch === of.epoch;
