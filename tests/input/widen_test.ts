import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type DataType,
  Float32,
  Float64,
  Int32,
  Int64,
  Int8,
  Null,
  Table,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { join } from "node:path";
import { readPlan } from "../../src/run/read_plan.ts";
import { convert } from "../../data/convert.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { UserError } from "../../src/base/errors.ts";
import type { SourceStage } from "../../plugin.ts";
import arrow from "../../plugins/sources/arrow.ts";
import csv from "../../plugins/sources/csv.ts";
import parquet from "../../plugins/sources/parquet.ts";
import sql from "../../plugins/sources/sql.ts";
import { openInput } from "../../src/input/open.ts";
import { openDataset } from "../../src/input/split.ts";
import { receivedFields, sentFields, widenSources } from "../../src/input/widen.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { inFolder } from "../support/command_line.ts";
import { addColumns, sourceOf, withFiles, writeParquet } from "../support/formats.ts";

interface SplitOf {
  readonly stage: SourceStage;
  readonly path: string | readonly string[];
}

/** The types of the columns of splits, and their values. */
async function widened(folder: string, splits: readonly SplitOf[], columns = ["x"]) {
  const features = Object.fromEntries(
    columns.map((name) => [name, { nulls: "error" as const, nan: "error" as const }]),
  );
  const request = {
    features,
    label: { column: "y", nulls: "error" as const },
    nulls: undefined,
    texts: {},
    teachers: {},
    weight: undefined,
    columns: [],
    places: undefined,
    stage: { kind: "source", name: "s", place: undefined } as never,
  };
  const sources = [];
  for (const { stage, path } of splits) {
    sources.push({
      dataset: await openDataset(sourceOf(stage, { path }, folder), request),
      request,
    });
  }
  const result = await widenSources(sources);
  const read = [];
  for (const { dataset } of result) {
    const values: Record<string, unknown[]> = {};
    for await (const batch of dataset.recordBatches()) addColumns(batch, values);
    const types = Object.fromEntries(
      dataset.schema.fields.map(({ name, type }) => [name, `${type}`]),
    );
    read.push({ types, values });
    await dataset.close?.();
  }
  return read;
}

Deno.test("widenSources() gives columns of text files common types for all splits", async () => {
  const files = {
    "0.csv": "x,k,d,n,y\n1,7,2026-01-01,,0\n",
    "1.csv": "y,n,d,k,x\n1,5,2026-01-01 12:00:00,A7,0.5\n",
    "2.csv": "x,k,d,n,y\n",
  };
  await withFiles(files, async (folder) => {
    const splits = Object.keys(files).map((path) => ({ stage: csv, path }));
    const read = await widened(folder, splits, ["x", "k", "d", "n"]);
    for (const { types } of read) {
      assertEquals([types.x, types.k, types.n], ["Float64", "Utf8", "Int64"]);
      assertEquals(types.d, "Timestamp<MICROSECOND>");
    }
    const [first, second] = read.map(({ values }) => values);
    assertEquals([first!.x, first!.k, first!.n], [[1], ["7"], [null]]);
    assertEquals([second!.x, second!.k, second!.n], [[0.5], ["A7"], [5]]);
    assertEquals(first!.d, [Date.UTC(2026, 0, 1) / 1000]);
  });
});

Deno.test("widenSources() refuses a whole number that float64 cannot represent, with its line", async () => {
  const files = { "0.csv": "x,y\n1,0\n9007199254740993,1\n", "1.csv": "x,y\n0.5,0\n" };
  await withFiles(files, async (folder) => {
    const splits = Object.keys(files).map((path) => ({ stage: csv, path }));
    await assertRejects(() => widened(folder, splits), UserError, "line 3 of 0.csv");
  });
});

const column = (type: DataType, values: unknown[]) =>
  tableToIPC(
    new Table({
      x: vectorFromArray(values, type),
      y: vectorFromArray(values.map((_, row) => row % 2), new Int32()),
    }),
  );

