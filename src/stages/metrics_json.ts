import { isUndefinedMetric, undefinedMetric } from "./metric.ts";

/**
 * A value that holds metrics, as JSON has it: an undefined metric is `null`, and an object with such
 * metrics has their reasons as `undefined`, by path: `{ "test/light/auc": "one class" }`.
 *
 * @param value An object, with metrics at any depth.
 * @returns The same without undefined metrics; the value itself is left alone.
 *
 * @example
 * ```ts
 * import { metricsToJson, undefinedMetric } from "@rocket-launching/rocket";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   metricsToJson({ epoch: 1, "light/auc": undefinedMetric("one class") }),
 *   { epoch: 1, "light/auc": null, undefined: { "light/auc": "one class" } },
 * );
 * ```
 */
export function metricsToJson(value: object): object {
  const reasons: Record<string, string> = {};
  const without = (value: unknown, path: readonly string[]): unknown => {
    if (isUndefinedMetric(value)) {
      reasons[path.join("/")] = value.undefined;
      return null;
    }
    return mapped(value, path, without);
  };
  const json = without(value, []) as object;
  return Object.keys(reasons).length > 0 ? { ...json, undefined: reasons } : json;
}

/**
 * Reads what {@linkcode metricsToJson} made.
 *
 * @param json The object.
 * @returns The object with its undefined metrics, without their reasons beside them.
 */
export function metricsFromJson(json: object): object {
  const { undefined: reasons, ...rest } = json as { undefined?: unknown };
  if (typeof reasons !== "object" || reasons === null) return json;
  const known = reasons as Readonly<Record<string, unknown>>;
  const within = (value: unknown, path: readonly string[]): unknown => {
    if (value !== null) return mapped(value, path, within);
    const name = path.join("/");
    const reason = Object.hasOwn(known, name) ? known[name] : undefined;
    return typeof reason === "string" ? undefinedMetric(reason) : null;
  };
  return within(rest, []) as object;
}

/** An object or list, with each of its values changed; anything else as it is. */
function mapped(
  value: unknown,
  path: readonly string[],
  change: (value: unknown, path: readonly string[]) => unknown,
): unknown {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) {
    return value.map((part, index) => change(part, [...path, String(index)]));
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, change(part, [...path, key])]),
  );
}
