import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { OpenRequest } from "../../../plugin.ts";
import { UserError } from "../../../src/base/errors.ts";
import csv from "../../../plugins/sources/csv.ts";
import { checkStage } from "../../../testing.ts";
import { expectedOf, formats, readColumns, sourceOf, withFiles } from "../../support/formats.ts";

type Options = Readonly<Record<string, unknown>>;

/** Reads files that have these contents. */
async function read(
  files: Readonly<Record<string, Uint8Array | string>>,
  options: Options = {},
  request?: OpenRequest,
): Promise<Record<string, unknown[]>> {
  let columns: Record<string, unknown[]> = {};
  await withFiles(files, async (folder) => {
    const path = Object.keys(files);
    columns = await readColumns(sourceOf(csv, { path, ...options }, folder), request);
  });
  return columns;
}

/** Expects files to be refused, with these words. */
async function assertRefused(
  files: Readonly<Record<string, string>>,
  options: Options,
  message: string,
  hint: string,
): Promise<void> {
  const error = await assertRejects(() => read(files, options), UserError);
  assertEquals(error.message, message);
  assertStringIncludes(error.problems[0]!.hint ?? "", hint);
}

Deno.test("csv fulfills the contract of a source", async () => {
  for (const path of ["duckdb.csv", "duckdb.tsv", "pyarrow.csv"]) {
    await checkStage(csv, { options: { path }, folder: formats });
  }
});

for (const path of ["duckdb.csv", "duckdb.tsv", "pyarrow.csv"]) {
  Deno.test(`csv reads the same values from ${path} as the library that wrote it`, async () => {
    assertEquals(await readColumns(sourceOf(csv, { path })), expectedOf[path]);
  });
}

Deno.test("csv infers types from the rows, and uses the declared ones", async () => {
  const files = { "x.csv": "whole,part,text,flag\n1,0.5,a,true\n-2,1,,false\n" };
  const source = async (options: Options) => {
    let types: string[] = [];
    await withFiles(files, async (folder) => {
      const dataset = await sourceOf(csv, { path: "x.csv", ...options }, folder).open();
      types = dataset.schema.fields.map(({ type }) => String(type));
      await dataset.close!();
    });
    return types;
  };
  assertEquals(await source({}), ["Int64", "Float64", "Utf8", "Bool"]);
  assertEquals(
    await source({ columns: { part: "float32", whole: "int8" } }),
    ["Int8", "Float32", "Utf8", "Bool"],
  );
});

Deno.test("csv reads each type that can be declared for a column", async () => {
  const values: Readonly<Record<string, [string, unknown]>> = {
    bool: ["true", true],
    int8: ["-128", -128],
    int16: ["-32768", -32768],
    int32: ["-2147483648", -2147483648],
    int64: ["-9007199254740991", -9007199254740991],
    uint8: ["255", 255],
    uint16: ["65535", 65535],
    uint32: ["4294967295", 4294967295],
    uint64: ["18446744073709551615", "18446744073709551615"],
    float32: ["0.5", 0.5],
    float64: ["0.1", 0.1],
    string: ["12", "12"],
    date: ["1970-01-03", 2 * 86400],
    time: ["00:01:00.5", 60.5],
    timestamp: ["1970-01-01 00:01:00.5", 60.5],
  };
  const names = Object.keys(values);
  const text = `${names.join()}\n${names.map((name) => values[name]![0]).join()}\n`;
  assertEquals(
    await read({ "x.csv": text }, {
      columns: Object.fromEntries(names.map((name) => [name, name])),
    }),
    Object.fromEntries(names.map((name) => [name, [values[name]![1]]])),
  );
});

Deno.test("csv reads the rows after a first record whose quoted values contain other line breaks", async () => {
  for (const end of ["\n", "\r\n", "\r"]) {
    for (const inside of ["\n", "\r\n", "\r"]) {
      const lines = [`"a${inside}b",t`, "1,x", "2,y", ""], name = `a${inside}b`;
      const expected = { [name]: [1, 2], t: ["x", "y"] };
      assertEquals(await read({ "x.csv": lines.join(end) }), expected);
      const blank = `${end}${end}${lines.join(end)}`;
      assertEquals(await read({ "x.csv.gz": gzipSync(blank) }), expected);
      assertEquals(await read({ "x.csv.zst": zstdCompressSync(blank) }), expected);
    }
  }
  const values = '"1\n2",x\r\n"3",y\r\n';
  assertEquals(await read({ "x.csv": values }, { header: false }), {
    column0: ["1\n2", "3"],
    column1: ["x", "y"],
  });
});

Deno.test("csv has options for the delimiter, the quote and texts for nulls, and expects tabs in .tsv files", async () => {
  assertEquals(await read({ "x.tsv": "a\tb\n1\tx,y\n" }), { a: [1], b: ["x,y"] });
  assertEquals(
    await read({ "x.csv": "a;b\n1;'x;''y'\nNA;-\n" }, {
      delimiter: ";",
      quote: "'",
      nullValues: ["NA", "-"],
    }),
    { a: [1, null], b: ["x;'y", null] },
  );
});

