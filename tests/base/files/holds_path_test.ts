import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { fileKey } from "../../../src/base/files/file_key.ts";
import { holdsPath } from "../../../src/base/files/holds_path.ts";
import { inFolder } from "../../support/command_line.ts";

Deno.test("holdsPath() recognizes a folder under any of its names", async () => {
  await inFolder(async (outer) => {
    const run = join(outer, "run");
    await Deno.mkdir(join(run, "a"), { recursive: true });
    await Deno.mkdir(join(outer, "run-2"));
    await Deno.writeTextFile(join(run, "a", "x.ts"), "");
    // Links imitate a file system that ignores case: they are other names of the same files.
    await Deno.symlink(run, join(outer, "RUN"));
    await Deno.symlink(join(run, "a", "x.ts"), join(outer, "x.ts"));
    const held = [
      "run",
      "run/a/x.ts",
      "run/absent.ts",
      "RUN",
      "RUN/a/x.ts",
      "RUN/absent.ts",
      "x.ts",
    ];
    for (const path of held) assertEquals(holdsPath(run, join(outer, path)), true, path);
    for (const path of [".", "run-2", "run-2/x.ts", "y.ts", "run/../y.ts"]) {
      assertEquals(holdsPath(run, join(outer, path)), false, path);
    }
    assertEquals(holdsPath(join(outer, "absent"), join(outer, "x.ts")), false);
  });
});

Deno.test("fileKey() is equal for names that some file systems treat as the same", () => {
  const same = [["a", "A"], ["stra\u00dfe", "STRASSE"], ["\u00e9", "e\u0301"], [
    "\u03c3",
    "\u03c2",
  ]];
  for (const [one, other] of same) assertEquals(fileKey(one!), fileKey(other!));
  assertEquals(fileKey("a") === fileKey("b"), false);
});
