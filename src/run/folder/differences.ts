/** A value that is not the same in all runs. */
export interface Difference {
  /** The path of the value, such as `losses.2.weight`. */
  readonly path: string;
  /** The value of each run; undefined if a run has none. */
  readonly values: readonly unknown[];
}

/**
 * Finds the smallest parts of JSON values that are not equal. A part that is missing from one of
 * the values is one difference, however many parts it contains.
 *
 * @param values The values, one for each run.
 * @param path The path of the values.
 */
export function differences(
  values: readonly unknown[],
  path: readonly string[] = [],
): Difference[] {
  const [first] = values;
  if (
    values.every(isContainer) && values.every((one) => Array.isArray(one) === Array.isArray(first))
  ) {
    const keys = new Set(values.flatMap((one) => Object.keys(one as object)));
    return Array.from(keys).flatMap((key) =>
      differences(values.map((one) => ownValue(one as object, key)), [...path, key])
    );
  }
  if (values.every((one) => isEqual(one, first))) return [];
  return [{ path: path.join("."), values }];
}

const isContainer = (value: unknown) => typeof value === "object" && value !== null;

const ownValue = (container: object, key: string): unknown =>
  Object.hasOwn(container, key) ? (container as Record<string, unknown>)[key] : undefined;

/** Whether two JSON values are equal; the order of keys does not matter. */
function isEqual(a: unknown, b: unknown): boolean {
  if (!isContainer(a) || !isContainer(b)) return a === b;
  return Array.isArray(a) === Array.isArray(b) && differences([a, b]).length === 0;
}
