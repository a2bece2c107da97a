import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { tryAddon } from "../../../src/engine/native/trial.ts";
import { UserError } from "../../../src/base/errors.ts";
import { userBuild, withFolder } from "./support.ts";

Deno.test("tryAddon() computes with an addon and returns TensorFlow's version", async () => {
  const build = await userBuild();
  if (build === undefined) return;
  assertEquals(await tryAddon(join(build.folder, build.addon)), build.tensorflow);
});

Deno.test("tryAddon() rejects a file that is not an addon", async () => {
  await withFolder(async (folder) => {
    const addon = join(folder, "tfjs_binding.node");
    await Deno.writeTextFile(addon, "half an addon");
    await assertRejects(() => tryAddon(addon), UserError, "does not work on this machine");
  });
});
