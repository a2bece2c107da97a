import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { withLock } from "../../../src/base/files/with_lock.ts";
import { withFolder } from "../../engine/native/support.ts";
import { flags } from "../../support/command_line.ts";

const LOCK = new URL("../../../src/base/files/with_lock.ts", import.meta.url).href;

/** A process that takes a lock, prints a line, and holds the lock until it is ended or killed. */
function holder(path: string) {
  const program = `
    import { withLock } from ${JSON.stringify(LOCK)};
    await withLock(${JSON.stringify(path)}, () => console.log("waiting"), async () => {
      console.log("held");
      await Deno.stdin.read(new Uint8Array(1));
    });`;
  return new Deno.Command(Deno.execPath(), {
    args: ["eval", ...flags, program],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
}

Deno.test("withLock() runs one caller at a time", async () => {
  await withFolder(async (folder) => {
    let inside = 0, waits = 0;
    const enter = () =>
      withLock(join(folder, "lock"), () => waits++, async () => {
        assertEquals(++inside, 1);
        await new Promise((resolve) => setTimeout(resolve, 20));
        inside--;
      });
    await Promise.all([enter(), enter(), enter()]);
    assertEquals(waits, 2);
  });
});

Deno.test("withLock() runs the next caller after a failure", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "lock");
    const failing = withLock(path, () => {}, () => Promise.reject(new Error("no")));
    await assertRejects(() => failing, Error, "no");
    assertEquals(await withLock(path, () => {}, () => Promise.resolve(1)), 1);
  });
});

Deno.test("withLock() waits for another process until that process ends", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "lock");
    const child = holder(path);
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    assertEquals((await output.read()).value?.trim(), "held");
    let waited = false, killed = false;
    await withLock(path, () => {
      waited = true;
      // SIGKILL ends the process without any cleanup.
      child.kill("SIGKILL");
      killed = true;
    }, () => Promise.resolve());
    assert(waited && killed);
    await child.status;
    await output.cancel();
    await child.stdin.close().catch(() => {});
  });
});