Deno.test("widenSources() widens Arrow and Parquet columns, between files of a source as between splits", async () => {
  const files = {
    "int8.arrow": column(new Int8(), [1, -2, null]),
    "int64.arrow": column(new Int64(), [3n, 2n ** 53n]),
    "float32.arrow": column(new Float32(), [0.5]),
    "float64.arrow": column(new Float64(), [0.1]),
    "null.arrow": column(new Null(), [null, null]),
    "odd.arrow": column(new Int64(), [2n ** 53n + 1n]),
  };
  await withFiles(files, async (folder) => {
    const of = (...names: string[]) =>
      names.map((name) => ({ stage: arrow, path: `${name}.arrow` }));
    const types = async (...names: string[]) =>
      (await widened(folder, of(...names))).map(({ types }) => types.x);
    assertEquals(await types("int8", "int64"), ["Int64", "Int64"]);
    assertEquals(await types("int8", "float32"), ["Float32", "Float32"]);
    assertEquals(await types("float32", "float64"), ["Float64", "Float64"]);
    assertEquals(await types("null", "int8"), ["Int8", "Int8"]);
    const all = ["int8", "int64", "float32", "float64", "null"].map((name) => `${name}.arrow`);
    const values = [1, -2, null, 3, 2 ** 53, 0.5, 0.1, null, null];
    const [one, other] = await widened(folder, [{ stage: arrow, path: all }, ...of("int8")]);
    assertEquals([one!.types.x, one!.values.x], ["Float64", values]);
    assertEquals([other!.types.x, other!.values.x], ["Float64", [1, -2, null]]);
    const odd = [{ stage: arrow, path: ["float64.arrow", "odd.arrow"] }];
    await assertRejects(
      () => widened(folder, odd),
      UserError,
      "row 0 of odd.arrow has 9007199254740993",
    );

    await writeParquet("SELECT 1::TINYINT AS x, 0 AS y", join(folder, "a.parquet"));
    await writeParquet("SELECT 1 AS y, 0.5::DOUBLE AS x", join(folder, "b.parquet"));
    const tables = [{ stage: parquet, path: ["a.parquet", "b.parquet"] }, {
      stage: parquet,
      path: "a.parquet",
    }];
    const read = await widened(folder, tables);
    assertEquals(read.map(({ types }) => types.x), ["Float64", "Float64"]);
    assertEquals(read.map(({ values }) => values.x), [[1, 0.5], [1]]);
  });
});

Deno.test("widenSources() ignores columns without values when it chooses a type", async () => {
  const arrowFiles = {
    "numbers.arrow": column(new Int8(), [1, null]),
    "texts.arrow": column(new Utf8(), ["a", null]),
    "nulls.arrow": column(new Float64(), [null, null]),
    "none.arrow": column(new Float64(), []),
  };
  await withFiles(arrowFiles, async (folder) => {
    const queries = {
      "numbers": "SELECT * FROM (VALUES (1::TINYINT, 0), (NULL, 1)) t(x, y)",
      "texts": "SELECT * FROM (VALUES ('a', 0), (NULL, 1)) t(x, y)",
      "nulls": "SELECT * FROM (VALUES (NULL::DOUBLE, 0), (NULL, 1)) t(x, y)",
      "none": "SELECT 1.5::DOUBLE AS x, 0 AS y WHERE false",
    };
    for (const [name, query] of Object.entries(queries)) {
      await writeParquet(query, join(folder, `${name}.parquet`));
    }
    const stages = { arrow, parquet };
    for (const [format, stage] of Object.entries(stages)) {
      const files = (...names: string[]) => names.map((name) => `${name}.${format}`);
      const split = (...names: string[]) => ({ stage, path: files(...names) });
      const types = async (...splits: { stage: SourceStage; path: string[] }[]) =>
        (await widened(folder, splits)).map(({ types }) => types.x);
      assertEquals(await types(split("nulls"), split("numbers")), ["Int8", "Int8"], format);
      assertEquals(await types(split("none", "texts"), split("nulls")), ["Utf8", "Utf8"], format);
      assertEquals(await types(split("nulls"), split("none")), ["Float64", "Float64"], format);
      const [read, other] = await widened(folder, [
        split("nulls", "texts", "none"),
        split("nulls"),
      ]);
      assertEquals(read!.values.x, [null, null, "a", null], format);
      assertEquals(other!.values.x, [null, null], format);
      await assertRejects(
        () => widened(folder, [split("nulls", "numbers", "texts")]),
        UserError,
        `the column x differs`,
      );
    }
    const table = async (...names: string[]) => {
      const dataset = await sourceOf(
        sql,
        { query: "FROM t", tables: { t: names.map((name) => `${name}.parquet`) } },
        folder,
      ).open();
      const values: Record<string, unknown[]> = {};
      for await (const batch of dataset.recordBatches()) addColumns(batch, values);
      const empty = await dataset.withoutValues!(["x", "y"]);
      await dataset.close?.();
      return [String(dataset.schema.fields[0]!.type), values.x, [...empty]];
    };
    assertEquals(await table("nulls", "texts"), ["Utf8", [null, null, "a", null], []]);
    assertEquals(await table("none", "numbers", "nulls"), ["Int8", [1, null, null, null], []]);
    assertEquals(await table("none", "nulls"), ["Float64", [null, null], ["x"]]);
  });
});

