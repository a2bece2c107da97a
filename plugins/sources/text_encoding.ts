/**
 * Text files in other encodings than UTF-8. They are copied as UTF-8 to a temporary folder, so that
 * all code which reads text files needs to know only one encoding.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { hint, type HintText, UserError } from "../../plugin.ts";
import type { SourceFile } from "./files.ts";
import { isZstd, textBytes } from "./packed_text.ts";
import { asUtf8 } from "./hints.ts";

/** The encodings of text files, by the names in pipeline files. */
export const textEncodings = [
  "utf-8",
  "utf-16",
  "utf-16le",
  "utf-16be",
  "latin-1",
  "windows-1250",
  "windows-1251",
  "windows-1252",
  "iso-8859-2",
  "iso-8859-15",
  "koi8-r",
  "shift_jis",
  "euc-jp",
  "euc-kr",
  "gb18030",
  "big5",
] as const;

/** An encoding of text files. */
export type TextEncoding = (typeof textEncodings)[number];

/** Text files in UTF-8. Files in another encoding were copied to temporary files. */
export interface DecodedFiles {
  /** The files, each in its place. */
  readonly files: readonly SourceFile[];
  /** Removes the temporary copies. */
  remove(): Promise<void>;
}

/** The space on the disk that copies leave free, in bytes. */
const leftFree = 2 ** 28;

/** The number of bytes that are written between two looks at the free space. */
const lookedAfter = 2 ** 26;

/**
 * Returns files in UTF-8: the files themselves, or temporary copies of files in other encodings. A
 * byte order mark at the start of a file takes precedence over the given encoding.
 *
 * @param files The files, which may be compressed with gzip.
 * @param encoding The encoding.
 * @throws {UserError} If a file has bytes that are not valid in its encoding, with the line.
 */
export async function decodedFiles(
  files: readonly SourceFile[],
  encoding: TextEncoding,
): Promise<DecodedFiles> {
  let folder: string | undefined;
  const remove = async () => {
    if (folder !== undefined) await Deno.remove(folder, { recursive: true }).catch(() => {});
  };
  const decoded: SourceFile[] = [];
  try {
    // Without a byte order mark, most programs write the low byte first.
    const given = encoding === "utf-16" ? "utf-16le" : encoding;
    for (const [index, file] of files.entries()) {
      const own = await encodingOf(file, given);
      if (own === "utf-8") {
        decoded.push(file);
        continue;
      }
      folder ??= await Deno.makeTempDir({ prefix: "rocket-text-" });
      const path = join(folder, `${index}.csv`);
      await copyDecoded(file, own, path, own === given ? encodingHint : asUtf8);
      decoded.push({ ...file, path, size: (await Deno.stat(path)).size, original: file.path });
    }
    return { files: decoded, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/**
 * Returns the hint for text that is not valid in the encoding in which it is read. The hint sets
 * the option `encoding` of the source.
 */
export function encodingHint(): HintText {
  return hint(
    "csv/encoding",
    "write the encoding of the file, such as `encoding: latin-1`, `windows-1252`, or `utf-16`",
    ["latin-1", "windows-1252"].map((encoding) => ({ set: { encoding } })),
  );
}

/** Returns the encoding of a file, which its byte order mark may state. */
async function encodingOf(file: SourceFile, given: TextEncoding): Promise<TextEncoding> {
  if (isZstd(file)) {
    if (given === "utf-8") return given;
    throw new UserError(
      `${file.name} is compressed with Zstandard, so its text must be UTF-8; for other encodings, compress the file with gzip`,
    );
  }
  let start = Buffer.alloc(0);
  try {
    for await (const bytes of bytesOf(file)) {
      start = Buffer.concat([start, bytes]);
      if (start.length >= 3) break;
    }
  } catch {
    // DuckDB reports files that cannot be decompressed.
    return "utf-8";
  }
  if (start[0] === 0xff && start[1] === 0xfe) return "utf-16le";
  if (start[0] === 0xfe && start[1] === 0xff) return "utf-16be";
  if (start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf) return "utf-8";
  return given;
}

const bytesOf = (file: SourceFile) => textBytes(file, 2 ** 18);

/** Copies a file as UTF-8, without its byte order mark. */
async function copyDecoded(
  file: SourceFile,
  encoding: TextEncoding,
  path: string,
  hintOf: () => HintText,
): Promise<void> {
  const decode = decoderOf(encoding), encoder = new TextEncoder();
  using copy = await Deno.open(path, { write: true, createNew: true });
  let lines = 1, unlooked = Infinity;
  const write = async (text: string) => {
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
    const bytes = encoder.encode(text);
    unlooked += bytes.length;
    if (unlooked >= lookedAfter) {
      unlooked = 0;
      const { bavail, bsize } = await statfs(path);
      if (bavail * bsize < leftFree + lookedAfter) throw fullDisk(file, path);
    }
    for (let at = 0; at < bytes.length;) at += await copy.write(bytes.subarray(at));
  };
  const refuse = (): never => {
    throw new UserError(`line ${lines} of ${file.name}: the text is not valid ${encoding}`, {
      hint: hintOf(),
    });
  };
  for await (const bytes of bytesOf(file)) {
    let text: string;
    try {
      text = decode(bytes);
    } catch {
      lines = await lineOfInvalid(file, encoding);
      return refuse();
    }
    await write(text);
  }
  try {
    await write(decode(undefined));
  } catch (error) {
    if (error instanceof UserError) throw error;
    refuse();
  }
}

/** Returns a function that decodes the next bytes of a text, and throws if they are invalid. */
function decoderOf(encoding: TextEncoding): (bytes: Uint8Array | undefined) => string {
  if (encoding === "latin-1") {
    // TextDecoder reads Latin-1 as Windows-1252, as browsers do.
    return (bytes) => bytes ? Buffer.from(bytes).toString("latin1") : "";
  }
  const decoder = new TextDecoder(encoding, { fatal: true });
  return (bytes) => bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
}

/** Returns the line of the first invalid byte of a file, by decoding it byte by byte. */
async function lineOfInvalid(file: SourceFile, encoding: TextEncoding): Promise<number> {
  const decode = decoderOf(encoding);
  let lines = 1;
  for await (const bytes of bytesOf(file)) {
    for (let at = 0; at < bytes.length; at++) {
      try {
        if (decode(bytes.subarray(at, at + 1)).includes("\n")) lines++;
      } catch {
        return lines;
      }
    }
  }
  return lines;
}

function fullDisk({ name }: SourceFile, path: string): UserError {
  return new UserError(
    `the disk that contains ${path} is almost full, and ${name} must be copied there as UTF-8; free space, or choose another disk with TMPDIR`,
  );
}
