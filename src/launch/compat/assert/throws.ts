import { stripVTControlCharacters } from "node:util";
import { AssertionError, sentence } from "./assertion_error.ts";

/** A class of errors. */
// deno-lint-ignore no-explicit-any
export type ErrorClass<E extends Error = Error> = abstract new (...args: any[]) => E;

/** The arguments after the function. */
type Rest = [(ErrorClass | string | undefined)?, (string | undefined)?, (string | undefined)?];

interface Expectation {
  readonly type: ErrorClass | undefined;
  readonly includes: string | undefined;
  readonly message: string | undefined;
}

function expectation([first, second, third]: Rest): Expectation {
  return typeof first === "string"
    ? { type: undefined, includes: undefined, message: first }
    : { type: first, includes: second, message: third };
}

/** Throws unless an error has the expected class and message. */
function check(error: unknown, { type, includes, message }: Expectation, verb: string): void {
  if (!type) return;
  if (!(error instanceof Error)) {
    throw new AssertionError(sentence(`A non-Error object was ${verb}`, message));
  }
  if (!(error instanceof type)) {
    throw new AssertionError(sentence(
      `Expected error to be instance of "${type.name}", but was "${
        (error as Error).constructor?.name
      }"`,
      message,
    ));
  }
  if (
    includes &&
    !stripVTControlCharacters(error.message).includes(stripVTControlCharacters(includes))
  ) {
    throw new AssertionError(sentence(
      `Expected error message to include ${JSON.stringify(includes)}, but got ${
        JSON.stringify(error.message)
      }`,
      message,
    ));
  }
}

/** Throws unless a function throws; returns the error that the function threw. */
export function assertThrows(body: () => unknown, message?: string): unknown;
export function assertThrows<E extends Error = Error>(
  body: () => unknown,
  type: ErrorClass<E>,
  includes?: string,
  message?: string,
): E;
export function assertThrows(body: () => unknown, ...rest: Rest): unknown {
  const expected = expectation(rest);
  try {
    body();
  } catch (error) {
    check(error, expected, "thrown");
    return error;
  }
  throw new AssertionError(sentence("Expected function to throw", expected.message));
}

/** Rejects unless the promise of a function rejects; resolves to the reason of the rejection. */
export function assertRejects(
  body: () => PromiseLike<unknown>,
  message?: string,
): Promise<unknown>;
export function assertRejects<E extends Error = Error>(
  body: () => PromiseLike<unknown>,
  type: ErrorClass<E>,
  includes?: string,
  message?: string,
): Promise<E>;
export async function assertRejects(
  body: () => PromiseLike<unknown>,
  ...rest: Rest
): Promise<unknown> {
  const expected = expectation(rest);
  let promise: PromiseLike<unknown> | undefined;
  try {
    promise = body();
  } catch {
    // An error that the function throws directly is not a rejection.
  }
  if (typeof promise?.then !== "function") {
    throw new AssertionError(
      sentence("Function throws when expected to reject", expected.message),
    );
  }
  try {
    await promise;
  } catch (error) {
    check(error, expected, "rejected");
    return error;
  }
  throw new AssertionError(sentence("Expected function to reject", expected.message));
}
