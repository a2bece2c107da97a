import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { announceDownload } from "../../src/launch/packages.ts";
import { withEnvironment, withFolder } from "../engine/native/support.ts";

/** Returns the messages for imports, with the given folders in the cache of npm packages. */
async function announced(
  imports: Record<string, string>,
  cached: readonly string[] = [],
): Promise<string[]> {
  const said: string[] = [];
  const { error } = console;
  await withFolder(async (folder) => {
    for (const path of cached) await Deno.mkdir(join(folder, "npm", path), { recursive: true });
    await withEnvironment({ DENO_DIR: folder }, async () => {
      console.error = (line) => void said.push(line);
      try {
        await announceDownload({ name: "toy", exports: {}, imports, publish: { exclude: [] } });
      } finally {
        console.error = error;
      }
    });
  });
  return said;
}

const notice = ["downloading npm packages, which is only needed once …"];

Deno.test("announceDownload() prints a message if packages are missing", async () => {
  const imports = { yaml: "npm:yaml@^2.8.0", tfjs: "npm:/@tensorflow/tfjs@4.22.0/" };
  assertEquals(await announced(imports), notice);
  assertEquals(await announced(imports, ["registry/yaml"]), notice);
  assertEquals(await announced(imports, ["registry/yaml", "registry/@tensorflow/other"]), notice);
});

Deno.test("announceDownload() prints nothing if all packages exist, from any registry", async () => {
  const imports = {
    yaml: "npm:yaml@^2.8.0",
    bare: "npm:bare",
    tfjs: "npm:@tensorflow/tfjs@4.22.0",
    node: "npm:/@tensorflow/tfjs-node@4.22.0/",
  };
  assertEquals(
    await announced(imports, [
      "registry/yaml",
      "registry/bare",
      "mirror/@tensorflow/tfjs",
      "mirror/@tensorflow/tfjs-node",
    ]),
    [],
  );
});

Deno.test("announceDownload() ignores imports that are not from npm", async () => {
  assertEquals(await announced({ a: "jsr:@toy/words@^1.0.0", b: "./b.ts", c: "node:path" }), []);
});
