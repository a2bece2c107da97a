/** The limits of a server, so that no request can take all of its memory or time. */
export interface ServeLimits {
  /** The largest body of a request, in bytes. */
  readonly bodyBytes: number;
  /** The largest size of JSON in a request, in bytes. Parsed JSON may take 80 times its size. */
  readonly jsonBytes: number;
  /** The largest size of all bodies that are held at the same time, in bytes. */
  readonly allBytes: number;
  /** The largest number of rows in a request. */
  readonly rows: number;
  /** The largest number of values in a tensor of lists of any length. */
  readonly listValues: number;
  /** The largest number of record batches and dictionaries in an Arrow stream. */
  readonly messages: number;
  /** The largest number of messages in an Arrow stream that add values to a dictionary. */
  readonly deltas: number;
  /** The largest number of columns of all record batches in an Arrow stream. */
  readonly columnsOfBatches: number;
  /** The largest size of the metadata of a message in an Arrow stream, in bytes. */
  readonly metadata: number;
  /** The largest number of columns in an Arrow stream, including those within structs and lists. */
  readonly columns: number;
  /** The largest number of logits of an answer: its rows, times the number of logits of a row. */
  readonly logits: number;
  /** The largest number of requests whose bodies are being received. */
  readonly receiving: number;
  /** The largest number of requests that wait for the net. */
  readonly waiting: number;
  /** The largest size of all answers that clients have not read yet, in bytes. */
  readonly unsentBytes: number;
  /** The time in milliseconds in which a body must arrive. */
  readonly receiveTime: number;
  /** The time in milliseconds in which an answer must be ready after the body has arrived. */
  readonly answerTime: number;
  /** The time in milliseconds in which a client must read an answer. */
  readonly sendTime: number;
  /** The time in milliseconds that requests have to finish after the server was told to stop. */
  readonly stopTime: number;
}

/** The default limits of a server, which keep requests from taking all of its memory or time. */
export const defaultLimits: ServeLimits = {
  bodyBytes: 64 * 2 ** 20,
  jsonBytes: 8 * 2 ** 20,
  allBytes: 256 * 2 ** 20,
  rows: 2 ** 20,
  listValues: 2 ** 23,
  messages: 2 ** 10,
  deltas: 16,
  columnsOfBatches: 2 ** 17,
  metadata: 2 ** 21,
  columns: 2 ** 12,
  logits: 2 ** 23,
  receiving: 1024,
  waiting: 128,
  unsentBytes: 256 * 2 ** 20,
  receiveTime: 20_000,
  answerTime: 30_000,
  sendTime: 60_000,
  stopTime: 30_000,
};
