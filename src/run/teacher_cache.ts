/**
 * Keeps the outputs of teachers for the training rows in files of the user's cache.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { makeFolder } from "../base/files/make_folder.ts";
import { writeFileWhole } from "../base/files/write.ts";

/**
 * Copies arrays into one array in shared memory, so that the thread that makes batches can read it.
 *
 * @param parts The arrays.
 */
export function joined(parts: readonly Float32Array[]): Float32Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new Float32Array(new SharedArrayBuffer(4 * length));
  let filled = 0;
  for (const part of parts) {
    all.set(part, filled);
    filled += part.length;
  }
  return all;
}

/**
 * Computes the hash of everything that the outputs of a teacher depend on.
 *
 * @param about Values that can be written as JSON.
 * @returns Hexadecimal digits.
 */
export const sha256 = (about: readonly unknown[]) =>
  createHash("sha256").update(JSON.stringify(about)).digest("hex");

const HASH_BYTES = 32;

const hashOf = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());

/**
 * Reads the outputs of a teacher from the cache.
 *
 * @param file The file.
 * @param units The number of values of a row.
 * @returns The values; undefined if they are not there, or damaged.
 */
export async function readKept(file: string, units: number): Promise<Float32Array | undefined> {
  try {
    const bytes = await Deno.readFile(file);
    const values = bytes.subarray(HASH_BYTES);
    const isWhole = values.length % (4 * units) === 0 &&
      hashOf(values).every((byte, index) => byte === bytes[index]);
    if (!isWhole) return undefined;
    const shared = new Uint8Array(new SharedArrayBuffer(values.length));
    shared.set(values);
    return new Float32Array(shared.buffer);
  } catch {
    return undefined;
  }
}

/**
 * Stores the outputs of a teacher in the cache. If this fails, the next run computes them again.
 *
 * @param file The file.
 * @param values The values.
 */
export async function keep(file: string, values: Float32Array): Promise<void> {
  const bytes = new Uint8Array(HASH_BYTES + values.byteLength);
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), HASH_BYTES);
  bytes.set(hashOf(bytes.subarray(HASH_BYTES)));
  try {
    await makeFolder(dirname(file));
    await writeFileWhole(file, bytes);
  } catch {
    // The cache may be read-only, or the disk full.
  }
}
