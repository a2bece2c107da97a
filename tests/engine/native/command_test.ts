import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { findCommand, runCommand } from "../../../src/engine/native/command.ts";
import { SCRIPTS, withEnvironment, withFolder, writeScript } from "./support.ts";

Deno.test({
  name: "findCommand() returns the first match in PATH, or undefined",
  ignore: !SCRIPTS,
  async fn() {
    await withFolder(async (folder) => {
      const second = join(folder, "second");
      await Deno.mkdir(second);
      await writeScript(second, "tool");
      await withEnvironment({ PATH: `${folder}/missing:${folder}:${second}` }, async () => {
        assertEquals(await findCommand("tool"), join(second, "tool"));
        assertEquals(await findCommand("second"), undefined); // a folder is no command
        assertEquals(await findCommand("no-such-tool"), undefined);
      });
    });
  },
});

Deno.test({
  name: "runCommand() reports complete lines and the result of the command",
  ignore: !SCRIPTS,
  async fn() {
    await withFolder(async (folder) => {
      const lines: string[] = [];
      const onLine = (line: string) => void lines.push(line);
      const fine = await writeScript(folder, "fine", "printf 'one\\ntw'; printf 'o\\n'");
      assertEquals((await runCommand([fine], { onLine })).success, true);
      assertEquals(lines, ["one", "two"]);
      const bad = await writeScript(folder, "bad", "echo broken >&2; exit 3");
      const result = await runCommand([bad]);
      assertEquals([result.success, result.output], [false, "broken\n"]);
      const killed = await runCommand([await writeScript(folder, "killed", "kill -ILL $$")]);
      assertEquals([killed.success, killed.signal], [false, "SIGILL"]);
    });
  },
});

Deno.test("runCommand() treats a missing command as failed", async () => {
  const result = await runCommand([join("no", "such", "program")]);
  assertEquals(result.success, false);
  assert(result.output.length > 0);
});
