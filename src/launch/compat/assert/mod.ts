/**
 * Replaces `@std/assert` if the JSR registry cannot be reached.
 *
 * @module
 */

export { AssertionError } from "./assertion_error.ts";
export { assert, assertAlmostEquals, assertExists, assertInstanceOf, fail } from "./values.ts";
export { assertEquals, assertNotEquals } from "./equals.ts";
export { assertRejects, assertThrows, type ErrorClass } from "./throws.ts";
export { assertMatch, assertStringIncludes } from "./text.ts";
