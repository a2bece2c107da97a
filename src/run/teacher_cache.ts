/**
 * Keeps the outputs of teachers for the training rows in files of the user's cache.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { makeFolder } from "../base/files/make_folder.ts";
import { writeFileWhole } from "../base/files/write.ts";
import type { Dataset } from "../stages/source.ts";
import { hashOfRows, RowHash } from "./row_hash.ts";

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

/** How the outputs of a teacher for some rows are found in the cache, or computed. */
export interface Outputs {
  /** The folder of the cache. */
  readonly folder: string;
  /**
   * What the outputs depend on besides the rows: the teacher, and what computes it. Undefined if
   * that is not known, so that the outputs cannot be kept.
   */
  readonly about: readonly unknown[] | undefined;
  /** The number of values of a row, as the teacher declares it. */
  readonly units: number;
  /** Opens the rows with the columns that the teacher reads. */
  readonly open: () => Promise<Dataset>;
  /**
   * Computes the outputs.
   *
   * @param hash Receives the rows, with the columns that the teacher reads.
   */
  readonly compute: (hash: RowHash) => Promise<Computed>;
}

/** The outputs of a teacher for some rows. */
export interface Computed {
  /** The values, row by row, in shared memory. */
  readonly values: Float32Array;
  /** The number of values of a row. */
  readonly units: number;
}

/**
 * Reads the outputs of a teacher from the cache, or computes them and stores them there. The key is
 * the hash of the rows themselves, so that outputs are never used for other rows.
 *
 * @param outputs What the outputs depend on, and how they are computed.
 * @returns The outputs, and whether they are from the cache.
 */
export async function keptOrComputed(
  { folder, about, units, open, compute }: Outputs,
): Promise<Computed & { readonly isKept: boolean }> {
  const key = about && sha256(about);
  const fileOf = (rows: string) => join(folder, `${key}-${rows}.f32`);
  // The rows are read only to find their outputs if there are outputs of this teacher.
  if (key && await hasSome(folder, key)) {
    const values = await readKept(fileOf(await hashOfRows(open)), units);
    if (values) return { values, units, isKept: true };
  }
  const hash = new RowHash(), computed = await compute(hash);
  if (key && computed.units === units) await keep(fileOf(hash.digest()), computed.values);
  return { ...computed, isKept: false };
}

/** Checks whether the cache has outputs of a teacher for any rows. */
async function hasSome(folder: string, key: string): Promise<boolean> {
  try {
    for await (const { name } of Deno.readDir(folder)) if (name.startsWith(key)) return true;
  } catch {
    // There is no cache yet.
  }
  return false;
}

const HASH_BYTES = 32;

const hashOf = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());

/**
 * Reads the outputs of a teacher from the cache.
 *
 * @param file The file.
 * @param units The number of values of a row.
 * @returns The values; undefined if they are not there, or damaged.
 */
async function readKept(file: string, units: number): Promise<Float32Array | undefined> {
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
async function keep(file: string, values: Float32Array): Promise<void> {
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
