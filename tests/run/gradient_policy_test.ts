import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { checkedPolicy } from "../../src/run/gradient_policy.ts";
import { StageError } from "../../src/stages/stage_error.ts";
import { DeclaredVariables } from "../../src/train/variables.ts";

const reference = { kind: "gradient", name: "own", place: undefined } as const;
const pass = { from: 0, to: 1, shared: 1 };
const position = { step: 3, steps: 9, epoch: 0, epochs: 1 };

Deno.test("wrong values of a gradient policy are mistakes of its stage", () => {
  const compute = () => {};
  for (
    const [policy, words] of [
      [null, "created null; expected a list of passes"],
      [[], "expected a list of passes"],
      [[null], "created a pass whose value is null"],
      [[{ ...pass, to: "1" }], "created a pass whose to is"],
      [[{ ...pass, to: NaN }], "created a pass whose to is"],
      [[{ from: 0, to: 1 }], "created a pass whose shared is"],
      [[{ ...pass, reversed: "yes" }], "created a pass whose reversed is"],
      [[{ ...pass, loss: 5 }], "created a pass whose loss is"],
      [[{ ...pass, teacher: null }], "created a pass whose teacher.reads is"],
      [[{ ...pass, teacher: { reads: null, compute } }], "created a pass whose teacher.reads is"],
      [[{ ...pass, student: { reads: [{}], compute } }], "created a pass whose student.reads is"],
      [[{ ...pass, teacher: { reads: ["booster.logits"] } }], "whose teacher.compute is"],
    ] as const
  ) {
    const error = assertThrows(() => checkedPolicy(reference, policy), StageError);
    assertStringIncludes(error.message, 'the gradient stage "own" created');
    assertStringIncludes(error.message, words);
  }
  const evil = {
    get from() {
      throw new Error("from a getter");
    },
  };
  assertThrows(() => checkedPolicy(reference, [evil]), StageError, "from a getter");
});

Deno.test("a factor that is not a finite number, or throws, is a mistake of its stage", () => {
  const [first] = checkedPolicy(reference, [{ ...pass, to: () => "half" }]);
  assertThrows(
    () => (first!.to as (at: typeof position) => number)(position),
    StageError,
    "as the factor to at step 3; expected a finite number",
  );
  const broken = () => {
    throw new Error("no factor");
  };
  const [second] = checkedPolicy(reference, [{ ...pass, from: broken }]);
  assertThrows(
    () => (second!.from as (at: typeof position) => number)(position),
    StageError,
    "no factor",
  );
  // Equal factors are computed once in a step.
  const half = () => 0.5, [third] = checkedPolicy(reference, [{ ...pass, from: half, to: half }]);
  assertEquals(third!.from, third!.to);
});

Deno.test("a variable of a loss with an unknown initializer or an impossible shape is refused", () => {
  const declare = (parts: object) => () =>
    new DeclaredVariables().ofLoss("l").add(
      { name: "v", shape: [1], initializer: { kind: "constant", value: 0 }, ...parts } as never,
    );
  assertThrows(declare({ initializer: { kind: "zeros" } }), Error, "the kinds are constant");
  assertThrows(declare({ initializer: null }), Error, "the kinds are constant");
  assertThrows(declare({ shape: [-1, 1.5] }), Error, "expected a list of whole numbers");
  assertThrows(declare({ shape: 5 }), Error, "expected a list of whole numbers");
});
