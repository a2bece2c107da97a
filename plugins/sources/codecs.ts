import { compressionRegistry, CompressionType } from "apache-arrow";
import { decompress } from "lz4js";
import { Buffer } from "node:buffer";
import { zstdDecompressSync } from "node:zlib";

/**
 * Lets apache-arrow read bodies that are compressed with LZ4 or ZSTD, which it does not by itself:
 * pyarrow writes Feather files with LZ4 unless told otherwise.
 */
export function registerCodecs(): void {
  compressionRegistry.set(CompressionType.LZ4_FRAME, { decode: (data) => decompress(data) });
  compressionRegistry.set(CompressionType.ZSTD, {
    decode: (data) => {
      const { buffer, byteOffset, byteLength } = zstdDecompressSync(Buffer.from(data));
      return new Uint8Array(buffer, byteOffset, byteLength);
    },
  });
}
