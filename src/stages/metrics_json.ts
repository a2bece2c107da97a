import { isUndefinedMetric, undefinedMetric } from "./metric.ts";

/**
 * Converts an object with metrics to JSON. Undefined metrics become `null`, and the key `undefined`
 * of the object gets their reasons by path: `{ "test/light/auc": "one class" }`.
 *
 * @param value An object with metrics at any depth. It is not changed.
 * @returns A copy in which undefined metrics are `null`.
 *
 * @example
 * ```ts
 * import { metricsToJson, undefinedMetric } from "@rocket-launching/rocket/plugin";
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
 * Converts the result of {@linkcode metricsToJson} back.
 *
 * @param json The JSON object.
 * @returns The object with its undefined metrics restored, without the key `undefined`.
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

/** Maps the values of an object or list; returns any other value unchanged. */
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
