import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { join } from "node:path";
import { UserError } from "../../../src/base/errors.ts";
import { lockRun } from "../../../src/run/folder/lock.ts";
import { inFolder } from "../../support/command_line.ts";

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("lockRun() refuses a folder that another process has locked, and leaves nothing behind when it is released", () =>
  inFolder((folder) => {
    for (let time = 0; time < 2; time++) {
      using _lock = lockRun(folder);
      const error = assertThrows(() => lockRun(folder), UserError);
      assertEquals(error.exitCode, 2);
      assertMatch(
        error.message,
        new RegExp(`by another run \\(process ${Deno.pid}, since 20.*Z\\)$`),
      );
    }
    assertEquals(names(folder), []);
    return Promise.resolve();
  }));

Deno.test("lockRun() takes over the lock of a killed process, whatever the file contains", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "run.lock"), `{"pid":1,"since":"yesterday"`.repeat(99));
    {
      using _lock = lockRun(folder);
      const { message } = assertThrows(() => lockRun(folder), UserError);
      assertMatch(message, new RegExp(`process ${Deno.pid}, `));
    }
    assertEquals(names(folder), []);
  }));

for (
  const [what, there] of [["another file", true], ["what is not there", false]] as const
) {
  Deno.test(`lockRun() locks a folder whose lock is a link to ${what}, and writes nothing to its target`, () =>
    inFolder(async (folder) => {
      const run = join(folder, "run"), mine = join(folder, "mine");
      await Deno.mkdir(run);
      if (there) await Deno.writeTextFile(mine, "mine");
      await Deno.symlink("../mine", join(run, "run.lock"));
      {
        using _lock = lockRun(run);
        assertThrows(() => lockRun(run), UserError);
      }
      assertEquals(names(run), []);
      assertEquals(names(folder), there ? ["mine", "run"] : ["run"]);
      if (there) assertEquals(await Deno.readTextFile(mine), "mine");
    }));
}

Deno.test("lockRun() gives a folder to only one of many processes at a time", () =>
  inFolder(async (folder) => {
    let holders = 0, most = 0, taken = 0;
    const contend = async () => {
      for (let time = 0; time < 50; time++) {
        let lock: Disposable;
        try {
          lock = lockRun(folder);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          await new Promise((resolve) => setTimeout(resolve, 1));
          continue;
        }
        using _lock = lock;
        most = Math.max(most, ++holders);
        taken++;
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 2));
        holders--;
      }
    };
    await Promise.all([contend(), contend(), contend(), contend()]);
    assertEquals([most, taken > 1], [1, true]);
  }));

Deno.test("lockRun() refuses a folder whose lock can neither be opened nor replaced", () =>
  inFolder(async (folder) => {
    const lock = join(folder, "run.lock");
    await Deno.mkdir(lock);
    await Deno.writeTextFile(join(lock, "x"), "");
    const error = assertThrows(() => lockRun(folder), UserError);
    assertEquals(error.exitCode, 2);
    assertMatch(error.message, /^the run cannot be locked, because .*run\.lock cannot be opened: /);
    assertMatch(error.problems[0]!.hint!, /^remove it, unless another process writes/);
    await Deno.remove(lock, { recursive: true });
    lockRun(folder)[Symbol.dispose]();
    // A socket cannot be opened as a file.
    const socket = Deno.listen({ transport: "unix", path: lock });
    assertThrows(() => lockRun(folder), UserError, "cannot be opened");
    socket.close();
    await Deno.remove(lock).catch(() => {});
    // Root may open every file.
    if (Deno.build.os === "windows" || Deno.uid() === 0) return;
    await Deno.writeTextFile(lock, "", { mode: 0 });
    assertThrows(() => lockRun(folder), UserError, "cannot be opened");
  }));
