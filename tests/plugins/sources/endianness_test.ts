import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { isBigEndian } from "../../../plugins/sources/endianness.ts";
import { fixtures } from "../../support/arrow.ts";
import { formats } from "../../support/formats.ts";

Deno.test("isBigEndian() returns true only for streams in big-endian byte order", async () => {
  for (const folder of [fixtures, formats]) {
    for await (const { name } of Deno.readDir(folder)) {
      if (!/\.(arrows?|feather)$/.test(name)) continue;
      const bytes = await Deno.readFile(join(folder, name));
      assertEquals(isBigEndian(bytes), name === "big_endian.arrows", name);
    }
  }
});

Deno.test("isBigEndian() returns false for truncated streams, which the reader refuses", async () => {
  const bytes = await Deno.readFile(join(formats, "big_endian.arrows"));
  assert(isBigEndian(bytes));
  for (let length = 0; length < 40; length++) assert(!isBigEndian(bytes.subarray(0, length)));
});
