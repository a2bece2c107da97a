import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { UserError } from "../../../src/base/errors.ts";
import { writeFileWhole } from "../../../src/base/files/write.ts";

/** Runs a test in a temporary folder. */
async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rocket-write-" });
  try {
    await test(folder);
  } finally {
    await Deno.chmod(folder, 0o700);
    await Deno.remove(folder, { recursive: true });
  }
}

async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  return names.sort();
}

const old = Uint8Array.of(1, 2, 3);

Deno.test("writeFileWhole() writes a new file and leaves no other files", () =>
  withFolder(async (folder) => {
    for (
      const bytes of [Uint8Array.of(0, 255, 7), new Uint8Array(), new Uint8Array(3 << 20).fill(5)]
    ) {
      await writeFileWhole(join(folder, "file.bin"), bytes);
      assertEquals(await Deno.readFile(join(folder, "file.bin")), bytes);
      assertEquals(await namesIn(folder), ["file.bin"]);
    }
  }));

Deno.test("writeFileWhole() writes only the part of a buffer that belongs to the array", () =>
  withFolder(async (folder) => {
    const path = join(folder, "file.bin");
    await writeFileWhole(path, Uint8Array.of(9, 1, 2, 9).subarray(1, 3));
    assertEquals(await Deno.readFile(path), Uint8Array.of(1, 2));
  }));

Deno.test("writeFileWhole() does not affect readers that have opened the old file", () =>
  withFolder(async (folder) => {
    const path = join(folder, "file.bin");
    await Deno.writeFile(path, Uint8Array.of(1, 2, 3, 4));
    const read = async (file: Deno.FsFile) => {
      const bytes = new Uint8Array(2);
      return [await file.read(bytes), ...bytes];
    };
    using reader = await Deno.open(path);
    assertEquals(await read(reader), [2, 1, 2]);
    await writeFileWhole(path, Uint8Array.of(5, 6, 7, 8));
    assertEquals(await read(reader), [2, 3, 4]);
    assertEquals(await Deno.readFile(path), Uint8Array.of(5, 6, 7, 8));
  }));

Deno.test("writeFileWhole() replaces the file atomically", () =>
  withFolder(async (folder) => {
    const path = join(folder, "file.bin"), large = new Uint8Array(32 << 20).fill(7);
    await Deno.writeFile(path, old);
    let writing = true;
    const written = writeFileWhole(path, large).finally(() => writing = false);
    const sizes = new Set<number>();
    while (writing) {
      sizes.add((await Deno.stat(path)).size);
      const bytes = await Deno.readFile(path);
      sizes.add(bytes.length);
    }
    await written;
    assertEquals([...sizes].filter((size) => size !== old.length && size !== large.length), []);
    assertEquals(await Deno.readFile(path), large);
    assertEquals(await namesIn(folder), ["file.bin"]);
  }));

Deno.test("writeFileWhole() leaves one complete file if several writers write at once", () =>
  withFolder(async (folder) => {
    const path = join(folder, "file.bin"), size = 1 << 18;
    const contents = Array.from({ length: 8 }, (_, index) => new Uint8Array(size).fill(index));
    await Promise.all(contents.map((bytes) => writeFileWhole(path, bytes)));
    const left = await Deno.readFile(path);
    assertEquals(left, contents[left[0]!]);
    assertEquals(await namesIn(folder), ["file.bin"]);
  }));

Deno.test("writeFileWhole() rejects if the folder does not exist", () =>
  withFolder(async (folder) => {
    await assertRejects(
      () => writeFileWhole(join(folder, "nowhere", "file.bin"), old),
      UserError,
      `cannot be written: there is no folder ${join(folder, "nowhere")}`,
    );
    assertEquals(await namesIn(folder), []);
  }));

Deno.test("writeFileWhole() rejects if a folder has the same name, and keeps that folder", () =>
  withFolder(async (folder) => {
    const path = join(folder, "file.bin");
    await Deno.mkdir(path);
    await Deno.writeFile(join(path, "inside"), old);
    await assertRejects(() => writeFileWhole(path, Uint8Array.of(4)), Error);
    assertEquals(await namesIn(folder), ["file.bin"]);
    assertEquals(await namesIn(path), ["inside"]);
  }));

Deno.test({
  name: "writeFileWhole() rejects in a read-only folder, and keeps the old file",
  // Permissions do not apply to the superuser.
  ignore: Deno.build.os === "windows" || Deno.uid() === 0,
  fn: () =>
    withFolder(async (folder) => {
      const path = join(folder, "file.bin");
      await Deno.writeFile(path, old);
      await Deno.chmod(folder, 0o500);
      await assertRejects(() => writeFileWhole(path, Uint8Array.of(4)), Error);
      assertEquals(await Deno.readFile(path), old);
      assertEquals(await namesIn(folder), ["file.bin"]);
    }),
});
