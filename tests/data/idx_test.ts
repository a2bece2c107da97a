import { assert, assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { readIdx } from "../../data/idx.ts";
import { UserError } from "../../src/base/errors.ts";

/** Two images of 2 × 3 pixels. */
const idx = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, ...Array(12).keys());

async function packed(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}

Deno.test("readIdx() reads the shape and values, compressed or not", async () => {
  for (const bytes of [idx, await packed(idx)]) {
    const { shape, values, sha256 } = await readIdx(bytes, "x", 1000);
    assertEquals(shape, [2, 2, 3]);
    assertEquals([...values], [...Array(12).keys()]);
    assertEquals(sha256, createHash("sha256").update(idx).digest("hex"));
  }
});

Deno.test("readIdx() rejects other files and incomplete files", async () => {
  const floats = idx.slice();
  floats[2] = 0x0d;
  const cases: [Uint8Array<ArrayBuffer>, string][] = [
    [floats, "x is not an IDX file of bytes: it starts with 00 00 0d 03"],
    [
      new TextEncoder().encode("<html>"),
      "x is not an IDX file of bytes: it starts with 3c 68 74 6d",
    ],
    [idx.slice(0, 20), "x has 20 bytes; expected 28 according to its header"],
    [idx.slice(0, 10), "x has 10 bytes"],
    [new Uint8Array(), "x is not an IDX file"],
    [(await packed(idx)).slice(0, 25), "x cannot be unpacked"],
  ];
  for (const [bytes, message] of cases) {
    await assertRejects(() => readIdx(bytes, "x", 1000), UserError, message);
  }
});

Deno.test("readIdx() stops unpacking at the maximum size", async () => {
  const large = new Uint8Array(50_000_000);
  large.set(idx);
  const small = await packed(large);
  assert(small.length < 100_000);
  await assertRejects(() => readIdx(small, "x", 28), UserError, "x unpacks to more than 28 bytes");
  assertEquals((await readIdx(await packed(idx), "x", 28)).shape, [2, 2, 3]);
});