Deno.test("receivedFields() returns the columns that were passed to sentFields()", async () => {
  await withFiles({ "a.csv": "a,b,c\n1,x,2026-01-01\n" }, async (folder) => {
    const dataset = await sourceOf(csv, { path: "a.csv" }, folder).open();
    const { fields } = dataset.schema;
    const received = receivedFields(sentFields(fields));
    assertEquals(received.map(String), fields.map(String));
    await dataset.close!();
  });
});

/**
 * Rows of a split: a number, an id and the row's number, in types that other splits do not have.
 */
interface TypedSplit {
  readonly rows: number;
  readonly x: (row: number) => number;
  readonly id: (row: number) => bigint;
  readonly types: readonly [x: string, id: string];
}

const typed: Readonly<Record<"train" | "test", TypedSplit>> = {
  train: {
    rows: 1500,
    x: (row) => row % 100,
    id: (row) => BigInt(row % 7),
    types: ["SMALLINT", "INTEGER"],
  },
  test: {
    rows: 900,
    x: (row) => row % 50 + 0.25,
    id: (row) => row % 2 === 0 ? 2n ** 60n + BigInt(row) : BigInt(row % 7),
    types: ["DOUBLE", "BIGINT"],
  },
};

for (const use of ["arrow", "parquet", "csv"]) {
  Deno.test(`a thread reads columns of streamed ${use} rows with the common types of all splits`, async () => {
    await inFolder(async (folder) => {
      for (const [split, { rows, x, id, types }] of Object.entries(typed)) {
        const lines = Array.from(
          { length: rows },
          (_, row) => [row, x(row), id(row), row % 2].join(),
        );
        const path = join(folder, split);
        await Deno.writeTextFile(`${path}.csv`, ["key,x,id,y", ...lines].join("\n"));
        const columns = `{ key: 'INTEGER', x: '${types[0]}', id: '${types[1]}', y: 'INTEGER' }`;
        const read = `FROM read_csv('${path}.csv', columns = ${columns})`;
        await writeParquet(read, `${path}.parquet`);
        await convert({ from: `${path}.parquet`, to: `${path}.arrow` });
      }
      const source = (split: string) => ({
        use,
        path: join(folder, `${split}.${use}`),
        ...(use !== "arrow" && { batchRows: 128 }),
      });
      const plan = await readPlan({
        name: "typed",
        seed: 1,
        data: {
          train: source("train"),
          test: source("test"),
          features: { x: {}, id: { ids: "train" } },
          label: { column: "y", kind: "binary" },
          memory: "10kB",
        },
        network: { use: "ctr", embedding: 2, light: { hidden: [2] }, booster: { hidden: [2] } },
        losses: [{ use: "binary-cross-entropy", on: "light" }],
        optimizer: { use: "sgd", learningRate: 0.1 },
        train: { epochs: 1, batch: 100 },
      } as Pipeline);
      const data = await prepareData({ ...plan, columns: ["key"] });
      const reports: string[] = [];
      const report = (line: string) => void reports.push(line);
      const input = openInput(data, { thread: "always", report });
      try {
        for (const split of ["train", "test"] as const) {
          assertEquals(
            `${data.splits[split].schema.fields.find(({ name }) => name === "x")?.type}`,
            "Float64",
          );
          const { rows, x, id } = typed[split];
          const training = split === "train";
          const feed = input.feed([{ split, training, epoch: 1, size: 100, last: "keep" }]);
          const keys: number[] = [];
          for (let batch = 0; batch < rows / 100; batch++) {
            const { columns, features } = await feed.next();
            // In the type of all splits, which the source alone does not have.
            assert(features.x!.values instanceof Float64Array);
            for (const [index, key] of columns!.key!.values.entries()) {
              keys.push(key);
              const value = id(key) < 7n ? Number(id(key)) : 7;
              assertEquals([features.x!.values[index], features.id!.values[index]], [
                x(key),
                value,
              ]);
            }
          }
          assertEquals(keys.sort((a, b) => a - b), Array.from({ length: rows }, (_, row) => row));
        }
        assertEquals(reports, ["input: a thread makes the batches ahead of the steps"]);
      } finally {
        input.close();
        await data.close();
      }
    });
  });
}
