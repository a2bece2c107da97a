import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Field, Int32, makeData, RecordBatch, Schema, Struct, vectorFromArray } from "apache-arrow";
import { join } from "node:path";
import { convert, type ConvertOptions } from "../../data/convert.ts";
import { main } from "../../data/main.ts";
import { type Problem, UserError } from "../../src/base/errors.ts";
import { ArrowFileWriter } from "../../src/base/files/arrow_writer.ts";
import { quoted } from "../../src/base/quoted.ts";
import arrow from "../../plugins/sources/arrow.ts";
import { deno, flags } from "../support/command_line.ts";
import {
  expectedOf,
  formats,
  readColumns,
  sourceOf,
  withFiles,
  writeParquet,
} from "../support/formats.ts";

const refused = ["unsupported.parquet", "big_endian.arrows"];
const database = "tables.duckdb";

/** Converts a file of the fixtures, and reads what it became. */
async function converted(
  name: string,
  options: Partial<ConvertOptions> = {},
): Promise<{ columns: Record<string, unknown[]>; rows: number; counts: readonly number[] }> {
  let result: Awaited<ReturnType<typeof converted>> | undefined;
  await withFiles({}, async (folder) => {
    const to = join(folder, "out.arrow");
    const rows = await convert({ from: join(formats, name), to, ...options });
    const source = sourceOf(arrow, { path: to });
    const { rowCounts } = await source.open();
    result = { columns: await readColumns(source), rows, counts: rowCounts! };
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["out.arrow"]);
  });
  return result!;
}

for (const [name, expected] of Object.entries(expectedOf)) {
  if (refused.includes(name)) continue;
  Deno.test(`convert makes an Arrow file of ${name}, with the same values`, async () => {
    const query = name === database ? "FROM types" : undefined;
    const { columns, rows } = await converted(name, { query });
    assertEquals(columns, expected as Record<string, unknown[]>);
    assertEquals(rows, Object.values(expected)[0]!.length);
  });
}

Deno.test("convert writes record batches of the given number of rows", async () => {
  for (const name of ["types.parquet", "types.arrow", "arrow_only.arrow", "pyarrow.csv"]) {
    const { columns, counts } = await converted(name, { batchRows: 1 });
    assertEquals(columns, expectedOf[name] as Record<string, unknown[]>);
    assertEquals(counts, Array(counts.length).fill(1));
  }
  assertEquals((await converted("types.parquet", { batchRows: 3 })).counts, [3, 2]);
  const query = "FROM range(7) t(i)";
  assertEquals((await converted(database, { query, batchRows: 3 })).counts, [3, 3, 1]);
});

Deno.test("convert keeps only the given columns", async () => {
  const { c0, c999 } = expectedOf["wide.arrow"]!;
  for (const name of ["wide.arrow", "wide.parquet"]) {
    const { columns } = await converted(name, { columns: ["c999", "c0"] });
    assertEquals(columns, { c0, c999 } as never);
  }
  const error = await assertRejects(
    () => converted("types.parquet", { columns: ["flaot64"] }),
    UserError,
  );
  assertEquals(error.message, 'the data has no column "flaot64"');
  assertStringIncludes(error.problems[0]!.hint!, "did you mean float64? ");
  assertEquals(error.exitCode, 2);
  const x = expectedOf["unsupported.parquet"]!.x;
  const { columns } = await converted("unsupported.parquet", { columns: ["x"] });
  assertEquals(columns, { x } as never);
});

Deno.test("convert queries a database, or a file under the name data", async () => {
  const query = "SELECT max(id) AS id FROM data";
  assertEquals((await converted("duckdb.tsv", { query })).columns, { id: [4] });
  assertEquals(
    (await converted(database, { query: "SELECT tiny FROM types ORDER BY 1 DESC" })).columns,
    { tiny: [4, 3, 2, 1, 0] },
  );
  await assertRejects(
    () => converted(database),
    UserError,
    "is a database, so a query must select the rows to convert",
  );
  await assertRejects(
    () => converted("wide.arrow", { query }),
    UserError,
    "--query does not support Arrow",
  );
});

