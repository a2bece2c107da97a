import { compressionRegistry, CompressionType } from "apache-arrow";
import { Buffer } from "node:buffer";
import { zstdDecompressSync } from "node:zlib";
import { decodeLz4Frames } from "./lz4_frame.ts";

/** A compressed part of a record batch is not what it says; the message says how. */
export class PackedError extends Error {
  override name = "PackedError";
}

/** Up to this many bytes, parts may become as much longer as they like. */
const harmless = 2 ** 26;

/** How many times longer larger parts may become: zeros alone are more, and have no need to be large. */
const mostRatio = 1000;

/** Before each part stand eight bytes with its length once it is unpacked. */
const prefix = 8;

/**
 * Lets apache-arrow read bodies that are compressed with LZ4 or ZSTD, which it does not by itself:
 * pyarrow writes Feather files with LZ4 unless told otherwise. What a few bytes say that they become is
 * not believed.
 */
export function registerCodecs(): void {
  compressionRegistry.set(CompressionType.LZ4_FRAME, {
    decode: (data) => unpacked(data, "LZ4", (length) => decodeLz4Frames(data, length)),
  });
  compressionRegistry.set(CompressionType.ZSTD, {
    decode: (data) =>
      unpacked(data, "ZSTD", (length) => {
        const { buffer, byteOffset, byteLength } = zstdDecompressSync(Buffer.from(data), {
          maxOutputLength: Math.max(1, length),
        });
        return new Uint8Array(buffer, byteOffset, byteLength);
      }),
  });
}

function unpacked(
  data: Uint8Array,
  codec: string,
  decode: (length: number) => Uint8Array,
): Uint8Array {
  if (data.byteOffset < prefix) throw new PackedError(`a part that ${codec} packed has no length`);
  const length = Number(
    new DataView(data.buffer, data.byteOffset - prefix, prefix).getBigInt64(0, true),
  );
  if (!Number.isSafeInteger(length) || length < 0) {
    throw new PackedError(`a part that ${codec} packed says that it has ${length} bytes`);
  }
  if (length > harmless && length > mostRatio * data.byteLength) {
    throw new PackedError(
      `${data.byteLength} bytes that ${codec} packed say that they become ${length}`,
    );
  }
  let bytes: Uint8Array;
  try {
    bytes = decode(length);
  } catch (error) {
    const why = (error as Error).message.split("\n", 1)[0];
    throw new PackedError(`a part that ${codec} packed cannot be unpacked: ${why}`, {
      cause: error,
    });
  }
  if (bytes.byteLength === length) return bytes;
  throw new PackedError(
    `a part that ${codec} packed has ${bytes.byteLength} bytes; it says ${length}`,
  );
}
