import { BlobReader, ZipReader } from "@zip.js/zip.js";
import { UserError } from "../src/base/errors.ts";
import { hint } from "../src/base/hints.ts";

/** How many entries an archive may have. */
const maxEntries = 10_000;

/**
 * Reads some files of a zip archive. Others are passed over, and nothing is written anywhere.
 *
 * @param bytes The archive.
 * @param path Its name, for messages.
 * @param names The files that are wanted.
 * @param most How many bytes each may have when it is unpacked: a small archive can hold very large
 *   files.
 * @returns The bytes of those that are there, by their names.
 * @throws {UserError} If it is no archive, a file is there twice, cannot be unpacked, or is larger.
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
      if (++count > maxEntries) throw other(`${path} has more than ${maxEntries} entries`);
      const { filename } = entry;
      if (entry.directory || !names.includes(filename)) continue;
      if (files.has(filename)) throw other(`${path} has two files called ${filename}`);
      const content = new Bounded(most, `${filename} of ${path}`);
      await entry.getData(content.stream, { checkSignature: true });
      files.set(filename, content.bytes());
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} is no zip archive, or is damaged: ${(error as Error).message}`, {
      hint: hint("zip/damaged", "it was cut off or is damaged: fetch it again", {
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
    hint: hint("zip/other", "it is not the file that is expected here: fetch it again", {
      edit: "the file",
    }),
  });

/** Bytes up to a number, whatever an archive says of them. */
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