Deno.test("convert warns of columns that are text because of a few values, and reads these as nulls with --null", async () => {
  const files = {
    "x.csv": "n,x,word,code\n1,1.5,a,007\nNA,-,b,8\n9007199254740993,2,c,9\n3,4,1,1\n",
  };
  await withFiles(files, async (folder) => {
    const from = join(folder, "x.csv"), to = join(folder, "x.arrow");
    const run = async (nulls?: readonly string[]) => {
      const warnings: string[] = [];
      const onWarning = ({ message, hint }: Problem) => void warnings.push(message, hint!);
      await convert({ from, to, nulls, onWarning });
      const columns = await readColumns(sourceOf(arrow, { path: to }));
      return { warnings, columns: { n: columns.n, x: columns.x } };
    };
    const hint = "if this text means a missing number, add --null=NA --null=-";
    assertEquals(await run(), {
      warnings: [
        `the column n is converted to text: 3 of its 4 values are numbers, but "NA" on line 3 of ${from} is not`,
        hint,
        `the column x is converted to text: 3 of its 4 values are numbers, but "-" on line 3 of ${from} is not`,
        hint,
      ],
      columns: { n: ["1", "NA", "9007199254740993", "3"], x: ["1.5", "-", "2", "4"] },
    });
    assertEquals(await run(["NA", "-"]), {
      warnings: [],
      columns: { n: [1, null, "9007199254740993", 3], x: [1.5, null, 2, 4] },
    });
  });
});

Deno.test("convert rejects files that it cannot read, with the reason", async () => {
  await assertRejects(
    () => converted("unsupported.parquet"),
    UserError,
    "the column map has DuckDB's type MAP",
  );
  await assertRejects(() => converted("big_endian.arrows"), UserError, "has big-endian byte order");
  const error = await assertRejects(() => converted("make.py"), UserError);
  assertStringIncludes(error.problems[0]!.hint!, ".parquet, .csv");
  await assertRejects(() => converted("type.parquet"), UserError, "there is no file");
});

Deno.test("convert leaves no file behind when it fails, and does not change an existing one", async () => {
  const rows = Array.from({ length: 200_000 }, (_, row) => row);
  const changing = Array.from({ length: 2 }, () => `${rows.join("\n")}\n`).join("");
  const files = {
    "x.csv": `a\n1.5\n9007199254740993\n`,
    "y.csv": `a\n${changing}`,
    "old.arrow": "old",
  };
  await withFiles(files, async (folder) => {
    const to = join(folder, "old.arrow");
    let told = 0;
    await assertRejects(() => convert({ from: join(folder, "x.csv"), to }), UserError, "line 3");
    const changed = join(folder, "y.csv");
    const onRows = (rows: number) => {
      told = rows;
      Deno.writeTextFileSync(changed, "1\n", { append: true });
    };
    await assertRejects(
      () => convert({ from: changed, to, onRows }),
      UserError,
      "changed while it",
    );
    assert(told > 100_000, "it failed before it had written anything");
    const stop = new AbortController();
    const from = join(formats, "types.parquet");
    await assertRejects(
      () =>
        convert({
          from,
          to,
          batchRows: 1,
          onRows: () => stop.abort(new UserError("stopped")),
          signal: stop.signal,
        }),
      UserError,
      "stopped",
    );
    assertEquals(await Deno.readTextFile(to), "old");
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      "old.arrow",
      "x.csv",
      "y.csv",
    ]);
    const nowhere = join(folder, "none", "x.arrow");
    await assertRejects(() => convert({ from, to: nowhere }), UserError, "there is no folder");
    await Deno.mkdir(join(folder, "folder.arrow"));
    await assertRejects(
      () => convert({ from, to: join(folder, "folder.arrow") }),
      UserError,
      "folder.arrow cannot be written",
    );
    assertEquals([...Deno.readDirSync(folder)].length, 4);
  });
});

Deno.test("convert reports the number of rows if it is known in advance", async () => {
  const told = async (name: string) => {
    const calls: [number, number | undefined][] = [];
    await converted(name, { batchRows: 2, onRows: (rows, of) => calls.push([rows, of]) });
    return calls;
  };
  assertEquals(await told("types.parquet"), [[2, 5], [4, 5], [5, 5]]);
  assertEquals(await told("pyarrow.csv"), [[2, undefined], [4, undefined], [5, undefined]]);
});

