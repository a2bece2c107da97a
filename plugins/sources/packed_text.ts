/**
 * The bytes of text files, which may be compressed. DuckDB reads compressed files as far as they go,
 * so damage must be found here.
 *
 * @module
 */

import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { UserError } from "../../plugin.ts";
import { createAgain } from "./duckdb_errors.ts";
import type { SourceFile } from "./files.ts";

/**
 * Checks whether a text file is compressed with gzip.
 *
 * @param file The file.
 */
export const isGzip = ({ path }: Pick<SourceFile, "path">): boolean => /\.gz$/i.test(path);

/**
 * Checks whether a text file is compressed with Zstandard.
 *
 * @param file The file.
 */
export const isZstd = ({ path }: Pick<SourceFile, "path">): boolean => /\.zst$/i.test(path);

/**
 * Returns how a text file is compressed, as DuckDB's option `compression` expects it. DuckDB does not
 * recognize extensions in capital letters, nor names with a question mark.
 *
 * @param file The file.
 */
export const compressionOf = (file: Pick<SourceFile, "path">): string =>
  isGzip(file) ? "gzip" : isZstd(file) ? "zstd" : "none";

/**
 * Reads the bytes of a text file. A file whose name ends in .gz is decompressed.
 *
 * @param file The file. It must not be compressed with Zstandard.
 * @param chunkSize The largest number of bytes at a time.
 * @throws {UserError} If the compressed data are damaged, or if their end is missing.
 */
export async function* textBytes(file: SourceFile, chunkSize: number): AsyncGenerator<Uint8Array> {
  const packed = createReadStream(file.path, { highWaterMark: chunkSize });
  const text = isGzip(file) ? packed.pipe(createGunzip({ chunkSize })) : packed;
  packed.on("error", (error) => text.destroy(error));
  try {
    yield* text as AsyncIterable<Uint8Array>;
  } catch (error) {
    const { code, message } = error as Error & { readonly code?: string };
    if (!["Z_DATA_ERROR", "Z_BUF_ERROR"].includes(code!) || message === "incorrect header check") {
      throw error;
    }
    throw damaged(file, `the gzip data is damaged: ${message}`, error);
  } finally {
    packed.destroy();
    text.destroy();
  }
}

const damaged = ({ name }: SourceFile, why: string, cause?: unknown) =>
  new UserError(`${name} cannot be read: ${why}`, { hint: createAgain(), cause });

/** The numbers with which frames of Zstandard start: those with data, and the first of others. */
const dataFrame = 0xfd2fb528, skippableFrame = 0x184d2a50;

/**
 * Checks that a file with Zstandard data is complete, by the sizes of its blocks.
 *
 * @param file The file. Files with other data are left to DuckDB, which reports them.
 * @throws {UserError} If the end of the file is missing.
 */
export async function refuseCutZstd(file: SourceFile): Promise<void> {
  const handle = await open(file.path);
  try {
    for (let at = 0; at < file.size;) {
      const end = await endOfFrame(handle, at);
      if (end === undefined) return;
      if (end > file.size) throw damaged(file, "the end of the zstd data is missing");
      at = end;
    }
  } finally {
    await handle.close();
  }
}

/**
 * Returns the offset of the end of a frame, which may be beyond the end of the file; undefined if
 * there is no frame (RFC 8878, sections 3.1.1 and 3.1.2).
 */
async function endOfFrame(handle: FileHandle, start: number): Promise<number | undefined> {
  const head = await bytesAt(handle, start, 8);
  if (!head) return Infinity;
  const magic = head.getUint32(0, true);
  if ((magic & 0xfffffff0) >>> 0 === skippableFrame) return start + 8 + head.getUint32(4, true);
  if (magic !== dataFrame) return undefined;
  const descriptor = head.getUint8(4), isSingle = (descriptor >> 5 & 1) === 1;
  const dictionary = [0, 1, 2, 4][descriptor & 3]!;
  const contentSize = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  for (let at = start + 5 + (isSingle ? 0 : 1) + dictionary + contentSize;;) {
    const block = await bytesAt(handle, at, 3);
    if (!block) return Infinity;
    const header = block.getUint16(0, true) | block.getUint8(2) << 16;
    const [isLast, kind, size] = [header & 1, header >> 1 & 3, header >> 3];
    // The only byte of a block of the kind 1 is repeated.
    if (kind === 3) return undefined;
    at += 3 + (kind === 1 ? 1 : size);
    if (isLast) return at + (descriptor >> 2 & 1) * 4;
  }
}

/** Reads bytes; undefined if the file ends before them. */
async function bytesAt(
  handle: FileHandle,
  position: number,
  length: number,
): Promise<DataView | undefined> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await handle.read(bytes, 0, length, position);
  return bytesRead === length ? new DataView(bytes.buffer) : undefined;
}
