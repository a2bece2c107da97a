import { CompressionType } from "apache-arrow";
import { Buffer } from "node:buffer";
import { zstdDecompressSync } from "node:zlib";
import { decodeLz4Frames } from "./lz4_frame.ts";

/** What is compressed in a record batch cannot be unpacked; the message says why. */
export class PackedError extends Error {
  override name = "PackedError";
}

/** What unpacks the buffers of a record batch. */
export interface Codec {
  /** Its name, for messages. */
  readonly name: string;
  /**
   * Unpacks bytes.
   *
   * @param bytes The packed bytes.
   * @param into Is filled. More than it has room for is never made.
   * @throws {PackedError} If they are damaged, or become more or fewer bytes.
   */
  unpack(bytes: Uint8Array, into: Uint8Array): void;
}

/** As Arrow numbers them. ZSTD is Deno's own. */
const codecs: Readonly<Record<number, Codec>> = {
  [CompressionType.LZ4_FRAME]: codec("LZ4", (bytes, into) => {
    decodeLz4Frames(bytes, into.length, into);
    return into.length;
  }),
  [CompressionType.ZSTD]: codec("ZSTD", (bytes, into) => {
    const { buffer, byteOffset, byteLength } = bytes, most = into.length;
    try {
      const unpacked = zstdDecompressSync(Buffer.from(buffer, byteOffset, byteLength), {
        maxOutputLength: Math.max(most, 1),
        chunkSize: Math.min(Math.max(most, minChunk), maxChunk),
      });
      if (unpacked.length <= most) into.set(unpacked);
      return unpacked.length;
    } catch (error) {
      if ((error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE") return Infinity;
      throw error;
    }
  }),
};

/** What is unpacked at a time, in bytes. */
const minChunk = 64, maxChunk = 2 ** 20;

/**
 * The codec of a record batch.
 *
 * @param number Its number.
 * @throws {PackedError} If Arrow has none of that number.
 */
export function codecOf(number: number): Codec {
  const codec = codecs[number];
  if (codec) return codec;
  throw new PackedError(
    `it says that it is packed by the codec ${number}, which is none of Arrow's`,
  );
}

function codec(
  name: string,
  decode: (bytes: Uint8Array<ArrayBuffer>, into: Uint8Array) => number,
): Codec {
  return {
    name,
    unpack(bytes, into) {
      let length: number;
      try {
        length = decode(bytes as Uint8Array<ArrayBuffer>, into);
      } catch (error) {
        const why = (error as Error).message.split("\n", 1)[0];
        throw new PackedError(`cannot be unpacked: ${why}`, { cause: error });
      }
      if (length === into.length) return;
      throw new PackedError(
        length > into.length
          ? `has more than the ${into.length} bytes that it says`
          : `has ${length} bytes; it says ${into.length}`,
      );
    },
  };
}
