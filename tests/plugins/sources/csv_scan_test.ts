import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { join } from "node:path";
import { type CsvDialect, openCsv, tableOf } from "../../../plugins/sources/csv_files.ts";
import { scanCsv, suitsGiven } from "../../../plugins/sources/csv_scan.ts";
import { Database } from "../../../plugins/sources/duckdb.ts";
import {
  columnTypes,
  givenExpression,
  type GivenType,
  kindExpression,
} from "../../../plugins/sources/text_types.ts";
import { withFiles } from "../../support/formats.ts";

const types = Object.keys(columnTypes) as GivenType[];

const standard: CsvDialect = { quote: '"', header: true, nullValues: [""] };

/**
 * Compares what bytes say of files with what DuckDB says, column by column; returns how many
 * columns bytes told of.
 */
async function compare(
  files: readonly (readonly [content: string | Uint8Array, dialect: CsvDialect])[],
): Promise<number> {
  let told = 0;
  const contents = Object.fromEntries(files.map(([content], index) => [`${index}.csv`, content]));
  await withFiles(contents, async (folder) => {
    const paths = Object.keys(contents).map((name) => join(folder, name));
    const database = await Database.open({ files: paths });
    try {
      for (const [index, [content, dialect]] of files.entries()) {
        const path = paths[index]!;
        const file = {
          name: `${index}.csv`,
          path,
          size: Deno.statSync(path).size,
          partitions: new Map(),
        };
        const opened = await openCsv(database, file, dialect).catch(() => undefined);
        if (!opened) continue;
        const scanned = await scanCsv(opened, dialect, opened.names);
        if (!scanned) continue;
        const list = opened.names.map((_, index) =>
          `coalesce(bit_or(${kindExpression(`"${index}"`, dialect.nullValues)}), 0), ` +
          `count("${index}")`
        );
        // Of a file that DuckDB refuses, bytes must not tell anything: this throws then.
        const row = await database.firstRow(
          `SELECT ${list.join(", ")} FROM ${tableOf(opened, dialect)}`,
        );
        opened.names.forEach((name, index) => {
          const column = scanned.get(name);
          if (!column) return;
          told++;
          const shown = JSON.stringify([content.slice(0, 500), dialect]);
          const found = row.slice(2 * index, 2 * index + 2).map(Number);
          assertEquals([column.kinds, column.values], found, `${name} of ${shown}`);
        });
      }
    } finally {
      database.close();
    }
  });
  return told;
}

const clock = fc.tuple(
  fc.integer({ min: 0, max: 25 }),
  fc.integer({ min: 0, max: 61 }),
  fc.option(fc.integer({ min: 0, max: 61 }), { nil: undefined }),
  fc.option(fc.stringMatching(/^[0-9]{0,8}0{0,2}$/), { nil: undefined }),
).map(([hour, minute, second, part]) => {
  const two = (number: number) => String(number).padStart(2, "0");
  const seconds = second === undefined ? "" : `:${two(second)}`;
  return `${two(hour)}:${two(minute)}${seconds}${part === undefined ? "" : `.${part}`}`;
});
const day = fc.tuple(
  fc.constantFrom("2026", "2024", "1900", "2000", "0999", "0000", "9999", "12026"),
  fc.integer({ min: 0, max: 13 }),
  fc.integer({ min: 0, max: 32 }),
).map(([year, month, day]) =>
  `${year}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`
);

/** Values of every notation, good and nearly good. */
const value = fc.oneof(
  fc.integer().map(String),
  fc.stringMatching(/^-?[0-9]{1,20}$/),
  // Some of these are float64, by their factors of 2.
  fc.tuple(
    fc.constantFrom(1n, -1n),
    fc.bigInt({ min: 2n ** 52n, max: 2n ** 54n }),
    fc.bigInt({ min: 0n, max: 6n }),
  ).map(([sign, odd, power]) => String(sign * (odd << power))),
  fc.stringMatching(/^[-+]?[0-9]{0,3}\.?[0-9]{0,3}([eE][-+]?[0-9]{0,3})?$/),
  fc.string({ unit: fc.constantFrom(..."01.-+eE_: infaT"), maxLength: 6 }),
  fc.constantFrom("true", "false", "True", "False", "TRUE", "FALSE", "tRue", "truth", "NA", "é"),
  day,
  clock,
  fc.tuple(day, fc.constantFrom(" ", "T", "  ", ""), clock).map((parts) => parts.join("")),
);

