import type { Data, RecordBatch } from "apache-arrow";
import { isImages, isNull, valueReader } from "../layout.ts";
import { openImage } from "./decode.ts";
import { DamagedImage, maxPixels, UnsupportedImage } from "./picture.ts";
import { imageParts } from "./reader.ts";

/** The most pixels of a part that has several rows. */
const partPixels = maxPixels / 8;

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
    wanted.has(name) && isImages(type) ? [pixelReader(rows.data.children[index]!)] : []
  );
  for (let start = 0; start < numRows;) {
    let end = Math.min(start + most, numRows), pixels = 0;
    for (let row = start; columns.length > 0 && row < end; row++) {
      for (const pixelsOf of columns) pixels += pixelsOf(row);
      if (pixels > partPixels) end = Math.max(row, start + 1);
    }
    yield end - start === numRows ? rows : rows.slice(start, end);
    start = end;
  }
}

/** Returns a function that reads how many pixels an image states to have; 0 if it is none. */
function pixelReader(column: Data): (row: number) => number {
  const { bytes } = imageParts(column), read = valueReader(bytes);
  return (row) => {
    if (isNull(column, row) || isNull(bytes, row)) return 0;
    try {
      const image = openImage(read(row));
      return image ? image.width * image.height : 0;
    } catch (error) {
      // Decoding the row will report it.
      if (error instanceof DamagedImage || error instanceof UnsupportedImage) return 0;
      throw error;
    }
  };
}
