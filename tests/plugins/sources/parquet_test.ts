import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { UserError } from "../../../src/base/errors.ts";
import parquet from "../../../plugins/sources/parquet.ts";
import { checkStage } from "../../../testing.ts";
import { open as openSplit, valuesOf } from "../../support/arrow.ts";
import {
  expectedOf,
  formats,
  readColumns,
  sourceOf,
  withFiles,
  writeParquet,
} from "../../support/formats.ts";

const written = ["types", "zstd", "lz4", "gzip", "none", "no_rows", "wide", "duckdb", "names"];

Deno.test("parquet fulfills the contract of a source", async () => {
  for (const name of ["types", "duckdb"]) {
    await checkStage(parquet, { options: { path: `${name}.parquet` }, folder: formats });
  }
});

for (const name of written) {
  Deno.test(`parquet reads the same values from ${name}.parquet as the library that wrote it`, async () => {
    const path = `${name}.parquet`;
    assertEquals(await readColumns(sourceOf(parquet, { path })), expectedOf[path]);
  });
}

Deno.test("parquet distinguishes columns whose names differ in case, also when it reads record batches by index", async () => {
  for (const path of ["names.parquet", "other_names.parquet"]) {
    const source = sourceOf(parquet, { path });
    for (const name of ["A", "a", "a_1"]) {
      const expected = { [name]: expectedOf[path]![name] };
      assertEquals(await readColumns(source, { columns: [name] }), expected);
      const { recordBatch, close } = await source.open({ columns: [name] });
      const batch = await recordBatch!(0);
      assertEquals(batch.schema.fields.map((field) => field.name), [name]);
      assertEquals([...batch.getChildAt(0)!].map(Number), expected[name]);
      await close!();
    }
  }
  // The names stand in another order in the second file.
  const path = ["names.parquet", "other_names.parquet"];
  const both = await readColumns(sourceOf(parquet, { path }));
  for (const name of ["A", "a", "a_1"]) {
    assertEquals(both[name], path.flatMap((file) => [...expectedOf[file]![name]!]));
  }
});

Deno.test("parquet reads the requested columns, and no bytes of other columns", async () => {
  const whole = await Deno.readFile(join(formats, "zstd.parquet"));
  // The columns lie one behind the other; a break in the last one is noticed where it is read
  // alone.
  const broken = whole.slice();
  const at = lastIndexOf(broken, [0x28, 0xb5, 0x2f, 0xfd]);
  broken.fill(0xff, at + 4, at + 8);
  await withFiles({ "x.parquet": broken }, async (folder) => {
    const source = sourceOf(parquet, { path: "x.parquet" }, folder);
    const columns = ["float64", "int32"];
    const { int32, float64 } = expectedOf["zstd.parquet"]!;
    assertEquals(await readColumns(source, { columns }), { int32, float64 } as never);
    await assertRejects(() => readColumns(source), UserError, "x.parquet cannot be read");
  });
  const { c0, c999 } = expectedOf["wide.parquet"]!;
  const wide = sourceOf(parquet, { path: "wide.parquet" });
  assertEquals(await readColumns(wide, { columns: ["c999", "c0"] }), { c0, c999 } as never);
  // A name that there is not is for the reader of columns to refuse.
  assertEquals((await wide.open({ columns: ["none"] })).schema.fields.length, 1000);
});

Deno.test("parquet provides record batches by index, over files and row groups", async () => {
  const path = ["wide.parquet", "types.parquet"];
  const dataset = await sourceOf(parquet, { path: path.slice(1) }).open({ columns: ["int8"] });
  assertEquals(dataset.rowCounts, [5]);
  const values = (await dataset.recordBatch!(0)).getChildAt(0)!;
  assertEquals([...values], expectedOf["types.parquet"]!.int8);
  await assertRejects(() => dataset.recordBatch!(1), RangeError, "no record batch 1 among 1");
  await dataset.close!();
  await withFiles({}, async (folder) => {
    const files = ["0.parquet", "1.parquet"];
    for (const file of files) {
      await writeParquet(
        "SELECT i::INTEGER AS i FROM range(150000) t(i)",
        join(folder, file),
        30_000,
      );
    }
    const dataset = await sourceOf(parquet, { path: "*.parquet" }, folder).open();
    // Each consists of two row groups of 30,720 rows; none reaches into the next file.
    const counts = [61_440, 61_440, 27_120];
    assertEquals(dataset.rowCounts, [...counts, ...counts]);
    for (
      const [index, first, count] of [[5, 122_880, 27_120], [1, 61_440, 61_440], [3, 0, 61_440]]
    ) {
      const batch = await dataset.recordBatch!(index!);
      const rows = batch.getChildAt(0)!.toArray() as Int32Array;
      assertEquals(rows.length, count);
      assert(rows.every((value, row) => value === first! + row));
    }
    // Several at once, in the midst of reading in order.
    let seen = 0;
    for await (const batch of dataset.recordBatches()) {
      const [other] = await Promise.all([dataset.recordBatch!(0), dataset.recordBatch!(2)]);
      assertEquals([batch.getChildAt(0)!.get(0), other.numRows], [seen % 150_000, 61_440]);
      seen += batch.numRows;
    }
    assertEquals(seen, 300_000);
    await dataset.close!();
  });
});

