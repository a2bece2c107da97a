import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { runCommand } from "../../../src/engine/native/command.ts";
import { installAddon } from "../../../src/engine/native/installer.ts";
import { TFJS_VERSION } from "../../../src/engine/native/versions.ts";
import { UserError } from "../../../src/base/errors.ts";
import { withEnvironment, withFolder } from "./support.ts";

// The installer knows other names for other platforms.
const ignore = Deno.build.os !== "linux" || Deno.build.arch !== "x86_64";

/** Packs one file of a text into an archive, as the installer's downloads are packed. */
async function pack(folder: string, path: string, text: string): Promise<Uint8Array<ArrayBuffer>> {
  await Deno.mkdir(join(folder, path, ".."), { recursive: true });
  await Deno.writeTextFile(join(folder, path), text);
  const archive = join(folder, "archive.tar.gz");
  assertEquals((await runCommand(["tar", "-C", folder, "-czf", archive, path])).success, true);
  return await Deno.readFile(archive);
}

/** Has the installer download from this process. */
async function withMirror(
  files: Record<string, Uint8Array<ArrayBuffer>>,
  body: () => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const file = files[new URL(request.url).pathname];
    return file ? new Response(file) : new Response("no such file", { status: 404 });
  });
  const address = `http://127.0.0.1:${server.addr.port}`;
  await withEnvironment({
    TFJS_NODE_BASE_URI: `${address}/libtensorflow-`,
    npm_config_tfjs_binding_binary_host_mirror: address,
    HTTP_PROXY: undefined,
    http_proxy: undefined,
  }, body);
  await server.shutdown();
}

Deno.test({
  name: "installAddon() keeps the relative paths of the addon and the library",
  ignore,
  async fn() {
    await withFolder(async (folder) => {
      const into = join(folder, "into");
      await Deno.mkdir(into);
      const library = await pack(folder, "lib/libtensorflow.so.2.9.1", "library");
      const addon = await pack(folder, "napi-v8/tfjs_binding.node", "addon");
      await withMirror({
        "/libtensorflow-cpu-linux-x86_64-2.9.1.tar.gz": library,
        [`/napi-v8/${TFJS_VERSION}/CPU-linux-${TFJS_VERSION}.tar.gz`]: addon,
      }, async () => {
        const { addon, library } = await installAddon(into);
        assertEquals(addon, join(into, "lib", "napi-v8", "tfjs_binding.node"));
        assertEquals(library, join(into, "deps", "lib", "libtensorflow.so.2.9.1"));
        assertEquals(await Deno.readTextFile(addon), "addon");
        assertEquals(await Deno.readTextFile(library), "library");
        assertEquals(Array.from(Deno.readDirSync(into), ({ name }) => name).sort(), [
          "deps",
          "lib",
        ]);
      });
    });
  },
});

Deno.test({
  name: "installAddon() throws a UserError and leaves no files behind if the installer fails",
  ignore,
  async fn() {
    await withFolder(async (folder) => {
      await withMirror({}, async () => {
        await assertRejects(() => installAddon(folder), UserError, "own installer failed");
        assertEquals(Array.from(Deno.readDirSync(folder)), []);
      });
    });
  },
});
