import { assertEquals, assertRejects } from "@std/assert";
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import { readZip } from "../../data/zip.ts";
import { UserError } from "../../src/base/errors.ts";

type Bytes = Uint8Array<ArrayBuffer>;

async function zipOf(files: readonly (readonly [name: string, bytes: Uint8Array])[]) {
  const zip = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false });
  for (const [name, bytes] of files) await zip.add(name, new Uint8ArrayReader(bytes));
  return await zip.close() as Bytes;
}

/** The archive with other numbers of 32 bits in its central directory's first entry. */
function said(archive: Bytes, offset: number, value: number): Bytes {
  const copy = archive.slice(), view = new DataView(copy.buffer);
  let at = copy.length - 4;
  while (view.getUint32(at, true) !== 0x02014b50) at--;
  view.setUint32(at + offset, value, true);
  return copy;
}

const small = Uint8Array.of(1, 2, 3);

Deno.test("readZip() reads only selected files and rejects archives with paths outside themselves", async () => {
  const files = [["a/", new Uint8Array()], ["a/b", small], ["a/c", small]] as const;
  const read = await readZip(await zipOf(files), "x.zip", ["a/b", "a/d"], 3);
  assertEquals([...read], [["a/b", small]]);
  for (const name of ["../x", "a/../../x"]) {
    const archive = await zipOf([...files, [name, small]]);
    await assertRejects(() => readZip(archive, "x.zip", ["a/b"], 3), UserError, "x.zip");
  }
});

Deno.test("readZip() stops at the maximum size, whatever size the archive declares", async () => {
  const bomb = await zipOf([["a", new Uint8Array(5_000_000)]]);
  const message = "a of x.zip unpacks to more than 1000 bytes";
  await assertRejects(() => readZip(bomb, "x.zip", ["a"], 1000), UserError, message);
  // The size of what is unpacked.
  await assertRejects(() => readZip(said(bomb, 24, 3), "x.zip", ["a"], 1000), UserError, "x.zip");
  const huge = said(await zipOf([["a", small]]), 24, 2 ** 31);
  await assertRejects(() => readZip(huge, "x.zip", ["a"], 1000), UserError, "x.zip");
});

Deno.test("readZip() rejects other files and incomplete or damaged archives", async () => {
  const archive = await zipOf([["a", small]]);
  const cases: Bytes[] = [
    new Uint8Array(),
    new Uint8Array(500).fill(60),
    archive.subarray(0, 40),
    // The sum of the file's bytes, where it lies, and its packed size.
    said(archive, 16, 7),
    said(archive, 42, 2 ** 31),
    said(archive, 20, 2 ** 31),
  ];
  for (const bytes of cases) {
    await assertRejects(() => readZip(bytes, "x.zip", ["a"], 1000), UserError, "x.zip");
  }
});
