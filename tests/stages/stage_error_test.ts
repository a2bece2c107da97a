import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UserError } from "../../src/base/errors.ts";
import {
  calledStage,
  callStage,
  StageError,
  type StageReference,
} from "../../src/stages/stage_error.ts";

const place = { file: "a.yaml", line: 3, column: 5 };
const loss: StageReference = { kind: "loss", name: "./mine.ts", place };
const source: StageReference = { kind: "source", name: "arrow" };

Deno.test("StageError names the stage, and has its place", () => {
  const cause = new RangeError("below");
  const error = new StageError(loss, "returned nothing", { cause, hint: "mend it", exitCode: 2 });
  assertEquals(error.problems, [
    { message: 'the loss stage "./mine.ts" returned nothing', place, hint: "mend it" },
  ]);
  assert(error.stage === loss && error.cause === cause && error instanceof UserError);
  assertEquals([error.name, error.exitCode], ["StageError", 2]);
  assertEquals(new StageError(loss, "failed").exitCode, 1);
});

Deno.test("callStage() returns what the call does, promises too", async () => {
  assertEquals(callStage(loss, "apply()", () => 3), 3);
  assertEquals(await callStage(loss, "apply()", () => Promise.resolve(4)), 4);
});

Deno.test("callStage() says which stage threw, and in what", async () => {
  const fault = new TypeError("x is not a function");
  const refused = [
    assertThrows(() =>
      callStage(loss, "apply()", () => {
        throw fault;
      }), StageError),
    await assertRejects(
      () => callStage(loss, "apply()", () => Promise.reject(fault)),
      StageError,
    ),
  ];
  for (const error of refused) {
    assertEquals(error.problems, [{
      message: 'the loss stage "./mine.ts" failed in apply(): TypeError: x is not a function',
      place,
      hint: "run again with --debug to see the stack trace",
    }]);
    assert(error.cause === fault);
  }
});

Deno.test("callStage() takes whatever is thrown", () => {
  for (const [thrown, text] of [["words", "words"], [undefined, "undefined"]] as const) {
    assertThrows(
      () =>
        callStage(source, "create()", () => {
          throw thrown;
        }),
      StageError,
      `the source stage "arrow" failed in create(): ${text}`,
    );
  }
});

Deno.test("callStage() gives the stage's place to the problems that have none", () => {
  const own = { file: "rows.csv", line: 7 };
  const error = assertThrows(() =>
    callStage(loss, "create()", () => {
      throw new UserError([{ message: "one", hint: "h" }, { message: "two", place: own }], {
        exitCode: 2,
      });
    }), UserError);
  assert(!(error instanceof StageError));
  assertEquals(error.problems, [
    { message: "one", hint: "h", place },
    { message: "two", place: own },
  ]);
  assertEquals(error.exitCode, 2);
});

Deno.test("callStage() leaves an error of a stage within the stage alone", () => {
  const inner = new StageError(source, "failed");
  const error = assertThrows(() =>
    callStage(loss, "create()", () => {
      throw inner;
    })
  );
  assert(error === inner);
});

Deno.test("calledStage() is the innermost stage while it is called, and none after", () => {
  const seen: unknown[] = [calledStage()?.name];
  callStage(loss, "a", () => {
    seen.push(calledStage()?.name);
    try {
      callStage(source, "b", () => {
        seen.push(calledStage()?.name);
        throw new Error("x");
      });
    } catch {
      seen.push(calledStage()?.name);
    }
  });
  seen.push(calledStage()?.name);
  assertEquals(seen, [undefined, "./mine.ts", "arrow", "./mine.ts", undefined]);
});