Deno.test("csv names the columns of a file without a header by number, or as the option `columns` says", async () => {
  const files = { "x.csv": "1,a\n2,b\n" };
  assertEquals(await read(files, { header: false }), { column0: [1, 2], column1: ["a", "b"] });
  const columns = { id: "uint8", name: "string" };
  assertEquals(await read(files, { header: false, columns }), { id: [1, 2], name: ["a", "b"] });
});

Deno.test("csv reads several files in order and matches their columns by name", async () => {
  const files = { "1.csv": "a,b\n0.5,x\n", "2.csv": "b,a\ny,1\n" };
  assertEquals(await read(files), { a: [0.5, 1], b: ["x", "y"] });
});

Deno.test("csv reads each file of a folder, also if its name looks like a glob of others", async () => {
  const names = ["a*.csv", "a1.csv", "a?.csv", "a[1].csv"];
  await withFiles(
    Object.fromEntries(names.map((name, index) => [name, `x\n${index}\n`])),
    async (folder) => {
      assertEquals(await readColumns(sourceOf(csv, { path: "." }, folder)), { x: [0, 1, 2, 3] });
      assertEquals(await readColumns(sourceOf(csv, { path: "a[1].csv" }, folder)), { x: [3] });
    },
  );
});

Deno.test("csv reads the requested columns in the order of the file", async () => {
  const files = { "x.csv": "a,b,c\n1,2,3\n" };
  assertEquals(await read(files, {}, { columns: ["c", "none", "a"] }), { a: [1], c: [3] });
});

Deno.test("csv keeps the order of rows over many record batches", async () => {
  const rows = 200_000;
  const text = Array.from({ length: rows }, (_, row) => `${row},${row % 7}`).join("\n");
  const { id } = await read({ "x.csv": `id,n\n${text}\n` }, {}, { columns: ["id"] });
  assertEquals(id!.length, rows);
  assert(id!.every((value, row) => value === row));
});

Deno.test("csv reports the line and column of a value that does not have the declared type", async () => {
  const rows = Array.from({ length: 30_000 }, (_, row) => row === 25_000 ? "none" : `${row}`);
  const files = { "x.csv": `a\n${rows.join("\n")}\n` };
  const message = 'line 25002 of x.csv: "none" in the column a is not a valid int32';
  await assertRefused(files, { columns: { a: "int32" } }, message, 'nullValues: ["", "none"]');
  const { a } = await read(files, { columns: { a: "int32" }, nullValues: ["", "none"] });
  assertEquals([a![24_999], a![25_000], a![25_001]], [24_999, null, 25_001]);
});

Deno.test("csv reports the line that has more or fewer values than the others", async () => {
  const files = { "x.csv": "a,b\n1,2\n3\n4,5\n" };
  await assertRefused(files, {}, "line 3 of x.csv has 1 value; expected 2", "delimiter");
  await assertRefused(
    { "x.csv": 'a,b\n1,x\n2,"y\n3,z\n' },
    {},
    "line 3 of x.csv: Value with unterminated quote found",
    "quotes",
  );
});

Deno.test("csv refuses files that are missing, empty, or not text", async () => {
  await withFiles({ "flowers.csv": "a\n1\n" }, async (folder) => {
    const source = sourceOf(csv, { path: "flower.csv" }, folder);
    const error = await assertRejects(() => source.open(), UserError);
    assertEquals(error.message, "there is no file flower.csv");
    assertStringIncludes(error.problems[0]!.hint!, "flowers.csv?");
  });
  await assertRefused({ "x.csv": "" }, {}, "x.csv is empty", "");
  const noise = String.fromCharCode(...Array.from({ length: 900 }, (_, index) => index * 7 % 256));
  await assertRefused(
    { "x.csv": noise },
    {},
    "x.csv cannot be read as CSV",
    "UTF-8",
  );
});

Deno.test("csv reads lines of nearly 2 MB, and refuses longer ones wherever they are", async () => {
  const long = (bytes: number) => `1,${"a".repeat(bytes - 2)}\n`;
  const lines = "2,b\n".repeat(30_000);
  const { x } = await read({ "x.csv": `x,y\n${long(1_999_000).repeat(3)}${lines}` });
  assertEquals(x!.length, 30_003);
  for (const end of ["\n", "\r", "\r\n"]) {
    const text = `x,y\n${lines}${long(2_000_001)}${lines}`.replaceAll("\n", end);
    const start = (4 + lines.length + 30_001 * (end.length - 1)).toLocaleString("en");
    await assertRefused(
      { "x.csv": text },
      { columns: { y: "string" } },
      `the line at byte ${start} of x.csv is longer than 2 MB`,
      "check that the file is CSV text",
    );
  }
});

