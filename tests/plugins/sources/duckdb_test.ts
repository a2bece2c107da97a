import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { batchRows, Database, literal, quoted } from "../../../plugins/sources/duckdb.ts";
import { Field, FixedSizeList, Float32, Schema, Utf8 } from "apache-arrow";
import { deno, flags } from "../../support/command_line.ts";
import { formats } from "../../support/formats.ts";

Deno.test("a source that needs DuckDB reports that it is missing, and other sources work without it", async () => {
  const code = `
    import { builtins } from ${JSON.stringify(import.meta.resolve("../../../plugins/mod.ts"))};
    const parquet = builtins.find(({ name }) => name === "parquet");
    const source = parquet.create({ path: "types.parquet" }, { folder: ${
    JSON.stringify(formats)
  } });
    const error = await source.open().catch((error) => error);
    console.log(JSON.stringify([error.name, ...error.problems.map(Object.values)]));`;
  await withScript(code, async (script) => {
    // Native programs cannot be loaded without the permission.
    const allowed = ["--no-prompt", "--deny-ffi", "--allow-read", "--allow-env", "--allow-sys"];
    const { stdout, stderr } = await deno(["run", "--quiet", ...allowed, ...flags, script]);
    assertStringIncludes(stdout, '["UserError",["DuckDB, which reads this source', stderr);
    assertStringIncludes(stdout, "convert the data to Arrow files on another machine");
  });
});

Deno.test("a Database downloads no extensions, reads no URLs and locks its settings", async () => {
  const database = await Database.open({ files: [] });
  await assertRejects(() => database.firstRow("INSTALL httpfs"), Error, "Permission Error");
  await assertRejects(() => database.firstRow("FROM 'https://example.com/x.csv'"), Error);
  await assertRejects(() => database.firstRow("LOAD httpfs"), Error, "Permission Error");
  for (
    const setting of ["threads = 4", "autoload_known_extensions = true", "allowed_paths = ['/']"]
  ) {
    await assertRejects(() => database.firstRow(`SET ${setting}`), Error, "locked");
  }
  database.close();
});

Deno.test("batchRows() chooses record batches of a few megabytes", () => {
  const rows = (...types: ConstructorParameters<typeof Field>[1][]) =>
    batchRows(new Schema(types.map((type, index) => new Field(`c${index}`, type))));
  assertEquals(rows(new Float32()), 65_536);
  assertEquals(rows(...Array(100).fill(new Float32())), 8_192);
  assertEquals(rows(...Array(1000).fill(new Float32())), 1_024);
  assertEquals(rows(new FixedSizeList(784, new Field("item", new Float32()))), 1_024);
  assertEquals(rows(new Utf8(), new Utf8()), 65_536);
});

Deno.test("quoted() and literal() escape any name and any text", async () => {
  const database = await Database.open({ files: [] });
  for (const text of ["plain", "it's", 'a "name"', "back\\slash", "new\nline", "select"]) {
    assertEquals(await database.firstRow(`SELECT ${literal(text)}`), [text]);
    const [column] = await database.columns(`SELECT 1 AS ${quoted(text)}`);
    assertEquals(column!.name, text);
  }
  database.close();
});

async function withScript(code: string, test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "script.js");
  try {
    await Deno.writeTextFile(path, code);
    await test(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
