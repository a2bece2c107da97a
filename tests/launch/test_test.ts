import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { QUICK_FOLDERS } from "../../src/launch/test.ts";
import { root } from "../support/command_line.ts";
import { type Ended, type RunOptions, type SmallProject, withProject } from "./support.ts";

const passing = (name: string) => `
import { word } from "@toy/words";
Deno.test("${name} of " + word, () => {});
`;
const failing = `Deno.test("fails", () => { throw new Error("broken"); });\n`;

/** Deno prints the names of tests in another thread, which must not be killed before it does. */
const killed = `
Deno.test("last", async () => {
  await new Promise((end) => setTimeout(end, 2_000));
  Deno.kill(Deno.pid, "SIGKILL");
});
`;

/**
 * The files of two folders of tests, and a module with an example: a small project, in which the
 * commands of README.md and CONTRIBUTING.md take seconds.
 */
const files = {
  "tests/a_test.ts": passing("a"),
  "tests/deep/b_test.ts": passing("b") + passing("c").replace(/^import.*$/m, ""),
  "tests/support/open_wasm.ts": `Object.assign(globalThis, { engine: "open" });\n`,
  "mod.ts": `/**
 * The project's own.
 *
 * @example
 * \`\`\`ts
 * import { own } from "@toy/project";
 * import { word } from "@toy/words";
 *
 * if (own.length === 0 || word.length === 0) throw new Error("empty");
 * if (!("engine" in globalThis)) throw new Error("no engine is open");
 * \`\`\`
 */
export const own: string = "the project's own";
`,
};

/** Only one test checks types, since this takes a while. */
const UNCHECKED = "--no-check";

/** Runs the tests of a project with the given files. */
async function runTests(
  args: readonly string[],
  options?: RunOptions,
  more: Readonly<Record<string, string>> = {},
): Promise<Ended & { readonly last: string | undefined }> {
  let ended: Ended | undefined;
  await withProject(async (small: SmallProject) => {
    await small.write({ ...files, ...more });
    ended = await small.deno(["task", "test", ...args], options);
  });
  return { ...ended!, last: ended!.out.trimEnd().split("\n").at(-1) };
}

Deno.test("test() runs all tests and the examples, and prints the totals in the last line", async () => {
  const { code, out, last } = await runTests([UNCHECKED]);
  assertEquals([code, last], [0, "4 passed, 0 failed"]);
  for (const name of ["a", "b", "c"]) assertStringIncludes(out, `${name} of the stand-in ... ok`);
  assertStringIncludes(out, "running 1 test from ./mod.ts");
});

Deno.test("test() runs only the named files, relative to the user's folder", async () => {
  const folder = "tests/deep";
  for (const path of ["b_test.ts", ".", "../deep", "../deep/b_test.ts"]) {
    const { code, last } = await runTests([UNCHECKED, path], { folder });
    assertEquals([code, last], [0, "2 passed, 0 failed"], path);
  }
  const { last } = await runTests([UNCHECKED, "b_test.ts", "../a_test.ts"], { folder });
  assertEquals(last, "3 passed, 0 failed");
});

Deno.test("test() runs only some folders, and no examples, with --quick", async () => {
  for (const folder of QUICK_FOLDERS) assert(existsSync(join(root, folder)), folder);
  const quick = QUICK_FOLDERS.map((folder) => [`${folder}/q_test.ts`, passing(folder)]);
  const { code, last } = await runTests([UNCHECKED, "--quick"], {}, Object.fromEntries(quick));
  assertEquals([code, last], [0, `${QUICK_FOLDERS.length} passed, 0 failed`]);
});

Deno.test("test() passes on options of deno test", async () => {
  assertEquals(
    (await runTests([UNCHECKED, "tests", "--filter", "b of"])).last,
    "1 passed, 0 failed",
  );
  assertEquals(
    (await runTests([UNCHECKED, "--filter=b of", "tests/deep"])).last,
    "1 passed, 0 failed",
  );
});

Deno.test("test() does not run the value of an option as a file, even if it exists", async () => {
  for (
    const args of [["--filter", "c of"], ["--seed", "5", "--filter", "c of"], ["--filter=c of"]]
  ) {
    const { code, last } = await runTests([UNCHECKED, ...args], {}, { "c of": "", "5": "" });
    assertEquals([code, last], [0, "1 passed, 0 failed"], args.join(" "));
  }
});

Deno.test("test() fails if a test fails, or a file before its first test", async () => {
  const more = {
    "tests/bad_test.ts": failing,
    "tests/broken_test.ts": `throw new Error("early");\n`,
  };
  const one = await runTests([UNCHECKED, "tests/bad_test.ts", "tests/a_test.ts"], {}, more);
  assertEquals([one.code, one.last], [1, "1 passed, 1 failed"]);
  const two = await runTests([UNCHECKED, "tests/broken_test.ts", "tests/a_test.ts"], {}, more);
  assertEquals([two.code, two.last], [1, "1 passed, 1 failed"]);
});

Deno.test("test() fails for type errors", async () => {
  const more = { "tests/types_test.ts": `const text: string = 5;\nconsole.log(text);\n` };
  for (const args of [["tests/types_test.ts"], []]) {
    const { code, last } = await runTests(args, {}, more);
    assertEquals([code, last], [1, "0 passed, 1 failed"]);
  }
});

Deno.test("test() fails for an example that fails", async () => {
  const more = { "mod.ts": files["mod.ts"].replaceAll("length === 0", "length > 0") };
  const { code, last } = await runTests([UNCHECKED], {}, more);
  assertEquals([code, last], [1, "3 passed, 1 failed"]);
});

Deno.test("test() ignores the examples of documents, and of files that are not published", async () => {
  const more = {
    "tests/notes.ts": files["mod.ts"].replaceAll("length === 0", "length > 0"),
    "docs/notes.md": "```ts\nthrow new Error();\n```\n",
  };
  const { code, last } = await runTests([UNCHECKED], {}, more);
  assertEquals([code, last], [0, "4 passed, 0 failed"]);
});

Deno.test("test() names a run that ended without a failed test at the end", async () => {
  const more = { "tests/end_test.ts": killed };
  const { out, last } = await runTests([UNCHECKED], {}, more);
  assertEquals(last, "4 passed, 1 failed");
  assertStringIncludes(
    out,
    "deno test ended with exit code 137, although no test failed. The last test was: last ...",
  );
});

Deno.test("test() runs the examples after a failed test, and repeats its error at the end", async () => {
  const { code, last, out } = await runTests([UNCHECKED], {}, { "tests/bad_test.ts": failing });
  assertEquals([code, last], [1, "4 passed, 1 failed"]);
  const end = stripVTControlCharacters(out.slice(out.lastIndexOf("running 1 test from")));
  assertMatch(
    end,
    /The errors of the failed tests:\n\nfails => .*bad_test.ts.*\nerror: Error: broken\n/,
  );
});

Deno.test("test() fails for a file that does not exist, and runs nothing else", async () => {
  const { code, last } = await runTests(["missing_test.ts"], { folder: "tests" });
  assertEquals([code, last], [1, "0 passed, 1 failed"]);
});

Deno.test("test() counts a run that ends itself as a failure", async () => {
  const more = {
    "tests/end_test.ts": `Deno.test("first", () => {});\n${killed}`,
  };
  const { code, last } = await runTests([UNCHECKED, "tests/end_test.ts"], {}, more);
  assertEquals([code, last], [137, "1 passed, 1 failed"]);
});
