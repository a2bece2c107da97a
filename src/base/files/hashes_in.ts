import { join } from "node:path";
import { hashOf } from "./hash_of.ts";

/**
 * Computes the hashes of files in a folder.
 *
 * @param folder The folder.
 * @param names The names of the files, relative to the folder.
 * @returns The SHA-256 hash of each file in hexadecimal digits, by its name.
 */
export async function hashesIn(
  folder: string,
  names: readonly string[],
): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const name of names) hashes[name] = (await hashOf(join(folder, name))).sha256;
  return hashes;
}
