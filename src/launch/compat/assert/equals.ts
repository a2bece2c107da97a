import { AssertionError, sentence } from "./assertion_error.ts";

/** Throws unless two values are deeply equal. `0` equals `-0`, and NaN equals NaN. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  if (equal(actual, expected)) return;
  throw new AssertionError(
    `${sentence("Values are not equal", message)}\n\n${difference(actual, expected)}`,
  );
}

/** Throws if two values are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  if (!equal(actual, expected)) return;
  throw new AssertionError(
    sentence(`Expected actual: ${show(actual)} not to be: ${show(expected)}`, message),
  );
}

/** Checks whether two values are deeply equal. */
function equal(left: unknown, right: unknown, seen = new Map<unknown, unknown>()): boolean {
  if (same(left, right)) return true;
  if (typeof left !== "object" || typeof right !== "object" || !left || !right) return false;
  if (left instanceof Date && right instanceof Date) return same(left.getTime(), right.getTime());
  const kind = kindOf(left);
  if (kind !== kindOf(right)) return false;
  if (isNumbers(left)) return sameNumbers(left, right as Numbers);
  if (isBytes(left)) return sameNumbers(new Uint8Array(left), new Uint8Array(right as ArrayBuffer));
  if (left instanceof WeakMap) throw new TypeError("Cannot compare WeakMap instances");
  if (left instanceof WeakSet) throw new TypeError("Cannot compare WeakSet instances");
  if (left instanceof WeakRef) return equal(left.deref(), (right as typeof left).deref(), seen);
  // This pair is already being compared further up, so both values contain the same cycle.
  if (seen.get(left) === right) return true;
  if (Object.keys(left).length !== Object.keys(right).length) return false;
  seen.set(left, right);
  if (left instanceof Set || left instanceof Map) {
    return sameEntries(left, right as typeof left, seen);
  }
  if (TEXTS.has(kind)) return String(left) === String(right);
  return [...keysOf(left).union(keysOf(right))].every((key) =>
    key in left && key in right && equal(left[key as never], right[key as never], seen)
  );
}

function same(left: unknown, right: unknown): boolean {
  return left === right || Object.is(left, right);
}

/** Returns the prototype of a value. Objects without one count as plain objects. */
function kindOf(value: object): object {
  return Object.getPrototypeOf(value) ?? Object.prototype;
}

/** The prototypes of objects that are equal if their texts are equal. */
const TEXTS: ReadonlySet<object> = new Set(
  [RegExp, URL, URLSearchParams].map(({ prototype }) => prototype),
);

/**
 * Returns the keys to compare: the enumerable keys of plain objects and arrays, and all keys of
 * other objects, including inherited getters.
 */
function keysOf(value: object): Set<string | symbol> {
  if ([Object.prototype, Array.prototype].includes(kindOf(value))) {
    return new Set(Reflect.ownKeys({ ...value }));
  }
  const keys = new Set<string | symbol>();
  for (
    let at: object | null = value;
    at && at !== Object.prototype && at !== Array.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    Reflect.ownKeys(at).forEach((key) => keys.add(key));
  }
  return keys;
}

type Numbers = ArrayLike<number | bigint> & ArrayBufferView;

function isNumbers(value: object): value is Numbers {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

function isBytes(value: object): value is ArrayBuffer | SharedArrayBuffer {
  return value instanceof ArrayBuffer || value instanceof SharedArrayBuffer;
}

function sameNumbers(left: ArrayLike<number | bigint>, right: ArrayLike<number | bigint>): boolean {
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (!same(left[i], right[i])) return false;
  return true;
}

/**
 * Checks whether each entry of a set or map has an equal entry in the other one, in any order.
 */
function sameEntries(
  left: Set<unknown> | Map<unknown, unknown>,
  right: Set<unknown> | Map<unknown, unknown>,
  seen: Map<unknown, unknown>,
): boolean {
  if (left.size !== right.size) return false;
  const others = [...right];
  return [...left].every((entry) => others.some((other) => equal(entry, other, new Map(seen))));
}

/** Formats the actual lines (`-`) and the expected lines (`+`). */
function difference(actual: unknown, expected: unknown): string {
  const left = show(actual).split("\n");
  const right = show(expected).split("\n");
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start++;
  let end = 0;
  while (
    end < left.length - start && end < right.length - start &&
    left.at(-1 - end) === right.at(-1 - end)
  ) end++;
  const around = 3;
  return [
    "    [Diff] Actual / Expected",
    "",
    ...left.slice(Math.max(0, start - around), start).map((line) => `    ${line}`),
    ...left.slice(start, left.length - end).map((line) => `-   ${line}`),
    ...right.slice(start, right.length - end).map((line) => `+   ${line}`),
    ...right.slice(right.length - end).slice(0, around).map((line) => `    ${line}`),
  ].join("\n");
}

function show(value: unknown): string {
  return Deno.inspect(value, {
    depth: Infinity,
    sorted: true,
    trailingComma: true,
    compact: false,
    iterableLimit: Infinity,
    getters: true,
    strAbbreviateSize: Infinity,
  });
}
