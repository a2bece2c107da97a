/**
 * Arrow streams with compressed record batches, of which each buffer may lie: what writers of Arrow
 * would not write.
 *
 * @module
 */

import { CompressionType, type Table, tableToIPC } from "apache-arrow";
import {
  BodyCompression,
  BufferRegion,
  DictionaryBatch,
  FieldNode,
  Message,
  RecordBatch,
} from "apache-arrow/ipc/metadata/message";
import { zstdCompressSync } from "node:zlib";
import { joined, lz4Frame } from "./lz4_encoder.ts";

/** A buffer as it is written. */
export interface WrittenBuffer {
  /** The length that stands before it; −1 says that it is not packed. */
  readonly said: number;
  readonly bytes: Uint8Array;
}

/** What becomes of a buffer, by its number in its record batch. */
export type ChangeBuffer = (buffer: WrittenBuffer, index: number) => WrittenBuffer;

const pack = {
  lz4: (bytes: Uint8Array) => lz4Frame(bytes),
  zstd: (bytes: Uint8Array) => new Uint8Array(zstdCompressSync(bytes)),
  none: (bytes: Uint8Array) => bytes,
} as const;

/** How record batches are packed. */
export interface PackedOptions {
  readonly codec: keyof typeof pack;
  /** What becomes of each buffer of rows. */
  readonly change?: ChangeBuffer;
  /**
   * How many rows record batches say that they have, and their columns; what they have by default.
   */
  readonly rows?: number;
}

/**
 * A stream of a table.
 *
 * @param table The table.
 * @param options How it is packed.
 */
export function packedStream(table: Table, options: PackedOptions): Uint8Array<ArrayBuffer> {
  const plain = tableToIPC(table, "stream"), view = new DataView(plain.buffer, plain.byteOffset);
  const parts: Uint8Array[] = [];
  for (let at = 0;;) {
    const length = view.getInt32(at + 4, true), from = at + 8 + length;
    if (length === 0) break;
    const message = Message.decode(plain.subarray(at + 8, from));
    at = from + message.bodyLength;
    if (message.isSchema()) parts.push(plain.subarray(0, at));
    else parts.push(...packedMessage(message, plain.subarray(from, at), options));
  }
  return joined([...parts, Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0)]);
}

function packedMessage(
  message: Message,
  body: Uint8Array,
  { codec, change = (buffer) => buffer, rows }: PackedOptions,
): Uint8Array[] {
  const header = message.header() as RecordBatch | DictionaryBatch;
  const isDictionary = header instanceof DictionaryBatch;
  const batch = isDictionary ? header.data : header;
  const regions: BufferRegion[] = [], chunks: Uint8Array[] = [];
  let end = 0;
  batch.buffers.forEach(({ offset, length }, index) => {
    const bytes = body.subarray(offset, offset + length);
    const packed = { said: length, bytes: pack[codec](bytes) };
    const { said, bytes: written } = isDictionary ? packed : change(packed, index);
    if (length === 0 && written === packed.bytes) return regions.push(new BufferRegion(end, 0));
    regions.push(new BufferRegion(end, 8 + written.length));
    const padded = new Uint8Array(Math.ceil((8 + written.length) / 8) * 8);
    new DataView(padded.buffer).setBigInt64(0, BigInt(said), true);
    padded.set(written, 8);
    chunks.push(padded);
    end += padded.length;
  });
  const type = codec === "lz4" ? CompressionType.LZ4_FRAME : CompressionType.ZSTD;
  const nodes = batch.nodes.map(({ length, nullCount }) =>
    new FieldNode(rows && !isDictionary ? rows : length, nullCount)
  );
  const length = rows && !isDictionary ? rows : batch.length;
  const packed = new RecordBatch(length, nodes, regions, new BodyCompression(type));
  const metadata = Message.encode(
    Message.from(
      isDictionary ? new DictionaryBatch(packed, header.id, header.isDelta) : packed,
      end,
    ),
  );
  const head = new Uint8Array(8 + Math.ceil(metadata.length / 8) * 8);
  const view = new DataView(head.buffer);
  view.setInt32(0, -1, true);
  view.setInt32(4, head.length - 8, true);
  head.set(metadata, 8);
  return [head, ...chunks];
}
