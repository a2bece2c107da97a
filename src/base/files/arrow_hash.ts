import {
  AsyncByteQueue,
  type RecordBatch,
  RecordBatchStreamWriter,
  type Schema,
} from "apache-arrow";
import { createHash, type Hash } from "node:crypto";
import { bytesOf } from "./arrow_writer.ts";
import { WrittenColumns } from "./written_columns.ts";

/** Hashes record batches in the stream format, in which each value of a dictionary is once. */
export class ArrowHash {
  readonly #hash = createHash("sha256");
  readonly #writer = new RecordBatchStreamWriter();
  readonly #columns: WrittenColumns;

  /**
   * Starts with no rows.
   *
   * @param schema The columns.
   */
  constructor(schema: Schema) {
    this.#columns = new WrittenColumns(schema);
    this.#writer.reset(new HashSink(this.#hash), this.#columns.schema);
  }

  /**
   * Adds rows.
   *
   * @param batch The rows, with the columns of the schema.
   */
  add(batch: RecordBatch): void {
    this.#writer.write(this.#columns.take(batch));
  }

  /**
   * Returns the SHA-256 of the record batches that were added so far, as hexadecimal digits. It
   * depends on how the rows are divided into record batches.
   */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }
}

/** Hashes all written bytes, and keeps none. */
class HashSink extends AsyncByteQueue {
  readonly #hash: Hash;

  constructor(hash: Hash) {
    super();
    this.#hash = hash;
  }

  override write(value: ArrayBufferLike | ArrayBufferView): void {
    this.#hash.update(bytesOf(value));
  }
}
