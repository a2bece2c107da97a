import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { hint, UserError } from "../../plugin.ts";
import type { SourceFile } from "./files.ts";

/**
 * The most bytes that a line may have; DuckDB's own limit to a row, which may have several lines.
 */
const lineBytes = 2_000_000;

/** How much of a file DuckDB has at a time, and so the most that it goes through many times. */
const bufferBytes = 16 * lineBytes;

/** How much is looked through at once for the end of a line. */
const partBytes = 2 ** 16;

/**
 * Refuses a text file with a line that is too long to be read. DuckDB goes through such a line once
 * for each way that it could be meant, which takes longer than anybody waits, and leaves it out
 * without a word if it is the last and longer than its buffer. Of a packed file the start is looked
 * at, as the rest costs as much as reading it: {@linkcode refuseLongPackedLines} does that.
 *
 * @param file A file of text with columns, packed with gzip if it is called .gz.
 * @throws {UserError} With where the line is.
 */
export async function refuseLongLines(file: SourceFile): Promise<void> {
  if (isPacked(file)) return await lookThrough(file, bufferBytes);
  // What other packing has in it is DuckDB's to say.
  if (file.size <= lineBytes || /\.zst$/i.test(file.path)) return;
  const handle = await open(file.path);
  try {
    for (let start = 0; start + lineBytes < file.size;) {
      // From a line's start, only the last end of a line before the limit matters.
      const end = await lastEnd(handle, start, start + lineBytes + 1);
      if (end < 0) throw tooLong(file, start);
      start = end + 1;
    }
  } finally {
    await handle.close();
  }
}

/**
 * As {@linkcode refuseLongLines}, for all of a packed file; nothing for others.
 *
 * @param file A file of text with columns.
 * @throws {UserError} With where the line is.
 */
export async function refuseLongPackedLines(file: SourceFile): Promise<void> {
  if (isPacked(file)) await lookThrough(file, Infinity);
}

const isPacked = ({ path }: SourceFile) => /\.gz$/i.test(path);

function tooLong({ name }: SourceFile, start: number): UserError {
  const which = start === 0 ? "the first line" : `the line at byte ${start.toLocaleString("en")}`;
  return new UserError(`${which} of ${name} has more than ${lineBytes / 1e6} MB`, {
    hint: hint(
      "csv/long-line",
      "no line may be longer: check that the file is CSV text whose lines end with a line feed",
      { edit: "the data file" },
    ),
  });
}

/** The last end of a line within a range of a file; -1 if there is none. */
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

/**
 * Looks at the text of a packed file as far as it can be read: if it is damaged, DuckDB says how.
 */
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

async function* unpacked({ path }: SourceFile): AsyncGenerator<Uint8Array> {
  const packed = createReadStream(path);
  const text = packed.pipe(createGunzip({ chunkSize: partBytes }));
  packed.on("error", (error) => text.destroy(error));
  try {
    yield* text;
  } catch {
    return;
  } finally {
    packed.destroy();
    text.destroy();
  }
}
