/**
 * Returns the largest relative difference of two lists of losses.
 *
 * @param losses The losses.
 * @param expected The losses that they are compared with.
 * @param count The number of losses that are compared.
 * @throws {RangeError} If a list is shorter.
 */
export function largestDifference(
  losses: readonly number[],
  expected: readonly number[],
  count: number,
): number {
  if (losses.length < count || expected.length < count) {
    throw new RangeError(`expected ${count} losses, got ${losses.length} and ${expected.length}`);
  }
  const differences = expected.slice(0, count).map((loss, index) =>
    Math.abs(losses[index]! - loss) / Math.max(Math.abs(loss), 1e-12)
  );
  // A NaN is a difference, too.
  return differences.some(Number.isNaN) ? Infinity : Math.max(...differences);
}
