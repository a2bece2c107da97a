/**
 * Where the messages of Arrow's IPC formats are in a file, so that any record batch can be read by
 * itself. The file format tells in its footer; the stream format is gone through once, from one
 * message's head to the next. What is read at a time is one record batch, however large the file.
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
import { availableMemory, hint, UserError } from "../../plugin.ts";
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
import { withQuickAssign } from "./wide_schema.ts";

/** A message: its metadata, with what tells their length, and its body. */
interface Block {
  readonly offset: number;
  readonly metadataLength: number;
  readonly bodyLength: number;
}

/** The values of a dictionary, or some more of them. */
interface DictionaryBlock extends Block {
  readonly id: number;
  /** Whether they are added to those before. */
  readonly isDelta: boolean;
  readonly header: RecordBatchHeader;
}

/** A record batch. */
interface BatchBlock extends Block {
  readonly rows: number;
  readonly header: RecordBatchHeader;
  /** How many dictionary batches come before it. */
  readonly dictionaries: number;
}

/** The messages of a file. */
export interface IpcIndex {
  /** The columns. */
  readonly schema: Schema;
  /** The rows of each record batch. */
  readonly rowCounts: readonly number[];
  /**
   * Whether a column has no value in any row, by what the record batches say of its nulls.
   *
   * @param column Its name.
   */
  isWithoutValues(column: string): boolean;
  /**
   * Where single rows of some columns are; undefined if they cannot be read by themselves.
   *
   * @param columns The columns; all by default.
   */
  rowLayout(columns?: readonly string[]): RowLayout | undefined;
  /**
   * Reads a record batch.
   *
   * @param index Its number, from 0.
   * @throws {Error} If it is damaged.
   */
  read(index: number): Promise<RecordBatch>;
}

/** A message of more bytes than this is taken for damage: metadata have some kilobytes. */
const maxMetadata = 2 ** 28;

/** What arrow-js can address in one record batch. */
const maxBody = 2 ** 31 - 1;

/** What arrow-js can count in one record batch. */
const maxRows = 2 ** 31 - 1;

/** What takes this much memory or less is read without a look at what there is, in bytes. */
const little = 2 ** 26;

/** What ends a stream. */
const endOfStream = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);

/** A file is not what its format promises. */
export class DamagedError extends Error {
  override name = "DamagedError";
}

/**
 * Finds the messages of a file.
 *
 * @param file The file.
 * @param format Which of the two formats it has.
 * @throws {DamagedError} If the file is cut off, or its parts are not where they should be.
 * @throws {UserError} If a big-endian machine wrote it.
 */
