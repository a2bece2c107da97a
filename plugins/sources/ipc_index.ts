/**
 * Locates the messages of an Arrow IPC file, so that each record batch can be read separately. The
 * file format lists them in its footer. The stream format has no footer, so its message headers are
 * read once from start to end. However large the file is, one record batch is read at a time.
 *
 * @module
 */

import {
  type Data,
  type DataType,
  Field,
  MessageHeader,
  type RecordBatch,
  RecordBatchReader,
  type Schema,
  type Vector,
} from "apache-arrow";
import { Footer } from "apache-arrow/ipc/metadata/file";
import { Message } from "apache-arrow/ipc/metadata/message";
import { availableMemory, hint, UserError, withQuickAssign } from "../../plugin.ts";
import { isBigEndian } from "./endianness.ts";
import { verifyMetadata } from "./ipc_verify.ts";
import type { RandomAccess } from "./random_access.ts";
import { nodesOf, type RecordBatchHeader, type RowLayout, rowLayout } from "./row_layout.ts";
import { PackedError } from "./codecs.ts";
import { type BatchMessage, metadataBytes, packedBatch } from "./packed_batch.ts";
import {
  ColumnError,
  verifyBuffers,
  verifyColumn,
  verifyNulls,
  verifyRows,
  verifyType,
} from "./record_batch_verify.ts";

/**
 * Position of a message: its metadata, including their length prefix, followed by its body. All
 * sizes are in bytes.
 */
interface Block {
  readonly offset: number;
  readonly metadataLength: number;
  readonly bodyLength: number;
}

/** A message with the values of a dictionary, or with values to append to it. */
interface DictionaryBlock extends Block {
  readonly id: number;
  /**
   * Whether the values are appended to the earlier values of the dictionary. If not, they replace
   * them.
   */
  readonly isDelta: boolean;
  readonly header: RecordBatchHeader;
}

/** A message with a record batch. */
interface BatchBlock extends Block {
  readonly rows: number;
  readonly header: RecordBatchHeader;
  /** Number of dictionary messages before this record batch. */
  readonly dictionaries: number;
}

/** The schema of an Arrow IPC file, and access to its record batches. */
export interface IpcIndex {
  /** Columns of the file. */
  readonly schema: Schema;
  /** Number of rows in each record batch. */
  readonly rowCounts: readonly number[];
  /** Whether the buffers of any record batch or dictionary are compressed. */
  readonly isCompressed: boolean;
  /**
   * Checks whether all rows of a column are null, based on the null counts in the record batch
   * headers.
   *
   * @param column Name of the column.
   * @returns `false` if there is no such column.
   */
  isWithoutValues(column: string): boolean;
  /**
   * Returns the positions of the values of single rows.
   *
   * @param columns Names of the columns to read; all columns by default.
   * @returns Undefined if single rows of these columns cannot be read without their record batch.
   */
  rowLayout(columns?: readonly string[]): RowLayout | undefined;
  /**
   * Reads a record batch and verifies its contents.
   *
   * @param index Index of the record batch, from 0.
   * @throws {DamagedError} If the record batch is damaged.
   * @throws {UserError} If the record batch is too large to read.
   * @throws {RangeError} If there is no record batch with this index.
   */
  read(index: number): Promise<RecordBatch>;
}

/**
 * Largest accepted size of a message's metadata, in bytes. Metadata normally needs some kilobytes,
 * so a larger size means that the file is damaged.
 */
const maxMetadata = 2 ** 28;

/** Largest body of a record batch that arrow-js can address, in bytes. */
const maxBody = 2 ** 31 - 1;

/** Largest number of rows in a record batch that arrow-js supports. */
const maxRows = 2 ** 31 - 1;

/** Up to this size, in bytes, a record batch is read without checking the available memory. */
const little = 2 ** 26;

/** Marker of the end of a stream: the continuation marker and a length of 0. */
const endOfStream = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);

/** Error that reports a damaged file. The message says what is damaged. */
export class DamagedError extends Error {
  override name = "DamagedError";
}

/**
 * The maximum numbers and sizes of the parts of an Arrow file, such as record batches. By default,
 * there is no limit.
 */
export interface PartLimits {
  /** The number of record batches and dictionaries together. */
  readonly messages?: number;
  /** The number of messages that add values to a dictionary. */
  readonly deltas?: number;
  /** The number of columns, including the columns within structs and lists. */
  readonly columns?: number;
  /** The number of columns of all record batches together. */
  readonly columnsOfBatches?: number;
  /** The size of a message's metadata, in bytes. */
  readonly metadata?: number;
  /** The size of the values of all messages, in bytes; those that columns share count repeatedly. */
  readonly values?: number;
  /** Called before each message is read. */
  readonly pause?: () => Promise<void>;
}