Deno.test("parquet refuses files that are not Parquet, truncated or missing", async () => {
  const whole = await Deno.readFile(join(formats, "types.parquet"));
  const files = {
    "cut.parquet": whole.slice(0, 5000),
    "text.parquet": "a,b\n1,2\n",
    "no.parquet": "",
  };
  await withFiles(files, async (folder) => {
    const open = (path: string) => sourceOf(parquet, { path }, folder).open();
    for (const path of ["cut.parquet", "text.parquet"]) {
      await assertRejects(() => open(path), UserError, `${path} is not a Parquet file, or its end`);
    }
    await assertRejects(() => open("no.parquet"), UserError, "no.parquet is empty");
    await assertRejects(() => open("."), UserError, "no.parquet is empty");
    const missing = await assertRejects(() => open("cuts.parquet"), UserError);
    assertEquals(missing.message, "there is no file cuts.parquet");
    assertEquals(missing.problems[0]!.hint, `did you mean ${join(folder, "cut.parquet")}?`);
    await assertRejects(() => open("*.parq"), UserError, "no file matches *.parq");
  });
});

Deno.test("parquet refuses files whose columns differ, and names both files and the types", async () => {
  const path = ["zstd.parquet", "types.parquet"];
  await assertRejects(
    () => sourceOf(parquet, { path }).open(),
    UserError,
    "the column int8 differs between files: zstd.parquet has no such column, Int8 in types.parquet",
  );
});

Deno.test("parquet refuses an unsupported type only if its column is read", async () => {
  const source = sourceOf(parquet, { path: "unsupported.parquet" });
  const error = await assertRejects(() => source.open(), UserError);
  assertStringIncludes(error.message, "the column map has DuckDB's type MAP(VARCHAR, TINYINT)");
  const x = expectedOf["unsupported.parquet"]!.x!;
  assertEquals(await readColumns(source, { columns: ["x"] }), { x: [...x] });
});

Deno.test("parquet refuses a column whose name DuckDB would cut off", async () => {
  await assertRejects(
    () => readColumns(sourceOf(parquet, { path: "nul_name.parquet" })),
    UserError,
    'the column "a\\u0000b" of nul_name.parquet has the character U+0000 in its name',
  );
});

Deno.test("parquet's fingerprint is the SHA-256 of the file", async () => {
  const bytes = await Deno.readFile(join(formats, "types.parquet"));
  const hash = createHash("sha256").update(bytes).digest("hex");
  const dataset = await sourceOf(parquet, { path: "types.parquet" }).open();
  assertEquals(dataset.fingerprint, `sha256:${hash}`);
  await dataset.close!();
});

Deno.test("parquet's columns become features and a label, and columns of structs are refused", async () => {
  const source = sourceOf(parquet, { path: "duckdb.parquet" });
  const features = { price: {}, triple: {}, square: {}, name: {}, day: {} };
  const split = await openSplit(source, { features, label: "even" });
  assertEquals(split.rows, 5);
  assertEquals(valuesOf(split, "price"), [0, 0.25, 0.5, 0.75, 1]);
  assertEquals(valuesOf(split, "square").slice(4, 8), [1, 1, 2, 1]);
  assertEquals(split.features.name!.vocabulary!.length, 5);
  await split.close();
  const types = sourceOf(parquet, { path: "types.parquet" });
  const error = await assertRejects(
    () => openSplit(types, { features: { struct: {}, flaot64: {} }, label: "int8" }),
    UserError,
  );
  assertStringIncludes(error.problems[0]!.message, "the column struct has the type Struct<");
  assertStringIncludes(error.problems[1]!.hint!, "did you mean float64?");
});

function lastIndexOf(bytes: Uint8Array, part: readonly number[]): number {
  for (let at = bytes.length - part.length; at >= 0; at--) {
    if (part.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  throw new RangeError("the bytes are not there");
}

Deno.test("parquet reads the same values from a file with 5,000 columns, whichever columns are requested", async () => {
  await withFiles({}, async (folder) => {
    const all = Array.from({ length: 5_000 }, (_, column) => `i + ${column} AS c${column}`);
    const path = join(folder, "x.parquet");
    await writeParquet(`SELECT ${all.join(", ")} FROM range(1500) t(i)`, path);
    const source = sourceOf(parquet, { path });
    const some = await readColumns(source, { columns: ["c4999", "c7"] });
    for (const column of [7, 4999]) {
      const expected = Array.from({ length: 1500 }, (_, row) => row + column);
      assertEquals(some[`c${column}`]!.map(Number), expected);
    }
    const asked = await source.open({ columns: ["c7"] }), whole = await source.open();
    assertEquals(asked.rowCounts, whole.rowCounts);
    assertEquals(asked.fingerprint, whole.fingerprint);
    const names = whole.schema.fields.map(({ name }) => name);
    assertEquals(asked.schema.fields.map(({ name }) => name), names);
    assertEquals(new Set(whole.schema.fields.map(({ type }) => String(type))), new Set(["Int64"]));
    await Promise.all([asked.close!(), whole.close!()]);
  });
});
