// An assertion that never throws would pass its own tests, so these tests use Node's assertions.
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import * as standIn from "../../../src/launch/compat/assert/mod.ts";
import { equalityCases } from "./equality_cases.ts";
import { forEachImplementation, implementations } from "./implementations.ts";

type Assertions = typeof standIn;

const modules = await implementations<Assertions>("@std/assert", standIn);

/** Declares a test for each implementation. */
function test(name: string, body: (module: Assertions) => void | Promise<void>): void {
  forEachImplementation(modules, name, body);
}

/** Returns the error that a function throws or rejects with; undefined if it does neither. */
async function thrownBy(body: () => unknown): Promise<unknown> {
  try {
    await body();
  } catch (error) {
    return error;
  }
}

/** Checks the messages of the assertion errors that functions throw; undefined for no error. */
async function holdTo(
  { AssertionError }: Assertions,
  cases: readonly (readonly [body: () => unknown, message: string | undefined])[],
): Promise<void> {
  for (const [body, message] of cases) {
    const error = await thrownBy(body);
    if (error !== undefined) ok(error instanceof AssertionError, String(error));
    strictEqual((error as Error | undefined)?.message, message, String(body));
  }
}

for (const [says, { equal, different }] of Object.entries(equalityCases)) {
  test(`assertEquals() ${says}`, async (module) => {
    const { assertEquals, assertNotEquals, AssertionError } = module;
    for (const pair of equal) {
      strictEqual(await thrownBy(() => assertEquals(...pair())), undefined, String(pair));
      ok(await thrownBy(() => assertNotEquals(...pair())) instanceof AssertionError, String(pair));
    }
    for (const pair of different) {
      ok(await thrownBy(() => assertEquals(...pair())) instanceof AssertionError, String(pair));
      strictEqual(await thrownBy(() => assertNotEquals(...pair())), undefined, String(pair));
    }
  });
}

test("assertEquals() rejects values that cannot be inspected", async ({ assertEquals }) => {
  for (const Class of [WeakMap<object, unknown>, WeakSet<object>] as (new () => object)[]) {
    const error = await thrownBy(() => assertEquals(new Class(), new Class()));
    ok(error instanceof TypeError);
    strictEqual(error.message, `Cannot compare ${Class.name} instances`);
  }
});

test("assertEquals() shows the differing lines after the caller's message", async ({ assertEquals }) => {
  const shown = async (body: () => void) => {
    const { message } = await thrownBy(body) as Error;
    return stripVTControlCharacters(message);
  };
  const found = await shown(() => assertEquals({ a: 1, b: [2] }, { a: 1, b: [3] }));
  match(found, /^Values are not equal\.\n/);
  match(found, /\n {4}\[Diff\] Actual \/ Expected\n/);
  match(found, /\n {6}a: 1,\n/);
  match(found, /\n- {7}2,\n\+ {7}3,\n/);
  match(
    await shown(() => assertEquals<unknown>(1, "1", "the seed")),
    /^Values are not equal: the seed\n[^]*\n- {3}1\n\+ {3}"1"/,
  );
  const long = Array.from({ length: 2_000 }, (_, index) => index);
  match(await shown(() => assertEquals(long, long.with(1_900, -1))), /\n- +1900,\n\+ +-1,\n/);
  // Getters are compared, so their values are shown.
  const getter = {
    get a() {
      return 5;
    },
  };
  match(await shown(() => assertEquals<object>(getter, { a: 6 })), /\n- .*\b5\b.*\n\+ .*\b6\b/);
});

test("assertNotEquals() shows the value", async (module) => {
  const { assertNotEquals } = module;
  await holdTo(module, [
    [() => assertNotEquals(1, 2), undefined],
    [() => assertNotEquals("a", "a"), 'Expected actual: "a" not to be: "a".'],
    [() => assertNotEquals(1, 1, "the seed"), "Expected actual: 1 not to be: 1: the seed"],
  ]);
});

test("assert() throws if a value is not truthy, with only the caller's message", async (module) => {
  // TypeScript requires an explicit type for a name that is called as an assertion.
  const assert: Assertions["assert"] = module.assert;
  await holdTo(module, [
    ...[true, 1, "0", [], {}].map((value) => [() => assert(value), undefined] as const),
    ...[false, 0, -0, NaN, 0n, "", null, undefined]
      .map((value) => [() => assert(value), ""] as const),
    [() => assert(false, "there is no loss"), "there is no loss"],
  ]);
});

