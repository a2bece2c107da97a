import type { Batch, Column, ColumnSpec, LabelSpec, Values } from "../stages/batch.ts";
import { sizeOf } from "./columns.ts";
import { RowCounter, type RowCounts } from "./counts.ts";
import type { ValuesConstructor } from "./layout.ts";
import { type EpochOrder, wholeOrder } from "./order.ts";
import { type GroupedRows, Groups } from "./groups.ts";
import { combineParts, mapParts, type Parts, type Specs } from "../stages/parts.ts";
import {
  chooseRows,
  type ChosenRows,
  consecutiveRows,
  copyRows,
  moveToRowBlocks,
  type RowChunks,
  rowChunks,
  type RowCopy,
} from "./row_blocks.ts";
import { lastAtMost } from "./bounds.ts";

/**
 * Columns in memory, in the chunks in which they were read. They can be sent to another thread.
 */
export interface StoredColumns {
  /** The number of rows in each chunk. */
  readonly chunkRows: readonly number[];
  /** The specs of the columns. */
  readonly specs: Specs;
  /** The values of each column, by chunk. Between two rows can be values of other columns. */
  readonly values: Parts<readonly Values[]>;
}

/** The seed and the number of an epoch, which determine the order of its rows. */
export interface Epoch {
  /** The run's seed. */
  readonly seed: number;
  /** The epoch's number. */
  readonly epoch: number;
}

/**
 * The rows of a split, from which batches are made. They are kept in memory, or read from the
 * source when they are needed (streamed).
 */
export interface Rows {
  /** The number of rows. */
  readonly rows: number;
  /** The specs of the columns, before transforms. */
  readonly specs: Specs;
  /** The specs of the features. */
  readonly features: Readonly<Record<string, ColumnSpec>>;
  /** The spec of the label. */
  readonly label: LabelSpec;
  /**
   * Returns consecutive rows, as views without a copy if they are contiguous in memory.
   *
   * @param start The first row.
   * @param end The row after the last.
   * @throws {RangeError} If there are no such rows.
   */
  slice(start: number, end: number): Batch | Promise<Batch>;
  /**
   * Returns rows in the order of an epoch, which contains each row once.
   *
   * @param epoch The epoch.
   * @param start The first position in that order.
   * @param end The position after the last.
   * @throws {RangeError} If there are no such positions.
   */
  shuffled(epoch: Epoch, start: number, end: number): Batch | Promise<Batch>;
  /**
   * Copies some rows.
   *
   * @param rows Row numbers, in any order; they may repeat.
   * @throws {RangeError} If there is no such row.
   */
  gather(rows: ArrayLike<number>): Batch | Promise<Batch>;
  /** The groups of rows that batches keep together; undefined if there are none. */
  readonly groups: Groups | undefined;
  /**
   * Returns the row of the source at a position; undefined if it is not known.
   *
   * @param position The position in the rows, or in the order of an epoch.
   * @param epoch The epoch whose order is used; by default rows are in order.
   */
  sourceRow(position: number, epoch?: Epoch): number | undefined;
  /** Describes the position of a row of the source in messages, if it is known. */
  readonly where?: ((row: number) => string) | undefined;
  /** Prepares for batches of shuffled rows, of which there will be many. */
  arrange(): void;
  /** Frees rows that were read ahead. */
  rest(): void;
}

/** Rows in shared memory, in a form that can be sent to another thread. */
export interface SharedRows {
  /** The columns, in shared memory. */
  readonly columns: StoredColumns;
  /** The rows to use, in order; undefined for all rows. */
  readonly index: Uint32Array | undefined;
  /** The groups that batches keep together, if there are any. */
  readonly groups: GroupedRows | undefined;
}

/** All rows of some columns. Several {@linkcode StoredRows} may share one store. */
export class Store {
  #columns: StoredColumns;
  #isArranged = false;
  #chunks: Parts<RowChunks> | undefined;
  /** The first row of each chunk, followed by the number of rows. */
  readonly #bounds: Uint32Array;

