/**
 * Sizes of memory as texts.
 *
 * @module
 */

const units: Readonly<Record<string, number>> = { kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** Matches a size with a unit, such as `512MB`. */
export const sizePattern = /^(\d+(?:\.\d+)?) ?(kB|MB|GB|TB)$/;

/**
 * Parses a size with a unit, such as `512MB` or `1.5 GB`.
 *
 * @param text The text.
 * @returns The number of bytes; undefined if the text is not a size.
 */
export function parseSize(text: string): number | undefined {
  const [, number, unit] = sizePattern.exec(text) ?? [];
  return unit === undefined ? undefined : Math.round(Number(number) * units[unit]!);
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

/** The smallest value of `--memory` in bytes, with which small commands run. */
export const LEAST_MEMORY = 2e8;

/**
 * Parses the value of `--memory`.
 *
 * @param text A number of bytes, or a size such as `4GB`.
 * @returns The size in bytes; undefined for other texts, and for less than {@linkcode LEAST_MEMORY}.
 */
export function memorySize(text: string): number | undefined {
  const bytes = /^\d+$/.test(text) ? Number(text) : parseSize(text);
  return bytes !== undefined && bytes >= LEAST_MEMORY ? bytes : undefined;
}
