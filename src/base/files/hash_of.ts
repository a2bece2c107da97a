import { openRegular } from "./regular.ts";
import { createHash } from "node:crypto";

/**
 * Computes the hash and the size of a file without loading it into memory.
 *
 * @param path The file.
 * @returns The SHA-256 hash in hexadecimal digits, and the size in bytes.
 */
export async function hashOf(path: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash("sha256");
  let bytes = 0;
  const file = await openRegular(path);
  // The stream closes the file.
  for await (const chunk of file.readable) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest("hex"), bytes };
}
