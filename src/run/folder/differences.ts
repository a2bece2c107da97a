/** A value in the pipelines or settings of several runs that is not the same in all of them. */
export interface Difference {
  /** The keys and indices that lead to the value, such as `["losses", 2, "weight"]`. */
  readonly path: readonly (string | number)[];
  /** The value in each run; undefined if it is absent. */
  readonly values: readonly unknown[];
}

/**
 * Compares JSON values and returns the smallest parts that are not equal. A part that is missing in
 * one of the values counts as a single difference, however large it is.
 *
 * @param values The values, one for each run.
 * @param path The path of the values within a larger value.
 */
export function differences(
  values: readonly unknown[],
  path: readonly (string | number)[] = [],
): Difference[] {
  const [first] = values;
  if (
    values.every(isContainer) && values.every((one) => Array.isArray(one) === Array.isArray(first))
  ) {
    const keys = new Set(values.flatMap((one) => Object.keys(one as object)));
    return Array.from(keys).flatMap((key) =>
      differences(
        values.map((one) => ownValue(one as object, key)),
        [...path, Array.isArray(first) ? Number(key) : key],
      )
    );
  }
  if (values.every((one) => isEqual(one, first))) return [];
  return [{ path, values }];
}

const isContainer = (value: unknown) => typeof value === "object" && value !== null;

const ownValue = (container: object, key: string): unknown =>
  Object.hasOwn(container, key) ? (container as Record<string, unknown>)[key] : undefined;

/** Checks whether two JSON values are equal. The order of keys does not matter. */
function isEqual(a: unknown, b: unknown): boolean {
  if (!isContainer(a) || !isContainer(b)) return a === b;
  return Array.isArray(a) === Array.isArray(b) && differences([a, b]).length === 0;
}
