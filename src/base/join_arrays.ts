/** A typed array to which values of another array can be copied. */
interface Settable<Value> {
  readonly length: number;
  set(values: ArrayLike<Value>, offset?: number): void;
}

/**
 * Joins arrays to one typed array.
 *
 * @param arrays The arrays, in order.
 * @param type The type of the result, such as `Float32Array`.
 */
export function joinArrays<Value, Joined extends Settable<Value>>(
  arrays: readonly ArrayLike<Value>[],
  type: new (length: number) => Joined,
): Joined {
  const all = new type(arrays.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  for (const array of arrays) {
    all.set(array, filled);
    filled += array.length;
  }
  return all;
}
