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
