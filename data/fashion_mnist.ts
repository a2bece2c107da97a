// @ts-types="npm:@types/cli-progress@^3.11.6"
import { Presets, SingleBar } from "cli-progress";
import { createHash } from "node:crypto";
import { join } from "node:path";
import process from "node:process";
import { writeFileWhole } from "../files/write.ts";
import { UserError } from "../pipeline/errors.ts";
import { arrowFile } from "./arrow_file.ts";
import type { DataSet } from "./data_set.ts";
import { readIdx } from "./idx.ts";

const about = {
  name: "Fashion-MNIST",
  authors: "H. Xiao, K. Rasul, R. Vollgraf; (c) 2017 Zalando SE",
  licence: "MIT",
  source: "https://github.com/zalandoresearch/fashion-mnist",
  classes: "T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot",
};

/** Where Debian's package dataset-fashion-mnist has the files. */
const debianFolder = "/usr/share/datasets/fashion-mnist";
/** Where the project publishes them. */
const site = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com";

interface Original {
  readonly name: string;
  /** The shape that its header says. */
  readonly shape: readonly number[];
  /** Of the published file, and of its content. */
  readonly bytes: number;
  readonly sha256: string;
  readonly contentSha256: string;
}

/** The published files by split. */
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

/** Articles of clothing in ten classes. */
export const fashionMnist: DataSet = {
  name: "fashion-mnist",
  summary: "70,000 pictures of clothing of 28 × 28 pixels by Zalando (MIT)",
  folder: "fashion-mnist",
  async make({ from, out, report }) {
    const read = await reader(from, report);
    for (const [split, [images, labels]] of Object.entries(originals)) {
      const file = join(out, `${split}.arrow`);
      const content = arrowFile({
        images: await read(images),
        labels: await read(labels),
        label: "label",
        about,
        batchRows: 4096,
      });
      await writeFileWhole(file, content);
      report(`${file}: ${labels.shape[0]!.toLocaleString("en")} rows`);
    }
  },
};

/** Reads the values of an original file. */
type Read = (original: Original) => Promise<Uint8Array>;

/** Chooses where the original files come from. */
async function reader(from: string | undefined, report: (line: string) => void): Promise<Read> {
  const folder = from ?? (await isFolder(debianFolder) ? debianFolder : undefined);
  if (folder === undefined) {
    report(`downloading from ${site}`);
    return async (original) =>
      check(original, await download(original), `${site}/${original.name}.gz`);
  }
  report(`reading ${folder}`);
  return async (original) => {
    const { path, bytes } = await readEither(folder, original.name);
    return check(original, bytes, path);
  };
}

async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isDirectory, () => false);
}

async function readEither(
  folder: string,
  name: string,
): Promise<{ path: string; bytes: Uint8Array<ArrayBuffer> }> {
  for (const path of [join(folder, `${name}.gz`), join(folder, name)]) {
    try {
      return { path, bytes: await Deno.readFile(path) };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      throw new UserError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
    }
  }
  throw new UserError(`${folder} has neither ${name}.gz nor ${name}`, {
    hint: "name the folder of the four IDX files with --from FOLDER",
  });
}

/** The bytes of a published file's content: its header, and a byte a value. */
const unpackedSize = ({ shape }: Original) =>
  4 + 4 * shape.length + shape.reduce((product, length) => product * length, 1);

/** Refuses files that are not the published ones, and unpacks them. */
async function check(
  original: Original,
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
): Promise<Uint8Array> {
  const { shape, values, sha256 } = await readIdx(bytes, path, unpackedSize(original));
  if (shape.join() !== original.shape.join()) {
    throw new UserError(`${path} has the shape [${shape}]; expected [${original.shape}]`, {
      hint: "is it another data set in the same format, such as MNIST?",
    });
  }
  if (sha256 !== original.contentSha256) {
    throw new UserError(`${path} is not the published file: its SHA-256 differs`, {
      hint: `expected ${original.contentSha256} for the unpacked file, got ${sha256}`,
    });
  }
  return values;
}

async function download({ name, bytes: size, sha256 }: Original): Promise<Uint8Array<ArrayBuffer>> {
  const url = `${site}/${name}.gz`;
  const hint = "fetch the four files by other means and name their folder: --from FOLDER";
  const bar = Deno.stderr.isTerminal()
    ? new SingleBar({
      format: `${name} {bar} {percentage}%`,
      clearOnComplete: true,
      hideCursor: false,
      linewrap: null,
      stream: process.stderr,
    }, Presets.shades_classic)
    : undefined;
  const bytes = new Uint8Array(size);
  let done = 0;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(600_000) });
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      throw new UserError(`${url} answered ${response.status} ${response.statusText}`, { hint });
    }
    bar?.start(size, 0);
    for await (const part of response.body) {
      if (done + part.length > size) {
        throw new UserError(`${url} is longer than ${size} bytes`, { hint });
      }
      bytes.set(part, done);
      done += part.length;
      bar?.update(done);
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${url} cannot be downloaded: ${(error as Error).message}`, {
      hint,
      cause: error,
    });
  } finally {
    bar?.stop();
  }
  if (done < size) {
    throw new UserError(`the download of ${url} ended after ${done} of ${size} bytes`, { hint });
  }
  if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
    throw new UserError(`${url} is not the published file: its SHA-256 differs`, { hint });
  }
  return bytes;
}
