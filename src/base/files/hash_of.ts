import { openRegular } from "./regular.ts";
import { createHash } from "node:crypto";

/**
 * The hash of a file, and its length, without the file in memory.
 *
 * @param path The file.
 * @returns SHA-256 in hexadecimal digits, and the bytes.
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
