/**
 * Whether an Arrow file or stream was written by a machine that has the most significant byte
 * first, such as IBM's z. Its schema says so; apache-arrow does not look, and would give other
 * numbers.
 *
 * @param start The first bytes, with the whole schema message; 64 KB are enough for most.
 */
export function isBigEndian(start: Uint8Array): boolean {
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  try {
    // A file is a stream behind eight bytes of magic.
    const isFile = new TextDecoder().decode(start.subarray(0, 6)) === "ARROW1";
    const prefix = isFile ? 8 : 0;
    // Before Arrow 0.15 the length of the message came first, without the mark before it.
    const message = prefix + (view.getInt32(prefix, true) === -1 ? 8 : 4);
    const root = message + view.getUint32(message, true);
    const header = fieldOf(view, root, 2);
    if (header === undefined) return false;
    const endianness = fieldOf(view, header + view.getUint32(header, true), 0);
    return endianness !== undefined && view.getInt16(endianness, true) === 1;
  } catch (error) {
    // What is cut off or damaged is for the reader to refuse.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Where a field of a flatbuffer's table is; undefined if it was left out. */
function fieldOf(view: DataView, table: number, field: number): number | undefined {
  const entries = table - view.getInt32(table, true);
  const entry = 4 + 2 * field;
  if (entry >= view.getUint16(entries, true)) return undefined;
  const offset = view.getUint16(entries + entry, true);
  return offset === 0 ? undefined : table + offset;
}
