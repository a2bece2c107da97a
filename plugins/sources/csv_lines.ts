import { closeSync, createReadStream, openSync, readSync } from "node:fs";
import { createGunzip } from "node:zlib";
import type { CsvDialect, CsvFile } from "./csv_files.ts";

const [lineFeed, carriageReturn, space, tab] = [10, 13, 32, 9];

/** The number of bytes per read. */
const partBytes = 2 ** 20;

/** Finds the line on which a row of a CSV file starts. */
class LineFinder {
  readonly #delimiter: number;
  readonly #quote: number;
  readonly #blankRows: boolean;
  /** The number of rows still to skip before the row, including the header. */
  #left: number;
  #line = 1;
  #start = 1;
  #atValue = true;
  #within = false;
  #blank = true;
  #afterReturn = false;

  constructor(
    { delimiter, names, blankLines }: CsvFile,
    { quote, header }: CsvDialect,
    row: number,
  ) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#quote = quote.charCodeAt(0);
    // In a file with one column, a blank line after the header is a row with a null.
    this.#blankRows = names.length === 1;
    this.#left = row + (header ? 1 : 0) + (this.#blankRows && header ? blankLines : 0);
  }

  /**
   * Processes the next bytes of the file.
   *
   * @param bytes The next bytes.
   * @returns The line, from 1; undefined if the row has not been found yet.
   */
  feed(bytes: Uint8Array): number | undefined {
    for (const byte of bytes) {
      const second = this.#afterReturn && byte === lineFeed;
      this.#afterReturn = byte === carriageReturn;
      if (second) continue;
      if (this.#within) {
        if (byte === this.#quote) this.#within = false;
        else if (byte === lineFeed || byte === carriageReturn) this.#line++;
        continue;
      }
      if (byte === lineFeed || byte === carriageReturn) {
        if (!this.#blank || this.#blankRows) {
          if (this.#left === 0) return this.#start;
          this.#left--;
        }
        this.#start = ++this.#line;
        this.#atValue = this.#blank = true;
        continue;
      }
      this.#blank = false;
      if (byte === this.#quote && this.#atValue) this.#within = true;
      else if (byte === this.#delimiter) this.#atValue = true;
      // Spaces and tabs may precede an opening quote. Two quotes within a quoted value close and
      // reopen it.
      else if (byte !== space && byte !== tab && byte !== this.#quote) this.#atValue = false;
    }
    return undefined;
  }

  /** Returns the line if the row is the last one and has no line break at its end. */
  end(): number | undefined {
    return this.#left === 0 && !this.#blank ? this.#start : undefined;
  }
}

/**
 * Returns the number of the line of a CSV file on which a row starts.
 *
 * @param file The file, which may be compressed with gzip.
 * @param dialect The format of the file.
 * @param row The index of the row, from 0.
 * @returns The line, from 1. Undefined if the file cannot be read, is compressed with Zstandard, or
 *   has no such row.
 */
export async function lineOfRow(
  file: CsvFile,
  dialect: CsvDialect,
  row: number,
): Promise<number | undefined> {
  const { path } = file.file;
  if (!/\.gz$/i.test(path)) return lineOfRowNow(file, dialect, row);
  const packed = createReadStream(path);
  const text = packed.pipe(createGunzip());
  packed.on("error", (error) => text.destroy(error));
  const finder = new LineFinder(file, dialect, row);
  try {
    for await (const bytes of text) {
      const line = finder.feed(bytes);
      if (line !== undefined) return line;
    }
    return finder.end();
  } catch {
    return undefined;
  } finally {
    packed.destroy();
    text.destroy();
  }
}

/**
 * Synchronous version of {@linkcode lineOfRow} for files that are not compressed.
 *
 * @param file The file.
 * @param dialect The format of the file.
 * @param row The index of the row, from 0.
 * @returns The line, from 1. Undefined if the file is compressed, cannot be opened, or has no such
 *   row.
 */
export function lineOfRowNow(
  file: CsvFile,
  dialect: CsvDialect,
  row: number,
): number | undefined {
  const { path } = file.file;
  if (/\.(gz|zst)$/i.test(path)) return undefined;
  let handle: number;
  try {
    handle = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    const finder = new LineFinder(file, dialect, row);
    const part = new Uint8Array(partBytes);
    for (;;) {
      const read = readSync(handle, part, 0, part.length, null);
      if (read === 0) return finder.end();
      const line = finder.feed(part.subarray(0, read));
      if (line !== undefined) return line;
    }
  } finally {
    closeSync(handle);
  }
}
