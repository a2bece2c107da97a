import { type RecordBatch, RecordBatchReader, type Schema } from "apache-arrow";
import { createHash } from "node:crypto";
import { glob } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import { registerCodecs } from "./codecs.ts";
import { defineSource, nearest, pathOption, type SourceStage, UserError, z } from "../../plugin.ts";

/** What arrow-js can address in one file. */
const greatestFile = 2 ** 31 - 1;

const pattern = z.string().min(1, { error: "expected a path" });

/**
 * Rows from Arrow IPC files, the random-access file format and the stream format alike. Files are
 * read whole; columns are views of their bytes.
 */
const stage: SourceStage = defineSource({
  name: "arrow",
  summary: "Reads Arrow IPC files and streams, one or many.",
  options: z.object({
    path: pathOption(
      z.union([pattern, z.array(pattern).min(1)], {
        error: "expected a path, a glob such as data/part-*.arrow, or a list of them",
      }).describe(
        "A file, a glob such as data/part-*.arrow (read in the order of their names), or a list of them; relative to the pipeline file.",
      ),
    ),
  }),
  example: `use: arrow
path: ../data/digits-train.arrow`,
  create: ({ path }, { folder }) => ({
    async open() {
      const paths = await findFiles([path].flat(), folder);
      const files: ArrowFile[] = [];
      for (const name of paths) files.push(await readArrow(name, resolvePath(folder, name)));
      const [first] = files as [ArrowFile];
      for (const file of files.slice(1)) refuseOtherSchema(first, file);
      const batches = files.flatMap((file) => file.batches);
      return {
        schema: first.schema,
        fingerprint: `sha256:${
          files.length === 1 ? first.hash : sha256(files.map(({ hash }) => hash).join())
        }`,
        rowCounts: batches.map(({ numRows }) => numRows),
        recordBatch: (index) => {
          const batch = batches[index];
          return batch
            ? Promise.resolve(batch)
            : Promise.reject(new RangeError(`no record batch ${index} among ${batches.length}`));
        },
        async *recordBatches() {
          yield* batches;
        },
      };
    },
  }),
});
export default stage;

interface ArrowFile {
  /** As the pipeline file names it. */
  readonly name: string;
  readonly schema: Schema;
  readonly hash: string;
  readonly batches: readonly RecordBatch[];
}

const resolvePath = (folder: string, path: string) => isAbsolute(path) ? path : join(folder, path);