  /**
   * Creates a store.
   *
   * @param columns The columns.
   */
  constructor(columns: StoredColumns) {
    const { chunkRows } = columns;
    this.#columns = columns;
    this.#bounds = new Uint32Array(chunkRows.length + 1);
    chunkRows.forEach((rows, chunk) => this.#bounds[chunk + 1] = this.#bounds[chunk]! + rows);
  }

  /**
   * Joins the rows of several stores of the same columns, without a copy.
   *
   * @param stores The stores; at least one.
   */
  static joined(stores: readonly Store[]): Store {
    const all = stores.map(({ columns }) => columns);
    return new Store({
      chunkRows: all.flatMap(({ chunkRows }) => chunkRows),
      specs: all[0]!.specs,
      values: combineParts(
        all.map(({ values }) => values),
        (columns: (readonly Values[])[]) => columns.flat(),
      ),
    });
  }

  /** The columns. */
  get columns(): StoredColumns {
    return this.#columns;
  }

  /** The number of rows. */
  get rows(): number {
    return this.#bounds.at(-1)!;
  }

  /** The same rows with labels and weights only. */
  get labels(): Store {
    const { chunkRows, specs, values } = this.#columns;
    return new Store({
      chunkRows,
      specs: { features: {}, label: specs.label, weight: specs.weight },
      values: { features: {}, label: values.label, weight: values.weight },
    });
  }

  /** Copies some rows. */
  gather(rows: ArrayLike<number>): Batch {
    return this.#batch(chooseRows(rows, this.#bounds), () => undefined);
  }

  /** Returns consecutive rows, as views without a copy if they are contiguous in memory. */
  slice(start: number, end: number): Batch {
    const chunk = start < end ? lastAtMost(this.#bounds, start) : 0;
    if (start === end || end > this.#bounds[chunk + 1]!) {
      return this.gather(Uint32Array.from({ length: end - start }, (_, row) => start + row));
    }
    const first = start - this.#bounds[chunk]!, count = end - start;
    return this.#batch(consecutiveRows(chunk, first, count), ({ chunks, size, strides }, array) => {
      if (strides[chunk] !== size) return undefined;
      const view = chunks[chunk]!.subarray(first * size, (first + count) * size);
      return view instanceof array ? view : new array(view);
    });
  }

