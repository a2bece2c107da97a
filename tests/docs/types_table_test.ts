/**
 * The table of what is read how, in docs/data.md, has what this code reads.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  type Data,
  Field,
  FixedSizeBinary,
  Int32,
  Int8,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  vectorFromArray,
} from "apache-arrow";
import { join } from "node:path";
import { convert } from "../../data/convert.ts";
import { type Source, UserError } from "../../plugin.ts";
import arrow from "../../plugins/sources/arrow.ts";
import csv from "../../plugins/sources/csv.ts";
import parquet from "../../plugins/sources/parquet.ts";
import sql from "../../plugins/sources/sql.ts";
import { open, valuesOf } from "../support/arrow.ts";
import { inFolder, root } from "../support/command_line.ts";
import { sourceOf, writeParquet } from "../support/formats.ts";

/** Two values of each type, in SQL, and as text where a CSV file can have them. */
const types: readonly (readonly [type: string, first: string, second: string, text?: boolean])[] = [
  ["BOOLEAN", "true", "false", true],
  ["TINYINT", "-7", "2"],
  ["UINTEGER", "4294967295", "2"],
  ["BIGINT", "1", "2", true],
  ["BIGINT", "9007199254740993", "2", true],
  ["UBIGINT", "18446744073709551615", "2", true],
  ["HUGEINT", "5", "2"],
  ["FLOAT", "0.1", "2"],
  ["DOUBLE", "0.1", "2.5", true],
  ["DOUBLE", "1.0", "2.0", true],
  ["DECIMAL(10,2)", "0.42", "-0.80"],
  ["VARCHAR", "'b'", "'a'", true],
  ["VARCHAR", "'007'", "'7'", true],
  ["ENUM('b', 'a')", "'b'", "'a'"],
  ["UUID", "'00000000-0000-0000-0000-00000000000b'", "'00000000-0000-0000-0000-00000000000a'"],
  ["DATE", "'2026-11-28'", "'1970-01-02'", true],
  ["TIMESTAMP", "'2026-11-28 12:30:00'", "'1970-01-01 00:00:01'", true],
  ["TIME", "'12:30:00'", "'00:00:01'", true],
  ["FLOAT[]", "[0.5, 1]", "[2, 3]"],
  ["FLOAT[2]", "[0.5, 1]", "[2, 3]"],
  ["VARCHAR[]", "['b', 'a']", "['a', 'c']"],
  ["STRUCT(n INTEGER)", "{n: 1}", "{n: 2}"],
];

/** Two values of Arrow's extension types, as they are stored. */
const extensionTypes: readonly (readonly [name: string, values: string, stored: Data])[] = [
  [
    "arrow.bool8",
    "true, false",
    makeData({ type: new Int8(), length: 2, nullCount: 0, data: Int8Array.of(1, 0) }),
  ],
  [
    "arrow.uuid",
    "00000000-0000-0000-0000-00000000000b, 00000000-0000-0000-0000-00000000000a",
    makeData({
      type: new FixedSizeBinary(16),
      length: 2,
      nullCount: 0,
      data: Uint8Array.from({ length: 32 }, (_, at) => at === 15 ? 11 : at === 31 ? 10 : 0),
    }),
  ],
];

const start = "<!-- types: start -->", end = "<!-- types: end -->";

/** What became of the two values, or `refused`. */
async function cell(read: () => Promise<string>): Promise<string> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof UserError) return "refused";
    throw error;
  }
}

/** Numbers as a float32 has them: seven digits of those with a fraction. */
const shown = (values: readonly number[]) =>
  values.map(Math.fround)
    .map((value) => Number.isInteger(value) ? value : Number(value.toPrecision(7))).join(", ");

/** What a feature, ids and a label are made of the column x. */
async function cells(source: () => Source): Promise<string[]> {
  const row = { column: "row", kind: "number" };
  return [
    await cell(async () => {
      const split = await open(source(), { features: { x: {} }, label: row });
      const { vocabulary, unit } = split.features.x!;
      if (vocabulary) return `ids ${valuesOf(split, "x")} of ${vocabulary.join(", ")}`;
      return `${shown(valuesOf(split, "x"))}${unit ? " (seconds; only through a transform)" : ""}`;
    }),
    await cell(async () => {
      const split = await open(source(), {
        features: { x: { ids: "train" } },
        label: row,
      });
      return split.features.x!.vocabulary!.join(", ");
    }),
    await cell(async () => {
      const split = await open(source(), { features: { row: {} }, label: { column: "x" } });
      const { kind } = split.label, { label } = await split.slice(0, 2);
      return kind === "number"
        ? `number ${shown([...label.values])}`
        : `${kind} ${[...label.values].join(", ")}`;
    }),
  ];
}

