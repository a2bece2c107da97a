import { UserError } from "../src/base/errors.ts";
import { hint } from "../src/base/hints.ts";

/**
 * Unpacks bytes, up to a size: a small file can hold a very large one.
 *
 * @param bytes The packed bytes.
 * @param format gzip, or deflate for zlib's format.
 * @param path The file's name, for messages.
 * @param most How many bytes there may be when they are unpacked.
 * @returns The content.
 * @throws {UserError} If they cannot be unpacked, or are more.
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
          hint: hint("unpack/large", "it is not the file that is expected here: fetch it again", {
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
      hint: hint("unpack/damaged", "it was cut off or is damaged: fetch it again", {
        edit: "the file",
      }),
      cause: error,
    });
  }
  // A view keeps all that there was room for.
  return 2 * size < most ? content.slice(0, size) : content.subarray(0, size);
}
