import { join } from "node:path";
import { writeFileWhole } from "../src/base/files/write.ts";
import { UserError } from "../src/base/errors.ts";
import { counted } from "../src/base/text_table.ts";
import { arrowFile } from "./arrow_file.ts";
import { channelsLast, imageSize, side } from "./channels_last.ts";
import type { DataSet } from "./data_set.ts";
import { type MatArray, readMat } from "./mat.ts";
import { type Published, readPublished } from "./original.ts";

const site = "http://ufldl.stanford.edu/housenumbers";

const about = {
  name: "The Street View House Numbers (SVHN) Dataset, cropped digits",
  authors: "Y. Netzer, T. Wang, A. Coates, A. Bissacco, B. Wu, A. Y. Ng (2011)",
  license: "for non-commercial use only",
  source: `${site}/`,
  changes: "the digit 0 has the label 0, not 10",
};

/** A split of SVHN as published, with its file. */
export interface SvhnSplit {
  readonly split: string;
  readonly file: Published;
  /** The number of images. */
  readonly rows: number;
}

const published = (split: string, rows: number, atMost: number, value: string): SvhnSplit => ({
  split,
  rows,
  file: {
    name: `${split}_32x32.mat`,
    url: `${site}/${split}_32x32.mat`,
    bytes: { atMost },
    hash: { algorithm: "md5", value },
  },
});

/**
 * Creates a data set from some of SVHN's splits.
 *
 * @param name Its name on the command line.
 * @param summary A one-line description.
 * @param splits The splits.
 * @returns The data set.
 */
export function svhnOf(name: string, summary: string, splits: readonly SvhnSplit[]): DataSet {
  return {
    name,
    summary,
    folder: "svhn",
    async make({ from, out, report }) {
      for (const { split, file, rows } of splits) {
        const { path, bytes } = await readPublished(file, from, report);
        // Labels are doubles or bytes; the variables' names and shapes take less than 1,000 bytes.
        const arrays = await readMat(bytes, path, rows * (imageSize + 8) + 1000);
        const target = join(out, `${split}.arrow`);
        const content = arrowFile({
          images: imagesOf(arrays.get("X"), rows, path),
          labels: { label: labelsOf(arrays.get("y"), rows, path) },
          about,
          batchRows: 1024,
        });
        await writeFileWhole(target, content);
        report(`${target}: ${counted(rows, "row")}`);
      }
    },
  };
}

/** SVHN, the digits of house numbers: the training and test splits that are commonly used. */
export const svhn: DataSet = svhnOf(
  "svhn",
  "99,289 digits of house numbers of 32 × 32 pixels by Netzer et al. (non-commercial use)",
  [
    published("train", 73_257, 200_000_000, "e26dedcc434d2e4c54c9b2d4a06d8373"),
    published("test", 26_032, 80_000_000, "eb5a983be6a315427106f1b164d9cef3"),
  ],
);

/** The additional training split of SVHN, whose digits are easier. */
export const svhnExtra: DataSet = svhnOf(
  "svhn-extra",
  "531,131 additional, easier digits of SVHN; needs about 8 GB of memory",
  [published("extra", 531_131, 1_500_000_000, "a93ce644f1a588dc4d68dda5feec44a7")],
);

function imagesOf(array: MatArray | undefined, rows: number, path: string): Uint8Array {
  const shape = [side, side, 3, rows];
  if (array?.shape.join() !== shape.join() || !(array.values instanceof Uint8Array)) {
    throw new UserError(
      `the variable X in ${path} is ${described(array)}; expected bytes of the shape [${shape}]`,
    );
  }
  const result = new Uint8Array(array.values.length);
  // The values are stored column by column, then channel by channel.
  channelsLast(array.values, { row: 1, column: side, channel: side * side }, result);
  return result;
}

function labelsOf(array: MatArray | undefined, rows: number, path: string): Uint8Array {
  if (array?.shape.join() !== [rows, 1].join()) {
    throw new UserError(
      `the variable y in ${path} is ${described(array)}; expected the shape [${rows},1]`,
    );
  }
  return Uint8Array.from(array.values, (value, row) => {
    if (Number.isInteger(value) && value >= 1 && value <= 10) return value % 10;
    throw new UserError(
      `row ${row + 1} of the variable y in ${path} is ${value}; expected 1 to 10`,
    );
  });
}

const described = (array: MatArray | undefined) =>
  array ? `an array of the shape [${array.shape}]` : "missing";
