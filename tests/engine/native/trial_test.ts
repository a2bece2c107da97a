import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { tryAddon } from "../../../src/engine/native/trial.ts";
import { UserError } from "../../../src/base/errors.ts";
import { userBuild, withFolder } from "./support.ts";

Deno.test("tryAddon() computes with an addon and says TensorFlow's version", async () => {
  const build = await userBuild();
  if (build === undefined) return;
  assertEquals(await tryAddon(join(build.folder, build.addon)), build.tensorflow);
});

Deno.test("tryAddon() refuses a file that is no addon", async () => {
  await withFolder(async (folder) => {
    const addon = join(folder, "tfjs_binding.node");
    await Deno.writeTextFile(addon, "half an addon");
    await assertRejects(() => tryAddon(addon), UserError, "does not work on this machine");
  });
});
