import { assertEquals } from "@std/assert";
import { TestCount } from "../../src/launch/test_count.ts";

/** Returns the counts of one run. */
function count(output: string, code = 0, chunk = Infinity): string {
  const all = new TestCount();
  addRun(all, output, code, chunk);
  return all.toString();
}

function addRun(all: TestCount, output: string, code: number, chunk = Infinity): void {
  const run = all.start();
  const bytes = new TextEncoder().encode(output);
  for (let from = 0; from < bytes.length; from += chunk) run.read(bytes.slice(from, from + chunk));
  run.end(code);
}

const passed = `running 3 tests from ./tests/a_test.ts
step() keeps 100 % of the loss … ok ... ok (5ms)
split() is stable ... ok (1s)
engine() takes a GPU ... ignored (0ms)

ok | 2 passed | 0 failed | 1 ignored (6ms)

`;

const steps = `running 2 tests from ./tests/a_test.ts
outer ...
  inner ... ok (0ms)
  other ... FAILED (1ms)
outer ... FAILED (due to 1 failed step) (2ms)
next ... ok (1ms)

 ERRORS

outer ... other => ./tests/a_test.ts:3:11
error: Error: broken

 FAILURES

outer ... other => ./tests/a_test.ts:3:11

FAILED | 1 passed (2 steps) | 1 failed (1 step) | 3 ignored (1 step) (5ms)
`;

Deno.test("TestCount reads the counts from the summary", () => {
  assertEquals(count("ok | 12 passed | 0 failed (6ms)\n"), "12 passed, 0 failed");
  assertEquals(count("FAILED | 10 passed | 2 failed (1m3s)\n", 1), "10 passed, 2 failed");
  assertEquals(count(passed), "1 skipped\n2 passed, 0 failed");
  assertEquals(
    count("ok | 2 passed | 0 failed | 1 ignored | 4 filtered out (1ms)\n"),
    "1 skipped\n2 passed, 0 failed",
  );
  assertEquals(
    count("ok | 2 passed | 0 failed | 4 filtered out (1ms)\n"),
    "2 passed, 0 failed",
  );
});

Deno.test("TestCount counts tests, not their steps", () => {
  assertEquals(count(steps, 1), "3 skipped\n1 passed, 1 failed");
  assertEquals(count("ok | 1 passed (1 step) | 0 failed (1ms)\n"), "1 passed, 0 failed");
});

Deno.test("TestCount ignores colors", () => {
  const green =
    "\x1b[0m\x1b[32mok\x1b[0m | 3 passed | 0 failed \x1b[0m\x1b[38;5;245m(5ms)\x1b[0m\n";
  assertEquals(count(green), "3 passed, 0 failed");
  const line = "a ... \x1b[0m\x1b[31mFAILED\x1b[0m \x1b[0m\x1b[38;5;245m(1ms)\x1b[0m\n";
  assertEquals(count(line, 1), "0 passed, 1 failed");
});

Deno.test("TestCount accepts output in chunks that end anywhere", () => {
  for (const output of [passed, passed.trimEnd()]) {
    for (const chunk of [1, 2, 3, 7, 50]) {
      assertEquals(count(output, 0, chunk), "1 skipped\n2 passed, 0 failed");
    }
  }
});

Deno.test("TestCount counts the lines of a run that crashes before its summary", () => {
  // Only the run itself failed.
  const alive = passed.slice(0, passed.indexOf("\nok |"));
  assertEquals(count(alive, 137), "1 skipped\n2 passed, 1 failed");
  assertEquals(count(steps.slice(0, steps.indexOf(" ERRORS")), 130), "1 passed, 1 failed");
  assertEquals(count("a ... ok (1ms)\nb ... FAILED (1ms)\nc ... FAILED", 1), "1 passed, 1 failed");
  assertEquals(count("", 1), "0 passed, 1 failed");
});

Deno.test("TestCount counts a failure for a run that fails without a failed test", () => {
  assertEquals(count("ok | 3 passed | 0 failed (1ms)\n", 1), "3 passed, 1 failed");
  assertEquals(count("FAILED | 3 passed | 1 failed (1ms)\n", 1), "3 passed, 1 failed");
  assertEquals(count("error: No test modules found\n", 1), "0 passed, 1 failed");
});

Deno.test("TestCount reads the last summary, since a test may print another one", () => {
  const output =
    "FAILED | 7 passed | 7 failed (1ms)\na ... ok (1ms)\nok | 1 passed | 0 failed (2ms)\n";
  assertEquals(count(output), "1 passed, 0 failed");
});

Deno.test("TestCount adds the counts of several runs", () => {
  const all = new TestCount();
  addRun(all, passed, 0);
  addRun(all, steps, 1);
  addRun(all, "", 1);
  assertEquals([all.passed, all.failed, all.skipped], [3, 2, 4]);
  assertEquals(all.toString(), "4 skipped\n3 passed, 2 failed");
  assertEquals(new TestCount().toString(), "0 passed, 0 failed");
});

Deno.test("TestCount collects the errors of failed tests from all runs", () => {
  const errors = (name: string) =>
    `${name} ... FAILED (1ms)\n\n ERRORS \n\n${name} => ./a_test.ts:1:6\nerror: Error: broken ${name}\n\n` +
    ` FAILURES \n\n${name} => ./a_test.ts:1:6\n\nFAILED | 0 passed | 1 failed (1ms)\n\nerror: Test failed\n`;
  const all = new TestCount();
  addRun(all, errors("a"), 1);
  addRun(all, passed, 0);
  addRun(all, errors("b"), 1, 7);
  assertEquals(
    all.failures(),
    "a => ./a_test.ts:1:6\nerror: Error: broken a\n\n\nb => ./a_test.ts:1:6\nerror: Error: broken b",
  );
  assertEquals(new TestCount().failures(), "");
});

Deno.test("TestCount collects an error that contains the output of other tests as a whole", () => {
  const error =
    "a => ./a_test.ts:1:6\nerror: Expected:\nb ... ok (1ms)\n\nok | 9 passed | 0 failed (0ms)\n9 passed";
  const output =
    `a ... FAILED (1ms)\n\n ERRORS \n\n${error}\n\n FAILURES \n\na => ./a_test.ts:1:6\n`;
  const all = new TestCount();
  addRun(all, `${output}\nFAILED | 0 passed | 1 failed (1ms)\n`, 1);
  addRun(all, output, 137);
  assertEquals([all.passed, all.failed], [0, 2]);
  const ended = "deno test ended with exit code 137, although no test failed.";
  assertEquals(all.failures().split(ended)[0], `${error}\n\n\n${error}`);
});
