import { type Field, type RecordBatch, Schema } from "apache-arrow";
import { createHash } from "node:crypto";
import {
  type Dataset,
  defineSource,
  hint,
  pathOption,
  type SourceStage,
  UserError,
  z,
} from "../../plugin.ts";
import { commonMetadata } from "./class_labels.ts";
import { commonFields, conform, type FileColumns, widened } from "./conform.ts";
import { plainBatch, plainField } from "./extension_types.ts";
import {
  type FileKind,
  fileNames,
  filePatterns,
  findFile,
  isUrl,
  joinFingerprints,
  locateRow,
} from "./files.ts";
import { makeAgain } from "./hints.ts";
import { partitionsOf } from "./hive.ts";
import {
  DamagedError,
  indexIpc,
  type IpcIndex,
  ManyPartsError,
  type PartLimits,
} from "./ipc_index.ts";
import { MetadataError } from "./ipc_verify.ts";
import { accessBytes, openFile, openUrl, type RandomAccess } from "./random_access.ts";
import { recognize } from "./recognize.ts";
import { ColumnError } from "./record_batch_verify.ts";
import { rowReader } from "./row_reader.ts";
import { decodeHint, findBrokenText } from "./utf8.ts";

const kind: FileKind = { format: "Arrow", extensions: /\.(arrow|arrows|feather|ipc)$/ };

/**
 * The source stage `arrow`: reads Arrow IPC files of any size, in the file format or the stream
 * format. Record batches are read one at a time, and columns are views of their bytes.
 */
const stage: SourceStage = defineSource({
  name: "arrow",
  summary: "Reads Arrow IPC files and streams, one or many, from disk or from a server.",
  options: z.object({
    path: pathOption(
      filePatterns("data/part-*.arrow").describe(
        "A file, a glob such as data/part-*.arrow (read in the order of their names), an http(s) address, or a list of them; relative to the pipeline file.",
      ),
    ),
  }),
  example: `use: arrow
path: ../data/digits-train.arrow`,
  create: ({ path }, { folder }) => ({
    async open({ columns, fingerprint = true } = {}) {
      const files: ArrowFile[] = [];
      const close = async () => {
        for (const { file } of files) await file.close();
      };
      try {
        for (const name of await fileNames([path].flat(), folder, kind)) {
          files.push(await openArrow(name, folder));
        }
        return await dataset({ files, columns, close }, fingerprint);
      } catch (error) {
        await close();
        throw error;
      }
    },
  }),
});
export default stage;

/** An open Arrow file with the index of its record batches. */
export interface ArrowFile {
  readonly file: RandomAccess;
  readonly format: "file" | "stream";
  readonly index: IpcIndex;
}

async function dataset(
  opened: Omit<OpenFiles, "fingerprint">,
  isHashed: boolean,
): Promise<Dataset> {
  const { files } = opened, hashes: string[] = [];
  if (isHashed) { for (const { file } of files) hashes.push(await fingerprintOf(file)); }
  const fields = await commonFields(files.map(columnsOf));
  const metadata = commonMetadata(
    files.map(({ file: { name }, index }) => ({ name, metadata: index.schema.metadata })),
  );
  const schema = new Schema(fields, metadata);
  return withTypes({ ...opened, fingerprint: isHashed ? joinFingerprints(hashes) : "" }, schema);
}

const columnsOf = ({ file: { name }, index }: ArrowFile): FileColumns => ({
  name,
  fields: index.schema.fields.map(plainField),
  partitions: partitionsOf(name),
  withoutValues: (names) =>
    Promise.resolve(new Set(names.filter((name) => index.isWithoutValues(name)))),
});

/** Open files, and the columns to read from them (all columns if undefined). */
interface OpenFiles {
  readonly files: readonly ArrowFile[];
  readonly columns: readonly string[] | undefined;
  readonly fingerprint: string;
  readonly close: () => Promise<void>;
}

