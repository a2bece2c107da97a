import { join } from "node:path";
import { writeFileWhole } from "../src/base/files/write.ts";
import { UserError } from "../src/base/errors.ts";
import { joinArrays } from "../src/base/join_arrays.ts";
import { counted } from "../src/base/text_table.ts";
import { arrowFile } from "./arrow_file.ts";
import { hasParquet, readParquetImages } from "./cifar_parquet.ts";
import { channelsLast, imageSize, side } from "./channels_last.ts";
import type { DataSet } from "./data_set.ts";
import { type Published, readPublished } from "./original.ts";
import { readTar } from "./tar.ts";
import { unpack } from "./unpack.ts";

const site = "https://www.cs.toronto.edu/~kriz";

/** The properties in which the two CIFAR data sets differ. */
export interface CifarOptions {
  readonly name: string;
  readonly summary: string;
  readonly archive: Published;
  /** The names of the files in the archive, by split. */
  readonly files: Readonly<Record<"train" | "test", readonly string[]>>;
  /** The number of images per file. */
  readonly rows: Readonly<Record<"train" | "test", number>>;
  /** The label bytes before each image: the column of each byte, and its number of classes. */
  readonly labels: readonly { readonly column: string; readonly classes: number }[];
  readonly about: Readonly<Record<string, string>>;
}

const about = {
  authors: "A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images (2009)",
  license: "none is stated by its authors, who ask to be cited",
};

/** The properties of CIFAR-10 as published. */
export const cifar10Options: CifarOptions = {
  name: "cifar10",
  summary: "60,000 photographs of 32 × 32 pixels in 10 classes by Krizhevsky (no license stated)",
  archive: {
    name: "cifar-10-binary.tar.gz",
    url: `${site}/cifar-10-binary.tar.gz`,
    bytes: { atMost: 180_000_000 },
    hash: { algorithm: "md5", value: "c32a1d4ab5d03f1284b67883e8d87530" },
  },
  files: {
    train: [1, 2, 3, 4, 5].map((part) => `cifar-10-batches-bin/data_batch_${part}.bin`),
    test: ["cifar-10-batches-bin/test_batch.bin"],
  },
  rows: { train: 10_000, test: 10_000 },
  labels: [{ column: "label", classes: 10 }],
  about: {
    name: "CIFAR-10",
    ...about,
    source: `${site}/cifar.html`,
    classes: "airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck",
  },
};

/** The properties of CIFAR-100 as published. */
export const cifar100Options: CifarOptions = {
  name: "cifar100",
  summary: "60,000 photographs of 32 × 32 pixels in 100 classes by Krizhevsky (no license stated)",
  archive: {
    name: "cifar-100-binary.tar.gz",
    url: `${site}/cifar-100-binary.tar.gz`,
    bytes: { atMost: 180_000_000 },
    hash: { algorithm: "md5", value: "03b5dce01913d631647c71ecec9e9cb8" },
  },
  files: { train: ["cifar-100-binary/train.bin"], test: ["cifar-100-binary/test.bin"] },
  rows: { train: 50_000, test: 10_000 },
  labels: [{ column: "coarse", classes: 20 }, { column: "fine", classes: 100 }],
  about: { name: "CIFAR-100", ...about, source: `${site}/cifar.html` },
};

/**
 * Defines a CIFAR data set, which is converted from the published archive with binary files, or from
 * `train.parquet` and `test.parquet` in a folder of the user ({@linkcode readParquetImages}).
 *
 * @param options The options of the data set.
 * @returns The data set.
 */
export function cifar(options: CifarOptions): DataSet {
  const { name, summary, archive, files, rows, labels } = options;
  return {
    name,
    summary,
    folder: name,
    async make({ from, out, report }) {
      const isParquet = from !== undefined && await hasParquet(from);
      const hasArchive = from !== undefined &&
        await Deno.stat(join(from, archive.name)).then(() => true, () => false);
      if (isParquet && hasArchive) {
        report(`${archive.name} is used, whose hash is published; the Parquet files are not read`);
      }
      const read = isParquet && !hasArchive
        ? parquetReader(options, from, report)
        : await archiveReader(options, await readPublished(archive, from, report));
      for (const split of ["train", "test"] as const) {
        const { images, classes, about } = await read(split);
        const target = join(out, `${split}.arrow`);
        const arrow = arrowFile({
          images,
          labels: Object.fromEntries(labels.map(({ column }, at) => [column, classes[at]!])),
          about: { ...options.about, ...about },
          batchRows: 1024,
        });
        await writeFileWhole(target, arrow);
        report(`${target}: ${counted(rows[split] * files[split].length, "row")}`);
      }
    },
  };
}