/** Thrown if a file has more parts than allowed. The message says which. */
export class ManyPartsError extends Error {
  override name = "ManyPartsError";
}

/**
 * Reads the schema of an Arrow IPC file and finds the positions of its record batches, without
 * reading their values.
 *
 * @param file The file.
 * @param format The IPC format of the file.
 * @param limits The largest numbers of parts.
 * @returns The schema of the file and access to its record batches.
 * @throws {DamagedError} If the file is truncated, or its messages are not where they should be.
 * @throws {MetadataError} If the metadata of a message are damaged.
 * @throws {ColumnError} If a column type or the position of a buffer is invalid.
 * @throws {UserError} If the file is big-endian.
 * @throws {ManyPartsError} If the file has more parts than allowed.
 */
export async function indexIpc(
  file: RandomAccess,
  format: "file" | "stream",
  limits: PartLimits = {},
): Promise<IpcIndex> {
  const { columns: mostColumns = Infinity, columnsOfBatches = Infinity } = limits;
  const messages = format === "file"
    ? await indexFile(file, limits)
    : await indexStream(file, limits);
  const { batches } = messages;
  refuseShared(messages, limits);
  const head = messages.schema;
  if (isBigEndian(head)) {
    throw new UserError(
      `${file.name} has big-endian byte order, which Rocket cannot read`,
      {
        hint: hint(
          "arrow/big-endian",
          "read the file with pyarrow and write it again; pyarrow uses the byte order of its machine",
          { edit: "the data file" },
        ),
      },
    );
  }
  const { schema } = RecordBatchReader.from([head, endOfStream]).open();
  const columns = schema.fields.reduce((sum, { type }) => sum + nodesOf(type), 0);
  if (columns > mostColumns) throw new ManyPartsError(`more than ${mostColumns} columns`);
  if (columns * batches.length > columnsOfBatches) {
    throw new ManyPartsError(
      `${columns} columns in ${batches.length} record batches, so more than ${columnsOfBatches} columns in all of them`,
    );
  }
  for (const { name, type } of schema.fields) {
    // The format of the metadata allows this, although Arrow does not.
    if (typeof name !== "string") throw new DamagedError("a column has no name");
    verifyType(type, name);
  }
  const words = new DictionaryMessages(file, schema, messages.dictionaries);
  let nodes: Map<string, number> | undefined;
  /**
   * Dictionaries of the record batches read most recently. The key is the number of dictionary
   * messages before a record batch.
   */
  const dictionaries = new Map<number, Dictionaries[]>();
  return {
    schema,
    rowCounts: batches.map(({ rows }) => rows),
    isCompressed: [...batches, ...messages.dictionaries].some(({ header }) =>
      Boolean(header.compression)
    ),
    isWithoutValues(column) {
      nodes ??= firstNodes(schema);
      return isWithoutValues(nodes.get(column), batches);
    },
    rowLayout: (columns) => rowLayout(schema, batches, columns),
    async read(index) {
      const batch = batches[index];
      if (!batch) throw new RangeError(`no record batch ${index} among ${batches.length}`);
      const before = await words.before(batch.dictionaries);
      const message = await readBatch(file, batch, schema, `record batch ${index}`);
      const reader = RecordBatchReader.from(
        [
          head,
          ...[...before, message].flatMap(({ metadata, body }) => [metadata, body]),
          endOfStream,
        ],
      ).open();
      withQuickAssign(reader.schema);
      const [read] = reader;
      if (!read) throw new DamagedError(`record batch ${index} is not at the expected position`);
      // arrow-js creates new dictionary objects for each read. Record batches with equal
      // dictionaries get the same objects here, so that callers can compare dictionaries by
      // identity.
      let known = dictionaries.get(batch.dictionaries);
      if (!known) {
        known = read.data.children.map(dictionariesOf);
        verifyDictionaries(known, schema);
        dictionaries.set(batch.dictionaries, known);
        const [oldest] = dictionaries.keys();
        if (dictionaries.size > maxKept) dictionaries.delete(oldest!);
      }
      read.data.children.forEach((column, index) => adopt(column, known[index]!));
      verifyBatch(read, index);
      return read;
    },
  };
}

/**
 * Maps each column name to the index of the column's first node. If two columns have the same name,
 * the first column counts.
 */
function firstNodes({ fields }: Schema): Map<string, number> {
  const nodes = new Map<string, number>();
  let node = 0;
  for (const { name, type } of fields) {
    if (!nodes.has(name)) nodes.set(name, node);
    node += nodesOf(type);
  }
  return nodes;
}

