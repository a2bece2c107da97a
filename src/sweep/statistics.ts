import jstat from "jstat";

const { studentt } = jstat as {
  studentt: { inv(probability: number, degreesOfFreedom: number): number };
};

/** The mean and the standard deviation of some values. */
export interface Spread {
  /** The mean. */
  readonly mean: number;
  /** The sample standard deviation, with divisor n − 1; NaN for one value. */
  readonly deviation: number;
  /** The number of values. */
  readonly count: number;
}

/** A mean with its confidence interval. */
export interface Interval {
  /** The mean. */
  readonly mean: number;
  /** The lower end of the interval; NaN for one value. */
  readonly low: number;
  /** The upper end of the interval; NaN for one value. */
  readonly high: number;
}

/**
 * Computes the mean and the standard deviation of some values.
 *
 * @param values The values; at least one.
 */
export function spread(values: readonly number[]): Spread {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: count > 1 ? Math.sqrt(squares / (count - 1)) : NaN, count };
}

/**
 * Computes the mean of some values with its confidence interval from Student's t distribution. For
 * differences between pairs, this is the interval of the paired t test.
 *
 * @param values The values; at least one.
 * @param confidence The probability that such an interval contains the true mean.
 */
export function interval(values: readonly number[], confidence = 0.95): Interval {
  const { mean, deviation, count } = spread(values);
  if (count < 2) return { mean, low: NaN, high: NaN };
  const half = studentt.inv((1 + confidence) / 2, count - 1) * deviation / Math.sqrt(count);
  return { mean, low: mean - half, high: mean + half };
}

/**
 * Computes the median of some numbers.
 *
 * @param values The numbers; at least one.
 */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
