import {
  Field,
  FixedSizeList,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  Uint8,
} from "apache-arrow";
import { arrowBytes } from "../src/base/files/arrow_writer.ts";

/** Images and their classes. */
export interface LabelledImages {
  /** The pixels of all images, one image after the other. */
  readonly images: Uint8Array;
  /** The class of each image, by column. */
  readonly labels: Readonly<Record<string, Uint8Array>>;
  /** The data set's name, authors, and license, stored in the schema of the file. */
  readonly about: Readonly<Record<string, string>>;
  /** The maximum number of rows per record batch. */
  readonly batchRows: number;
}

/**
 * Creates an Arrow file with two columns: `image`, a fixed-size list of bytes, and the class of
 * each image.
 *
 * @param content The rows.
 * @returns The bytes of the file, uncompressed, in the random-access format.
 */
export function arrowFile(
  { images, labels, about, batchRows }: LabelledImages,
): Uint8Array {
  const rows = Object.values(labels)[0]!.length, size = images.length / rows;
  const pixels = new FixedSizeList(size, new Field("item", new Uint8(), false));
  const schema = new Schema(
    [
      new Field("image", pixels, false),
      ...Object.keys(labels).map((name) => new Field(name, new Uint8(), false)),
    ],
    new Map(Object.entries(about)),
  );
  const batches: RecordBatch[] = [];
  for (let start = 0; start < rows; start += batchRows) {
    const end = Math.min(start + batchRows, rows);
    const child = makeData({
      type: new Uint8(),
      data: images.subarray(start * size, end * size),
    });
    const children = [
      makeData({ type: pixels, length: end - start, nullCount: 0, child }),
      ...Object.values(labels).map((classes) =>
        makeData({ type: new Uint8(), data: classes.subarray(start, end) })
      ),
    ];
    const type = new Struct(schema.fields);
    const data = makeData({ type, length: end - start, nullCount: 0, children });
    batches.push(new RecordBatch(schema, data));
  }
  return arrowBytes(new Table(schema, batches));
}
