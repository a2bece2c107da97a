import type { Struct, Vector } from "apache-arrow";
import { join } from "node:path";
import parquet from "../plugins/sources/parquet.ts";
import { UserError } from "../src/base/errors.ts";
import { counted, formatCount } from "../src/base/text_table.ts";
import { withChannels } from "../src/input/images/convert.ts";
import { decodeImage, openImage } from "../src/input/images/decode.ts";
import { loadJpegDecoder } from "../src/input/images/jpeg.ts";
import { imageSize, side } from "./channels_last.ts";

/** The names of the files, by split. */
const FILES = { train: "train.parquet", test: "test.parquet" } as const;

/** The largest size of a file in bytes. The pixels without compression have 154 MB. */
const mostBytes = 200_000_000;

/** A column with classes. */
export interface LabelColumn {
  readonly column: string;
  readonly classes: number;
}

/** Images and classes from a Parquet file. */
export interface ParquetImages {
  /** The pixels of all images, one image after the other, `[rows, 32, 32, 3]`. */
  readonly images: Uint8Array;
  /** The class of each image, for each label column. */
  readonly classes: readonly Uint8Array[];
  /** The formats of the images, such as `JPEG`. */
  readonly formats: readonly string[];
}

/**
 * Checks whether a folder has CIFAR as Parquet files with encoded images, in the form in which
 * Hugging Face distributes data sets.
 *
 * @param folder The folder.
 */
export async function hasParquet(folder: string): Promise<boolean> {
  const found = await Promise.all(
    Object.values(FILES).map((name) => Deno.stat(join(folder, name)).catch(() => undefined)),
  );
  return found.every((info) => info?.isFile);
}

/**
 * Reads one split of CIFAR from a Parquet file. The images are structs with `bytes` (PNG or JPEG)
 * in the column `img`, and the classes are whole numbers in the columns `label`, or `fine_label` and
 * `coarse_label`.
 *
 * @param folder The folder of the file.
 * @param split The split.
 * @param labels The label columns, by the names of the binary version of CIFAR.
 * @param expected The number of rows.
 * @throws {UserError} If the file is too large or has another number of rows, or if an image or a
 *   class is not one of CIFAR.
 */
export async function readParquetImages(
  folder: string,
  split: "train" | "test",
  labels: readonly LabelColumn[],
  expected: number,
): Promise<ParquetImages> {
  const path = FILES[split];
  const { size } = await Deno.stat(join(folder, path));
  if (size > mostBytes) {
    throw new UserError(
      `${path} has ${formatCount(size)} bytes; with the images of CIFAR, it has at most ${
        formatCount(mostBytes)
      }`,
    );
  }
  await loadJpegDecoder();
  const names = labels.map(({ column }) => column === "label" ? column : `${column}_label`);
  const source = parquet.create(parquet.options.parse({ path }), { folder });
  const { recordBatches, close } = await source.open({ columns: ["img", ...names] });
  try {
    const images = new Uint8Array(expected * imageSize), formats = new Set<string>();
    const classes = labels.map(() => new Uint8Array(expected));
    let row = 0;
    for await (const batch of recordBatches()) {
      if (row + batch.numRows > expected) throw otherRows(path, expected);
      const bytes = (batch.getChild("img") as Vector<Struct> | null)?.getChild("bytes");
      for (let at = 0; at < batch.numRows; at++, row++) {
        const where = `row ${row + 1} of ${path}`;
        const { format, pixels } = decoded(bytes?.get(at), where);
        formats.add(format);
        images.set(pixels, row * imageSize);
        labels.forEach(({ column, classes: count }, index) => {
          const value: unknown = batch.getChild(names[index]!)?.get(at);
          const known = typeof value === "bigint" ? Number(value) : value;
          if (!(Number.isInteger(known) && known as number >= 0 && known as number < count)) {
            throw new UserError(
              `${where} has the ${column} class ${value}; expected 0 to ${count - 1}`,
            );
          }
          classes[index]![row] = known as number;
        });
      }
    }
    if (row !== expected) throw otherRows(path, expected);
    return { images, classes, formats: [...formats].sort() };
  } finally {
    await close?.();
  }
}

const otherRows = (path: string, expected: number) =>
  new UserError(`expected ${counted(expected, "row")} in ${path}, as in CIFAR`);

/** Decodes an image of 32 × 32 pixels. */
function decoded(
  bytes: unknown,
  where: string,
): { format: string; pixels: Uint8Array } {
  const fail = (why: string, cause?: unknown) => new UserError(`${where} ${why}`, { cause });
  if (bytes === null || bytes === undefined) throw fail("has no image in the column img");
  if (!(bytes instanceof Uint8Array)) {
    throw fail("has no bytes (BLOB) in the field bytes of the column img");
  }
  try {
    const image = openImage(bytes);
    if (!image) throw fail("has bytes in the column img that are neither PNG nor JPEG");
    const { width, height, format } = image;
    if (width !== side || height !== side) {
      throw fail(`has an image of ${width} × ${height} pixels; expected ${side} × ${side}`);
    }
    return { format, pixels: withChannels(decodeImage(image), 3).pixels };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw fail(`has an image that cannot be decoded: ${(error as Error).message}`, error);
  }
}
