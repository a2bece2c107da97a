/**
 * Decompresses the buffers of record batches. arrow-js could do this, but it trusts the
 * decompressed length that each buffer states. This module first compares that length with the
 * number of rows and the column types, before memory is allocated.
 *
 * @module
 */

import {
  DataType,
  type Field,
  type FixedSizeList,
  MetadataVersion,
  type Schema,
  UnionMode,
} from "apache-arrow";
import {
  BufferRegion,
  DictionaryBatch,
  FieldNode,
  Message,
  RecordBatch as Header,
} from "apache-arrow/ipc/metadata/message";
import { type Codec, codecOf, PackedError } from "./codecs.ts";
import { ColumnError } from "./record_batch_verify.ts";
import { type RecordBatchHeader, widthOf } from "./row_layout.ts";

/** An Arrow message that contains a record batch, or the values of a dictionary. */
export interface BatchMessage {
  /** Decoded header. */
  readonly header: RecordBatchHeader;
  /** Encoded metadata, including their length prefix. */
  readonly metadata: Uint8Array;
  /** Bytes of the body. */
  readonly body: Uint8Array;
}

/** Identifies the dictionary whose values a message has. */
interface DictionaryId {
  readonly id: number;
  readonly isDelta: boolean;
}

/** A buffer of a column. */
interface PackedBuffer {
  /** Name of the column, for error messages. */
  readonly name: string;
  /** Content of the buffer, without its length prefix. */
  readonly bytes: Uint8Array;
  /**
   * Whether the content is compressed. Writers store a buffer uncompressed if compression would
   * make it longer.
   */
  readonly packed: boolean;
  /** Decompressed size in bytes. */
  readonly length: number;
}

/** An offsets buffer. Its last offset is the number of values or bytes that the offsets divide. */
interface Offsets {
  /** Index of the offsets buffer. */
  readonly buffer: number;
  readonly rows: number;
  /** Size of an offset in bytes. */
  readonly width: number;
}

/**
 * A check to run after an offsets buffer is decompressed, given the number of values or bytes that
 * its last offset requires.
 */
interface Dependent {
  readonly offsets: Offsets;
  readonly refuseOther: (needed: number) => void;
}

/**
 * A buffer may have at most `maxTimes` times the bytes or values that its rows need, plus
 * `maxBeside`, because some writers truncate buffers only roughly.
 */
const maxTimes = 8, maxBeside = 2 ** 16;

/** Size of the length prefix of a buffer, in bytes. */
const prefix = 8;

/** Value of the length prefix of an uncompressed buffer. */
const stored = -1n;

/** Size of a view (Utf8View, BinaryView) in bytes. */
const viewWidth = 16;

/** A compressed record batch whose buffer lengths have been checked. */
export interface PackedBatch {
  /** Size of the decompressed body in bytes. */
  readonly length: number;
  /**
   * Decompresses the record batch.
   *
   * @returns The equivalent message without compression.
   * @throws {ColumnError} If the size of a buffer does not fit its offsets.
   * @throws {PackedError} If a buffer cannot be decompressed.
   */
  unpack(): BatchMessage;
}

/**
 * Checks the buffer lengths of a compressed record batch without decompressing it.
 *
 * @param fields Columns of the record batch.
 * @param message The compressed message.
 * @param version Metadata version of the schema.
 * @param dictionary Identifies the dictionary if the message has the values of one.
 * @returns The size of the decompressed body, and a function that decompresses the message.
 * @throws {ColumnError} If the length of a buffer does not fit the number of rows.
 * @throws {PackedError} If the codec is unknown.
 */
export function packedBatch(
  fields: readonly Field[],
  { header, body }: BatchMessage,
  version: Schema["metadataVersion"],
  dictionary?: DictionaryId,
): PackedBatch {
  const codec = codecOf(header.compression!.type);
  const walk = new Walk(header, body, codec, version);
  for (const field of fields) walk.column(field, "");
  walk.rest();
  const regions: BufferRegion[] = [];
  let end = 0;
  for (const { length } of walk.buffers) {
    const start = aligned(end);
    regions.push(new BufferRegion(start, length));
    end = start + length;
  }
  const length = aligned(end);
  return {
    length,
    unpack() {
      const unpacked = new Uint8Array(length);
      walk.unpack(regions, unpacked);
      const nodes = header.nodes.map(({ length, nullCount }) => new FieldNode(length, nullCount));
      const views = [...header.variadicBufferCounts ?? []];
      const plain = new Header(header.length, nodes, regions, null, views);
      const message = dictionary
        ? new DictionaryBatch(plain, dictionary.id, dictionary.isDelta)
        : plain;
      const metadata = metadataBytes(Message.from(message, length));
      return { header: plain as RecordBatchHeader, metadata, body: unpacked };
    },
  };
}

