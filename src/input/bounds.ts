/**
 * The last part that starts at or before a place: of parts of any length that follow one another,
 * the one that the place is in. Parts without a length are passed over.
 *
 * @param bounds Where each part starts, ascending, and where the last one ends.
 * @param place The place.
 * @returns The part's number.
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