Deno.test("scanCsv finds the same kinds and types as DuckDB and regular expressions, or none", async () => {
  const texts = fc.sample(value, { numRuns: 6000, seed: 21 }).filter((text) => text !== "");
  // Bytes are told of columns as a whole, so that each text is a column; DuckDB has one column of
  // them.
  const names = texts.map((_, index) => `c${index}`);
  const files = { "wide.csv": `${names}\n${texts}\n`, "long.csv": `x\n${texts.join("\n")}\n` };
  await withFiles(files, async (folder) => {
    const fileOf = (name: string) => {
      const path = join(folder, name);
      return { name, path, size: Deno.statSync(path).size, partitions: new Map() };
    };
    const wide = { file: fileOf("wide.csv"), delimiter: ",", names, blankLines: 0 };
    const long = { file: fileOf("long.csv"), delimiter: ",", names: ["x"], blankLines: 0 };
    const scanned = (await scanCsv(wide, standard, names))!;
    const database = await Database.open({ files: [long.file.path] });
    try {
      const list = [
        kindExpression('"0"', [""]),
        ...types.map((type) => givenExpression('"0"', type, [""])),
      ];
      const rows = await database.rows(`SELECT ${list.join(", ")} FROM ${tableOf(long, standard)}`);
      assertEquals(rows.length, texts.length);
      const told = new Set<number>();
      rows.forEach(([kinds, ...given], row) => {
        const column = scanned.get(`c${row}`);
        if (!column) return;
        told.add(column.kinds);
        assertEquals([column.kinds, column.values], [kinds, 1], texts[row]);
        for (const [index, type] of types.entries()) {
          if (suitsGiven(column, type)) assertEquals(given[index], 0, `${texts[row]} as ${type}`);
        }
      });
      assertEquals(told.size, 11);
      assert(scanned.size > 2000, String(scanned.size));
    } finally {
      database.close();
    }
  });
});

Deno.test("scanCsv divides a file into values as DuckDB does, or reports nothing about it", async () => {
  const cell = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom("1", "-2", "0.5", "true", "a", "2026-11-28") },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        "",
        '"1"',
        '"a"',
        '"-2"',
        '"true"',
        '""',
        '"a,b"',
        '"a\nb"',
        '"a""b"',
      ),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom('a"b', ' "a"', '"a" ', "\r", '"a"b', "1,2", '"', "\0"),
    },
  );
  const file = fc.record({
    rows: fc.array(fc.tuple(cell, cell), { maxLength: 6 }),
    end: fc.constantFrom("\n", "\n", "\r\n"),
    start: fc.constantFrom("", "", "\ufeff", "\n"),
    close: fc.constantFrom("", "\n", "\n\n"),
  });
  const dialects = fc.record({
    quote: fc.constant('"'),
    header: fc.boolean(),
    nullValues: fc.constantFrom([""], ["", "NA"], ["", "a", "-2"], ["true"]),
  });
  const files = fc.sample(fc.tuple(file, dialects), { numRuns: 120, seed: 4 });
  const told = await compare(files.map(([{ rows, end, start, close }, dialect]) => {
    const lines = [...dialect.header ? [["x", "y"]] : [], ["3", "4"], ...rows];
    const text = start + lines.map((row) => row.join()).join(end) + close.replaceAll("\n", end);
    return [text, dialect];
  }));
  assert(told > 50, String(told));
});

Deno.test("scanCsv continues rows across the end of a chunk, and does not judge invalid UTF-8", async () => {
  const rows = Array.from(
    { length: 60_000 },
    (_, row) => `${row},"a ""${row}""\r\nand, so on",${row % 7 ? row / 8 : ""},${row % 5 === 0}`,
  );
  const text = `n,text,x,flag\r\n${rows.join("\r\n")}`;
  assert(text.length > 2.2e6);
  assertEquals(await compare([[text, standard]]), 3);
  const bytes = new TextEncoder().encode(text);
  bytes[bytes.length - 40] = 0xff;
  const broken = { name: "x.csv", partitions: new Map() };
  await withFiles({ "x.csv": bytes }, async (folder) => {
    const path = join(folder, "x.csv");
    const file = { ...broken, path, size: bytes.length };
    const names = ["n", "text", "x", "flag"];
    const opened = { file, delimiter: ",", names, blankLines: 0 };
    assertEquals(await scanCsv(opened, standard, names), undefined);
  });
});