test("fail() throws", async (module) => {
  const fail: Assertions["fail"] = module.fail;
  await holdTo(module, [
    [() => fail(), "Failed assertion."],
    [() => fail("unreachable"), "Failed assertion: unreachable"],
  ]);
});

test("assertExists() throws only for null and undefined", async (module) => {
  const assertExists: Assertions["assertExists"] = module.assertExists;
  await holdTo(module, [
    ...[0, "", false, NaN, {}].map((value) => [() => assertExists(value), undefined] as const),
    [() => assertExists(null), 'Expected actual: "null" to not be null or undefined.'],
    [
      () => assertExists(undefined, "the label"),
      'Expected actual: "undefined" to not be null or undefined: the label',
    ],
  ]);
});

test("assertInstanceOf() names the class it expected and the one it found", async (module) => {
  const assertInstanceOf: Assertions["assertInstanceOf"] = module.assertInstanceOf;
  const another = Object.create({ constructor: { name: "Date" } });
  const expected = 'Expected object to be an instance of "Date"';
  await holdTo(module, [
    [() => assertInstanceOf(new Date(), Date), undefined],
    [() => assertInstanceOf(new TypeError(), Error), undefined],
    [() => assertInstanceOf([], Date), `${expected} but was "Array".`],
    [() => assertInstanceOf(Object.create(null), Date), `${expected} but was "Object".`],
    [() => assertInstanceOf(null, Date), `${expected} but was "null".`],
    [() => assertInstanceOf(undefined, Date), `${expected} but was "undefined".`],
    [() => assertInstanceOf(5, Date, "the day"), `${expected} but was "number": the day`],
    [() => assertInstanceOf(Date, Date), `${expected} but was not an instanced object.`],
    [() => assertInstanceOf(another, Date), `${expected}.`],
  ]);
});

test("assertAlmostEquals() allows a ten-millionth, or the tolerance", async (module) => {
  const { assertAlmostEquals } = module;
  const far = (actual: string, expected: string, delta: string, tolerance: string) =>
    `Expected actual: "${actual}" to be close to "${expected}": ` +
    `delta "${delta}" is greater than "${tolerance}"`;
  await holdTo(module, [
    [() => assertAlmostEquals(10, 10.0000005), undefined],
    [() => assertAlmostEquals(-10, -10.0000005), undefined],
    [() => assertAlmostEquals(10, 10.25, 0.25), undefined],
    [() => assertAlmostEquals(NaN, NaN), undefined],
    [() => assertAlmostEquals(Infinity, Infinity), undefined],
    [() => assertAlmostEquals(0, -0), undefined],
    [() => assertAlmostEquals(10, 10.5), `${far("10", "1.05e+1", "5e-1", "1.05e-6")}.`],
    [() => assertAlmostEquals(1, 2, 0.5, "loss"), `${far("1", "2", "1", "5e-1")}: loss`],
    [() => assertAlmostEquals(1e-9, 0), `${far("1e-9", "0", "1e-9", "0")}.`],
    [() => assertAlmostEquals(NaN, 1), `${far("NaN", "1", "NaN", "1e-7")}.`],
    [
      () => assertAlmostEquals(1, Infinity),
      `${far("1", "Infinity", "Infinity", "1e-7")}.`,
    ],
    [
      () => assertAlmostEquals(-Infinity, Infinity, 1),
      `${far("-Infinity", "Infinity", "Infinity", "1")}.`,
    ],
  ]);
});

test("assertMatch() and assertStringIncludes() show the text", async (module) => {
  const { assertMatch, assertStringIncludes } = module;
  await holdTo(module, [
    [() => assertMatch("loss 0.5", /^loss \d/), undefined],
    [() => assertMatch("a", /b/i), 'Expected actual: "a" to match: "/b/i".'],
    [() => assertMatch("a", /b/, "name"), 'Expected actual: "a" to match: "/b/": name'],
    [() => assertStringIncludes("abc", "b"), undefined],
    [() => assertStringIncludes("abc", ""), undefined],
    [() => assertStringIncludes("a", "b"), 'Expected actual: "a" to contain: "b".'],
    [() => assertStringIncludes("a", "A", "id"), 'Expected actual: "a" to contain: "A": id'],
  ]);
});

class OwnError extends TypeError {}

const throwing = (value: unknown) => () => {
  throw value;
};
const rejecting = (value: unknown) => () => Promise.reject(value);