/** Returns the dataset of open files, with columns converted to the types of the schema. */
function withTypes(opened: OpenFiles, schema: Schema): Dataset {
  const { files, columns, fingerprint, close } = opened;
  const places = files.flatMap((file) => {
    let firstRow = 0;
    return file.index.rowCounts.map((rows, index) => {
      const place = { file, index, firstRow };
      firstRow += rows;
      return place;
    });
  });
  const read = async (number: number): Promise<RecordBatch> => {
    const place = places[number];
    if (!place) throw new RangeError(`no record batch ${number} among ${places.length}`);
    const { file: { file: { name }, format, index }, index: own, firstRow } = place;
    const batch = await index.read(own).catch((error) => {
      throw unreadable(name, format, error);
    });
    refuseBrokenText(batch, columns, (row) => ({ file: name, row: firstRow + row }));
    const plain = plainBatch(batch, columns);
    return conform(plain, schema, { name, firstRow, partitions: partitionsOf(name) });
  };
  const readRows = hasColumns(files, schema, columns) ? rowReader(files, columns) : undefined;
  const counted = files.map(({ file: { name }, index: { rowCounts } }) =>
    [name, rowCounts.reduce((sum, rows) => sum + rows, 0)] as const
  );
  const rows = readRows && (async (numbers: ArrayLike<number>) => {
    const batch = await readRows(numbers);
    refuseBrokenText(batch, columns, (row) => locateRow(counted, numbers[row]!)!);
    return plainBatch(batch, columns);
  });
  return {
    schema,
    ...(rows && { rows }),
    fingerprint,
    files: files.flatMap(({ file: { path } }) => path ?? []),
    rowCounts: files.flatMap(({ index }) => index.rowCounts),
    recordBatch: read,
    locate: (row) => locateRow(counted, row),
    async *recordBatches() {
      for (const number of places.keys()) yield await read(number);
    },
    withoutValues: (names) => Promise.resolve(withoutValues(files, names)),
    widen(fields) {
      const free = withoutValues(files, fields.map(({ name }) => name));
      return Promise.resolve(withTypes(opened, widened(schema, fields, free)));
    },
    close,
  };
}

/** Returns the given columns that contain only nulls in every file. */
function withoutValues(files: readonly ArrowFile[], names: readonly string[]): Set<string> {
  return new Set(
    names.filter((name) => files.every(({ index }) => index.isWithoutValues(name))),
  );
}

/** Throws an error that names the file and row of the first text that is not valid UTF-8. */
function refuseBrokenText(
  batch: RecordBatch,
  columns: readonly string[] | undefined,
  placeOf: (row: number) => { readonly file: string; readonly row: number },
): void {
  const broken = findBrokenText(batch, columns);
  if (!broken) return;
  const { file, row } = placeOf(broken.row);
  throw new UserError(
    `row ${row} of ${file} has text that is not valid UTF-8 in the column ${broken.column} (rows count from 0)`,
    { hint: decodeHint(broken.nested ? undefined : broken.column) },
  );
}

/**
 * Checks whether all files have the same columns in the same order and with the same types, so that
 * their bytes have the same layout and rows can be copied without conversion.
 */
function hasColumns(
  files: readonly ArrowFile[],
  schema: Schema,
  columns: readonly string[] | undefined,
): boolean {
  const names = columns && new Set(columns);
  const typed = (fields: readonly Field[]) =>
    fields.filter(({ name }) => !names || names.has(name))
      .map(({ name, type }) => `${name} ${type}`).join();
  const expected = typed(schema.fields);
  return files.every(({ index }) => typed(index.schema.fields.map(plainField)) === expected);
}

async function openArrow(name: string, folder: string): Promise<ArrowFile> {
  const file = isUrl(name)
    ? await openUrl(name)
    : await openFile(name, (await findFile(name, folder, kind)).path);
  return await indexed(file);
}

/** Rows that were received as the bytes of an Arrow stream or file. */
export interface ReceivedRows {
  /** Columns. */
  readonly schema: Schema;
  /** Number of rows in each record batch. */
  readonly rowCounts: readonly number[];
  /** Whether any buffers are compressed: reading them may take much more memory than the bytes. */
  readonly isCompressed: boolean;
  /** Reads the record batches, one at a time. */
  recordBatches(): AsyncIterable<RecordBatch>;
}