/** The images and classes of a split. */
interface Split {
  readonly images: Uint8Array;
  readonly classes: readonly Uint8Array[];
  readonly about?: Readonly<Record<string, string>>;
}

/** Reads splits from the published archive. */
async function archiveReader(
  options: CifarOptions,
  { path, bytes }: { readonly path: string; readonly bytes: Uint8Array<ArrayBuffer> },
): Promise<(split: "train" | "test") => Split> {
  const { files, rows, labels } = options;
  const content = readTar(await unpack(bytes, "gzip", path, unpackedSize(options)), path);
  return (split) => {
    const parts = files[split].map((file) => partOf(content, file, rows[split], labels, path));
    return {
      images: joinArrays(parts.map(({ images }) => images), Uint8Array),
      classes: labels.map((_, index) =>
        joinArrays(parts.map(({ classes }) => classes[index]!), Uint8Array)
      ),
    };
  };
}

/** Reads splits from Parquet files with encoded images. */
function parquetReader(
  { about: { name }, files, rows, labels }: CifarOptions,
  folder: string,
  report: (line: string) => void,
): (split: "train" | "test") => Promise<Split> {
  return async (split) => {
    const expected = rows[split] * files[split].length;
    const { images, classes, formats } = await readParquetImages(folder, split, labels, expected);
    const encoded = formats.join(" and ");
    const isLossy = formats.includes("JPEG");
    report(
      `${split}.parquet: images as ${encoded}` +
        (isLossy ? ", whose pixels differ a little from the originals" : "") +
        `. No hash of this file is published, so it is not verified that these are the images of ${name}`,
    );
    return { images, classes, about: unverified(name!, split, encoded) };
  };
}

/** The metadata for a file of the user, whose origin Rocket does not know. */
const unverified = (name: string, split: string, encoded: string) => ({
  name: `images in the form of ${name}, not verified`,
  authors: "unknown",
  license: "unknown",
  source: `${split}.parquet`,
  encoded,
});

/** The CIFAR-10 data set. */
export const cifar10: DataSet = cifar(cifar10Options);
/** The CIFAR-100 data set. */
export const cifar100: DataSet = cifar(cifar100Options);

/**
 * Returns the maximum unpacked size of the archive: its files, and a tenth of a megabyte for
 * headers, names, and a web page.
 */
function unpackedSize({ files, rows, labels }: CifarOptions): number {
  const images = files.train.length * rows.train + files.test.length * rows.test;
  return images * (labels.length + imageSize) + 100_000;
}

function partOf(
  content: ReadonlyMap<string, Uint8Array>,
  name: string,
  rows: number,
  labels: CifarOptions["labels"],
  path: string,
): { images: Uint8Array; classes: Uint8Array[] } {
  const bytes = content.get(name);
  if (!bytes) {
    throw new UserError(
      `${path} has no file ${name}; its files are ${[...content.keys()].join(", ")}`,
    );
  }
  const rowSize = labels.length + imageSize;
  if (bytes.length !== rows * rowSize) {
    throw new UserError(
      `the file ${name} in ${path} has ${bytes.length} bytes; expected ${rows * rowSize}`,
    );
  }
  const images = new Uint8Array(rows * imageSize);
  const classes = labels.map(() => new Uint8Array(rows));
  for (let row = 0; row < rows; row++) {
    const start = row * rowSize;
    labels.forEach(({ column, classes: count }, index) => {
      const value = bytes[start + index]!;
      if (value >= count) {
        throw new UserError(
          `row ${row + 1} of ${name} has the ${column} class ${value}; expected 0 to ${count - 1}`,
        );
      }
      classes[index]![row] = value;
    });
    images.set(bytes.subarray(start + labels.length, start + rowSize), row * imageSize);
  }
  // All red values come first, line by line, then the green and the blue ones.
  const result = new Uint8Array(images.length);
  channelsLast(images, { row: side, column: 1, channel: side * side }, result);
  return { images: result, classes };
}
