import { type FileHandle, open } from "node:fs/promises";
import { hint, UserError } from "../../plugin.ts";
import type { SourceFile } from "./files.ts";
import { isGzip, isZstd, refuseCutZstd, textBytes } from "./packed_text.ts";

/**
 * Maximum length of a line in bytes. DuckDB has the same limit for a row, which can span several
 * lines.
 */
const lineBytes = 2_000_000;

/**
 * Size of DuckDB's read buffer in bytes. DuckDB scans the content of the buffer repeatedly to
 * detect the dialect.
 */
const bufferBytes = 16 * lineBytes;

/** Number of bytes to search at a time for the end of a line. */
const partBytes = 2 ** 16;

/**
 * Checks that no line of a text file exceeds the maximum length. DuckDB scans such a line once for
 * each dialect it tries, which takes too long. If the line is the last one and longer than DuckDB's
 * buffer, DuckDB drops it without an error.
 *
 * Only the start of a gzip-compressed file is checked, because checking the rest costs as much as
 * reading it. {@linkcode refuseLongPackedLines} checks the whole file.
 *
 * @param file A CSV or TSV file. A file whose name ends with .gz is decompressed with gzip; one
 *   whose name ends with .zst is only checked for its end.
 * @throws {UserError} If a line is too long, or if compressed data are damaged. The message says
 *   where the line starts.
 */
export async function refuseLongLines(file: SourceFile): Promise<void> {
  if (isGzip(file)) return await lookThrough(file, bufferBytes);
  // DuckDB reports all problems in zstd files except a missing end.
  if (isZstd(file)) return await refuseCutZstd(file);
  if (file.size <= lineBytes) return;
  const handle = await open(file.path);
  try {
    for (let start = 0; start + lineBytes < file.size;) {
      // Starting from the beginning of a line, only the last line end before the limit matters.
      const end = await lastEnd(handle, start, start + lineBytes + 1);
      if (end < 0) throw tooLong(file, start);
      start = end + 1;
    }
  } finally {
    await handle.close();
  }
}

/**
 * Checks all lines of a gzip-compressed text file like {@linkcode refuseLongLines}. Does nothing
 * for other files.
 *
 * @param file A CSV or TSV file.
 * @throws {UserError} If a line is too long. The message says where the line starts.
 */
export async function refuseLongPackedLines(file: SourceFile): Promise<void> {
  if (isGzip(file)) await lookThrough(file, Infinity);
}

function tooLong({ name }: SourceFile, start: number): UserError {
  const line = start === 0 ? "the first line" : `the line at byte ${start.toLocaleString("en")}`;
  return new UserError(`${line} of ${name} is longer than ${lineBytes / 1e6} MB`, {
    hint: hint(
      "csv/long-line",
      "check that the file is CSV text and that its lines end with a line feed",
      { edit: "the data file" },
    ),
  });
}

/** Returns the offset of the last line end in a range of a file, or -1 if the range has none. */
async function lastEnd(handle: FileHandle, start: number, end: number): Promise<number> {
  const part = new Uint8Array(partBytes);
  for (let to = end; to > start;) {
    const from = Math.max(start, to - partBytes);
    const { bytesRead } = await handle.read(part, 0, to - from, from);
    const found = lastEndIn(part.subarray(0, bytesRead));
    if (found >= 0) return from + found;
    to = from;
  }
  return -1;
}

const [lineFeed, carriageReturn] = [10, 13];

const lastEndIn = (bytes: Uint8Array) =>
  Math.max(bytes.lastIndexOf(lineFeed), bytes.lastIndexOf(carriageReturn));

function firstEndIn(bytes: Uint8Array): number {
  const ends = [bytes.indexOf(lineFeed), bytes.indexOf(carriageReturn)].filter((end) => end >= 0);
  return ends.length > 0 ? Math.min(...ends) : bytes.length;
}

/** Checks the lines of a gzip-compressed file up to a number of decompressed bytes. */
async function lookThrough(file: SourceFile, most: number): Promise<void> {
  let start = 0, seen = 0;
  for await (const bytes of unpacked(file)) {
    if (seen + firstEndIn(bytes) - start > lineBytes) throw tooLong(file, start);
    const end = lastEndIn(bytes);
    if (end >= 0) start = seen + end + 1;
    seen += bytes.length;
    if (seen >= most) return;
  }
}

/** Decompresses a file. DuckDB reports data that are not gzip data, and files that are not there. */
async function* unpacked(file: SourceFile): AsyncGenerator<Uint8Array> {
  try {
    yield* textBytes(file, partBytes);
  } catch (error) {
    if (error instanceof UserError) throw error;
  }
}
