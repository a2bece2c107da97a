import * as tf from "@tensorflow/tfjs";

/**
 * The gradient of the sum of a function's values, by the central difference of the fourth order,
 * with the sums taken in double precision.
 *
 * @param f A smooth function of a tensor.
 * @param x Where.
 * @param indices The elements of `x`, by flat index, that are wanted; all by default.
 * @param step How far to go on either side.
 * @returns The derivatives to those elements.
 */
export function finiteDifference<T extends tf.Tensor>(
  f: (x: T) => tf.Tensor,
  x: T,
  indices?: readonly number[],
  step = 2 ** -5,
): Float64Array {
  const values = x.dataSync();
  const at = (index: number, offset: number) => {
    const moved = Float32Array.from(values);
    moved[index]! += offset;
    const result = tf.tidy(() => tf.clone(f(tf.tensor(moved, x.shape) as T)));
    let sum = 0;
    for (const value of result.dataSync()) sum += value;
    result.dispose();
    return sum;
  };
  return Float64Array.from(indices ?? values.keys(), (index) => {
    const near = at(index, step) - at(index, -step);
    const far = at(index, 2 * step) - at(index, -2 * step);
    return (8 * near - far) / (12 * step);
  });
}

/**
 * How far some numbers are from others: the norm of the difference by the larger norm.
 *
 * @param actual Some numbers.
 * @param expected As many others.
 * @returns 0 if they are equal, at most 2.
 * @throws {RangeError} If they are not as many, or there are none.
 */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length || actual.length === 0) {
    throw new RangeError(`cannot compare ${actual.length} numbers with ${expected.length}`);
  }
  const norm = (values: ArrayLike<number>) => Math.hypot(...Array.from(values));
  const difference = norm(Array.from(actual, (value, i) => value - expected[i]!));
  const scale = Math.max(norm(actual), norm(expected));
  return difference === 0 ? 0 : difference / scale;
}
