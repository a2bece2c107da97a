/**
 * Columns of string and binary views. Several views may share the bytes of one value, so that their
 * values together may be much larger than the column.
 *
 * @module
 */

import { type Data, DataType, type Vector } from "apache-arrow";

/** The size of a view in bytes. */
const viewWidth = 16;

/** The maximum size of a value that is stored in the view itself, in bytes. */
const maxInline = 12;

/**
 * Checks whether a type is Utf8View or BinaryView, whose values are in separate buffers.
 *
 * @param type The type of a column.
 */
export const isView = (type: DataType): boolean =>
  DataType.isUtf8View(type) || DataType.isBinaryView(type);

/**
 * Returns the bytes of a view. A view starts with the length in 4 bytes. A value of up to 12 bytes
 * follows directly. For a longer value, its first 4 bytes, the number of a buffer, and the position
 * in that buffer follow.
 *
 * @param data A column of views.
 * @param row The number of a row that is not null.
 */
export function viewOf(data: Data, row: number): Uint8Array<ArrayBuffer> {
  const views = data.values as unknown as Uint8Array<ArrayBuffer>;
  const at = row * viewWidth;
  const view = new DataView(views.buffer, views.byteOffset + at, viewWidth);
  const length = view.getInt32(0, true);
  if (length <= maxInline) return views.subarray(at + 4, at + 4 + length);
  const buffer = data.variadicBuffers[view.getInt32(8, true)] as Uint8Array<ArrayBuffer>;
  const start = view.getInt32(12, true);
  return buffer.subarray(start, start + length);
}

/**
 * Returns the size of the values of all views in a column, in its children, and in its dictionary,
 * in bytes. A value counts once for each view of it.
 *
 * @param data The column.
 * @param counted The dictionaries that were counted before, to which this one's are added.
 */
export function sizeOfViews(data: Data, counted: Set<Data>): number {
  let size = 0;
  if (isView(data.type)) {
    const values = data.values as unknown as Uint8Array;
    const views = new DataView(values.buffer, values.byteOffset, values.byteLength);
    for (let row = 0; row < data.length; row++) {
      if (data.getValid(row)) size += views.getInt32(row * viewWidth, true);
    }
  }
  for (const child of data.children) size += sizeOfViews(child as Data, counted);
  for (const part of (data.dictionary as Vector | undefined)?.data ?? []) {
    if (counted.has(part)) continue;
    counted.add(part);
    size += sizeOfViews(part, counted);
  }
  return size;
}