export async function indexIpc(file: RandomAccess, format: "file" | "stream"): Promise<IpcIndex> {
  const messages = format === "file" ? await indexFile(file) : await indexStream(file);
  const { batches } = messages;
  const head = messages.schema;
  if (isBigEndian(head)) {
    throw new UserError(
      `${file.name} has big-endian byte order, which cannot be read`,
      {
        hint: hint(
          "arrow/big-endian",
          "read it and write it again with pyarrow, which uses the byte order of its machine",
          { edit: "the data file" },
        ),
      },
    );
  }
  const { schema } = RecordBatchReader.from([head, endOfStream]).open();
  for (const { name, type } of schema.fields) verifyType(type, name);
  const words = new DictionaryMessages(file, schema, messages.dictionaries);
  let nodes: Map<string, number> | undefined;
  /** The dictionaries of the record batches that were read last, by how many came before them. */
  const dictionaries = new Map<number, Dictionaries[]>();
  return {
    schema,
    rowCounts: batches.map(({ rows }) => rows),
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
      if (!read) throw new DamagedError(`record batch ${index} is not where it should be`);
      // Each time anew dictionaries are other objects, which nobody could tell from other words.
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
 * The number of each column's first node, by the column's name; of two with one name the first's.
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

/** Of how many record batches with other dictionaries than the one before they are kept. */
const maxKept = 16;

/** The messages of dictionaries, which record batches need again and again. */
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
   * The messages that count for a record batch which comes behind some messages of dictionaries.
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
    if (!type) throw new DamagedError(`it has a dictionary ${block.id} that no column has`);
    const name = `(dictionary ${block.id})`;
    const { metadataVersion } = this.#schema;
    const schema = { fields: [new Field(name, type, true)], metadataVersion };
    return await readBatch(this.#file, block, schema, `dictionary ${block.id}`, block);
  }
}

/**
 * Reads the message of a record batch, or of a dictionary's values, as one that is not compressed.
 *
 * @throws {DamagedError} If its columns are not what they say.
 * @throws {UserError} If it is larger than what can be read at once.
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
      : `${(available / 1e9).toFixed(1)} GB of memory are available`;
    throw new UserError(
      `${what} of ${file.name} has ${(length / 1e9).toFixed(1)} GB${
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

/** The messages of a file, in order. */
interface Messages {
  /** The message of the columns. */
  readonly schema: Uint8Array;
  readonly dictionaries: readonly DictionaryBlock[];
  readonly batches: readonly BatchBlock[];
}

/** The magic and its padding, before the first message. */
const fileHead = 8;

async function indexFile(file: RandomAccess): Promise<Messages> {
  const tail = await readBytes(file, file.size - 10, 10);
  const length = new DataView(tail.buffer).getInt32(0, true);
  if (length <= 0 || length > file.size - fileHead - 10) {
    throw new DamagedError("its footer is not where it should be");
  }
  const tailBytes = await readBytes(file, file.size - 10 - length, length);
  verifyMetadata(tailBytes, "footer");
  const footer = Footer.decode(tailBytes);
  const dictionaries: DictionaryBlock[] = [];
  for (const block of footer.dictionaryBatches()) {
    const read = await readMessage(file, checked(file, block).offset);
    dictionaries.push(dictionaryBlock(read, dictionaries.length));
  }
  const batches: BatchBlock[] = [];
  for (const block of footer.recordBatches()) {
    const { offset } = checked(file, block);
    const read = await readMessage(file, offset);
    batches.push(batchBlock(read, batches.length, dictionaries.length));
  }
  return { schema: await schemaOfFile(file, footer.schema), dictionaries, batches };
}

/** The first message, which some writers leave out as the footer says the same. */
async function schemaOfFile(file: RandomAccess, schema: Schema): Promise<Uint8Array> {
  try {
    const first = await readMessage(file, fileHead);
    if (first?.message.headerType === MessageHeader.Schema) return readBlock(file, first.block);
  } catch {
    // What stands there is no message.
  }
  return metadataBytes(Message.from(schema));
}

async function indexStream(file: RandomAccess): Promise<Messages> {
  let schema: Uint8Array | undefined;
  const dictionaries: DictionaryBlock[] = [], batches: BatchBlock[] = [];
  for (let offset = 0; offset < file.size;) {
    const read = await readMessage(file, offset);
    if (!read) break;
    const { block, message } = read;
    if (message.headerType === MessageHeader.Schema) schema ??= await readBlock(file, block);
    else if (message.headerType === MessageHeader.DictionaryBatch) {
      dictionaries.push(dictionaryBlock(read, dictionaries.length));
    } else batches.push(batchBlock(read, batches.length, dictionaries.length));
    offset = block.offset + block.metadataLength + block.bodyLength;
  }
  if (!schema) throw new DamagedError("it does not start with its columns");
  return { schema, dictionaries, batches };
}

function dictionaryBlock(read: MessageAt | undefined, index: number): DictionaryBlock {
  if (read?.message.headerType !== MessageHeader.DictionaryBatch) {
    throw new DamagedError(`dictionary ${index} is not where it should be`);
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
    throw new DamagedError(`record batch ${index} is not where it should be`);
  }
  const header = read.message.header() as unknown as RecordBatchHeader;
  const { length: rows } = header;
  // What says so is damaged, or has columns of nulls alone: these take no room.
  if (!(rows >= 0 && rows <= maxRows)) {
    throw new DamagedError(`record batch ${index} says that it has ${rows} rows`);
  }
  verifyBuffers(header, read.block.bodyLength);
  return { ...read.block, rows, header, dictionaries };
}

/** A message's metadata, and where it is. */
interface MessageAt {
  readonly block: Block;
  readonly message: Message;
}

/** The message at a place; undefined at the mark of the end. */
async function readMessage(file: RandomAccess, offset: number): Promise<MessageAt | undefined> {
  // A stream of before Arrow 0.15 ends with four bytes of zeros.
  if (file.size - offset === 4 && (await readBytes(file, offset, 4)).every((byte) => byte === 0)) {
    return undefined;
  }
  const start = new DataView((await readBytes(file, offset, 8)).buffer);
  // Since Arrow 0.15 four bytes of ones come before the length.
  const prefix = start.getInt32(0, true) === -1 ? 8 : 4;
  const length = start.getInt32(prefix - 4, true);
  if (length === 0) return undefined;
  if (length < 0 || length > maxMetadata) {
    throw new DamagedError(`a message at byte ${offset} says that it has ${length} bytes`);
  }
  const metadata = await readBytes(file, offset + prefix, length);
  verifyMetadata(metadata, "message");
  const message = Message.decode(metadata);
  const block = { offset, metadataLength: prefix + length, bodyLength: Number(message.bodyLength) };
  return { block: checked(file, block), message };
}

/** Refuses what lies outside of the file before anything is made of that size. */
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
    throw new DamagedError(`a message at byte ${offset} reaches beyond its end`);
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

/** The dictionaries of a column and of the columns in it. */
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

/** Puts dictionaries in the place of a column's own, which are equal. */
function adopt(data: Data, { own, inner }: Dictionaries): void {
  if (own) data.dictionary = own;
  data.children.forEach((child, index) => adopt(child as Data, inner[index]!));
}
