import { createHash } from "node:crypto";
import { UserError } from "../src/base/errors.ts";
import { hint } from "../src/base/hints.ts";
import { unpack } from "./unpack.ts";

/** The content of an IDX file whose values are bytes. */
export interface Idx {
  /** The sizes of the dimensions, outermost first. */
  readonly shape: readonly number[];
  /** The values. */
  readonly values: Uint8Array<ArrayBuffer>;
  /** The SHA-256 of the unpacked file. */
  readonly sha256: string;
}

/**
 * Reads an IDX file whose values are bytes, the format of MNIST. The file may be compressed with
 * gzip. It consists of two zero bytes, the type of the values (8 for unsigned bytes), the number of
 * dimensions, their sizes as 32-bit big-endian integers, and the values.
 *
 * @param bytes The file.
 * @param path The file's name for messages.
 * @param most The maximum unpacked size in bytes, because a small file can unpack to a very large
 *   one.
 * @returns The content.
 * @throws {UserError} If the file is not an IDX file of bytes, is incomplete, or is too large.
 */
export async function readIdx(
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
  most: number,
): Promise<Idx> {
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const content = packed ? await unpack(bytes, "gzip", path, most) : bytes;
  const [first, second, type, dimensions = 0] = content;
  if (first !== 0 || second !== 0 || type !== 8 || dimensions === 0) {
    const start = Array.from(content.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0"));
    throw new UserError(`${path} is not an IDX file of bytes: it starts with ${start.join(" ")}`, {
      hint: hint(
        "idx/start",
        "an IDX file of bytes starts with 00 00 08: download the file again",
        {
          edit: "the file",
        },
      ),
    });
  }
  const header = 4 + 4 * dimensions;
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const shape = content.length < header
    ? []
    : Array.from({ length: dimensions }, (_, index) => view.getUint32(4 + 4 * index));
  const size = shape.reduce((product, length) => product * length, 1);
  if (content.length !== header + size || shape.length === 0) {
    throw new UserError(
      `${path} has ${content.length} bytes; expected ${header + size} according to its header`,
      {
        hint: hint("idx/damaged", "the file is incomplete or damaged: download it again", {
          edit: "the file",
        }),
      },
    );
  }
  return {
    shape,
    values: content.subarray(header),
    sha256: createHash("sha256").update(content).digest("hex"),
  };
}