test("assertThrows() returns an error with the expected class and message", async (module) => {
  const { assertThrows } = module;
  const error = new OwnError("\x1b[31mno column\x1b[0m label");
  strictEqual(assertThrows(throwing(error)), error);
  strictEqual(assertThrows(throwing(error), "message"), error);
  strictEqual(assertThrows(throwing(error), OwnError), error);
  strictEqual(assertThrows(throwing(error), TypeError, "no column"), error);
  // Colors are ignored.
  strictEqual(assertThrows(throwing(error), Error, "no column label"), error);
  strictEqual(assertThrows(throwing(error), Error, "no \x1b[1mcolumn"), error);
  strictEqual(assertThrows(throwing("text")), "text");
  strictEqual(assertThrows(throwing(undefined)), undefined);
  await holdTo(module, [
    [() => assertThrows(() => 1), "Expected function to throw."],
    [() => assertThrows(() => 1, "of the label"), "Expected function to throw: of the label"],
    [() => assertThrows(() => 1, Error, "words", "why"), "Expected function to throw: why"],
    // A rejected promise does not count as a thrown error.
    [() => assertThrows(() => Promise.resolve()), "Expected function to throw."],
    [() => assertThrows(throwing("text"), Error), "A non-Error object was thrown."],
    [() => assertThrows(throwing(null), Error, "", "why"), "A non-Error object was thrown: why"],
    [
      () => assertThrows(throwing(new TypeError("a")), RangeError),
      'Expected error to be instance of "RangeError", but was "TypeError".',
    ],
    [
      () => assertThrows(throwing(new TypeError("a")), OwnError, "a", "why"),
      'Expected error to be instance of "OwnError", but was "TypeError": why',
    ],
    [
      () => assertThrows(throwing(new Error('say "a"')), Error, "b"),
      'Expected error message to include "b", but got "say \\"a\\"".',
    ],
    [
      () => assertThrows(throwing(new Error("a")), Error, "A", "why"),
      'Expected error message to include "A", but got "a": why',
    ],
  ]);
});

test("assertRejects() resolves to the reason of a rejection with the expected class and message", async (module) => {
  const { assertRejects } = module;
  const error = new OwnError("no column label");
  strictEqual(await assertRejects(rejecting(error)), error);
  strictEqual(await assertRejects(rejecting(error), "message"), error);
  strictEqual(await assertRejects(rejecting(error), OwnError), error);
  strictEqual(await assertRejects(rejecting(error), TypeError, "no column"), error);
  strictEqual(await assertRejects(rejecting("text")), "text");
  strictEqual(await assertRejects(rejecting(undefined)), undefined);
  // deno-lint-ignore require-await
  strictEqual(await assertRejects(async () => throwing(error)()), error);
  const thenable: PromiseLike<never> = {
    then: (_, reject) => Promise.reject(error).then(undefined, reject),
  };
  strictEqual(await assertRejects(() => thenable), error);
  const [word, resolving] = ["of the label", () => Promise.resolve(1)];
  const noPromise = (() => 1) as unknown as () => Promise<number>;
  await holdTo(module, [
    [() => assertRejects(resolving), "Expected function to reject."],
    [() => assertRejects(resolving, word), "Expected function to reject: of the label"],
    [() => assertRejects(resolving, Error, "a", "why"), "Expected function to reject: why"],
    // An error thrown before the promise exists is not a rejection.
    [() => assertRejects(throwing(error)), "Function throws when expected to reject."],
    [
      () => assertRejects(throwing(error), OwnError, "no column", "why"),
      "Function throws when expected to reject: why",
    ],
    [() => assertRejects(noPromise), "Function throws when expected to reject."],
    [() => assertRejects(rejecting("text"), Error), "A non-Error object was rejected."],
    [
      () => assertRejects(rejecting(new TypeError("a")), RangeError),
      'Expected error to be instance of "RangeError", but was "TypeError".',
    ],
    [
      () => assertRejects(rejecting(new Error("a")), Error, "b", "why"),
      'Expected error message to include "b", but got "a": why',
    ],
  ]);
});

test("assertRejects() only has an effect if it is awaited", async ({ assertRejects }) => {
  const pending = assertRejects(() => Promise.resolve());
  ok(pending instanceof Promise);
  ok(await thrownBy(() => pending) instanceof Error);
});

test("AssertionError is an error with its own name, and takes a cause", ({ AssertionError }) => {
  const cause = new Error("why");
  const error = new AssertionError("what", { cause });
  ok(error instanceof Error);
  deepStrictEqual([error.name, error.message, error.cause], ["AssertionError", "what", cause]);
});