/**
 * Encodes the metadata of a message for the file and stream formats: the continuation marker, the
 * length, and the metadata padded to a multiple of 8 bytes.
 *
 * @param message The message.
 * @returns The encoded metadata.
 */
export function metadataBytes(message: Message): Uint8Array {
  const metadata = Message.encode(message);
  const padded = aligned(metadata.length);
  const bytes = new Uint8Array(8 + padded);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, -1, true);
  view.setInt32(4, padded, true);
  bytes.set(metadata, 8);
  return bytes;
}

const aligned = (position: number) => Math.ceil(position / 8) * 8;

const saidLength = ({ buffer, byteOffset }: Uint8Array) =>
  new DataView(buffer, byteOffset, prefix).getBigInt64(0, true);

function lastOffset(view: DataView, start: number, { rows, width }: Offsets): number {
  if (rows === 0) return 0;
  const at = start + rows * width;
  return width === 4 ? view.getInt32(at, true) : Number(view.getBigInt64(at, true));
}

/** Visits columns in the order in which a message stores their buffers. */
class Walk {
  readonly #header: RecordBatchHeader;
  readonly #body: Uint8Array;
  readonly #codec: Codec;
  readonly #version: Schema["metadataVersion"];
  #nodes = 0;
  #views = 0;
  /**
   * Checks that depend on decompressed offsets. The key is the index of the buffer before whose
   * decompression they run.
   */
  readonly #dependents = new Map<number, Dependent[]>();
  readonly buffers: PackedBuffer[] = [];

  constructor(
    header: RecordBatchHeader,
    body: Uint8Array,
    codec: Codec,
    version: Schema["metadataVersion"],
  ) {
    this.#header = header;
    this.#body = body;
    this.#codec = codec;
    this.#version = version;
  }

  /**
   * Visits a column and its child columns.
   *
   * @param field The column.
   * @param within Prefix of the column's name in messages, such as `parent.`.
   * @param needed Number of values that the parent column requires; undefined if that is not known
   *   yet.
   * @param offsets Offsets of the parent column, whose last offset is the required number of
   *   values.
   */
  column({ name: own, type }: Field, within: string, needed?: number, offsets?: Offsets): void {
    const name = `${within}${own}`, node = this.#header.nodes[this.#nodes++];
    const rows = Number(node?.length ?? NaN), nullCount = Number(node?.nullCount);
    if (!(rows >= 0)) throw new ColumnError(`the column ${name} declares ${rows} rows`);
    if (needed !== undefined) refuseOther(name, "values", rows, needed);
    if (offsets) this.#depends(offsets, (needed) => refuseOther(name, "values", rows, needed));
    if (DataType.isNull(type)) return;
    const bits = Math.ceil(rows / 8);
    if (!DataType.isUnion(type) || this.#version < MetadataVersion.V5) {
      this.#buffer(name, bits, nullCount > 0 ? bits : 0);
    }
    if (DataType.isDictionary(type)) return this.#buffer(name, rows * widthOf(type)!);
    if (DataType.isUnion(type)) {
      this.#buffer(name, rows);
      if (type.mode === UnionMode.Dense) this.#buffer(name, 4 * rows);
    } else if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) {
      this.#buffer(name, rows * viewWidth);
      const more = Number(this.#header.variadicBufferCounts?.[this.#views++] ?? 0);
      for (let index = 0; index < more; index++) this.#buffer(name);
    } else if (offsetWidth(type) > 0) {
      const width = offsetWidth(type), buffer = this.buffers.length;
      this.#buffer(name, width * (rows + 1), rows > 0 ? width * (rows + 1) : 0);
      return this.#parts(type, name, { buffer, rows, width });
    } else if (!DataType.isStruct(type) && !DataType.isFixedSizeList(type)) {
      const width = widthOf(type);
      this.#buffer(name, width === 0 ? bits : width && rows * width);
    }
    const inside = DataType.isFixedSizeList(type)
      ? rows * (type as FixedSizeList).listSize
      : DataType.isStruct(type)
      ? rows
      : undefined;
    for (const child of (type.children ?? []) as Field[]) this.column(child, `${name}.`, inside);
  }

