import { compressionRegistry, CompressionType } from "apache-arrow";
import { decompressFrame } from "lz4js";
import { Buffer } from "node:buffer";
import { zstdDecompressSync } from "node:zlib";

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
    decode: (data) =>
      unpacked(data, "LZ4", (length) => {
        verifyFrame(data);
        const bytes = new Uint8Array(length);
        // What does not fit is left out, but counted.
        const found: number = decompressFrame(data, bytes);
        if (found !== length) throw new Error(`it has ${found} bytes and not ${length}`);
        return bytes;
      }),
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

/**
 * Follows the blocks of an LZ4 frame (LZ4 Frame Format 1.6.4) to its end. lz4js reads on behind the end of what
 * it has, for as long as a block says that it is, which may be minutes.
 */
function verifyFrame(data: Uint8Array): void {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const within = (end: number) => {
    if (end > data.byteLength) throw new Error("a block of it reaches beyond its end");
  };
  within(7);
  const flags = view.getUint8(4);
  const blockSum = flags & 0x10 ? 4 : 0, contentSize = flags & 0x08 ? 8 : 0;
  for (let at = 7 + contentSize;;) {
    within(at + 4);
    const size = view.getUint32(at, true);
    if (size === 0) return;
    // The highest bit says that a block is not compressed.
    at += 4 + (size & 0x7fffffff) + blockSum;
    within(at);
  }
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
