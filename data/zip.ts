import { BlobReader, ZipReader } from "@zip.js/zip.js";
import { UserError } from "../src/base/errors.ts";
import { hint } from "../src/base/hints.ts";

/** The maximum number of entries of an archive. */
const maxEntries = 10_000;

/**
 * Reads selected files of a zip archive. Other files are skipped, and nothing is written to disk.
 *
 * @param bytes The archive.
 * @param path The archive's name for messages.
 * @param names The names of the files to read.
 * @param most The maximum unpacked size of each file in bytes, because a small archive can contain
 *   very large files.
 * @returns The bytes of the files that exist, by name.
 * @throws {UserError} If the bytes are not a zip archive, or if a selected file exists twice, cannot
 *   be unpacked, or is too large.
 */
export async function readZip(
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
  names: readonly string[],
  most: number,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const zip = new ZipReader(new BlobReader(new Blob([bytes])), { useWebWorkers: false });
  try {
    let count = 0;
    for await (const entry of zip.getEntriesGenerator()) {
      if (++count > maxEntries) {
        throw other(`${path} has more than the supported ${maxEntries} entries`);
      }
      const { filename } = entry;
      if (entry.directory || !names.includes(filename)) continue;
      if (files.has(filename)) throw other(`${path} has two files with the name ${filename}`);
      const content = new Bounded(most, `${filename} of ${path}`);
      await entry.getData(content.stream, { checkSignature: true });
      files.set(filename, content.bytes());
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} is not a zip archive or is damaged: ${(error as Error).message}`, {
      hint: hint("zip/damaged", "the archive is incomplete or damaged: download it again", {
        edit: "the file",
      }),
      cause: error,
    });
  } finally {
    await zip.close();
  }
  return files;
}

const other = (message: string) =>
  new UserError(message, {
    hint: hint("zip/other", "this is not the published archive: download it again", {
      edit: "the file",
    }),
  });

/** Collects unpacked bytes up to a maximum, whatever size the archive declares for them. */
class Bounded {
  readonly stream: WritableStream<Uint8Array>;
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  constructor(most: number, what: string) {
    this.stream = new WritableStream({
      write: (part) => {
        this.#size += part.length;
        if (this.#size > most) throw other(`${what} unpacks to more than ${most} bytes`);
        this.#parts.push(part.slice());
      },
    });
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const result = new Uint8Array(this.#size);
    this.#parts.reduce((at, part) => (result.set(part, at), at + part.length), 0);
    return result;
  }
}
