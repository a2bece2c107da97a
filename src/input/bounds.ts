/**
 * Finds the chunk that contains a position, by binary search: the last chunk that starts at the
 * position or before it. Chunks are consecutive; empty chunks are skipped.
 *
 * @param bounds The start of each chunk, ascending, followed by the end of the last one.
 * @param place The position.
 * @returns The number of the chunk.
 */
export function lastAtMost(bounds: ArrayLike<number>, place: number): number {
  let low = 0, high = bounds.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (bounds[middle]! <= place) low = middle;
    else high = middle;
  }
  return low;
}

/**
 * Finds the first number that is at least a given one, by binary search.
 *
 * @param numbers The numbers, ascending.
 * @param number The least number to find.
 * @returns The index of the number; the length if all numbers are smaller.
 */
export function firstAtLeast(numbers: ArrayLike<number>, number: number): number {
  let low = 0, high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle]! < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
