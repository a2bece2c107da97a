import type { Data, RecordBatch } from "apache-arrow";
import { isImages, isNull, valueReader } from "../layout.ts";
import { openImage } from "./decode.ts";
import { DamagedImage, maxPixels, UnsupportedImage } from "./picture.ts";
import { imageParts } from "./reader.ts";

/**
 * The most work of a part that has several rows: pixels, times the scans that visit them, and
 * bytes.
 */
const partWork = maxPixels / 8;

/**
 * Cuts rows into parts, so that a server can do something else between two of them. Decoding the
 * images of a part takes a fraction of a second, unless a single image is very large.
 *
 * @param rows The rows.
 * @param names The names of the columns that a model reads.
 * @param most The most rows of a part.
 */
export function* cutRows(
  rows: RecordBatch,
  names: readonly string[],
  most: number,
): Generator<RecordBatch> {
  const { numRows } = rows, wanted = new Set(names);
  const columns = rows.schema.fields.flatMap(({ name, type }, index) =>
    wanted.has(name) && isImages(type) ? [workReader(rows.data.children[index]!)] : []
  );
  for (let start = 0; start < numRows;) {
    let end = Math.min(start + most, numRows), work = 0;
    for (let row = start; columns.length > 0 && row < end; row++) {
      for (const workOf of columns) work += workOf(row);
      if (work > partWork) end = Math.max(row, start + 1);
    }
    yield end - start === numRows ? rows : rows.slice(start, end);
    start = end;
  }
}

/** Returns a function that reads from an image's header how much work decoding it is. */
function workReader(column: Data): (row: number) => number {
  const { bytes } = imageParts(column), read = valueReader(bytes);
  return (row) => {
    if (isNull(column, row) || isNull(bytes, row)) return 0;
    const encoded = read(row);
    try {
      const image = openImage(encoded);
      return encoded.length + (image ? image.width * image.height * image.scans : 0);
    } catch (error) {
      // Decoding the row will report it.
      if (error instanceof DamagedImage || error instanceof UnsupportedImage) return encoded.length;
      throw error;
    }
  };
}
