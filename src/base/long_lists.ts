/**
 * Functions for lists whose length depends on data. A call such as `list.push(...items)` or
 * `Math.max(...numbers)` passes each item as an argument, and more than about 100,000 arguments
 * overflow the stack.
 *
 * @module
 */

/**
 * Appends items to a list.
 *
 * @typeParam Item The type of the items.
 * @param list The list, which is changed.
 * @param items The items; not the list itself.
 */
export function appendTo<Item>(list: Item[], items: Iterable<Item>): void {
  for (const item of items) list.push(item);
}

/**
 * Returns the largest of some numbers, as `Math.max()` does: `-Infinity` if there are none, and NaN
 * if one of them is NaN.
 *
 * @param numbers The numbers.
 */
export function largest(numbers: Iterable<number>): number {
  let most = -Infinity;
  for (const number of numbers) most = Math.max(most, number);
  return most;
}

/**
 * Returns the smallest of some numbers, as `Math.min()` does: `Infinity` if there are none, and NaN
 * if one of them is NaN.
 *
 * @param numbers The numbers.
 */
export function smallest(numbers: Iterable<number>): number {
  let least = Infinity;
  for (const number of numbers) least = Math.min(least, number);
  return least;
}
