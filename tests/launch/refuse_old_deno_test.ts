import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { denoProblem, OLDEST_DENO } from "../../src/launch/deno_version.ts";
import { deno, inFolder, root } from "../support/command_line.ts";

Deno.test("denoProblem() accepts the version that README names and newer ones, and rejects older ones", () => {
  for (const version of [OLDEST_DENO, "2.8.3", "2.9.6", "2.10.0", "3.0.0", "2.9.0-rc.1+abc"]) {
    assertEquals(denoProblem(version), undefined, version);
  }
  const readme = Deno.readTextFileSync(join(root, "README.md"));
  assertMatch(readme, RegExp(`Deno\\]?\\S* ${OLDEST_DENO.replaceAll(".", "\\.")} or newer`));
  for (const version of ["1.46.3", "2.0.0", "2.7.14", "0.9.0"]) {
    assertEquals(
      denoProblem(version),
      `Rocket needs Deno 2.8.0 or newer, but this is Deno ${version}: run deno upgrade`,
    );
  }
});

Deno.test("the launcher refuses an old version of Deno in one sentence, before anything else", async () => {
  await inFolder(async (folder) => {
    const old = join(folder, "old.ts");
    await Deno.writeTextFile(
      old,
      `Object.defineProperty(Deno, "version", { value: { deno: "2.4.1" } });`,
    );
    const main = join(root, "src", "launch", "main.ts");
    const ended = await deno(["run", "-A", "--no-config", `--preload=${old}`, main, "walk"]);
    assertEquals(ended, {
      code: 1,
      stdout: "",
      stderr: `error: ${denoProblem("2.4.1")}\n`,
    });
  });
});
