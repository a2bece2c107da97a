/**
 * The format of TensorBoard's event files: records (TFRecord) that each contain an `Event` message.
 *
 * @module
 */

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import crc32c from "crc-32/crc32c.js";

/** Numbers that were measured after the same training step, for an event file of TensorBoard. */
export interface ScalarEvent {
  /** The time in seconds since 1970. */
  readonly wallTime: number;
  /** The number of steps done. */
  readonly step: number;
  /** The numbers by tag. TensorBoard shows one chart per tag. */
  readonly scalars: Readonly<Record<string, number>>;
}

/**
 * Encodes the record that every event file starts with.
 *
 * @param wallTime The time in seconds since 1970.
 */
export function versionRecord(wallTime: number): Uint8Array<ArrayBuffer> {
  const event = new BinaryWriter().tag(1, WireType.Bit64).double(wallTime)
    .tag(3, WireType.LengthDelimited).string("brain.Event:2");
  return record(event.finish());
}

/**
 * Encodes a record of an event file that contains the numbers measured after one step.
 *
 * @param event The event.
 */
export function scalarRecord({ wallTime, step, scalars }: ScalarEvent): Uint8Array<ArrayBuffer> {
  const summary = new BinaryWriter();
  for (const [tag, value] of Object.entries(scalars)) {
    summary.tag(1, WireType.LengthDelimited).fork()
      .tag(1, WireType.LengthDelimited).string(tag)
      // A number beyond the range of float32 is infinite in the file.
      .tag(2, WireType.Bit32).float(finiteOr(value)).join();
  }
  const event = new BinaryWriter().tag(1, WireType.Bit64).double(wallTime)
    .tag(2, WireType.Varint).int64(step)
    .tag(5, WireType.LengthDelimited).bytes(summary.finish());
  return record(event.finish());
}

/** The largest number in float32. */
const LARGEST = 2 ** 128 - 2 ** 104;

const finiteOr = (value: number) => Math.abs(value) > LARGEST ? Math.sign(value) * Infinity : value;

/** A record of a TensorBoard event file, and the numbers that it contains. */
export interface ReadRecord {
  /** The bytes of the record. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The number of steps done; 0 for the first record. */
  readonly step: number;
  /** The numbers by tag; none for the first record. */
  readonly scalars: ReadonlyMap<string, number>;
}

/**
 * Reads the records of an event file, up to the first that is incomplete or damaged.
 *
 * @param file The content of the file.
 */
export function readRecords(file: Uint8Array<ArrayBuffer>): ReadRecord[] {
  const records: ReadRecord[] = [];
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let start = 0;
  while (start + FRAME <= file.length) {
    const length = Number(view.getBigUint64(start, true)), end = start + FRAME + length;
    if (end > file.length) break;
    const data = file.subarray(start + 12, start + 12 + length);
    const isWhole =
      view.getUint32(start + 8, true) === maskedCrc(file.subarray(start, start + 8)) &&
      view.getUint32(end - 4, true) === maskedCrc(data);
    if (!isWhole) break;
    try {
      records.push({ bytes: file.subarray(start, end), ...readEvent(data) });
    } catch {
      // The checksums are right, but another program wrote the record.
      break;
    }
    start = end;
  }
  return records;
}

/** The bytes of a record around its data: its length, and two checksums. */
const FRAME = 8 + 4 + 4;

function record(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FRAME + data.length), view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(bytes.subarray(0, 8)), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return bytes;
}

/** The checksum as the TFRecord format stores it: rotated by 15 bits, plus a constant. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c.buf(bytes) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function readEvent(data: Uint8Array): Pick<ReadRecord, "step" | "scalars"> {
  const scalars = new Map<string, number>();
  let step = 0;
  eachField(data, (field, reader) => {
    if (field === 2) step = Number(reader.int64());
    else if (field === 5) eachField(reader.bytes(), readValue);
    else return false;
    return true;
  });
  return { step, scalars };

  function readValue(field: number, reader: BinaryReader): boolean {
    if (field !== 1) return false;
    let tag = "", number = 0;
    eachField(reader.bytes(), (inner, value) => {
      if (inner === 1) tag = value.string();
      else if (inner === 2) number = value.float();
      else return false;
      return true;
    });
    scalars.set(tag, number);
    return true;
  }
}

/** Reads the fields of a message; those that `read` does not read are skipped. */
function eachField(
  bytes: Uint8Array,
  read: (field: number, reader: BinaryReader) => boolean,
): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (!read(field, reader)) reader.skip(type, field);
  }
}
