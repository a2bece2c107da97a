import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { appendLine } from "../../../src/base/files/append.ts";
import { UserError } from "../../../src/base/errors.ts";
import { inFolder } from "../../support/command_line.ts";
import { onSmallDisk } from "../../support/small_disk.ts";

Deno.test("appendLine() creates a file and appends lines to it", () =>
  inFolder(async (folder) => {
    const path = join(folder, "lines");
    await appendLine(path, "one");
    await appendLine(path, "zwölf");
    assertEquals(await Deno.readTextFile(path), "one\nzwölf\n");
  }));

Deno.test("appendLine() reports why a line cannot be written", () =>
  inFolder(async (folder) => {
    const taken = join(folder, "taken");
    await Deno.mkdir(taken);
    await assertRejects(() => appendLine(taken, "one"), UserError, `${taken} cannot be written: `);
  }));

onSmallDisk("appendLine() leaves no partial line on a full disk", 64, async (folder) => {
  const path = join(folder, "lines"), line = "x".repeat(9_999);
  let error: unknown, lines = 0;
  while (error === undefined) {
    await appendLine(path, line).then(() => lines++, (thrown) => error = thrown);
  }
  assertEquals((error as UserError).message, `${path} cannot be written: the disk is full`);
  assertEquals(await Deno.readTextFile(path), `${line}\n`.repeat(lines));
});
