import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { Refusal } from "../../src/launch/rocket.ts";
import { writeTemporary } from "../../src/launch/temporary.ts";
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
