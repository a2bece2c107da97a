/** One of several parts into which a list is divided as evenly as possible. */
export interface ListPart {
  /** The number of the part, from 0. */
  readonly index: number;
  /** The number of parts. */
  readonly count: number;
}

/**
 * Returns the range of a part of a list. The lengths of the parts differ by at most 1.
 *
 * @param length The length of the list.
 * @param part The part.
 * @returns The first position of the part, and the position after its last.
 *
 * @example
 * ```ts
 * import { partRange } from "./part_range.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const ranges = [0, 1, 2].map((index) => partRange(10, { index, count: 3 }));
 * assertEquals(ranges, [[0, 3], [3, 6], [6, 10]]);
 * ```
 */
export function partRange(
  length: number,
  { index, count }: ListPart,
): [start: number, end: number] {
  return [Math.floor(index * length / count), Math.floor((index + 1) * length / count)];
}