  /**
   * Moves the values of each row next to each other, so that shuffled rows can be copied faster.
   * Slices are then copies.
   */
  arrange(): void {
    if (this.#isArranged) return;
    this.#isArranged = true;
    // The lists of chunks belong to this store: each column is freed as soon as it was moved.
    const values = this.#replace((chunks) => [...chunks]);
    moveToRowBlocks({ ...this.#columns, values });
  }

  /** Returns the columns in shared memory. Values in ordinary memory are moved there. */
  share(): StoredColumns {
    this.#replace((chunks) => chunks.map(inSharedMemory));
    return this.#columns;
  }

  /** Frees the values. */
  clear(): void {
    this.#replace(() => []);
  }

  /** Replaces the chunks of each column. */
  #replace<T extends readonly Values[]>(change: (chunks: readonly Values[]) => T): Parts<T> {
    const values = mapParts(this.#columns.values, change);
    this.#columns = { ...this.#columns, values };
    this.#chunks = undefined;
    return values;
  }

  /**
   * Makes a batch of some rows.
   *
   * @param rows The rows.
   * @param given Returns the values of a column; undefined to copy them.
   */
  #batch(
    rows: ChosenRows,
    given: (column: RowChunks, array: ValuesConstructor) => Values | undefined,
  ): Batch {
    const size = rows.numbers.length, copies: RowCopy[] = [];
    const valuesOf = ({ dtype }: ColumnSpec, from: RowChunks): Values => {
      const [first] = from.chunks;
      if (!first) return new Float32Array();
      const array = batchArray(first, dtype), values = given(from, array);
      if (values) return values;
      const to = new array(size * from.size);
      copies.push({ from, to, stride: from.size });
      return to;
    };
    const { specs } = this.#columns;
    const columns = combineParts(
      [specs, this.#chunks ??= this.#rowChunks()],
      ([spec, from]: [ColumnSpec, RowChunks]): Column => ({
        values: valuesOf(spec, from),
        shape: spec.shape,
      }),
    );
    copyRows(copies, rows);
    return { size, ...columns };
  }

  #rowChunks(): Parts<RowChunks> {
    const { chunkRows, specs, values } = this.#columns;
    return combineParts(
      [specs, values],
      ([{ shape }, chunks]: [ColumnSpec, readonly Values[]]) =>
        rowChunks(chunks, chunkRows, sizeOf(shape)),
    );
  }
}

/** Whether the values of a label are classes. */
const hasClasses = ({ kind }: LabelSpec) => kind === "class" || kind === "binary";

/** The number of rows that are counted together; their labels fit in a processor's cache. */
const COUNTED_AT_ONCE = 8192;

/** Rows of a {@linkcode Store}: all of them, or some. */
export class StoredRows implements Rows {
  /** The store of all rows. */
  protected readonly store: Store;
  /** The rows of the store to use, in order; undefined for all rows. */
  readonly #index: Uint32Array | undefined;
  readonly rows: number;
  readonly specs: Specs;
  #groups: Groups | undefined;
  #order: { readonly of: Epoch; readonly order: EpochOrder } | undefined;

  /**
   * Chooses rows.
   *
   * @param store The store of all rows.
   * @param index The row numbers; all rows by default.
   * @param groups The groups that batches keep together.
   */
  constructor(store: Store, index?: Uint32Array, groups?: GroupedRows) {
    this.store = store;
    this.#index = index;
    this.#groups = groups && new Groups(groups);
    this.rows = index?.length ?? store.rows;
    this.specs = store.columns.specs;
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

  gather(rows: ArrayLike<number>): Batch {
    return this.store.gather(this.stored(rows));
  }

  shuffled(of: Epoch, start: number, end: number): Batch {
    return this.gather(this.#orderOf(of).at(start, end));
  }

  sourceRow(position: number, epoch?: Epoch): number {
    const row = epoch ? this.#orderOf(epoch).at(position, position + 1)[0]! : position;
    return this.stored([row])[0]!;
  }

  #orderOf(of: Epoch): EpochOrder {
    if (this.#order?.of.seed !== of.seed || this.#order.of.epoch !== of.epoch) {
      this.#order = { of, order: wholeOrder(this.rows, of.seed, of.epoch) };
    }
    return this.#order.order;
  }

  arrange(): void {
    this.store.arrange();
  }

  rest(): void {
    this.#order = undefined;
    this.#groups?.rest();
  }

  /** Returns consecutive rows, as views without a copy if they are contiguous in memory. */
  slice(start: number, end: number): Batch {
    if (!(start >= 0 && start <= end && end <= this.rows)) {
      throw new RangeError(`no rows ${start} to ${end} among ${this.rows}`);
    }
    return this.#index
      ? this.store.gather(this.#index.subarray(start, end))
      : this.store.slice(start, end);
  }

  /** Returns the same rows with labels and weights only. */
  labelRows(): StoredRows {
    return new StoredRows(this.store.labels, this.#index);
  }

  /** Counts classes and weights. */
  counts(): RowCounts {
    const { specs } = this, counter = new RowCounter(hasClasses(specs.label));
    const rows = this.labelRows();
    for (let start = 0; start < rows.rows; start += COUNTED_AT_ONCE) {
      const { size, ...columns } = rows.slice(start, Math.min(start + COUNTED_AT_ONCE, rows.rows));
      counter.add(size, columns);
    }
    return counter.finish(specs);
  }

  /** Returns what another thread needs to read the same rows. */
  share(): SharedRows {
    return { columns: this.store.share(), index: this.#index, groups: this.#groups?.grouped };
  }

  /** Converts row numbers to rows of the store. */
  protected stored(rows: ArrayLike<number>): Uint32Array {
    // A loop, because Uint32Array.from() is slow: this runs for each row of each batch.
    const stored = new Uint32Array(rows.length);
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index]!;
      if (!(row >= 0 && row < this.rows)) throw new RangeError(`no row ${row} among ${this.rows}`);
      stored[index] = this.#index ? this.#index[row]! : row;
    }
    return stored;
  }
}

/**
 * Gives access to rows that another thread has read and shares with this one.
 *
 * @param shared The result of {@linkcode StoredRows.share} in that thread.
 */
export function openStored({ columns, index, groups }: SharedRows): StoredRows {
  return new StoredRows(new Store(columns), index, groups);
}

/**
 * Copies values into memory that threads can share.
 *
 * @param values The values; they are copied if they are in ordinary memory.
 */
export function inSharedMemory(values: Values): Values {
  if (values.buffer instanceof SharedArrayBuffer) return values;
  const array = values.constructor as new (buffer: SharedArrayBuffer) => Values;
  const shared = new array(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
}

/**
 * Returns the array type of a batch: int32 for ids; int32 numbers that are not ids become doubles.
 */
function batchArray(values: Values, dtype: ColumnSpec["dtype"]): ValuesConstructor {
  if (dtype === "int32") return Int32Array;
  return values instanceof Int32Array ? Float64Array : values.constructor as ValuesConstructor;
}