Deno.test("csv refuses a compressed file whose last line DuckDB would omit", async () => {
  const row = `1,${"a".repeat(998)}\n`;
  await withFiles({}, async (folder) => {
    // DuckDB has 32 MB at a time.
    const text = `x,y\n${row.repeat(33_000)}${"a".repeat(40e6)}`;
    await Deno.writeFile(join(folder, "x.csv.gz"), gzipSync(text));
    const dataset = await sourceOf(csv, { path: "x.csv.gz" }, folder).open({ columns: ["x"] });
    const reading = async () => {
      let rows = 0;
      for await (const batch of dataset.recordBatches()) rows += batch.numRows;
      return rows;
    };
    const error = await assertRejects(reading, UserError);
    assertEquals(error.message, "the line at byte 33,033,004 of x.csv.gz is longer than 2 MB");
    await dataset.close!();
  });
});

Deno.test("csv refuses damaged gzip data, which DuckDB would read in an endless loop", async () => {
  await withFiles({}, async (folder) => {
    const packed = new Uint8Array(600);
    packed.set([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x55]);
    await Deno.writeFile(join(folder, "x.csv.gz"), packed);
    const error = await assertRejects(
      () => sourceOf(csv, { path: "x.csv.gz" }, folder).open({ columns: ["x"] }),
      UserError,
    );
    assertStringIncludes(error.message, "x.csv.gz cannot be read: the gzip data is damaged: inval");
  });
});

Deno.test("csv refuses compressed files whose end is missing", async () => {
  const values = Array.from({ length: 20_000 }, (_, row) => row * 7919 % 1_000_003);
  const text = `x\n${values.join("\n")}\n`;
  // RFC 8878 allows several frames, and frames that decoders skip.
  const skipped = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7);
  const frames = Uint8Array.of(
    ...zstdCompressSync(text),
    ...skipped,
    ...zstdCompressSync("5\n6\n"),
  );
  const whole = {
    "x.csv.gz": new Uint8Array(gzipSync(text)),
    "x.csv.zst": frames,
    // DuckDB recognizes neither capital letters nor what follows a question mark.
    "x?.csv.GZ": new Uint8Array(gzipSync(text)),
    "x?.csv.ZST": frames,
  };
  await withFiles({}, async (folder) => {
    const rowsOf = async (name: string, bytes: Uint8Array) => {
      await Deno.writeFile(join(folder, name), bytes);
      const { recordBatches, close } = await sourceOf(csv, { path: name }, folder).open({});
      let rows = 0;
      for await (const batch of recordBatches()) rows += batch.numRows;
      await close!();
      return rows;
    };
    for (const [name, bytes] of Object.entries(whole)) {
      assertEquals(await rowsOf(name, bytes), /gz$/i.test(name) ? 20_000 : 20_002);
      for (const missing of [1, 9, 30, 20_000]) {
        const error = await assertRejects(
          () => rowsOf(name, bytes.subarray(0, bytes.length - missing)),
          UserError,
        );
        assertStringIncludes(error.message, `${name} cannot be read: `);
      }
    }
  });
});

Deno.test("csv refuses first names after a byte order mark that DuckDB does not read to their end", async () => {
  const mark = "\ufeff", rows = "1,2\r\n3,4\r\n";
  for (const name of ["net\n(gross)", "a,", "a, ", 'a,""b""']) {
    const text = `"${name}",y\r\n${rows}`;
    await assertRefused(
      { "x.csv": mark + text },
      {},
      `x.csv starts with a byte order mark, after which the column name ${
        JSON.stringify(name.replaceAll('""', '"'))
      } cannot be read`,
      "without a byte order mark",
    );
    assertEquals((await read({ "x.csv": text })).y, [2, 4]);
  }
  for (const name of ["a,b", "a", 'a""b', " a"]) {
    assertEquals((await read({ "x.csv": `${mark}"${name}",y\r\n${rows}` })).y, [2, 4]);
  }
});

Deno.test("csv refuses declared columns that no file has, and files with different columns", async () => {
  const columns = { heigth: "float32" };
  await assertRefused(
    { "x.csv": "width,height\n1,2\n" },
    { columns },
    "x.csv has no column heigth",
    "did you mean height? its columns are width, height",
  );
  await assertRefused(
    { "1.csv": "a,b\n1,2\n", "2.csv": "a,c\n1,2\n" },
    {},
    "2.csv has no column b",
    "its columns are a, c",
  );
});

Deno.test("csv's fingerprint changes with the content of any file", async () => {
  const prints = new Set<string>();
  for (const second of ["a\n2\n", "a\n3\n"]) {
    await withFiles({ "1.csv": "a\n1\n", "2.csv": second }, async (folder) => {
      const dataset = await sourceOf(csv, { path: "*.csv" }, folder).open();
      prints.add(dataset.fingerprint);
      await dataset.close!();
    });
  }
  assertEquals(prints.size, 2);
});