/** A table without the spaces and dashes that only align its columns. */
const cellsOf = (table: string) =>
  table.trim().replaceAll(/ *\| */g, "|").replaceAll(/-{3,}/g, "---");

/** The rows of the table for a type: one for all sources that read it alike. */
async function rowsOf(
  [type, first, second, text]: typeof types[number],
  folder: string,
): Promise<string[]> {
  const file = join(folder, "t.parquet");
  const values = [first, second].map((value, row) => `(${value}::${type}, ${row})`).join();
  await writeParquet(`SELECT * FROM (VALUES ${values}) t(x, row)`, file);
  const sources: Record<string, () => Source> = {
    parquet: () => sourceOf(parquet, { path: "t.parquet" }, folder),
    sql: () => sourceOf(sql, { tables: { t: "t.parquet" }, query: "FROM t" }, folder),
  };
  const converted = await convert({ from: file, to: join(folder, "t.arrow") })
    .then(() => true, (error) => {
      if (error instanceof UserError) return false;
      throw error;
    });
  if (converted) sources.arrow = () => sourceOf(arrow, { path: "t.arrow" }, folder);
  if (text) {
    const lines = [first, second].map((value, row) => `${value.replaceAll("'", "")},${row}`);
    await Deno.writeTextFile(join(folder, "t.csv"), ["x,row", ...lines].join("\n"));
    sources.csv = () => sourceOf(csv, { path: "t.csv" }, folder);
  }
  const read = await Promise.all(
    Object.entries(sources).map(async ([name, source]) =>
      [name, (await cells(source)).join(" | ")] as const
    ),
  );
  const example = `${first}, ${second}`.replaceAll("'", "");
  return [...Map.groupBy(read, ([, all]) => all)].map(([all, names]) =>
    `| \`${type}\` | ${example} | ${names.map(([name]) => name).sort().join(", ")} | ${all} |`
  );
}

/** The row of the table for an extension type, which only Arrow files have. */
async function rowOf(
  [name, values, stored]: typeof extensionTypes[number],
  folder: string,
): Promise<string> {
  const metadata = new Map([["ARROW:extension:name", name]]);
  const row = vectorFromArray([0, 1], new Int32()).data[0]!;
  const fields = [
    new Field("x", stored.type, true, metadata),
    new Field("row", row.type, true),
  ];
  const type = new Struct(fields), children = [stored, row];
  const batch = new RecordBatch(
    new Schema(fields),
    makeData({ type, length: 2, nullCount: 0, children }) as Data<Struct>,
  );
  await Deno.writeFile(join(folder, "x.arrow"), tableToIPC(new Table([batch]), "file"));
  const all = await cells(() => sourceOf(arrow, { path: "x.arrow" }, folder));
  return `| \`${name}\` | ${values} | arrow | ${all.join(" | ")} |`;
}

Deno.test("docs/data.md says what a feature, ids and a label are made of each type", () =>
  inFolder(async (folder) => {
    const rows: string[] = [];
    for (const type of types) rows.push(...await rowsOf(type, folder));
    for (const type of extensionTypes) rows.push(await rowOf(type, folder));
    const table = [
      "| type | values | read by | a feature | `ids: train` | a label |",
      "| --- | --- | --- | --- | --- | --- |",
      ...rows,
    ].join("\n");
    const file = join(root, "docs", "data.md"), text = await Deno.readTextFile(file);
    const [before, rest = ""] = text.split(start), [found = "", after = ""] = rest.split(end);
    if (Deno.env.get("ROCKET_WRITE_DOCS")) {
      await Deno.writeTextFile(file, `${before}${start}\n\n${table}\n\n${end}${after}`);
    } else assertEquals(cellsOf(found), cellsOf(table));
  }));
