/**
 * Record batches whose buffers are compressed, as ones whose buffers are not. arrow-js could unpack
 * them itself, to whatever length a buffer says; here the rows and the types of the columns say how
 * long it may be, before anything is made of that size.
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

/** A message of rows, or of the values of a dictionary. */
export interface BatchMessage {
  /** What it says of its body. */
  readonly header: RecordBatchHeader;
  /** What says so, with what tells its length before it. */
  readonly metadata: Uint8Array;
  /** Its body. */
  readonly body: Uint8Array;
}

/** Which dictionary a message has the values of. */
interface DictionaryId {
  readonly id: number;
  readonly isDelta: boolean;
}

/** A buffer of a column. */
interface PackedBuffer {
  /** What to call it. */
  readonly name: string;
  /** Its bytes, without the length before them. */
  readonly bytes: Uint8Array;
  /** Whether they are packed: a buffer that would become longer is left as it is. */
  readonly packed: boolean;
  /** How many bytes it has when it is decompressed. */
  readonly length: number;
}

/** Offsets: what they are of has as many parts as the last one says. */
interface Offsets {
  /** The number of their buffer. */
  readonly buffer: number;
  readonly rows: number;
  /** The bytes of an offset. */
  readonly width: number;
}

/** What is to be looked at once offsets are unpacked: what is there, and what they need. */
interface Dependent {
  readonly offsets: Offsets;
  readonly refuseOther: (needed: number) => void;
}

/**
 * How many times as long as rows need it may a buffer be, and that many bytes more: writers cut
 * some only roughly.
 */
const maxTimes = 8, maxBeside = 2 ** 16;

/** The bytes of a buffer's length, which stands before it. */
const prefix = 8;

/** What stands there if the buffer is not packed. */
const stored = -1n;

/** The bytes of a view of a text. */
const viewWidth = 16;

/** A record batch that was looked at and not unpacked yet. */
export interface PackedBatch {
  /** How many bytes it has when it is decompressed. */
  readonly length: number;
  /**
   * Unpacks it.
   *
   * @returns A message that says the same and is not compressed.
   * @throws {ColumnError} If a buffer has other bytes than its rows need.
   * @throws {PackedError} If a buffer cannot be unpacked.
   */
  unpack(): BatchMessage;
}

/**
 * Looks at a compressed record batch.
 *
 * @param fields Its columns.
 * @param message The message.
 * @param version The version of the schema's metadata.
 * @param dictionary The dictionary that it has the values of, if it has any.
 * @throws {ColumnError} If a buffer says that it has other bytes than its rows need.
 * @throws {PackedError} If it was packed by an unknown codec.
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
 * A message's metadata as both formats have them: with their length before them, at a multiple of
 * eight bytes.
 *
 * @param message The message.
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

/** Goes through columns in the order in which their buffers are in a message. */
class Walk {
  readonly #header: RecordBatchHeader;
  readonly #body: Uint8Array;
  readonly #codec: Codec;
  readonly #version: Schema["metadataVersion"];
  #nodes = 0;
  #views = 0;
  /** What offsets say of buffers, by the number of the buffer that is unpacked after they were. */
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
   * Goes through a column and those in it.
   *
   * @param field The column.
   * @param within What to put before its name.
   * @param needed How many values the column around it has in it; unknown by default.
   * @param offsets The offsets that say so.
   */
  column({ name: own, type }: Field, within: string, needed?: number, offsets?: Offsets): void {
    const name = `${within}${own}`, node = this.#header.nodes[this.#nodes++];
    const rows = Number(node?.length ?? NaN), nullCount = Number(node?.nullCount);
    if (!(rows >= 0)) throw new ColumnError(`the column ${name} says that it has ${rows} rows`);
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

  /** What offsets divide: the column of a list, or the bytes of texts. */
  #parts(type: DataType, name: string, offsets: Offsets): void {
    const [child] = (type.children ?? []) as Field[];
    if (child) return this.column(child, `${name}.`, undefined, offsets);
    const buffer = this.buffers.length;
    this.#depends(offsets, (needed) => {
      refuseOther(name, "bytes", this.buffers[buffer]!.length, needed);
    });
    this.#buffer(name);
  }

  /** Takes buffers of no column, which nobody reads. */
  rest(): void {
    while (this.buffers.length < this.#header.buffers.length) {
      this.buffers.push({ name: "", bytes: new Uint8Array(), packed: false, length: 0 });
    }
  }

  /**
   * Unpacks the buffers, those with offsets before what they divide.
   *
   * @param regions Their places.
   * @param into What they are places in.
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
          `what ${this.#codec.name} packed of the column ${name} ${error.message}`,
          { cause: error.cause },
        );
      }
    });
  }

  #depends(offsets: Offsets, refuseOther: (needed: number) => void): void {
    const buffer = this.buffers.length, all = this.#dependents.get(buffer) ?? [];
    this.#dependents.set(buffer, [...all, { offsets, refuseOther }]);
  }

  /** Takes the next buffer: of so many bytes, or a few more. */
  #buffer(name: string, needed?: number, least = needed): void {
    const place = this.#header.buffers[this.buffers.length];
    if (!place) {
      throw new ColumnError(
        `the column ${name} needs more than the ${this.buffers.length} buffers that there are`,
      );
    }
    const from = Number(place.offset), size = Number(place.length);
    if (size > 0 && size < prefix) {
      throw new ColumnError(`the column ${name} has a buffer that does not say how long it is`);
    }
    const said = size > 0 ? saidLength(this.#body.subarray(from)) : 0n;
    const bytes = this.#body.subarray(from + Math.min(size, prefix), from + size);
    const packed = size > 0 && said !== stored;
    const length = packed ? Number(said) : bytes.length;
    if (!Number.isSafeInteger(length) || length < 0) {
      throw new ColumnError(
        `what ${this.#codec.name} packed of the column ${name} says that it has ${length} bytes`,
      );
    }
    if (needed !== undefined) refuseOther(name, "bytes", length, needed, least);
    this.buffers.push({ name, bytes, packed, length });
  }
}

/** The bytes of an offset; 0 for types without any. */
function offsetWidth(type: DataType): number {
  if (DataType.isLargeUtf8(type) || DataType.isLargeBinary(type) || DataType.isLargeList(type)) {
    return 8;
  }
  const short = DataType.isUtf8(type) || DataType.isBinary(type) || DataType.isList(type) ||
    DataType.isMap(type);
  return short ? 4 : 0;
}

/** Refuses fewer values or bytes than are needed, and many more. */
function refuseOther(
  name: string,
  what: "values" | "bytes",
  found: number,
  needed: number,
  least = needed,
): void {
  if (found >= least && found <= maxTimes * needed + maxBeside) return;
  throw new ColumnError(
    `the column ${name} says that it has ${found} ${what} where it needs ${needed}`,
  );
}
