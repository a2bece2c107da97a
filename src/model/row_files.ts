/**
 * Writes rows to files in the formats that `predict` and `evaluate` offer.
 *
 * @module
 */

import type { RecordBatch, Schema } from "apache-arrow";
import { ArrowFileWriter } from "../base/files/arrow_writer.ts";
import { withDraftFolder } from "../base/files/draft_folder.ts";
import { unwritable } from "../base/files/unwritable.ts";
import { writeChunks } from "../base/files/write_chunks.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { csvHeader, csvLines, refuseNested } from "./csv_rows.ts";
import { writeParquet } from "./parquet_file.ts";

/** Writes rows to a file. The file appears under its name only when it is complete. */
export type Write = (schema: Schema, batches: AsyncIterable<RecordBatch>) => Promise<void>;

/**
 * Chooses the function that writes a file by the extension of its name.
 *
 * @param out The file.
 * @throws {UserError} If no file is given, or if its name does not have the extension of a
 *   supported format.
 */
export function writerOf(out: string | undefined): Write {
  if (out !== undefined && /\.arrow$/i.test(out)) {
    return (schema, batches) => withDraftFolder(out, () => writeArrow(out, schema, batches));
  }
  if (out !== undefined && /\.parquet$/i.test(out)) {
    return (schema, batches) => withDraftFolder(out, () => writeParquet(out, schema, batches));
  }
  if (out !== undefined && /\.csv$/i.test(out)) {
    return (schema, batches) => withDraftFolder(out, () => writeCsv(out, schema, batches));
  }
  throw new UserError(
    out === undefined
      ? "predict needs --out, the file for the predictions"
      : `predictions cannot be written to ${out}: the format is unknown`,
    {
      hint: out === undefined
        ? hint("predict/out", "add --out scores.arrow or --out scores.csv", [
          { args: { add: ["--out", "scores.arrow"] } },
          { args: { add: ["--out", "scores.csv"] } },
        ])
        : hint("predict/format", "name a file that ends in .arrow, .parquet, or .csv", {
          edit: "the command",
        }),
      exitCode: 2,
    },
  );
}

async function writeArrow(
  out: string,
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
): Promise<void> {
  let writer: ArrowFileWriter | undefined;
  try {
    writer = new ArrowFileWriter(out, schema);
    for await (const batch of batches) writer.write(batch);
    writer.finish();
  } catch (error) {
    writer?.abandon();
    throw error instanceof UserError ? error : unwritable(out, error);
  }
}

async function writeCsv(
  out: string,
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
): Promise<void> {
  refuseNested(schema);
  const encoder = new TextEncoder();
  await writeChunks(
    out,
    (async function* () {
      yield encoder.encode(csvHeader(schema));
      for await (const batch of batches) yield encoder.encode(csvLines(batch));
    })(),
  );
}