Deno.test({
  name: "convert needs no more memory for a file of ten times the rows",
  // Only Linux tells the most that a process has had.
  ignore: Deno.build.os !== "linux",
  async fn() {
    await withFiles({}, async (folder) => {
      const peaks: number[] = [];
      for (const rows of [1e6, 1e7]) {
        const from = join(folder, `${rows}.parquet`);
        await writeParquet(
          `SELECT i::INTEGER AS a, i / 8 AS b, 'some text in a column ' || i % 10 AS c FROM range(${rows}) t(i)`,
          from,
        );
        peaks.push(await peakOf(["convert", from, join(folder, `${rows}.arrow`)]));
      }
      const [small, large] = peaks as [number, number];
      const { size } = await Deno.stat(join(folder, `${1e7}.arrow`));
      assert(size > 3.5e8);
      assert(large - small < size / 3, `${small} then ${large} bytes, for ${size} in the file`);
    });
  },
});

/** The most memory that a command of `deno task data` takes, in bytes. */
async function peakOf(args: readonly string[]): Promise<number> {
  const code = `
    const { main } = await import(${JSON.stringify(import.meta.resolve("../../data/main.ts"))});
    const code = await main(${JSON.stringify(args)});
    if (code !== 0) Deno.exit(code);
    console.log(Deno.readTextFileSync("/proc/self/status").match(/VmHWM:\\s*(\\d+)/)[1]);`;
  const { stdout, stderr, code: exit } = await deno(["eval", "--quiet", ...flags, code]);
  assertEquals(exit, 0, stderr);
  return Number(stdout.trim().split("\n").at(-1)) * 1024;
}

/** Runs the command and gives its exit code and what it printed. */
async function run(...args: string[]): Promise<{ code: number; text: string }> {
  const { log, error } = console;
  const lines: unknown[] = [];
  console.log = console.error = (line: unknown) => lines.push(line);
  try {
    return { code: await main(args), text: lines.join("\n") };
  } finally {
    Object.assign(console, { log, error });
  }
}

Deno.test("data convert reports its result and errors in its arguments", async () => {
  await withFiles({}, async (folder) => {
    const [from, to] = [join(formats, "types.parquet"), join(folder, "x.arrow")];
    const made = await run("convert", from, to, "--batch", "2", "--columns", "int8, string");
    assertEquals(made, { code: 0, text: `${to}: 5 rows` });
    assertEquals(Object.keys(await readColumns(sourceOf(arrow, { path: to }))), ["int8", "string"]);
    for (
      const [args, words] of [
        [["convert", from], "expects two paths"],
        [["convert", from, to, "x"], "expects two paths"],
        [["convert", from, to, "--batch", "0"], "--batch expects a whole number"],
        [["convert", from, to, "--out", "x"], "data convert has no option --out"],
        [["digits", "--query", "x"], "only data convert has the option --query"],
      ] as [string[], string][]
    ) {
      const { code, text } = await run(...args);
      assertEquals(code, 2, text);
      assertStringIncludes(text, words);
    }
    const missing = await run("convert", join(formats, "type.parquet"), to);
    assertEquals(missing.code, 1);
    assertStringIncludes(missing.text, "did you mean");
  });
});

Deno.test("data convert quotes names of columns in the command that it proposes", async () => {
  const write = (path: string, names: readonly string[]) => {
    const schema = new Schema(names.map((name) => new Field(name, new Int32())));
    const data = names.map(() => vectorFromArray([1, 2], new Int32()).data[0]!);
    const type = new Struct(schema.fields);
    const children = makeData({ type, length: 2, nullCount: 0, children: data });
    const writer = new ArrowFileWriter(path, schema);
    writer.write(new RecordBatch(schema, children));
    writer.finish();
  };
  await withFiles({}, async (folder) => {
    const [from, to] = [join(folder, "t.arrow"), join(folder, "o.arrow")];
    const evil = "a$(touch pwn);`id`";
    for (
      const [names, hint] of [
        [["x", "x", evil, "b"], `keep only the other columns: --columns ${quoted(`${evil},b`)}`],
        [["x", "x", "a,b", " c", "d"], "keep only other columns: --columns d"],
        [["x", "x", "a,b"], "give the columns of the file different names"],
      ] as const
    ) {
      write(from, names);
      const { code, text } = await run("convert", from, to);
      assertEquals(code, 2, text);
      assertStringIncludes(text, `hint: ${hint}`);
      const columns = /--columns (.*)/.exec(hint) && names.filter((name) => /^[^ ,x]*$/.test(name));
      if (columns?.length) {
        assertEquals((await run("convert", from, to, "--columns", columns.join())).code, 0);
      }
    }
  });
});
