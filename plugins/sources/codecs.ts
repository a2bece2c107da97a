import { CompressionType } from "apache-arrow";
import { Buffer } from "node:buffer";
import { zstdDecompressSync } from "node:zlib";
import { decodeLz4Frames } from "./lz4_frame.ts";

/**
 * Thrown when a compressed buffer of a record batch cannot be decompressed. The message says why.
 */
export class PackedError extends Error {
  override name = "PackedError";
}

/** Decompresses the buffers of a record batch. */
export interface Codec {
  /** The name of the codec, for messages. */
  readonly name: string;
  /**
   * Decompresses a buffer.
   *
   * @param bytes The compressed bytes.
   * @param into Receives the decompressed bytes, which must fill it exactly. Decompression never
   *   produces more bytes than it can hold.
   * @throws {PackedError} If the compressed bytes are damaged, or their decompressed size is not
   *   the length of `into`.
   */
  unpack(bytes: Uint8Array, into: Uint8Array): void;
}

/** Codecs by their number in Arrow's format. */
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

/** The smallest and largest chunk that ZSTD decompresses at a time, in bytes. */
const minChunk = 64, maxChunk = 2 ** 20;

/**
 * Returns the compression codec that has a given number in the Arrow format.
 *
 * @param number The codec's number in Arrow's `CompressionType`.
 * @throws {PackedError} If Arrow defines no codec with this number.
 */
export function codecOf(number: number): Codec {
  const codec = codecs[number];
  if (codec) return codec;
  throw new PackedError(
    `it declares the compression codec ${number}, which Arrow does not have`,
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
        throw new PackedError(`cannot be decompressed: ${why}`, { cause: error });
      }
      if (length === into.length) return;
      throw new PackedError(
        length > into.length
          ? `has more than the ${into.length} bytes that it declares`
          : `has ${length} bytes, but declares ${into.length}`,
      );
    },
  };
}
