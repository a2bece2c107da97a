import { UserError } from "../src/base/errors.ts";
import { hint } from "../src/base/hints.ts";

/**
 * Unpacks bytes up to a maximum size, because a small file can unpack to a very large one.
 *
 * @param bytes The compressed bytes.
 * @param format gzip, or deflate for zlib's format.
 * @param path The file's name for messages.
 * @param most The maximum unpacked size in bytes.
 * @returns The content.
 * @throws {UserError} If the bytes cannot be unpacked, or exceed the maximum.
 */
export async function unpack(
  bytes: Uint8Array<ArrayBuffer>,
  format: "gzip" | "deflate",
  path: string,
  most: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const content = new Uint8Array(most);
  let size = 0;
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format));
    for await (const part of stream) {
      if (size + part.length > most) {
        throw new UserError(`${path} unpacks to more than ${most} bytes`, {
          hint: hint("unpack/large", "this is not the published file: download it again", {
            edit: "the file",
          }),
        });
      }
      content.set(part, size);
      size += part.length;
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} cannot be unpacked: ${(error as Error).message}`, {
      hint: hint("unpack/damaged", "the file is incomplete or damaged: download it again", {
        edit: "the file",
      }),
      cause: error,
    });
  }
  // A view keeps the whole buffer in memory, so small content is copied.
  return 2 * size < most ? content.slice(0, size) : content.subarray(0, size);
}
