import { closeSync, createReadStream, openSync, readSync } from "node:fs";
import { createGunzip } from "node:zlib";
import type { CsvDialect, CsvFile } from "./csv_files.ts";

const [lineFeed, carriageReturn, space, tab] = [10, 13, 32, 9];

/** How much is read at once. */
const partBytes = 2 ** 20;

/** Finds the line on which a row of a text file starts. */
class LineFinder {
  readonly #delimiter: number;
  readonly #quote: number;
  readonly #blankRows: boolean;
  /** How many rows come before it, the header among them. */
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
    // A blank line is a null where there is but one column, but not before the header.
    this.#blankRows = names.length === 1;
    this.#left = row + (header ? 1 : 0) + (this.#blankRows && header ? blankLines : 0);
  }

  /**
   * Goes on.
   *
   * @param bytes The next bytes of the file.
   * @returns The line, once it was found.
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
      // A quote after spaces starts a value, and a second one within it goes on with it.
      else if (byte !== space && byte !== tab && byte !== this.#quote) this.#atValue = false;
    }
    return undefined;
  }

  /** The line, if the last one has no end. */
  end(): number | undefined {
    return this.#left === 0 && !this.#blank ? this.#start : undefined;
  }
}

/**
 * The line on which a row starts.
 *
 * @param file The file, which may be packed with gzip.
 * @param dialect How it is written.
 * @param row The row, from 0.
 * @returns From 1; undefined where that cannot be told.
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
 * As {@linkcode lineOfRow}, at once: of files that are not packed.
 *
 * @param file The file.
 * @param dialect How it is written.
 * @param row The row, from 0.
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
