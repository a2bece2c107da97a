/**
 * Describes a value of a wrong type that a stage returned, for messages.
 *
 * @param value The value.
 */
export function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (value instanceof Promise) return "a promise";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") {
    const keys = Object.keys(value).join(", ");
    return keys === "" ? "an object without keys" : `an object with the keys ${keys}`;
  }
  return `the ${typeof value} ${String(value)}`;
}
