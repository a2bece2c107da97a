import {
  AsyncByteQueue,
  type RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  type RecordBatchWriter,
  type Schema,
  type Table,
} from "apache-arrow";
import { draftOf, forgetDraft } from "./drafts.ts";
import { WrittenColumns } from "./written_columns.ts";

/**
 * Writes an Arrow file in the random-access format, which appears under its name only when it is
 * complete.
 *
 * @param path The path of the file.
 * @param schema The columns of the file.
 * @param batches The record batches.
 */
export function writeArrowFile(
  path: string,
  schema: Schema,
  batches: Iterable<RecordBatch>,
): void {
  const writer = new ArrowFileWriter(path, schema);
  try {
    for (const batch of batches) writer.write(batch);
    writer.finish();
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

/**
 * Writes an Arrow file in the random-access format, one record batch at a time, so that at most one
 * is in memory. The file appears under its name only when it is complete.
 */
export class ArrowFileWriter {
  readonly #path: string;
  readonly #draft: string;
  readonly #sink: FileSink;
  readonly #writer: RecordBatchFileWriter;
  readonly #columns: WrittenColumns;

  /**
   * Creates a temporary file, which is renamed to its final path when it is complete.
   *
   * @param path The path of the final file.
   * @param schema The columns of the file.
   * @throws {Deno.errors.NotFound} If the folder does not exist. It also throws the other errors of
   *   opening a file.
   */
  constructor(path: string, schema: Schema) {
    this.#path = path;
    this.#draft = draftOf(path);
    this.#sink = new FileSink(Deno.openSync(this.#draft, { write: true, createNew: true }));
    this.#writer = new RecordBatchFileWriter();
    this.#columns = new WrittenColumns(schema);
    this.#writer.reset(this.#sink, this.#columns.schema);
  }

  /**
   * Writes a record batch, which may have its own dictionaries.
   *
   * @param batch The record batch, with the schema of the file.
   * @param rows The maximum number of rows of a record batch in the file.
   */
  write(batch: RecordBatch, rows = Infinity): void {
    const written = this.#columns.take(batch);
    if (batch.numRows > 0 && batch.numRows <= rows) return void this.#writer.write(written);
    for (let start = 0; start < batch.numRows; start += rows) {
      this.#writer.write(written.slice(start, Math.min(start + rows, batch.numRows)));
    }
  }

  /** Ends the file and gives it its name. */
  finish(): void {
    this.#writer.finish();
    this.#sink.end();
    Deno.renameSync(this.#draft, this.#path);
    forgetDraft(this.#draft);
  }

  /** Removes the temporary file. A finished file under the final name remains. */
  abandon(): void {
    this.#sink.dispose();
    try {
      Deno.removeSync(this.#draft);
    } catch {
      // The draft has been renamed or removed.
    }
    forgetDraft(this.#draft);
  }
}

/**
 * Encodes a table as an Arrow file in the random-access format. apache-arrow's own `tableToIPC`
 * treats consecutive overlapping buffers as one buffer, so columns that share a buffer are lost.
 *
 * @param table The table.
 */
export function arrowBytes(table: Table): Uint8Array {
  return encoded(new RecordBatchFileWriter(), table.schema, table.batches);
}

/**
 * Encodes a table as an Arrow stream. Like {@linkcode arrowBytes}, it preserves columns that share
 * a buffer.
 *
 * @param table The table.
 */
export function arrowStreamBytes(table: Table): Uint8Array {
  return encoded(new RecordBatchStreamWriter(), table.schema, table.batches);
}

/**
 * Encodes record batches in the stream format, one after the other. Like {@linkcode arrowBytes}, it preserves columns
 * that share a buffer.
 *
 * @param schema The columns.
 * @param batches The record batches.
 */
export async function arrowStreamOf(
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
): Promise<Uint8Array> {
  const columns = new WrittenColumns(schema), writer = new RecordBatchStreamWriter();
  const sink = new CopyingSink();
  writer.reset(sink, columns.schema);
  for await (const batch of batches) writer.write(columns.take(batch));
  writer.finish();
  return sink.toUint8Array(true);
}

function encoded(
  writer: RecordBatchWriter,
  schema: Schema,
  batches: Iterable<RecordBatch>,
): Uint8Array {
  const sink = new CopyingSink();
  writer.reset(sink, schema);
  for (const batch of batches) writer.write(batch);
  writer.finish();
  return sink.toUint8Array(true);
}

/**
 * Returns the bytes that are written for a value.
 *
 * @param value The value, as apache-arrow passes it to a sink.
 */
export const bytesOf = (value: ArrayBufferLike | ArrayBufferView) =>
  ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);

/** Copies all written bytes, so that no buffers overlap. */
class CopyingSink extends AsyncByteQueue {
  override write(value: ArrayBufferLike | ArrayBufferView): void {
    super.write(bytesOf(value).slice());
  }
}

/** Writes to a file immediately, where the base class would collect all bytes in memory. */
class FileSink extends AsyncByteQueue {
  readonly #file: Deno.FsFile;
  readonly #buffer = new Uint8Array(2 ** 20);
  #filled = 0;
  #open = true;

  constructor(file: Deno.FsFile) {
    super();
    this.#file = file;
  }

  override write(value: ArrayBufferLike | ArrayBufferView): void {
    const bytes = bytesOf(value);
    if (this.#filled + bytes.length > this.#buffer.length) this.#flush();
    if (bytes.length > this.#buffer.length) return this.#write(bytes);
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  /** Writes the buffered bytes, syncs the file to the disk, and closes it. */
  end(): void {
    this.#flush();
    this.#file.syncSync();
    this.dispose();
  }

  dispose(): void {
    if (this.#open) this.#file.close();
    this.#open = false;
  }

  #flush(): void {
    this.#write(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }

  #write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
  }
}
