/**
 * Checks whether an Arrow file or stream is big-endian, as written on machines such as IBM Z. The
 * schema contains this flag, but apache-arrow ignores it and would return wrong numbers.
 *
 * @param start The first bytes, including the complete schema message. 64 KB are enough for most
 *   files.
 * @returns False for a damaged file too: the reader reports the damage.
 */
export function isBigEndian(start: Uint8Array): boolean {
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  try {
    // A file is a stream after eight bytes of magic.
    const isFile = new TextDecoder().decode(start.subarray(0, 6)) === "ARROW1";
    const prefix = isFile ? 8 : 0;
    // Before Arrow 0.15, the message length was not preceded by a continuation marker.
    const message = prefix + (view.getInt32(prefix, true) === -1 ? 8 : 4);
    const root = message + view.getUint32(message, true);
    const header = fieldOf(view, root, 2);
    if (header === undefined) return false;
    const endianness = fieldOf(view, header + view.getUint32(header, true), 0);
    return endianness !== undefined && view.getInt16(endianness, true) === 1;
  } catch (error) {
    // The reader reports files that are cut off or damaged.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Returns the offset of a field of a FlatBuffers table, or undefined if the field is absent. */
function fieldOf(view: DataView, table: number, field: number): number | undefined {
  const entries = table - view.getInt32(table, true);
  const entry = 4 + 2 * field;
  if (entry >= view.getUint16(entries, true)) return undefined;
  const offset = view.getUint16(entries + entry, true);
  return offset === 0 ? undefined : table + offset;
}
