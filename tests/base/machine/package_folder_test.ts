import { assertEquals, assertThrows } from "@std/assert";
import { join } from "node:path";
import { packageFolder } from "../../../src/base/machine/package_folder.ts";

Deno.test("packageFolder() finds the folder of a loaded package", async () => {
  await import("@tensorflow/tfjs");
  const folder = packageFolder("@tensorflow/tfjs");
  const manifest = JSON.parse(await Deno.readTextFile(join(folder, "package.json")));
  assertEquals(manifest.name, "@tensorflow/tfjs");
});

Deno.test("packageFolder() throws for a package that is not loaded", () => {
  assertThrows(() => packageFolder("no-such-package"), Error, "no-such-package");
});
