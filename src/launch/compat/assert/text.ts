import { AssertionError, sentence } from "./assertion_error.ts";

/** Throws unless a text matches a regular expression. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  if (expected.test(actual)) return;
  throw new AssertionError(
    sentence(`Expected actual: "${actual}" to match: "${expected}"`, message),
  );
}

/** Throws unless a text contains another text. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(
    sentence(`Expected actual: "${actual}" to contain: "${expected}"`, message),
  );
}
