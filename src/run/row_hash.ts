import type { RecordBatch } from "apache-arrow";
import { ArrowHash } from "../base/files/arrow_hash.ts";
import { recordBatches } from "../input/split.ts";
import type { Dataset } from "../stages/source.ts";
import { rowsStage } from "./model/open_run.ts";

/**
 * A hash of the rows that were read, by which Rocket recognizes that a source has other rows than
 * before. The fingerprint of the source is not enough for this: for large files, it depends on the
 * modification time, and a custom source chooses it freely.
 */
export class RowHash {
  #hash: ArrowHash | undefined;

  /**
   * Adds rows.
   *
   * @param batch The rows, with the columns that matter; the same columns each time.
   */
  add(batch: RecordBatch): void {
    this.#hash ??= new ArrowHash(batch.schema);
    this.#hash.add(batch);
  }

  /** Returns the hash of all rows, as hexadecimal digits; 0 without any. */
  digest(): string {
    return this.#hash?.digest() ?? "0";
  }
}

/**
 * Reads all rows of a data set and hashes them.
 *
 * @param open Opens the data set with the columns that matter.
 * @returns The hash.
 */
export async function hashOfRows(open: () => Promise<Dataset>): Promise<string> {
  const dataset = await open(), hash = new RowHash();
  try {
    for await (const { batch } of recordBatches(dataset, rowsStage)) hash.add(batch);
  } finally {
    await dataset.close?.();
  }
  return hash.digest();
}
