/**
 * Encodes the index of the folder `variables`, which contains the position of each variable's
 * values. The index is an uncompressed table of sorted keys in the format of LevelDB, with
 * TensorFlow's `BundleEntryProto` as values.
 *
 * @module
 */

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import crc32c from "crc-32/crc32c.js";
import { DType, int, message, writeShape } from "./messages.ts";

/** The name, shape and values of a variable. */
export interface VariableData {
  /** The name. */
  readonly name: string;
  /** The shape. */
  readonly shape: readonly number[];
  /** The values, which are float32. */
  readonly bytes: Uint8Array;
}

/** The magic number at the end of a table. */
const MAGIC = [0x8b80fb57, 0xdb477524] as const;

/** The size of the footer of a table in bytes. */
const FOOTER = 48;

/** The size of the trailer of a block in bytes: the kind of compression, and a checksum. */
const TRAILER = 5;

/**
 * Sorts variables into the order in which the data file stores their values.
 *
 * @param variables The variables.
 */
export function inOrder(variables: readonly VariableData[]): VariableData[] {
  const encoder = new TextEncoder();
  const keyed = variables.map((variable) => ({ variable, key: encoder.encode(variable.name) }));
  return keyed.sort((a, b) => compareBytes(a.key, b.key)).map(({ variable }) => variable);
}

/**
 * Encodes the content of `variables.index` for consecutive values in one data file.
 *
 * @param variables The variables in the order of {@linkcode inOrder}.
 */
export function encodeIndex(variables: readonly VariableData[]): Uint8Array {
  let offset = 0;
  const entries: [Uint8Array, Uint8Array][] = [[new Uint8Array(), header()]];
  for (const { name, shape, bytes } of variables) {
    const entry = new BinaryWriter();
    int(entry, 1, DType.float);
    message(entry, 2, (to) => writeShape(to, shape));
    if (offset > 0) int(entry, 4, offset);
    int(entry, 5, bytes.length);
    entry.tag(6, WireType.Bit32).fixed32(masked(crc32c.buf(bytes)));
    entries.push([new TextEncoder().encode(name), entry.finish()]);
    offset += bytes.length;
  }
  const file = new BinaryWriter();
  let at = 0;
  const write = (block: Uint8Array): Uint8Array => {
    const handle = new BinaryWriter().int64(at).int64(block.length - TRAILER).finish();
    file.raw(block);
    at += block.length;
    return handle;
  };
  const data = write(blockOf(entries)), meta = write(blockOf([]));
  const index = write(blockOf([[entries.at(-1)![0], data]]));
  const footer = new Uint8Array(FOOTER);
  footer.set(meta);
  footer.set(index, meta.length);
  const view = new DataView(footer.buffer);
  MAGIC.forEach((word, place) => view.setUint32(FOOTER - 8 + 4 * place, word, true));
  return file.raw(footer).finish();
}

/** Encodes a `BundleHeaderProto` for one data file, in version 1 of the format. */
function header(): Uint8Array {
  const writer = new BinaryWriter();
  int(writer, 1, 1);
  message(writer, 3, (version) => int(version, 1, 1));
  return writer.finish();
}

/**
 * Encodes a block: its entries, without shared key prefixes, and the restart points for searches.
 */
function blockOf(entries: readonly (readonly [key: Uint8Array, value: Uint8Array])[]): Uint8Array {
  const writer = new BinaryWriter(), starts: number[] = [0];
  let at = 0;
  for (const [index, [key, value]] of entries.entries()) {
    if (index > 0) starts.push(at);
    const entry = new BinaryWriter().uint32(0).uint32(key.length).uint32(value.length).raw(key)
      .raw(value).finish();
    writer.raw(entry);
    at += entry.length;
  }
  for (const start of starts) writer.fixed32(start);
  // No compression.
  const block = writer.fixed32(starts.length).raw(Uint8Array.of(0)).finish();
  return new BinaryWriter().raw(block).fixed32(masked(crc32c.buf(block))).finish();
}

/** Masks a checksum, as in TensorFlow's files. */
function masked(crc: number): number {
  const unsigned = crc >>> 0;
  return (((unsigned >>> 15) | (unsigned << 17)) + 0xa282ead8) >>> 0;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return at === -1 ? a.length - b.length : at < b.length ? a[at]! - b[at]! : 1;
}
