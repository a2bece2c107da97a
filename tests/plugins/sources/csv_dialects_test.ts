/**
 * Encodings, decimal commas and lists of CSV files. The expected values are those that pandas 3 reads
 * from the same bytes with `encoding`, `decimal` and `sep`, and `str.split()` of lists.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import csv from "../../../plugins/sources/csv.ts";
import { UserError } from "../../../plugin.ts";
import { inFolder } from "../../support/command_line.ts";
import { sourceOf } from "../../support/formats.ts";

/** Reads all rows of a CSV file, and the types of its columns. */
async function read(
  bytes: Uint8Array | string,
  options: Record<string, unknown> = {},
  name = "a.csv",
) {
  return await inFolder(async (folder) => {
    await Deno.writeFile(join(folder, name), Buffer.from(bytes as string));
    const data = await sourceOf(csv, { path: name, ...options }, folder).open();
    try {
      const rows: unknown[][] = [];
      for await (const batch of data.recordBatches()) {
        for (const row of batch) rows.push([...row].map(([, value]) => plain(value)));
      }
      return { types: data.schema.fields.map(({ type }) => String(type)), rows };
    } finally {
      await data.close?.();
    }
  });
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  const isList = value !== null && typeof value === "object" && Symbol.iterator in value;
  return isList ? [...value as Iterable<unknown>].map(plain) : value;
}

const refused = (...args: Parameters<typeof read>) => assertRejects(() => read(...args), UserError);

/** The file `Zürich;3,5\nkøb;-1` with a header, in several encodings. */
const text = "city;x\nZürich;3,5\nkøb;-1\n";
const latin = Buffer.from(text, "latin1");
const little = Buffer.from(`\ufeff${text}`, "utf16le");
const big = Buffer.from(little).swap16();
const options = { delimiter: ";", decimal: "," };
const expected = { types: ["Utf8", "Float64"], rows: [["Zürich", 3.5], ["køb", -1]] };

Deno.test("csv reads Latin-1 and UTF-16, and honors byte order marks", async () => {
  assertEquals(await read(latin, { ...options, encoding: "latin-1" }), expected);
  assertEquals(await read(latin, { ...options, encoding: "windows-1252" }), expected);
  for (const bytes of [little, big, Buffer.from(`\ufeff${text}`)]) {
    // The mark takes precedence over the option.
    for (const encoding of ["utf-8", "utf-16", "latin-1"]) {
      assertEquals(await read(bytes, { ...options, encoding }), expected);
    }
  }
  const plain = { ...options, encoding: "utf-16be" };
  assertEquals(await read(big.subarray(2), plain), expected);
  assertEquals(await read(little.subarray(2), { ...options, encoding: "utf-16" }), expected);
  const packed = gzipSync(latin), inLatin = { ...options, encoding: "latin-1" };
  assertEquals(await read(packed, inLatin, "a.csv.gz"), expected);
  // Latin-1 is not Windows-1252: pandas reads the byte 0x80 as U+0080 and as €.
  const euro = Uint8Array.of(...Buffer.from("x\n"), 0x80, 10);
  assertEquals((await read(euro, { encoding: "latin-1" })).rows, [["\u0080"]]);
  assertEquals((await read(euro, { encoding: "windows-1252" })).rows, [["€"]]);
  const russian = Uint8Array.of(...Buffer.from("x\n"), 0xd0, 0xf3, 0xf1, 10);
  assertEquals((await read(russian, { encoding: "windows-1251" })).rows, [["Рус"]]);
  const japanese = Uint8Array.of(...Buffer.from("x\n"), 0x93, 0xfa, 0x96, 0x7b, 10);
  assertEquals((await read(japanese, { encoding: "shift_jis" })).rows, [["日本"]]);
});

Deno.test("csv refuses text that is not valid in its encoding, with the line", async () => {
  const { message, problems: [problem] } = await refused(latin, options);
  assertEquals(message.split(":")[0], "line 2 of a.csv");
  assertEquals(problem!.hint!.includes("encoding: latin-1"), true);
  const broken = Uint8Array.of(...Buffer.from("x\na\nb\n"), 0xff, 10);
  assertEquals(
    (await refused(broken, { encoding: "shift_jis" })).message,
    "line 4 of a.csv: the text is not valid shift_jis",
  );
  const odd = await refused(little.subarray(0, -1), options);
  assertEquals(odd.message.includes("is not valid utf-16le"), true);
});

Deno.test("csv reads numbers with decimal commas, also in quotes, and no others", async () => {
  const file = 'a;b;c;d\n3,14;"1,5";1.5;1e3\n,5;-2,25e1;2;-7\n-0,5;;3;"1"\n';
  assertEquals(await read(file, options), {
    types: ["Float64", "Float64", "Utf8", "Float64"],
    rows: [
      [3.14, 1.5, "1.5", 1000],
      [0.5, -22.5, "2", -7],
      [-0.5, null, "3", 1],
    ],
  });
  // With the same delimiter, numbers are in quotes.
  assertEquals(await read('a,b\n"3,5",1\n"4",2\n', { decimal: "," }), {
    types: ["Float64", "Int64"],
    rows: [[3.5, 1], [4, 2]],
  });
  const given = { ...options, columns: { x: "float32" }, nullValues: ["", "-,-"] };
  assertEquals((await read("x;y\n1,5;-,-\n-,-;2,5\n", given)).rows, [[1.5, null], [null, 2.5]]);
  assertEquals(
    (await refused("x;y\n1.5;1\n", given)).message,
    'line 2 of a.csv: "1.5" in the column x is not a valid float32',
  );
});

Deno.test("csv splits values into lists of inferred or declared types", async () => {
  const file = 'tags;n;mixed\na|b c;1|2;1|x\nc;;2\n"";3,5|4;\n';
  const separator = "|";
  const columns = { tags: { separator }, n: { separator }, mixed: { separator } };
  assertEquals(await read(file, { ...options, columns }), {
    types: ["List<Utf8>", "List<Float64>", "List<Utf8>"],
    rows: [
      [["a", "b c"], [1, 2], ["1", "x"]],
      [["c"], null, ["2"]],
      [[], [3.5, 4], null],
    ],
  });
  const whole = await read("n\n1 2\n3\n4 NA\n", {
    columns: { n: { separator: " ", type: "int32" } },
    nullValues: ["", "NA"],
  });
  assertEquals(whole, { types: ["List<Int32>"], rows: [[[1, 2]], [[3]], [[4, null]]] });
  const { message, problems: [problem] } = await refused("n,m\n1|2,1\n3|x,1\n", {
    columns: { n: { separator, type: "int32" } },
  });
  assertEquals(message, 'line 3 of a.csv: "x" in the column n is not a valid int32');
  assertEquals(problem!.hint!.includes('n: { separator: "|", type: string }'), true);
});
