import {
  Binary,
  type Data,
  Field,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { basename, join } from "node:path";
import {
  type Dataset,
  defineSource,
  hint,
  pathOption,
  type SourceStage,
  UserError,
  z,
} from "../../plugin.ts";
import {
  batchRowsOption,
  fileFingerprints,
  type FileKind,
  findFile,
  hashedBytes,
  isUrl,
  refuseLink,
  resolvePath,
  sha256,
  type SourceFile,
} from "./files.ts";
import { leaveAlone } from "./hints.ts";

/** The images that can be decoded. */
const kind: FileKind = { format: "PNG or JPEG", extensions: /\.(?:png|jpe?g)$/i };

/** The extensions of other images, which a user may expect to be read. */
const otherImages = /\.(?:avif|bmp|gif|hei[cf]|jp2|jxl|tiff?|webp)$/i;

/** The number of bytes of a record batch, unless the pipeline sets a number of rows. */
const batchBytes = 2 ** 22;

/** The largest default for the rows of a record batch. */
const maxBatchRows = 2 ** 12;

/** The largest total length that the offsets of a column can express. */
const maxColumn = 2 ** 31 - 1;

/** The number of files that are open at a time. */
const openAtOnce = 32;

/** An image in the folder. */
interface ImageFile extends SourceFile {
  /** The path from the folder of the source. */
  readonly inFolder: string;
  /** The class: the name of the subfolder. Absent if the source has no classes. */
  readonly label: string | undefined;
}

const fields = {
  image: new Field("image", new Binary(), false),
  label: new Field("label", new Utf8(), false),
  path: new Field("path", new Utf8(), false),
};

/**
 * The source stage `images`: reads the PNG and JPEG files of a folder, with the names of its
 * subfolders as classes. The bytes of the files are a column; the pipeline decodes them.
 */
const stage: SourceStage = defineSource({
  name: "images",
  summary: "Reads a folder of PNG and JPEG images, with a subfolder for each class.",
  options: z.object({
    path: pathOption(
      z.string().min(1, { error: "expected the path of a folder" }).describe(
        "The folder, or an image; relative to the pipeline file. The subfolders are the classes. Without subfolders, the images have no label.",
      ),
    ),
    batchRows: batchRowsOption,
  }),
  example: `use: images
path: ../data/flowers-train`,
  create: ({ path, batchRows }, { folder }) => ({
    async open({ columns } = {}) {
      const files = await findImages(path, folder);
      return await dataset(files, columns && new Set(columns), batchRows);
    },
  }),
});
export default stage;

async function dataset(
  files: readonly ImageFile[],
  columns: ReadonlySet<string> | undefined,
  batchRows: number | undefined,
): Promise<Dataset> {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  const size = batchRows ?? Math.min(
    maxBatchRows,
    2 ** Math.max(0, Math.floor(Math.log2(batchBytes / Math.max(1, total / files.length)))),
  );
  const hasLabels = files[0]!.label !== undefined;
  const schema = new Schema([fields.image, ...hasLabels ? [fields.label] : [], fields.path]);
  const batches = Math.ceil(files.length / size);
  const read = async (index: number) => {
    const part = files.slice(index * size, (index + 1) * size);
    if (part.length === 0) throw new RangeError(`no record batch ${index} among ${batches}`);
    return await batchOf(part, schema, columns);
  };
  return {
    schema,
    fingerprint: await fingerprintOf(files, total),
    rowCounts: Array.from(
      { length: batches },
      (_, index) => Math.min(size, files.length - index * size),
    ),
    recordBatch: read,
    async *recordBatches() {
      for (let index = 0; index < batches; index++) yield await read(index);
    },
    locate: (row) => files[row] && { file: files[row].name, row: 0 },
  };
}

/** Returns a text that changes when an image, its class, or the order of the images changes. */
async function fingerprintOf(files: readonly ImageFile[], total: number): Promise<string> {
  const names = files.map(({ inFolder }) => inFolder);
  if (total > hashedBytes) {
    const times = await inParts(files, async ({ path, size }) => {
      const { mtime } = await Deno.stat(path);
      return `${size} ${mtime?.getTime()}`;
    });
    return `stat:${sha256([...names, ...times].join("\n"))}`;
  }
  const hashes = await inParts(files, async (file) => (await fileFingerprints([file]))[0]!);
  return `sha256:${sha256([...names, ...hashes].join("\n"))}`;
}

/** Calls a function for each item, for some of them at a time. */
async function inParts<Item, Result>(
  items: readonly Item[],
  call: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += openAtOnce) {
    results.push(...await Promise.all(items.slice(at, at + openAtOnce).map(call)));
  }
  return results;
}

async function batchOf(
  files: readonly ImageFile[],
  schema: Schema,
  columns: ReadonlySet<string> | undefined,
): Promise<RecordBatch> {
  const wanted = schema.fields.filter(({ name }) => !columns || columns.has(name));
  const children: Data[] = [];
  for (const { name, type } of wanted) {
    if (name === "image") {
      children.push(await bytesOf(files));
      continue;
    }
    const texts = files.map(({ label, inFolder }) => name === "label" ? label : inFolder);
    children.push(vectorFromArray(texts, type).data[0]!);
  }
  const type = new Struct(wanted);
  return new RecordBatch(
    new Schema(wanted),
    makeData({ type, length: files.length, nullCount: 0, children }),
  );
}