function isWithoutValues(first: number | undefined, batches: readonly BatchBlock[]): boolean {
  if (first === undefined) return false;
  return batches.every(({ header }) => {
    const node = header.nodes[first];
    return node !== undefined && Number(node.nullCount) === Number(node.length);
  });
}

/** Maximum number of different dictionary states to keep. */
const maxKept = 16;

/** Cache of dictionary messages, because consecutive record batches use the same ones. */
class DictionaryMessages {
  readonly #file: RandomAccess;
  readonly #schema: Schema;
  readonly #blocks: readonly DictionaryBlock[];
  #kept = new Map<DictionaryBlock, Promise<BatchMessage>>();

  constructor(file: RandomAccess, schema: Schema, blocks: readonly DictionaryBlock[]) {
    this.#file = file;
    this.#schema = schema;
    this.#blocks = blocks;
  }

  /**
   * Returns the dictionary messages that apply to a record batch.
   *
   * @param count Number of dictionary messages before the record batch.
   */
  async before(count: number): Promise<BatchMessage[]> {
    const wanted = new Map<number, DictionaryBlock[]>();
    for (const block of this.#blocks.slice(0, count)) {
      const { id, isDelta } = block, known = wanted.get(id);
      if (isDelta && known) known.push(block);
      else wanted.set(id, [block]);
    }
    const kept = this.#kept;
    this.#kept = new Map();
    for (const block of [...wanted.values()].flat()) {
      this.#kept.set(block, kept.get(block) ?? this.#read(block));
    }
    return await Promise.all(this.#kept.values());
  }

  async #read(block: DictionaryBlock): Promise<BatchMessage> {
    const type = this.#schema.dictionaries.get(block.id);
    if (!type) {
      throw new DamagedError(`it has a dictionary with the id ${block.id}, which no column uses`);
    }
    const name = `(dictionary ${block.id})`;
    const { metadataVersion } = this.#schema;
    const schema = { fields: [new Field(name, type, true)], metadataVersion };
    return await readBatch(this.#file, block, schema, `dictionary ${block.id}`, block);
  }
}

/**
 * Reads the message of a record batch or of a dictionary, and decompresses its buffers if
 * necessary.
 *
 * @throws {DamagedError} If its columns contradict its header.
 * @throws {UserError} If it is larger than 2.1 GB or than the available memory.
 */
async function readBatch(
  file: RandomAccess,
  { header, ...block }: DictionaryBlock | BatchBlock,
  { fields, metadataVersion }: Pick<Schema, "fields" | "metadataVersion">,
  what: string,
  dictionary?: DictionaryBlock,
): Promise<BatchMessage> {
  const refuseLarge = async (length: number, unpacked: boolean) => {
    if (length <= little) return;
    const available = await availableMemory();
    if (length <= maxBody && length <= available) return;
    const limit = length > maxBody
      ? "at most 2.1 GB can be read at once"
      : `${(available / 1e9).toFixed(1)} GB of memory is available`;
    throw new UserError(
      `${what} of ${file.name} has a size of ${(length / 1e9).toFixed(1)} GB${
        unpacked ? " when it is decompressed" : ""
      }; ${limit}`,
      {
        hint: hint(
          "arrow/batch",
          "write the file with smaller record batches: pyarrow.feather.write_feather(table, PATH, chunksize=65536)",
          { edit: "the data file" },
        ),
      },
    );
  };
  await refuseLarge(block.bodyLength, false);
  const bytes = await readBlock(file, block);
  let message: BatchMessage = {
    header,
    metadata: bytes.subarray(0, block.metadataLength),
    body: bytes.subarray(block.metadataLength),
  };
  try {
    verifyRows(fields, header);
    if (header.compression) {
      const packed = packedBatch(fields, message, metadataVersion, dictionary);
      await refuseLarge(packed.length, true);
      message = packed.unpack();
    }
    verifyNulls(fields, message.header, message.body);
  } catch (error) {
    if (!(error instanceof ColumnError || error instanceof PackedError)) throw error;
    throw new DamagedError(`in ${what}, ${error.message}`, { cause: error });
  }
  return message;
}

function verifyBatch({ schema, data }: RecordBatch, index: number): void {
  try {
    data.children.forEach((column, at) => verifyColumn(column as Data, schema.fields[at]!.name));
  } catch (error) {
    if (!(error instanceof ColumnError)) throw error;
    throw new DamagedError(`in record batch ${index}, ${error.message}`, { cause: error });
  }
}

/** Messages of a file, in order. */
interface Messages {
  /** Bytes of the schema message. */
  readonly schema: Uint8Array;
  readonly dictionaries: readonly DictionaryBlock[];
  readonly batches: readonly BatchBlock[];
}

/** Size of the magic number and its padding before the first message, in bytes. */
const fileHead = 8;

async function indexFile(file: RandomAccess, limits: PartLimits): Promise<Messages> {
  const tail = await readBytes(file, file.size - 10, 10);
  const length = new DataView(tail.buffer).getInt32(0, true);
  if (length <= 0 || length > file.size - fileHead - 10) {
    throw new DamagedError("its footer is not at the expected position");
  }
  refuseMetadata(length, limits);
  const tailBytes = await readBytes(file, file.size - 10 - length, length);
  verifyMetadata(tailBytes, "footer");
  const footer = Footer.decode(tailBytes);
  const dictionaries: DictionaryBlock[] = [];
  refuseMany(footer.numRecordBatches + footer.numDictionaries, limits);
  for (const block of footer.dictionaryBatches()) {
    const read = await readMessage(file, checked(file, block).offset, limits);
    dictionaries.push(dictionaryBlock(read, dictionaries.length));
    refuseDeltas(dictionaries, limits);
  }
  const batches: BatchBlock[] = [];
  for (const block of footer.recordBatches()) {
    const { offset } = checked(file, block);
    const read = await readMessage(file, offset, limits);
    batches.push(batchBlock(read, batches.length, dictionaries.length));
  }
  return { schema: await schemaOfFile(file, footer.schema, limits), dictionaries, batches };
}

/**
 * Returns the schema message at the start of the file. Some writers omit it because the footer also
 * has the schema; then the message is built from the footer.
 */
async function schemaOfFile(
  file: RandomAccess,
  schema: Schema,
  limits: PartLimits,
): Promise<Uint8Array> {
  try {
    const first = await readMessage(file, fileHead, limits);
    if (first?.message.headerType === MessageHeader.Schema) return readBlock(file, first.block);
  } catch {
    // The bytes are not a message, so use the schema of the footer.
  }
  return metadataBytes(Message.from(schema));
}

function refuseMany(messages: number, { messages: most = Infinity }: PartLimits): void {
  if (messages > most) {
    throw new ManyPartsError(`more than ${most} record batches and dictionaries`);
  }
}

/** Counts the messages that add values to a dictionary when one more of them was read. */
function refuseDeltas(
  dictionaries: readonly DictionaryBlock[],
  { deltas: most = Infinity }: PartLimits,
): void {
  // A file of one's own has no limit, and may have many such messages.
  if (most === Infinity || !dictionaries.at(-1)?.isDelta) return;
  if (dictionaries.filter(({ isDelta }) => isDelta).length > most) {
    throw new ManyPartsError(`more than ${most} messages that add values to dictionaries`);
  }
}

/** Refuses columns that together have more values than the file: they share bytes. */
function refuseShared(
  { dictionaries, batches }: Messages,
  { values: most = Infinity }: PartLimits,
): void {
  if (most === Infinity) return;
  let bytes = 0;
  for (const { header } of [...dictionaries, ...batches]) {
    for (const { length } of header.buffers) bytes += Number(length);
  }
  if (bytes > most) throw new ManyPartsError("columns that share bytes");
}

function refuseMetadata(bytes: number, { metadata: most = Infinity }: PartLimits): void {
  if (bytes > most) throw new ManyPartsError(`a message with more than ${most} bytes of metadata`);
}

async function indexStream(file: RandomAccess, limits: PartLimits): Promise<Messages> {
  let schema: Uint8Array | undefined;
  const dictionaries: DictionaryBlock[] = [], batches: BatchBlock[] = [];
  for (let offset = 0; offset < file.size;) {
    const read = await readMessage(file, offset, limits);
    if (!read) break;
    const { block, message } = read;
    if (message.headerType === MessageHeader.Schema) schema ??= await readBlock(file, block);
    else if (message.headerType === MessageHeader.DictionaryBatch) {
      dictionaries.push(dictionaryBlock(read, dictionaries.length));
      refuseDeltas(dictionaries, limits);
    } else batches.push(batchBlock(read, batches.length, dictionaries.length));
    refuseMany(dictionaries.length + batches.length, limits);
    offset = block.offset + block.metadataLength + block.bodyLength;
  }
  if (!schema) throw new DamagedError("it does not start with a schema");
  return { schema, dictionaries, batches };
}

function dictionaryBlock(read: MessageAt | undefined, index: number): DictionaryBlock {
  if (read?.message.headerType !== MessageHeader.DictionaryBatch) {
    throw new DamagedError(`dictionary ${index} is not at the expected position`);
  }
  const { id, isDelta, data } = read.message.header() as unknown as {
    id: number;
    isDelta: boolean;
    data: RecordBatchHeader;
  };
  verifyBuffers(data, read.block.bodyLength);
  return { ...read.block, id, isDelta, header: data };
}

function batchBlock(
  read: MessageAt | undefined,
  index: number,
  dictionaries: number,
): BatchBlock {
  if (read?.message.headerType !== MessageHeader.RecordBatch) {
    throw new DamagedError(`record batch ${index} is not at the expected position`);
  }
  const header = read.message.header() as unknown as RecordBatchHeader;
  const { length: rows } = header;
  // A larger count is either damage or a batch that has only null columns, which take up no bytes.
  if (!(rows >= 0 && rows <= maxRows)) {
    throw new DamagedError(`record batch ${index} declares ${rows} rows`);
  }
  verifyBuffers(header, read.block.bodyLength);
  return { ...read.block, rows, header, dictionaries };
}

/** A decoded message and its position. */
interface MessageAt {
  readonly block: Block;
  readonly message: Message;
}

/** Reads the message at an offset. Returns undefined at the end-of-stream marker. */
async function readMessage(
  file: RandomAccess,
  offset: number,
  limits: PartLimits,
): Promise<MessageAt | undefined> {
  await limits.pause?.();
  // Before Arrow 0.15, a stream ended with four zero bytes.
  if (file.size - offset === 4 && (await readBytes(file, offset, 4)).every((byte) => byte === 0)) {
    return undefined;
  }
  const start = new DataView((await readBytes(file, offset, 8)).buffer);
  // Since Arrow 0.15, the continuation marker 0xFFFFFFFF comes before the length.
  const prefix = start.getInt32(0, true) === -1 ? 8 : 4;
  const length = start.getInt32(prefix - 4, true);
  if (length === 0) return undefined;
  if (length < 0 || length > maxMetadata) {
    throw new DamagedError(`a message at byte ${offset} declares ${length} bytes`);
  }
  refuseMetadata(length, limits);
  const metadata = await readBytes(file, offset + prefix, length);
  verifyMetadata(metadata, "message");
  const message = Message.decode(metadata);
  const block = { offset, metadataLength: prefix + length, bodyLength: Number(message.bodyLength) };
  return { block: checked(file, block), message };
}

/** Checks that a message lies within the file, before memory of its size is allocated. */
function checked(
  file: RandomAccess,
  { offset, bodyLength, ...block }: {
    offset: number;
    bodyLength: number;
    metadataLength?: number;
    metaDataLength?: number;
  },
): Block {
  const metadataLength = block.metadataLength ?? block.metaDataLength!;
  const numbers = [offset, metadataLength, bodyLength];
  const end = offset + metadataLength + bodyLength;
  if (numbers.some((number) => !Number.isSafeInteger(number) || number < 0) || end > file.size) {
    throw new DamagedError(`a message at byte ${offset} extends beyond the end of the file`);
  }
  return { offset, metadataLength, bodyLength };
}

function readBlock(file: RandomAccess, block: Block): Promise<Uint8Array<ArrayBuffer>> {
  return readBytes(file, block.offset, block.metadataLength + block.bodyLength);
}

async function readBytes(
  file: RandomAccess,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (offset < 0 || offset + length > file.size) {
    throw new DamagedError(`it ends before byte ${offset + length}`);
  }
  const bytes = new Uint8Array(length);
  await file.read(offset, bytes);
  return bytes;
}

/** Dictionaries of a column and its child columns. */
interface Dictionaries {
  readonly own: Vector | undefined;
  readonly inner: readonly Dictionaries[];
}

function dictionariesOf({ dictionary, children }: Data): Dictionaries {
  return { own: dictionary, inner: children.map((child) => dictionariesOf(child as Data)) };
}

function verifyDictionaries(known: readonly Dictionaries[], { fields }: Schema): void {
  const verify = ({ own, inner }: Dictionaries, name: string, type: DataType): void => {
    for (const part of own?.data ?? []) verifyColumn(part, `${name} (its dictionary)`);
    inner.forEach((child, index) => {
      const field = type.children[index] as Field;
      verify(child, `${name}.${field.name}`, field.type);
    });
  };
  fields.forEach(({ name, type }, index) => verify(known[index]!, name, type));
}

/** Replaces the dictionaries of a column with equal ones from an earlier read. */
function adopt(data: Data, { own, inner }: Dictionaries): void {
  if (own) data.dictionary = own;
  data.children.forEach((child, index) => adopt(child as Data, inner[index]!));
}