  /** Visits the data that offsets divide: the child column of a list, or the bytes of texts. */
  #parts(type: DataType, name: string, offsets: Offsets): void {
    const [child] = (type.children ?? []) as Field[];
    if (child) return this.column(child, `${name}.`, undefined, offsets);
    const buffer = this.buffers.length;
    this.#depends(offsets, (needed) => {
      refuseOther(name, "bytes", this.buffers[buffer]!.length, needed);
    });
    this.#buffer(name);
  }

  /** Adds empty placeholders for buffers that belong to no column. */
  rest(): void {
    while (this.buffers.length < this.#header.buffers.length) {
      this.buffers.push({ name: "", bytes: new Uint8Array(), packed: false, length: 0 });
    }
  }

  /**
   * Decompresses all buffers. Offsets come before the data they divide, so that the size of the
   * data can be checked first.
   *
   * @param regions Position of each decompressed buffer in `into`.
   * @param into Array for the decompressed body.
   */
  unpack(regions: readonly BufferRegion[], into: Uint8Array): void {
    const view = new DataView(into.buffer);
    this.buffers.forEach(({ name, bytes, packed }, index) => {
      for (const { offsets, refuseOther } of this.#dependents.get(index) ?? []) {
        refuseOther(lastOffset(view, regions[offsets.buffer]!.offset, offsets));
      }
      const { offset, length } = regions[index]!;
      const place = into.subarray(offset, offset + length);
      if (!packed) return place.set(bytes);
      try {
        this.#codec.unpack(bytes, place);
      } catch (error) {
        if (!(error instanceof PackedError)) throw error;
        throw new PackedError(
          `the ${this.#codec.name} data of the column ${name} ${error.message}`,
          { cause: error.cause },
        );
      }
    });
  }

  #depends(offsets: Offsets, refuseOther: (needed: number) => void): void {
    const buffer = this.buffers.length, all = this.#dependents.get(buffer) ?? [];
    this.#dependents.set(buffer, [...all, { offsets, refuseOther }]);
  }

  /**
   * Adds the next buffer of the message and checks its size. The decompressed buffer must have at
   * least `least` bytes and not many more than `needed`; without `needed`, any size is accepted.
   */
  #buffer(name: string, needed?: number, least = needed): void {
    const place = this.#header.buffers[this.buffers.length];
    if (!place) {
      throw new ColumnError(
        `the column ${name} needs more than the ${this.buffers.length} buffers of the record batch`,
      );
    }
    const from = Number(place.offset), size = Number(place.length);
    if (size > 0 && size < prefix) {
      throw new ColumnError(
        `the column ${name} has a buffer that is too short to declare its length`,
      );
    }
    const said = size > 0 ? saidLength(this.#body.subarray(from)) : 0n;
    const bytes = this.#body.subarray(from + Math.min(size, prefix), from + size);
    const packed = size > 0 && said !== stored;
    const length = packed ? Number(said) : bytes.length;
    if (!Number.isSafeInteger(length) || length < 0) {
      throw new ColumnError(
        `the ${this.#codec.name} data of the column ${name} declares ${length} bytes`,
      );
    }
    if (needed !== undefined) refuseOther(name, "bytes", length, needed, least);
    this.buffers.push({ name, bytes, packed, length });
  }
}

/** Returns the size of an offset in bytes; 0 for types without offsets. */
function offsetWidth(type: DataType): number {
  if (DataType.isLargeUtf8(type) || DataType.isLargeBinary(type) || DataType.isLargeList(type)) {
    return 8;
  }
  const short = DataType.isUtf8(type) || DataType.isBinary(type) || DataType.isList(type) ||
    DataType.isMap(type);
  return short ? 4 : 0;
}

/** Throws an error if `found` is below `least` or far above `needed`. */
function refuseOther(
  name: string,
  what: "values" | "bytes",
  found: number,
  needed: number,
  least = needed,
): void {
  if (found >= least && found <= maxTimes * needed + maxBeside) return;
  throw new ColumnError(
    `the column ${name} declares ${found} ${what}, but needs ${needed}`,
  );
}