/**
 * Opens an Arrow IPC stream or file that is in memory, with the same checks as for a file on disk.
 *
 * @param name Name of the bytes, for messages.
 * @param bytes The bytes. Columns are views of them.
 * @param columns Names of the columns to check; others are returned as they are.
 * @param limits Largest numbers of parts.
 * @throws {UserError} If the bytes are not Arrow IPC or are damaged, or if two columns have the same
 *   name.
 * @throws {ManyPartsError} If there are more parts than allowed.
 */
export async function openReceivedArrow(
  name: string,
  bytes: Uint8Array,
  columns: readonly string[],
  limits: PartLimits = {},
): Promise<ReceivedRows> {
  const file = await indexed(accessBytes(name, bytes), limits);
  const schema = new Schema(file.index.schema.fields.map(plainField));
  const seen = new Set<string>();
  const twice = schema.fields.find(({ name }) => seen.size === seen.add(name).size);
  if (twice) throw new UserError(`${name} has two columns called ${twice.name}`);
  const opened = { files: [file], columns, fingerprint: "", close: () => Promise.resolve() };
  const { recordBatches } = withTypes(opened, schema);
  const { rowCounts, isCompressed } = file.index;
  return {
    ...{ schema, rowCounts, isCompressed },
    recordBatches: () => recordBatches() as AsyncIterable<RecordBatch>,
  };
}

async function indexed(file: RandomAccess, limits: PartLimits = {}): Promise<ArrowFile> {
  const { name } = file;
  try {
    const format = await recognize(file);
    try {
      return { file, format, index: await indexIpc(file, format, limits) };
    } catch (error) {
      throw error instanceof ManyPartsError ? error : unreadable(name, format, error);
    }
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Converts an error of the reader to a UserError: the file is damaged, or arrow-js does not support
 * it.
 */
function unreadable(name: string, format: "file" | "stream", error: unknown): UserError {
  if (error instanceof UserError) return error;
  // arrow-js fails with a TypeError when a structure that it expects is missing.
  const message = error instanceof TypeError
    ? "its parts are inconsistent"
    : (error as Error).message;
  const damaged = [DamagedError, MetadataError, ColumnError, RangeError, TypeError]
    .some((kind) => error instanceof kind);
  if (damaged || /only read/.test(message)) {
    return new UserError(`${name} is an Arrow ${format} that is cut off or damaged: ${message}`, {
      hint: makeAgain(),
      cause: error,
    });
  }
  return new UserError(`${name} cannot be read as an Arrow ${format}: ${message}`, {
    hint: hint(
      "arrow/types",
      "list views, run-end encoded columns, and integers of 128 bits cannot be read; write plain " +
        "lists and values",
      { edit: "the data file" },
    ),
    cause: error,
  });
}

/** The largest file that is hashed completely, in bytes. For larger files, samples are hashed. */
const hashedWhole = 2 ** 28;

/**
 * The number of bytes per read of a file that is hashed completely, the number of samples of a
 * larger file, and the size of a sample in bytes.
 */
const hashedAtOnce = 2 ** 22, hashedParts = 1024, hashedPart = 2 ** 14;

/**
 * Returns a fingerprint of the file's bytes: the SHA-256 of all bytes, or for a large file, of its
 * version and of samples spread evenly over the file.
 */
async function fingerprintOf(file: RandomAccess): Promise<string> {
  const { size } = file;
  const hash = createHash("sha256");
  const buffer = new Uint8Array(Math.min(size, hashedAtOnce));
  const add = async (offset: number, length: number) => {
    const bytes = buffer.subarray(0, Math.min(length, size - offset));
    await file.read(offset, bytes);
    hash.update(bytes);
  };
  if (size <= hashedWhole) {
    for (let offset = 0; offset < size; offset += hashedAtOnce) await add(offset, hashedAtOnce);
    return `sha256:${hash.digest("hex")}`;
  }
  hash.update(file.version);
  for (let part = 0; part < hashedParts; part++) {
    await add(Math.floor(part / hashedParts * (size - hashedPart)), hashedPart);
  }
  await add(size - hashedPart, hashedPart);
  return `sha256-of-parts:${hash.digest("hex")}`;
}