/** Reads the bytes of images as a column. */
async function bytesOf(files: readonly ImageFile[]): Promise<Data<Binary>> {
  const valueOffsets = new Int32Array(files.length + 1);
  let total = 0;
  files.forEach(({ size }, index) => valueOffsets[index + 1] = total += size);
  if (total > maxColumn) {
    throw new UserError(
      `a record batch of ${files.length} images would have ${total} bytes; set the source's option batchRows to a smaller number of images`,
    );
  }
  const data = new Uint8Array(total);
  const starts = files.map((file, index) => ({ file, start: valueOffsets[index]! }));
  await inParts(starts, async ({ file: { name, path, size }, start }) => {
    const bytes = await Deno.readFile(path).catch((error) => {
      throw new UserError(`${name} cannot be read: ${(error as Error).message}`, { cause: error });
    });
    if (bytes.length !== size) {
      throw new UserError(`${name} changed while it was read`, { hint: leaveAlone() });
    }
    data.set(bytes, start);
  });
  return makeData({ type: new Binary(), length: files.length, nullCount: 0, valueOffsets, data });
}

/** Finds the images of a folder, by class and then by path. */
async function findImages(name: string, folder: string): Promise<ImageFile[]> {
  if (isUrl(name)) throw notFolder(name, "is an address");
  const root = resolvePath(folder, name);
  const info = await Deno.stat(root).catch(() => undefined);
  if (!info) {
    throw new UserError(`there is no folder ${name}`, {
      hint: hint("images/no-folder", `write a path relative to the folder ${folder}`, {
        edit: "the path",
      }),
    });
  }
  if (info.isFile && kind.extensions.test(root)) return [await fileOf(name, root, folder)];
  if (!info.isDirectory) throw notFolder(name, "is a file");
  const files: ImageFile[] = [], empty: string[] = [];
  const top = await listed(name, root);
  for (const entry of top.folders) {
    const before = files.length;
    await walk(files, { name, root, folder }, [entry], entry);
    if (files.length === before) empty.push(entry);
  }
  const loose = top.images.length > 0;
  if (loose && files.length > 0) {
    throw new UserError(
      `the folder ${name} has both images (${top.images[0]}) and subfolders with images (${
        files[0]!.label
      }), so it is not clear what the classes are`,
      {
        hint: hint("images/mixed", "move the images into the subfolders of their classes", {
          edit: "the folder",
        }),
      },
    );
  }
  if (loose) await walk(files, { name, root, folder }, [], undefined);
  else if (empty.length > 0 && files.length > 0) {
    throw new UserError(`the folder ${name}/${empty[0]} has no PNG or JPEG images`, {
      hint: hint("images/empty-class", "remove the folder, or add images of this class", {
        edit: "the folder",
      }),
    });
  }
  if (files.length > 0) return files;
  throw new UserError(`the folder ${name} has no PNG or JPEG images`, {
    hint: hint("images/none", "name a folder with a subfolder of images for each class", {
      edit: "the path",
    }),
  });
}

function notFolder(name: string, what: string): UserError {
  return new UserError(`${name} ${what}; expected a folder of images`, {
    hint: hint(
      "images/folder",
      "name a folder; for images in Parquet or Arrow files, use the source parquet or arrow",
      { edit: "the path" },
    ),
  });
}

/** Returns an image file without a class. */
async function fileOf(name: string, path: string, folder: string): Promise<ImageFile> {
  refuseLink(name, path);
  const { size, isFile } = await Deno.stat(path).catch(() => ({ size: 0, isFile: false }));
  if (!isFile || size === 0) await findFile(name, folder, kind);
  const inFolder = basename(path);
  return { name, path, size, partitions: new Map(), inFolder, label: undefined };
}

/** Adds the images of a folder and of its subfolders. */
async function walk(
  files: ImageFile[],
  source: { readonly name: string; readonly root: string; readonly folder: string },
  inside: readonly string[],
  label: string | undefined,
): Promise<void> {
  const at = [source.name.replace(/\/+$/, ""), ...inside].join("/");
  const { folders, images } = await listed(at, join(source.root, ...inside));
  for (const image of images) {
    const path = join(source.root, ...inside, image), inFolder = [...inside, image].join("/");
    files.push({ ...await fileOf(`${at}/${image}`, path, source.folder), inFolder, label });
  }
  if (label === undefined) return;
  for (const folder of folders) await walk(files, source, [...inside, folder], label);
}

/** Lists the images and folders in a folder, sorted by name. Hidden ones are skipped. */
async function listed(
  name: string,
  path: string,
): Promise<{ readonly folders: string[]; readonly images: string[] }> {
  const folders: string[] = [], images: string[] = [];
  for await (const entry of Deno.readDir(path)) {
    if (/^[._]/.test(entry.name)) continue;
    if (entry.isDirectory) folders.push(entry.name);
    else if (kind.extensions.test(entry.name)) images.push(entry.name);
    else if (otherImages.test(entry.name)) {
      throw new UserError(`${name}/${entry.name} is not a PNG or JPEG image`, {
        hint: hint(
          "images/other-format",
          "convert it to PNG or JPEG, or remove it from the folder",
          {
            edit: "the folder",
          },
        ),
      });
    } else if (entry.isSymlink && await isFolder(join(path, entry.name))) {
      throw new UserError(`${name}/${entry.name} is a link to a folder`, {
        hint: hint("images/link", "replace the link with the folder", { edit: "the folder" }),
      });
    }
  }
  return { folders: folders.sort(), images: images.sort() };
}

const isFolder = (path: string) =>
  Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false);