/** The files that paths and globs name, without repetition. */
async function findFiles(patterns: readonly string[], folder: string): Promise<string[]> {
  const found = new Set<string>();
  for (const pattern of patterns) {
    // A file may well be called part[1].arrow.
    if (!/[*?[{]/.test(pattern) || await isFile(resolvePath(folder, pattern))) {
      found.add(pattern);
      continue;
    }
    const matches: string[] = [];
    for await (const match of glob(pattern, { cwd: folder })) {
      if (await isFile(resolvePath(folder, match))) matches.push(match);
    }
    if (matches.length === 0) {
      throw new UserError(`no file matches ${pattern}`, {
        hint: `paths start at the folder of the pipeline file, ${folder}`,
      });
    }
    matches.sort().forEach((match) => found.add(match));
  }
  return [...found];
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}

async function readArrow(name: string, path: string): Promise<ArrowFile> {
  const bytes = await readBytes(name, path);
  const format = recognise(name, bytes);
  registerCodecs();
  try {
    const reader = RecordBatchReader.from(bytes).open();
    if (!reader.schema) throw new Error("it has no schema");
    const batches: RecordBatch[] = [];
    if (reader.isFile()) {
      for (let index = 0; index < reader.numRecordBatches; index++) {
        const batch = reader.readRecordBatch(index);
        if (!batch) throw new Error(`record batch ${index} is not where the footer says`);
        batches.push(batch);
      }
    } else {
      for (const batch of reader) batches.push(batch as RecordBatch);
    }
    const schema = reader.schema ?? batches[0]!.schema;
    return { name, schema, hash: sha256(bytes), batches };
  } catch (error) {
    throw unreadable(name, format, error);
  }
}

async function readBytes(name: string, path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const { size, isDirectory } = await Deno.stat(path);
    if (isDirectory) {
      throw new UserError(`${name} is a folder`, {
        hint: `name its files: ${join(name, "*.arrow")}`,
      });
    }
    if (size > greatestFile) {
      throw new UserError(
        `${name} has ${(size / 1e9).toFixed(1)} GB; a file may have up to 2.1 GB`,
        {
          hint:
            "write the rows to several files and name them with a glob, such as data/part-*.arrow",
        },
      );
    }
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof Deno.errors.NotFound) {
      throw new UserError(`there is no file ${name}`, {
        hint: await nearestFile(path),
        cause: error,
      });
    }
    throw new UserError(`${name} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** What there is instead of a file. */
async function nearestFile(path: string): Promise<string> {
  const folder = dirname(path);
  try {
    const names: string[] = [];
    for await (const entry of Deno.readDir(folder)) if (entry.isFile) names.push(entry.name);
    const arrow = names.filter((name) => /\.(arrow|arrows|feather|ipc)$/.test(name));
    const near = nearest(basename(path), arrow.length > 0 ? arrow : names);
    if (near) return `did you mean ${join(folder, near)}?`;
    if (names.length === 0) return `the folder ${folder} has no files`;
    return arrow.length > 0
      ? `the Arrow files in ${folder} are ${arrow.sort().join(", ")}`
      : `there are no Arrow files in ${folder}`;
  } catch {
    return `there is no folder ${folder}; paths start at the folder of the pipeline file`;
  }
}

/** The formats that are mistaken for Arrow, by how their files start. */
const otherFormats: readonly (readonly [start: string, name: string, convert: string])[] = [
  ["PAR1", "a Parquet file", 'pyarrow.parquet.read_table("FILE")'],
  ["FEA1", "a Feather file of version 1", 'pyarrow.feather.read_table("FILE")'],
  ["ORC", "an ORC file", 'pyarrow.orc.read_table("FILE")'],
  ["\x1f\x8b", "compressed with gzip", ""],
  ["\x28\xb5\x2f\xfd", "compressed with zstd", ""],
  ["PK\x03\x04", "a ZIP archive", ""],
  ["\x89HDF", "an HDF5 file", 'pyarrow.Table.from_pandas(pandas.read_hdf("FILE"))'],
  ["\x93NUMPY", "a NumPy file", ""],
  ["version https://git-lfs", "a pointer of Git LFS", ""],
];

/**
 * The format by a file's first and last bytes.
 *
 * @throws {UserError} If it is not Arrow, or not all of it.
 */
function recognise(name: string, bytes: Uint8Array): "file" | "stream" {
  if (bytes.length === 0) throw new UserError(`${name} is empty`);
  const text = (from: number, to: number) =>
    Array.from(bytes.subarray(from, to), (byte) => String.fromCharCode(byte)).join("");
  const start = text(0, 32);
  if (start.startsWith("ARROW1")) {
    if (text(bytes.length - 6, bytes.length) === "ARROW1" && bytes.length > 16) return "file";
    throw new UserError(`${name} is an Arrow file whose end is missing`, {
      hint: "it was cut off or is still being written: make it or fetch it again",
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (bytes.length >= 4) {
    const first = view.getInt32(0, true);
    // Before Arrow 0.15 a stream started with the length of its first message.
    if (first === -1 || (first > 0 && first < bytes.length - 4)) return "stream";
  }
  const known = otherFormats.find(([magic]) => start.startsWith(magic));
  if (known) {
    const [, what, convert] = known;
    throw notArrow(name, what, convert.replace("FILE", name));
  }
  if (/^[\t\n\r\x20-\x7e\x80-\xff]+$/.test(start)) {
    throw /^\s*[[{]/.test(start)
      ? notArrow(name, "a JSON file", `pyarrow.json.read_json("${name}")`)
      : notArrow(name, "a text file, perhaps CSV", `pyarrow.csv.read_csv("${name}")`);
  }
  const hex = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0"));
  throw notArrow(name, `no format that is known here (it starts with the bytes ${hex.join(" ")})`);
}

function notArrow(name: string, what: string, convert = ""): UserError {
  return new UserError(`${name} is ${what}; expected an Arrow IPC file or stream`, {
    hint: convert === ""
      ? undefined
      : `rewrite it in Python: pyarrow.feather.write_feather(${convert}, "${
        basename(name).replace(/\.[^.]*$/, "")
      }.arrow", compression="uncompressed")`,
  });
}

/** Says what arrow-js could not do. */
function unreadable(name: string, format: "file" | "stream", error: unknown): UserError {
  const message = (error as Error).message;
  if (/only read/.test(message) || error instanceof RangeError) {
    return new UserError(`${name} is an Arrow ${format} that is cut off or damaged: ${message}`, {
      hint: "make it or fetch it again",
      cause: error,
    });
  }
  return new UserError(`${name} cannot be read as an Arrow ${format}: ${message}`, {
    hint: "list views and run-end encoded columns cannot be read; write plain lists and values",
    cause: error,
  });
}

function refuseOtherSchema(first: ArrowFile, other: ArrowFile): void {
  const types = (file: ArrowFile) =>
    new Map(file.schema.fields.map(({ name, type }) => [name, String(type)]));
  const expected = types(first), found = types(other);
  for (const column of new Set([...expected.keys(), ...found.keys()])) {
    if (expected.get(column) === found.get(column)) continue;
    const what = ({ name }: ArrowFile, type: string | undefined) =>
      type === undefined ? `${name} has no such column` : `${type} in ${name}`;
    throw new UserError(
      `the column ${column} differs: ${what(first, expected.get(column))}, ${
        what(other, found.get(column))
      }`,
      { hint: "all files of a source have the same columns" },
    );
  }
}

function sha256(content: Uint8Array | string): string {
  const hash = createHash("sha256");
  if (typeof content === "string") return hash.update(content).digest("hex");
  // In parts, as the whole would be copied.
  const part = 2 ** 24;
  for (let start = 0; start < content.length; start += part) {
    hash.update(content.subarray(start, start + part));
  }
  return hash.digest("hex");
}
