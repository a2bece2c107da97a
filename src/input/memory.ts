/**
 * How much memory rows may take.
 *
 * @module
 */

import { availableMemory } from "../base/machine/available_memory.ts";

/** The memory for the rows of a run. */
export interface Memory {
  /** All of it, in bytes. */
  readonly bytes: number;
  /** For the rows of a window where rows are shuffled in windows, in bytes. */
  readonly window: number;
  /** What is left for rows that are kept, in bytes. */
  left: number;
}

/** The part of the machine's available memory that rows may take, and what a window has then. */
const usualPart = 0.5, usualWindow = 2 ** 28;

/**
 * The memory for the rows of a run. Where the pipeline says how much, a window has a quarter of it,
 * so that the order of rows does not depend on the machine; else 256 MB.
 *
 * @param bytes What the pipeline says; by default half of what is available now, in this control
 *   group.
 */
export async function memoryFor(bytes?: number): Promise<Memory> {
  const all = bytes ?? Math.floor(usualPart * await availableMemory());
  return { bytes: all, window: bytes === undefined ? usualWindow : bytes / 4, left: all };
}

/**
 * Bytes as people say them.
 *
 * @param bytes How many.
 */
export function formatBytes(bytes: number): string {
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]] as const) {
    if (bytes >= size) return `${Number((bytes / size).toPrecision(3))} ${unit}`;
  }
  return `${bytes} bytes`;
}
