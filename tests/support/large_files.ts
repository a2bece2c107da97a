import {
  Field,
  FixedSizeList,
  Float32,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Uint8,
} from "apache-arrow";
import { ArrowFileWriter } from "../../src/base/files/arrow_writer.ts";

/** What a file is to be like. */
export interface ImageFile {
  /** About how many bytes. */
  readonly bytes: number;
  /** The rows of a record batch. */
  readonly batchRows: number;
}

/** The values of an image. */
export const imageSize = 784;

/**
 * Writes an Arrow file of images, of 784 pixels each, and labels from 0 to 9 that can be learned:
 * the mean of the pixels grows with them. No more than one record batch is in memory.
 *
 * @param path The file.
 * @param options How large it is.
 * @returns How many rows it has.
 */
export function writeImages(path: string, { bytes, batchRows }: ImageFile): number {
  const item = new Field("item", new Uint8(), false);
  const image = new FixedSizeList(imageSize, item);
  const schema = new Schema([new Field("image", image), new Field("label", new Uint8())]);
  const writer = new ArrowFileWriter(path, schema);
  const rows = Math.floor(bytes / (imageSize + 1));
  for (let start = 0; start < rows; start += batchRows) {
    const length = Math.min(batchRows, rows - start);
    const labels = Uint8Array.from({ length }, (_, row) => (start + row) * 7 % 10);
    const pixels = new Uint8Array(length * imageSize);
    for (let row = 0; row < length; row++) {
      const base = labels[row]! * 20;
      for (let pixel = 0; pixel < imageSize; pixel++) {
        pixels[row * imageSize + pixel] = base + (row * 31 + pixel * 17) % 50;
      }
    }
    const flat = makeData({ type: item.type, length: pixels.length, nullCount: 0, data: pixels });
    const children = [
      makeData({ type: image, length, nullCount: 0, child: flat }),
      makeData({ type: new Uint8(), length, nullCount: 0, data: labels }),
    ];
    const type = new Struct(schema.fields);
    writer.write(new RecordBatch(schema, makeData({ type, length, nullCount: 0, children })));
  }
  writer.finish();
  return rows;
}

/**
 * Writes an Arrow file of rows of 4,096 floats, the feature `x`, and labels 0 and 1.
 *
 * @param path The file.
 * @param options How large it is.
 */
export function writeWide(path: string, { bytes, batchRows }: ImageFile): void {
  const width = 4096;
  const item = new Field("item", new Float32(), false);
  const list = new FixedSizeList(width, item);
  const schema = new Schema([new Field("x", list), new Field("label", new Uint8())]);
  const writer = new ArrowFileWriter(path, schema);
  for (let start = 0; start < bytes / (4 * width); start += batchRows) {
    const data = new Float32Array(batchRows * width).fill(start % 7 / 7);
    const labels = Uint8Array.from({ length: batchRows }, (_, row) => row % 2);
    const flat = makeData({ type: item.type, length: data.length, nullCount: 0, data });
    const children = [
      makeData({ type: list, length: batchRows, nullCount: 0, child: flat }),
      makeData({ type: new Uint8(), length: batchRows, nullCount: 0, data: labels }),
    ];
    const type = new Struct(schema.fields);
    const columns = makeData({ type, length: batchRows, nullCount: 0, children });
    writer.write(new RecordBatch(schema, columns));
  }
  writer.finish();
}
