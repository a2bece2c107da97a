/**
 * The memory limit for rows.
 *
 * @module
 */

import { availableMemory } from "../base/machine/available_memory.ts";

/** The amount of memory that the rows of a run may use. */
export interface Memory {
  /** The total memory for rows, in bytes. */
  readonly bytes: number;
  /** The memory for a window, if rows are shuffled in windows, in bytes. */
  readonly window: number;
  /** The memory that is left for rows that are kept, in bytes. */
  left: number;
}

/** The default fraction of the available memory for rows, and the default size of a window. */
const usualPart = 0.5, usualWindow = 2 ** 28;

/**
 * Returns the memory that the rows of a run may use. A window contains record batches whose rows
 * are shuffled together. Its size is a quarter of the pipeline's limit, or 256 MB without a limit,
 * so the order of rows does not depend on the machine.
 *
 * @param bytes The limit from the pipeline, in bytes; by default half of the memory that is
 *   available to this process now.
 */
export async function memoryFor(bytes?: number): Promise<Memory> {
  const all = bytes ?? Math.floor(usualPart * await availableMemory());
  return { bytes: all, window: bytes === undefined ? usualWindow : bytes / 4, left: all };
}

/**
 * Formats a number of bytes, such as `1.5 GB`.
 *
 * @param bytes The number of bytes.
 */
export function formatBytes(bytes: number): string {
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]] as const) {
    if (bytes >= size) return `${Number((bytes / size).toPrecision(3))} ${unit}`;
  }
  return `${bytes} bytes`;
}
