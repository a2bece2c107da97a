import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  Bool,
  Field,
  FixedSizeList,
  Float64,
  Int16,
  Int8,
  List,
  Struct,
  Table,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { UserError } from "../../../src/base/errors.ts";
import { arrowSource } from "../../support/arrow.ts";
import { inFolder } from "../../support/command_line.ts";
import { exactColumns } from "../../support/interop.ts";
import { type ChangeBuffer, packedStream } from "../../support/packed_arrow.ts";

/** Rows of each layout, with and without nulls. */
const table = () =>
  new Table({
    x: vectorFromArray([1, 2, 3, 4], new Int16()),
    null: vectorFromArray([1.5, null, 3.5, null], new Float64()),
    bool: vectorFromArray([true, false, true, true], new Bool()),
    text: vectorFromArray(["a", "", "bcd", "é"], new Utf8()),
    word: vectorFromArray(["one", "two", "one", "two"]),
    list: vectorFromArray([[1], [], [2, 3], [4]], new List(new Field("item", new Int8()))),
    pair: vectorFromArray(
      [[1, 2], [3, 4], [5, 6], [7, 8]],
      new FixedSizeList(2, new Field("item", new Int8())),
    ),
    inside: vectorFromArray(
      [{ a: 1 }, { a: 2 }, { a: 3 }, { a: 4 }],
      new Struct([new Field("a", new Int8())]),
    ),
  });

/** Reads a file of these bytes. */
const columnsOf = (bytes: Uint8Array) =>
  inFolder(async (folder) => {
    await Deno.writeFile(join(folder, "x.arrow"), bytes);
    return await exactColumns(arrowSource("x.arrow", folder));
  });

const message = async (bytes: Uint8Array) =>
  (await assertRejects(() => columnsOf(bytes), UserError)).message;

for (const codec of ["lz4", "zstd"] as const) {
  Deno.test(`arrow reads columns of each layout that are compressed with ${codec}, and uncompressed buffers among them`, async () => {
    const expected = await columnsOf(tableToIPC(table(), "stream"));
    assertEquals(await columnsOf(packedStream(table(), { codec })), expected);
    const plain = unpackedBuffers();
    const stored: ChangeBuffer = (buffer, index) =>
      index % 2 === 0 ? buffer : { said: -1, bytes: plain[index]! };
    assertEquals(await columnsOf(packedStream(table(), { codec, change: stored })), expected);
  });

  Deno.test(`arrow refuses ${codec} data that declare more bytes than their rows need, before unpacking them`, async () => {
    const buffers = unpackedBuffers();
    // What is no packed bytes at all: to unpack it would end in another message.
    const noise = Uint8Array.from({ length: 40 }, (_, index) => index * 37);
    for (const index of buffers.keys()) {
      const length = buffers[index]!.length;
      for (const said of [2 ** 20, 2 ** 30, ...length > 0 ? [0] : []]) {
        const change: ChangeBuffer = (buffer, at) => at === index ? { said, bytes: noise } : buffer;
        const told = await message(packedStream(table(), { codec, change }));
        assertStringIncludes(told, `declares ${said} bytes, but needs `);
      }
    }
  });
}

/** The buffers of the rows as they are. */
function unpackedBuffers(): Uint8Array[] {
  const buffers: Uint8Array[] = [];
  packedStream(table(), {
    codec: "none",
    change: (buffer) => (buffers.push(buffer.bytes), buffer),
  });
  return buffers;
}

Deno.test("arrow reads 40 million equal values that are compressed to a few bytes", async () => {
  const rows = 40_000_000;
  const zeros = new Uint8Array(zstdCompressSync(new Uint8Array(rows)));
  const small = new Table({ x: vectorFromArray([0], new Int8()) });
  const bytes = packedStream(small, {
    codec: "zstd",
    rows,
    change: (buffer, index) => index === 1 ? { said: rows, bytes: zeros } : buffer,
  });
  await inFolder(async (folder) => {
    await Deno.writeFile(join(folder, "x.arrow"), bytes);
    const dataset = await arrowSource("x.arrow", folder).open();
    for await (const batch of dataset.recordBatches()) {
      assertEquals(batch.numRows, rows);
      assertEquals((batch.data.children[0]!.values as Int8Array).findIndex((x) => x !== 0), -1);
    }
    await dataset.close?.();
  });
});
