import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { type Permission, permissionsLine } from "../../src/base/machine/permissions.ts";
import { root } from "../support/command_line.ts";

const page = await Deno.readTextFile(join(root, "docs", "security.md"));

/** The part of the page from a heading to the next one. */
const sectionOf = (heading: string) => page.split(`\n## ${heading}\n`)[1]!.split("\n## ", 1)[0]!;

/** The rows of the table of threats in a section: the threat, the promise, and the tests. */
const threatsOf = (heading: string) =>
  sectionOf(heading).split("| threat | promise | test |\n")[1]!.split("\n\n", 1)[0]!
    .trimEnd().split("\n").slice(1).map((row) => row.slice(2, -2).split(" | "));

const halves = {
  "Promises without custom code": { own: "hostile_files_test", other: "hostile_code_test" },
  "Promises for custom code": { own: "hostile_code_test", other: "hostile_files_test" },
};

Deno.test("each promise of the page on security names the tests that try to break it", async () => {
  const wrong: string[] = [];
  for (const [heading, { own, other }] of Object.entries(halves)) {
    const rows = threatsOf(heading);
    assert(rows.length > 10, heading);
    for (const row of rows) {
      const [threat, promise, tests = ""] = row;
      const named = Array.from(tests.matchAll(/`([^`]+)`/g), ([, path]) => path!);
      const refuse = (why: string) => wrong.push(`${threat}: ${why}`);
      if (row.length !== 3 || !promise) refuse("three cells are expected");
      if (named.length === 0) refuse("no test is named");
      if (tests.includes(other)) refuse(`${other} is about the other table`);
      for (const path of named.filter((path) => path !== "tests/corpus/")) {
        const text = path.endsWith("_test.ts")
          ? await Deno.readTextFile(join(root, path)).catch(() => "")
          : "";
        if (!/^ *(?:Deno\.test|forEachEngine|forNative)\(/m.test(text)) {
          refuse(`${path} contains no tests`);
        }
      }
    }
    assertStringIncludes(JSON.stringify(rows), own);
  }
  assertEquals(wrong, []);
});

Deno.test("the page on security shows the line about permissions as the launcher prints it", () => {
  const need = (permission: Permission, of: string, library?: string) => ({
    ...{ permission, of, why: "" },
    ...library !== undefined && { library },
  });
  const needs = [
    ...Array.from({ length: 7 }, (_, index) => need("read", `/${index}`)),
    ...[need("write", "runs/digits"), need("ffi", "/cache", "TensorFlow")],
  ];
  assertStringIncludes(page, `\n${permissionsLine(needs)}\n`);
  for (const words of ["no custom code", "custom code"]) {
    assertStringIncludes(page, `**\`${words}\`**`);
  }
  assert(permissionsLine([], true).includes(", custom code ("));
});
