import { join } from "node:path";
import { writeFileWhole } from "../src/base/files/write.ts";
import { UserError } from "../src/base/errors.ts";
import { counted } from "../src/base/text_table.ts";
import { hint } from "../src/base/hints.ts";
import { arrowFile } from "./arrow_file.ts";
import type { DataSet } from "./data_set.ts";
import { readIdx } from "./idx.ts";
import { download, type Published, readFirst } from "./original.ts";

const about = {
  name: "Fashion-MNIST",
  authors: "H. Xiao, K. Rasul, R. Vollgraf; (c) 2017 Zalando SE",
  license: "MIT",
  source: "https://github.com/zalandoresearch/fashion-mnist",
  classes: "T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot",
};

/** The folder of Debian's package dataset-fashion-mnist. */
const debianFolder = "/usr/share/datasets/fashion-mnist";
/** The address at which the project publishes the files. */
const site = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com";

/** A published file. */
export interface Original {
  readonly name: string;
  /** The shape in the file's header. */
  readonly shape: readonly number[];
  /** The size of the published, compressed file. */
  readonly bytes: number;
  readonly sha256: string;
  readonly contentSha256: string;
}

/** The names, sizes, and hashes of the published files, by split. */
export const originals: Readonly<Record<"train" | "test", readonly [Original, Original]>> = {
  train: [
    {
      name: "train-images-idx3-ubyte",
      shape: [60_000, 28, 28],
      bytes: 26_421_856,
      sha256: "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
      contentSha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    },
    {
      name: "train-labels-idx1-ubyte",
      shape: [60_000],
      bytes: 29_491,
      sha256: "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
      contentSha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    },
  ],
  test: [
    {
      name: "t10k-images-idx3-ubyte",
      shape: [10_000, 28, 28],
      bytes: 4_422_079,
      sha256: "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
      contentSha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    },
    {
      name: "t10k-labels-idx1-ubyte",
      shape: [10_000],
      bytes: 5_125,
      sha256: "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
      contentSha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
  ],
};

/**
 * Makes the data set of images of clothing in ten classes.
 *
 * @param files The published files, by split: those of images and those of classes.
 */
export const fashionMnistOf = (
  files: Readonly<Record<string, readonly [Original, Original]>>,
): DataSet => ({
  name: "fashion-mnist",
  summary: "70,000 pictures of clothing of 28 × 28 pixels by Zalando (MIT)",
  folder: "fashion-mnist",
  async make({ from, out, report }) {
    const read = await reader(from, report);
    for (const [split, [images, labels]] of Object.entries(files)) {
      const file = join(out, `${split}.arrow`);
      const content = arrowFile({
        images: await read(images),
        labels: { label: await read(labels) },
        about,
        batchRows: 4096,
      });
      await writeFileWhole(file, content);
      report(`${file}: ${counted(labels.shape[0]!, "row")}`);
    }
  },
});

/** Images of clothing in ten classes. */
export const fashionMnist: DataSet = fashionMnistOf(originals);

/** Describes a compressed file on the project's site. */
const packed = ({ name, bytes, sha256 }: Original): Published => ({
  name,
  url: `${site}/${name}.gz`,
  bytes,
  hash: { algorithm: "sha256", value: sha256 },
});

/** Reads the values of an original file. */
type Read = (original: Original) => Promise<Uint8Array>;

/** Chooses the origin of the files. */
async function reader(from: string | undefined, report: (line: string) => void): Promise<Read> {
  const folder = from ?? (await isFolder(debianFolder) ? debianFolder : undefined);
  if (folder === undefined) {
    report(`downloading from ${site}`);
    return async (original) =>
      check(original, await download(packed(original)), packed(original).url);
  }
  report(`reading ${folder}`);
  return async (original) => {
    const names = [`${original.name}.gz`, original.name];
    const advice = hint(
      "fashion-mnist/folder",
      "pass the folder with the four IDX files of Fashion-MNIST: --from FOLDER",
      {
        edit: "the folder",
      },
    );
    const { path, bytes } = await readFirst(folder, names, advice, {
      // Compression makes incompressible content slightly larger.
      bytes: unpackedSize(original) + 100_000,
      url: packed(original).url,
    });
    return check(original, bytes, path);
  };
}

async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isDirectory, () => false);
}

/** Returns the size of a file's unpacked content: its header, and one byte per value. */
const unpackedSize = ({ shape }: Original) =>
  4 + 4 * shape.length + shape.reduce((product, length) => product * length, 1);

/** Unpacks files and throws an error if they are not the published ones. */
async function check(
  original: Original,
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
): Promise<Uint8Array> {
  const { shape, values, sha256 } = await readIdx(bytes, path, unpackedSize(original));
  if (shape.join() !== original.shape.join()) {
    throw new UserError(`${path} has the shape [${shape}]; expected [${original.shape}]`, {
      hint: hint(
        "fashion-mnist/shape",
        "the file belongs to another data set in the same format: pass the folder with Fashion-MNIST's files",
        { edit: "the folder" },
      ),
    });
  }
  if (sha256 !== original.contentSha256) {
    throw new UserError(`${path} is not the published file: its SHA-256 differs`, {
      hint: hint(
        "fashion-mnist/hash",
        `download it again: expected ${original.contentSha256} for the unpacked file, got ${sha256}`,
        { outside: "the published file is not in the repository" },
      ),
    });
  }
  return values;
}
