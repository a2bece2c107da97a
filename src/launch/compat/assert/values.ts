import { AssertionError, sentence } from "./assertion_error.ts";

/** Throws unless a value is truthy. */
export function assert(value: unknown, message = ""): asserts value {
  if (!value) throw new AssertionError(message);
}

/** Always throws. */
export function fail(message?: string): never {
  throw new AssertionError(sentence("Failed assertion", message));
}

/** Throws if a value is null or undefined. */
export function assertExists<T>(actual: T, message?: string): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  throw new AssertionError(
    sentence(`Expected actual: "${actual}" to not be null or undefined`, message),
  );
}

/** Throws unless a value is an instance of a class. */
export function assertInstanceOf<
  // deno-lint-ignore no-explicit-any
  Class extends abstract new (...args: any[]) => any,
>(
  actual: unknown,
  expected: Class,
  message?: string,
): asserts actual is InstanceType<Class> {
  if (actual instanceof expected) return;
  const found = typeof actual === "object" && actual !== null
    ? actual.constructor?.name ?? "Object"
    : actual === null
    ? "null"
    : typeof actual;
  const but = found === expected.name
    ? ""
    : found === "function"
    ? " but was not an instanced object"
    : ` but was "${found}"`;
  throw new AssertionError(
    sentence(`Expected object to be an instance of "${expected.name}"${but}`, message),
  );
}

/**
 * Throws unless the difference of two numbers is at most the tolerance, which is a ten-millionth of
 * the expected number by default.
 */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance: number = Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7,
  message?: string,
): void {
  const distance = Math.abs(expected - actual);
  if (Object.is(actual, expected) || distance <= tolerance) return;
  const show = (value: number) => Number.isInteger(value) ? String(value) : value.toExponential();
  throw new AssertionError(sentence(
    `Expected actual: "${show(actual)}" to be close to "${show(expected)}": ` +
      `delta "${show(distance)}" is greater than "${show(tolerance)}"`,
    message,
  ));
}
