/**
 * Rows as an Arrow IPC stream, in requests and in responses.
 *
 * @module
 */

import { type Data, DataType, type Field, type RecordBatch, type Schema } from "apache-arrow";
import { sizeOfViews } from "../base/arrow_views.ts";
import { largest } from "../base/long_lists.ts";
import { arrowStreamOf } from "../base/files/arrow_writer.ts";
import { openReceivedArrow, type ReceivedRows } from "../../plugins/sources/arrow.ts";
import { ScoreColumns, type ScoreOptions } from "../model/scores.ts";
import type { Predictions } from "../model/answers.ts";
import { ManyPartsError } from "../../plugins/sources/ipc_index.ts";
import { HttpError, refuse } from "./http_error.ts";
import type { ServeLimits } from "./limits.ts";
import type { OutputLabel } from "./outputs.ts";
import type { ResponseParts } from "./unsent.ts";

/** The media type of an Arrow IPC stream. */
export const ARROW_STREAM = "application/vnd.apache.arrow.stream";

/**
 * Opens the rows in the body of a request, which is an Arrow stream or file.
 *
 * @param bytes The body.
 * @param columns The names of the columns that are read.
 * @param limits The largest numbers of rows, record batches, and columns.
 * @param pause Called before each message is read, so that other requests are answered meanwhile.
 * @throws {HttpError} If there are too many of them, or they are compressed.
 * @throws {UserError} If the bytes are not Arrow IPC, or are damaged.
 */
export async function openArrowRows(
  bytes: Uint8Array,
  columns: readonly string[],
  limits: ServeLimits,
  pause: () => Promise<void>,
): Promise<ReceivedRows> {
  const { messages, deltas, metadata, rows: mostRows } = limits;
  const parts = {
    // Columns that share bytes would take more memory and time than the body's size shows.
    ...{ messages, deltas, metadata, values: bytes.length },
    // A model may read more columns than other requests may have.
    columns: Math.max(limits.columns, 2 * columns.length),
    columnsOfBatches: Math.max(limits.columnsOfBatches, 256 * columns.length),
  };
  let late: unknown;
  const paused = () =>
    pause().catch((error) => {
      late = error;
      throw error;
    });
  const reading = openReceivedArrow("the body", bytes, columns, { ...parts, pause: paused });
  const rows = await reading.catch((error) => {
    if (late !== undefined) throw late;
    if (!(error instanceof ManyPartsError)) throw error;
    throw new HttpError(413, `the body has ${error.message}`);
  });
  // A compressed body may take a thousand times its size in memory.
  if (rows.isCompressed) {
    throw new HttpError(415, "the record batches are compressed; send them without compression");
  }
  const count = rows.rowCounts.reduce((sum, rows) => sum + rows, 0);
  if (count > mostRows) {
    throw new HttpError(413, `the body has ${count} rows; at most ${mostRows} are allowed`);
  }
  // Lists of nulls take no bytes of the body.
  const values = count * Math.max(0, largest(rows.schema.fields.map(({ type }) => valuesOf(type))));
  if (values > 8 * limits.bodyBytes) {
    throw new HttpError(413, `a column of the body has ${values} values`);
  }
  return { ...rows, recordBatches: () => limitedViews(rows, limits) };
}

/** Returns the number of values of a row that a type states, within lists of a fixed size. */
function valuesOf(type: DataType): number {
  const children = (type.children ?? []) as Field[];
  const own = Math.max(1, largest(children.map(({ type }) => valuesOf(type))));
  return DataType.isFixedSizeList(type) ? type.listSize * own : own;
}

/**
 * Reads the record batches of a body, whose views count with the size of their values: many views of
 * one value would take much more memory and time than the body's size shows.
 *
 * @param rows The rows of the body.
 * @param limits The largest size of a body.
 * @throws {HttpError} If the values of the views are larger than a body may be.
 */
async function* limitedViews(
  rows: ReceivedRows,
  { bodyBytes }: ServeLimits,
): AsyncGenerator<RecordBatch> {
  const counted = new Set<Data>();
  let size = 0;
  for await (const batch of rows.recordBatches()) {
    for (const column of batch.data.children) size += sizeOfViews(column as Data, counted);
    if (size > bodyBytes) {
      throw new HttpError(
        413,
        `the values of string views and binary views have more than ${bodyBytes} bytes`,
      );
    }
    yield batch;
  }
}

/** The query parameters of a request with an Arrow stream. */
const PARAMETERS = ["keep", "probabilities", "logits"];

/**
 * Reads from the query of a request which columns its response contains. The parameters correspond
 * to the options of the command `predict`.
 *
 * @param query The query of the request's address.
 * @param schema The columns of the request.
 * @throws {HttpError} If a parameter or a column does not exist.
 */
export function scoreOptions(query: URLSearchParams, schema: Schema): ScoreOptions {
  const unknown = [...query.keys()].find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined) {
    refuse(
      `there is no query parameter ${JSON.stringify(unknown.slice(0, 100))}; there are ${
        PARAMETERS.join(", ")
      }`,
    );
  }
  const isSet = (name: string) => {
    const value = query.get(name);
    if (value === null || value === "false") return false;
    return value === "" || value === "true" ||
      refuse(`the query parameter ${name} must be true or false`);
  };
  const names = new Set(schema.fields.map(({ name }) => name)), kept = query.get("keep");
  const wanted = new Set(kept === "all" ? names : kept ? kept.split(",") : []);
  const missing = [...wanted].find((name) => !names.has(name));
  if (missing !== undefined) {
    refuse(`there is no column ${JSON.stringify(missing.slice(0, 100))} to keep`);
  }
  return {
    keep: [...names].filter((name) => wanted.has(name)),
    probabilities: isSet("probabilities"),
    logits: isSet("logits"),
  };
}

/**
 * Creates the response to a request with an Arrow stream.
 *
 * @param schema The columns of the request.
 * @param parts The rows of the request, with their predictions.
 * @param label The label of the model.
 * @param options Which columns the response has.
 * @param pause Called before each record batch, so that other requests are answered meanwhile.
 */
export async function arrowResponse(
  schema: Schema,
  parts: readonly { readonly part: RecordBatch; readonly predictions: Predictions }[],
  label: OutputLabel,
  options: ScoreOptions,
  pause: () => Promise<void>,
): Promise<ResponseParts> {
  const columns = new ScoreColumns(schema, label, options);
  const batches = async function* () {
    for (const { part, predictions } of parts) {
      await pause();
      yield columns.batch(part, predictions);
    }
  };
  const bytes = await arrowStreamOf(columns.schema, batches());
  return { body: bytes as Uint8Array<ArrayBuffer>, headers: { "content-type": ARROW_STREAM } };
}
