import { assertEquals, assertThrows } from "@std/assert";
import { readTar } from "../../data/tar.ts";
import { UserError } from "../../src/base/errors.ts";
import { joined, tarHeader, tarOf } from "../support/tar.ts";

const files = { "a/one.bin": Uint8Array.of(1, 2, 3), "two": new Uint8Array(1000).fill(7) };

Deno.test("readTar() reads the files of an archive and skips folders and links", () => {
  const entries = Object.entries(files);
  assertEquals([...readTar(tarOf(files), "x")], entries);
  const more = joined([tarHeader("a/", 0, "5"), tarHeader("../l", 0, "2"), tarOf(files)]);
  assertEquals([...readTar(more, "x")], entries);
  assertEquals([...readTar(new Uint8Array(), "x")], []);
});

Deno.test("readTar() reads archives of the program tar", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${folder}/two`, files.two);
    for (const format of ["ustar", "gnu"]) {
      const args = ["-C", folder, `--format=${format}`, "-cf", `${folder}/x.tar`, "two"];
      const { success } = await new Deno.Command("tar", { args, stderr: "null" }).output()
        .catch(() => ({ success: false }));
      // There is another tar, or none, on some systems.
      if (!success) continue;
      const content = readTar(await Deno.readFile(`${folder}/x.tar`), "x");
      assertEquals([...content], [["two", files.two]]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readTar() rejects incomplete and damaged archives and other files", () => {
  const archive = tarOf(files), damaged = archive.slice();
  damaged[0]! += 1;
  const large = tarHeader("a", 2 ** 32, "0"), negative = tarHeader("a", 0, "0");
  negative.set(new TextEncoder().encode("-0000000001"), 124);
  const cases: [Uint8Array<ArrayBuffer>, string][] = [
    [archive.subarray(0, 2000), "the archive x ends in the middle of the file two"],
    [damaged, "x is not a tar archive: it has no valid header at byte 0"],
    [new Uint8Array(1024).fill(60), "x is not a tar archive"],
    [large, "the archive x ends in the middle of the file a"],
    [negative, "x is not a tar archive"],
  ];
  for (const [bytes, message] of cases) {
    assertThrows(() => readTar(bytes, "x"), UserError, message);
  }
});
