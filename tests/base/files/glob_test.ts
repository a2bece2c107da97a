import { assertEquals, assertRejects } from "@std/assert";
import { globFiles } from "../../../src/base/files/glob.ts";
import { UserError } from "../../../src/base/errors.ts";
import { withFiles } from "../../support/problems.ts";

Deno.test("globFiles() rejects globs that would take too long, and matches parentheses literally", async () => {
  const long = `${"a".repeat(200)}b`;
  await withFiles(
    { [long]: "", "part (1).csv": "", "ab.csv": "", "x/y-1-2.csv": "" },
    async (folder) => {
      const refused = [
        "{a,b}".repeat(22),
        "{a,aa}".repeat(22) + "*c",
        "*a".repeat(8),
        "**/".repeat(6) + "*-*c",
      ];
      for (const glob of refused) {
        await assertRejects(() => globFiles(glob, folder), UserError, "has too many wildcards");
      }
      const cases: [string, string[]][] = [
        ["part (*).csv", ["part (1).csv"]],
        ["+(a|aa)+(a|aa)+(a|aa)+(a|aa)c", []],
        ["(a+)+c", []],
        ["{a,aa}".repeat(12) + "c", []],
        ["*a*a*c", []],
        ["{a,z}b*", ["ab.csv"]],
        ["**/y-*-*.csv", ["x/y-1-2.csv"]],
      ];
      for (const [glob, names] of cases) assertEquals(await globFiles(glob, folder), names, glob);
    },
  );
});
