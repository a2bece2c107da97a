import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { formatPlace, formatProblem, formatWarning, UserError } from "../../src/base/errors.ts";

Deno.test("UserError converts a message to one problem", () => {
  const place = { file: "a.yaml", line: 2, column: 3 };
  const cause = new Error("below");
  const error = new UserError("it is wrong", { place, hint: "mend it", exitCode: 2, cause });
  assertEquals(error.problems, [{ message: "it is wrong", place, hint: "mend it" }]);
  assertEquals([error.name, error.message, error.exitCode], ["UserError", "it is wrong", 2]);
  assert(error.cause === cause && error instanceof Error);
});

Deno.test("UserError joins the messages of its problems, one per line", () => {
  const error = new UserError([{ message: "one" }, { message: "two", hint: "three" }]);
  assertEquals([error.message, error.exitCode], ["one\ntwo", 1]);
  assertEquals(error.problems.length, 2);
});

Deno.test("formatPlace() writes FILE:LINE:COLUMN, which editors turn into links", () => {
  assertEquals(formatPlace({ file: "a.yaml", line: 12, column: 3, path: "x" }), "a.yaml:12:3");
  assertEquals(formatPlace({ file: "a.yaml", line: 12 }), "a.yaml:12:1");
});

Deno.test("formatPlace() writes the path if a file has no positions", () => {
  assertEquals(formatPlace({ file: "a.ts", path: "losses[0]" }), "a.ts (losses[0])");
  assertEquals(formatPlace({ file: "a.ts", path: "" }), "a.ts");
  assertEquals(formatPlace({ file: "a.ts" }), "a.ts");
});

Deno.test("formatProblem() writes the message, the place and the hint on one line each", () => {
  const message = "wrong", place = { file: "a.yaml", line: 1, column: 2 }, hint = "mend it";
  assertEquals(
    formatProblem({ message, place, hint }),
    "error: wrong\n --> a.yaml:1:2\n hint: mend it",
  );
  assertEquals(formatProblem({ message, hint }), "error: wrong\n hint: mend it");
  assertEquals(formatProblem({ message }), "error: wrong");
});

Deno.test("formatProblem() escapes characters that control a terminal", () => {
  const text = formatProblem({
    message: "no column \x1b[2J\x07a\u202eb\x9b1m",
    place: { file: "x\x1b]0;title\x07.yaml" },
    hint: "a\rb",
  });
  assertEquals(
    text,
    "error: no column \\u{1b}[2J\\u{7}a\\u{202e}b\\u{9b}1m\n" +
      " --> x\\u{1b}]0;title\\u{7}.yaml\n hint: a\\u{d}b",
  );
});

Deno.test("formatProblem() has only its own lines, even if names contain line breaks", () => {
  const name =
    "a\nerror: b\r\u2028c\u2029\u061c\u200b\u200e\u200f\ufeff\u{e0041}\u3164\ud800\u034f\ufe0f\u17b4\u180b\u115f\u2800";
  const shown =
    "a\\u{a}error: b\\u{d}\\u{2028}c\\u{2029}\\u{61c}\\u{200b}\\u{200e}\\u{200f}\\u{feff}" +
    "\\u{e0041}\\u{3164}\\u{d800}\\u{34f}\\u{fe0f}\\u{17b4}\\u{180b}\\u{115f}\\u{2800}";
  assertEquals(
    formatProblem({ message: name, place: { file: name, line: 1 }, hint: name }),
    `error: ${shown}\n --> ${shown}:1:1\n hint: ${shown}`,
  );
  assertEquals(formatWarning({ message: "no café, 東京 or 👍" }), "warning: no café, 東京 or 👍");
});

Deno.test("formatProblem() shortens extremely long words", () => {
  // V8 has no stack for a regular expression that goes over 10 million characters.
  for (const length of [10_000, 10_000_000]) {
    const text = formatProblem({ message: `${"a".repeat(length)} cannot be read: too long` });
    assert(text.length < 400, text);
    assertStringIncludes(text, "…");
    assertStringIncludes(text, " cannot be read: too long");
  }
});
