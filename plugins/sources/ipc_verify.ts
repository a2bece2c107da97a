/**
 * Verifies the metadata of Arrow IPC files. Metadata are flatbuffers: tables that refer to each
 * other by offset, and vectors that start with their length. arrow-js follows offsets and lengths
 * without checking them, so that a flipped bit can make it read zeros or loop over two billion
 * columns. This module checks each offset and length once before arrow-js decodes the metadata.
 *
 * @module
 */

/**
 * Thrown if the metadata of an Arrow file or stream is damaged. The message says what is damaged.
 */
export class MetadataError extends Error {
  override name = "MetadataError";
}

/** Content of a table field: a number of a given size in bytes, or the target of an offset. */
type Shape =
  | { readonly bytes: number }
  | { readonly text: true }
  | { readonly table: () => Table }
  | { readonly tables: () => Table }
  | { readonly structs: number }
  /** A union. The preceding field holds the number of its variant. */
  | { readonly union: Readonly<Record<number, () => Table>> };

/** Fields of a table by field number. */
type Table = Readonly<Record<number, Shape>>;

const number = (bytes: number): Shape => ({ bytes });
const nothing: Table = {};

const keyValue: Table = { 0: { text: true }, 1: { text: true } };
const int: Table = { 0: number(4), 1: number(1) };
const unit: Table = { 0: number(2) };

/** Variants of the union `Type` in Arrow's Schema.fbs, by number. */
const types: Readonly<Record<number, () => Table>> = {
  1: () => nothing,
  2: () => int,
  3: () => unit,
  4: () => nothing,
  5: () => nothing,
  6: () => nothing,
  7: () => ({ 0: number(4), 1: number(4), 2: number(4) }),
  8: () => unit,
  9: () => ({ 0: number(2), 1: number(4) }),
  10: () => ({ 0: number(2), 1: { text: true } }),
  11: () => unit,
  12: () => nothing,
  13: () => nothing,
  14: () => ({ 0: number(2), 1: { structs: 4 } }),
  15: () => ({ 0: number(4) }),
  16: () => ({ 0: number(4) }),
  17: () => ({ 0: number(1) }),
  18: () => unit,
  19: () => nothing,
  20: () => nothing,
  21: () => nothing,
  22: () => nothing,
  23: () => nothing,
  24: () => nothing,
  25: () => nothing,
  26: () => nothing,
};

const dictionary: Table = { 0: number(8), 1: { table: () => int }, 2: number(1), 3: number(2) };
const field: Table = {
  0: { text: true },
  1: number(1),
  2: number(1),
  3: { union: types },
  4: { table: () => dictionary },
  5: { tables: () => field },
  6: { tables: () => keyValue },
};
const schema: Table = {
  0: number(2),
  1: { tables: () => field },
  2: { tables: () => keyValue },
  3: { structs: 8 },
};
const recordBatch: Table = {
  0: number(8),
  1: { structs: 16 },
  2: { structs: 16 },
  3: { table: () => ({ 0: number(1), 1: number(1) }) },
  4: { structs: 8 },
};
const dictionaryBatch: Table = { 0: number(8), 1: { table: () => recordBatch }, 2: number(1) };
const message: Table = {
  0: number(2),
  1: number(1),
  2: { union: { 1: () => schema, 2: () => dictionaryBatch, 3: () => recordBatch } },
  3: number(8),
  4: { tables: () => keyValue },
};
const footer: Table = {
  0: number(2),
  1: { table: () => schema },
  2: { structs: 24 },
  3: { structs: 24 },
  4: { tables: () => keyValue },
};

/** Maximum nesting depth of tables. Nested lists nest tables. */
const maxDepth = 64;

/**
 * Maximum number of tables. arrow-js would need more than a few seconds for the columns, including
 * child columns, of a larger schema.
 */
const maxTables = 2 ** 17;

/**
 * Verifies the metadata of an Arrow message, or the footer of an Arrow file.
 *
 * @param bytes The flatbuffer.
 * @param what Whether the flatbuffer is a message or a footer.
 * @throws {MetadataError} If an offset or a length points outside `bytes`, a union has an unknown
 *   variant, tables are nested too deeply, or there are too many columns.
 */
export function verifyMetadata(bytes: Uint8Array, what: "message" | "footer"): void {
  new Verifier(bytes).root(what === "message" ? message : footer);
}

class Verifier {
  readonly #view: DataView;
  #tables = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  root(table: Table): void {
    this.#within(0, 4);
    this.#table(this.#view.getUint32(0, true), table, 0);
  }

  #table(at: number, table: Table, depth: number): void {
    if (depth > maxDepth) throw new MetadataError("its metadata is nested too deeply");
    if (++this.#tables > maxTables) {
      throw new MetadataError(`it declares more than ${maxTables / 2} columns`);
    }
    this.#within(at, 4);
    const entries = at - this.#view.getInt32(at, true);
    this.#within(entries, 4);
    const length = this.#view.getUint16(entries, true);
    if (length < 4 || length % 2 !== 0) this.#fail(entries);
    this.#within(entries, length);
    let kind = 0;
    for (const [key, shape] of Object.entries(table)) {
      const entry = 4 + 2 * Number(key);
      const offset = entry < length ? this.#view.getUint16(entries + entry, true) : 0;
      if (offset === 0) continue;
      kind = this.#field(at + offset, shape, depth, kind);
    }
  }

  /**
   * Verifies a field. Returns the value of a one-byte number, which can be the variant of the union
   * in the next field, and 0 for other fields.
   */
  #field(at: number, shape: Shape, depth: number, kind: number): number {
    if ("bytes" in shape) {
      this.#within(at, shape.bytes);
      return shape.bytes === 1 ? this.#view.getUint8(at) : 0;
    }
    this.#within(at, 4);
    const to = at + this.#view.getUint32(at, true);
    if ("table" in shape) this.#table(to, shape.table(), depth + 1);
    else if ("union" in shape) {
      const table = shape.union[kind];
      if (!table) throw new MetadataError(`its metadata has a part of the unknown kind ${kind}`);
      this.#table(to, table(), depth + 1);
    } else if ("text" in shape) this.#vector(to, 1);
    else if ("structs" in shape) this.#vector(to, shape.structs);
    else {
      const count = this.#vector(to, 4);
      for (let index = 0; index < count; index++) {
        const item = to + 4 + 4 * index;
        this.#table(item + this.#view.getUint32(item, true), shape.tables(), depth + 1);
      }
    }
    return 0;
  }

  #vector(at: number, bytes: number): number {
    this.#within(at, 4);
    const length = this.#view.getUint32(at, true);
    this.#within(at + 4, length * bytes);
    return length;
  }

  #within(at: number, bytes: number): void {
    if (at < 0 || at + bytes > this.#view.byteLength) this.#fail(at);
  }

  #fail(at: number): never {
    throw new MetadataError(`its metadata refers to a place outside itself at byte ${at}`);
  }
}
