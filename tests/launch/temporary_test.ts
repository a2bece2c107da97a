import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { Refusal } from "../../src/launch/rocket.ts";
import { removeTemporary, writeTemporary } from "../../src/launch/temporary.ts";
import { inFolder } from "../support/command_line.ts";

Deno.test("a temporary file that cannot be written is refused with the reason", () =>
  inFolder(async (folder) => {
    const file = join(folder, "a.json");
    await writeTemporary(file, "{}");
    assertEquals(await Deno.readTextFile(file), "{}");
    const { exitCode } = await assertRejects(
      () => writeTemporary(join(folder, "missing", "a.json"), "{}"),
      Refusal,
      "the folder for temporary files cannot be written: ",
    );
    assertEquals(exitCode, 1);
  }));

Deno.test({
  name: "a full disk is the reason why a temporary file cannot be written",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await assertRejects(() => writeTemporary("/dev/full", "{}"), Refusal, "the disk is full");
  },
});

Deno.test("the folder for temporary files is removed, whatever rights code has taken away", () =>
  inFolder(async (outer) => {
    const folder = join(outer, "rocket"), elsewhere = join(outer, "elsewhere");
    for (const path of [join(folder, "a", "b"), elsewhere]) {
      await Deno.mkdir(path, { recursive: true });
    }
    await Deno.writeTextFile(join(folder, "a", "b", "stage.ts"), "");
    if (Deno.build.os !== "windows") {
      await Deno.chmod(elsewhere, 0o555);
      await Deno.symlink(elsewhere, join(folder, "link"));
      await Deno.chmod(join(folder, "a", "b"), 0o555);
      await Deno.chmod(join(folder, "a"), 0o000);
    }
    assertEquals(await removeTemporary(folder), true);
    assertEquals([...Deno.readDirSync(outer)].map(({ name }) => name), ["elsewhere"]);
    if (Deno.build.os !== "windows") {
      assertEquals((await Deno.stat(elsewhere)).mode! & 0o777, 0o555);
      await Deno.chmod(elsewhere, 0o755);
    }
  }));
