import { assert, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { type Data, makeData, Utf8View } from "apache-arrow";
import { join } from "node:path";
import arrow from "../../../plugins/sources/arrow.ts";
import { ColumnError, verifyColumn } from "../../../plugins/sources/record_batch_verify.ts";
import { UserError } from "../../../plugin.ts";
import { sourceOf, withFiles } from "../../support/formats.ts";
import { exactColumns, interopFolder } from "../../support/interop.ts";

const readFlipped = (name: string, folder: string) =>
  exactColumns(sourceOf(arrow, { path: name }, folder));

// A file for each codec; all of them have texts, lists, dictionaries and views.
for (
  const [codec, name, stride] of [
    ["no codec", "pyarrow_dictionaries.arrow", 479],
    ["LZ4", "pyarrow_dictionaries_lz4.arrows", 131],
    ["ZSTD", "pyarrow_zstd.arrows", 173],
  ] as const
) {
  Deno.test(`arrow returns values or throws a UserError for any flipped byte of a file with ${codec}`, async () => {
    const bytes = await Deno.readFile(join(interopFolder, name));
    await withFiles({ [name]: bytes }, async (folder) => {
      const found = { values: 0, refused: 0 };
      for (let at = 0; at < bytes.length; at += stride) {
        for (const mask of [0x01, 0xff]) {
          bytes[at]! ^= mask;
          await Deno.writeFile(join(folder, name), bytes);
          bytes[at]! ^= mask;
          try {
            await readFlipped(name, folder);
            found.values++;
          } catch (error) {
            if (error instanceof UserError) found.refused++;
            else throw new Error(`byte ${at} ^ ${mask} of ${name}`, { cause: error });
          }
        }
      }
      assert(found.values > 0, "no flip left values");
      assert(found.refused > 0, "no flip was refused");
    });
  });
}

// Without a look at what these bytes say, reading fails within a library or takes all memory.
const places = [
  [
    "pyarrow_dictionaries.arrow",
    5470,
    0x40,
    "the column of_view (its dictionary) has a value in row 0 that refers to buffer 0 (from 0) of 0",
  ],
  [
    "pyarrow_dictionaries.arrow",
    5610,
    0x04,
    "the column of_view (its dictionary) has a value in row 0 that refers to buffer 262144 (from 0) of 1",
  ],
  [
    "pyarrow_zstd.arrows",
    403,
    0x01,
    "the column triples.item declares maps whose entries are not pairs of a key and a value",
  ],
  [
    "pyarrow_zstd.arrows",
    1767,
    0x40,
    "the column price declares decimals with the scale 1073741826",
  ],
  [
    "pyarrow_zstd.arrows",
    1995,
    0x40,
    "a column of views declares 1073741825 buffers, but the record batch has 69",
  ],
] as const;

for (const [name, at, mask, message] of places) {
  Deno.test(`arrow reports what is damaged if byte ${at} of ${name} is flipped`, async () => {
    const bytes = await Deno.readFile(join(interopFolder, name));
    bytes[at]! ^= mask;
    await withFiles({ [name]: bytes }, async (folder) => {
      const error = await assertRejects(() => readFlipped(name, folder), UserError);
      assertStringIncludes(error.message, name);
      assertStringIncludes(error.message, message);
    });
  });
}

/** A column of two texts: a short one in its view, and a long one in a buffer of its own. */
function viewsOf(change: (views: DataView) => void): Data {
  const long = new TextEncoder().encode("a text that is long"), views = new Uint8Array(32);
  const view = new DataView(views.buffer);
  view.setInt32(0, 2, true);
  views.set(new TextEncoder().encode("ab"), 4);
  view.setInt32(16, long.length, true);
  views.set(long.subarray(0, 4), 20);
  change(view);
  const nullBitmap = Uint8Array.of(0b11);
  return makeData(
    { type: new Utf8View(), length: 2, nullBitmap, views, variadicBuffers: [long] } as never,
  );
}

Deno.test("verifyColumn() refuses views that point outside their buffers", () => {
  verifyColumn(viewsOf(() => {}), "x");
  const cases: [change: (views: DataView) => void, message: string][] = [
    [(views) => views.setInt32(0, -1, true), "the column x has a value of -1 bytes in row 0"],
    [
      (views) => views.setInt32(0, 13, true),
      "the column x has a value in row 0 whose first bytes differ",
    ],
    [(views) => views.setInt32(24, -1, true), "in row 1 that refers to buffer -1 (from 0) of 1"],
    [(views) => views.setInt32(24, 1, true), "in row 1 that refers to buffer 1 (from 0) of 1"],
    [
      (views) => views.setInt32(28, 1, true),
      "has a value of 19 bytes in row 1 that starts at byte 1 of a buffer of 19 bytes",
    ],
    [(views) => views.setInt32(28, -1, true), "starts at byte -1 of a buffer of 19 bytes"],
    [
      (views) => views.setInt32(16, 20, true),
      "has a value of 20 bytes in row 1 that starts at byte 0",
    ],
    [(views) => views.setUint8(20, 98), "has a value in row 1 whose first bytes differ"],
  ];
  for (const [change, message] of cases) {
    assertThrows(() => verifyColumn(viewsOf(change), "x"), ColumnError, message);
  }
});

Deno.test("verifyColumn() ignores the views of nulls", () => {
  const data = viewsOf((views) => views.setInt32(24, 7, true));
  data.nullBitmap![0] = 0b01;
  verifyColumn(
    makeData({ ...data, type: data.type, nullCount: 1, views: data.values } as never),
    "x",
  );
});

Deno.test("verifyColumn() refuses fewer views than rows", () => {
  const data = viewsOf(() => {});
  const { type, variadicBuffers } = data;
  const short = makeData({ type, length: 3, views: data.values, variadicBuffers } as never);
  assertThrows(() => verifyColumn(short, "x"), ColumnError, "has 32 of the 48 values it needs");
});
