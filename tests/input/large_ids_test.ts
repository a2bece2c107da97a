import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  Dictionary,
  Field,
  FixedSizeList,
  Int32,
  Int64,
  List,
  Table,
  tableToIPC,
  Uint64,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { join } from "node:path";
import { featureSchema, labelSchema } from "../../src/pipeline/data_options.ts";
import { UserError } from "../../src/base/errors.ts";
import type { Source } from "../../src/stages/source.ts";
import csv from "../../plugins/sources/csv.ts";
import parquet from "../../plugins/sources/parquet.ts";
import sql from "../../plugins/sources/sql.ts";
import { openSplit, type Split } from "../../src/input/split.ts";
import { arrowSource, memorySource, open, sourceReference, valuesOf } from "../support/arrow.ts";
import { inFolder } from "../support/command_line.ts";
import { sourceOf, writeParquet } from "../support/formats.ts";

/** Numbers whose doubles are one another's, and a small one. */
const large = [2n ** 60n + 1n, 2n ** 60n, -(2n ** 63n), 7n, 2n ** 60n, 2n ** 60n + 1n];

/** Their hashes modulo 1,000,003, as Python computes them from their decimal texts. */
const hashes = [423271, 685452, 964866, 30234, 685452, 423271];

const rows = large.map((_, row) => row);

function table(): Table {
  const int64 = new Int64();
  const item = () => new Field("item", int64, true);
  const pairs = large.map((value) => [value, 7n]);
  return new Table({
    u: vectorFromArray(large, int64),
    text: vectorFromArray(large.map(String), new Utf8()),
    named: vectorFromArray(large, new Dictionary(int64, new Int32())),
    list: vectorFromArray(pairs, new List(item())),
    pair: vectorFromArray(pairs, new FixedSizeList(2, item())),
    y: vectorFromArray(rows.map((row) => row % 2), new Int32()),
  });
}

async function openAll(source: Source, features: Record<string, unknown>, left: number) {
  return await openSplit(source, {
    features: Object.fromEntries(
      Object.entries(features).map(([name, options]) => [name, featureSchema.parse(options)]),
    ),
    label: labelSchema.parse("y"),
    nulls: undefined,
    texts: {},
    teachers: {},
    weight: undefined,
    columns: ["u"],
    stage: sourceReference,
    places: undefined,
  }, { name: "train", memory: { bytes: 1e6, window: 64, left } });
}

const idsOf = async (
  split: Split,
  name: string,
) => [...(await split.slice(0, split.rows)).features[name]!.values];

Deno.test("ids and hashes use 64-bit integers exactly, in each format and streamed", () =>
  inFolder(async (folder) => {
    const path = join(folder, "rows.arrow");
    Deno.writeFileSync(path, tableToIPC(table(), "file"));
    const values = large.map((value) => `(${value}, ${value % 2n === 0n ? 0 : 1})`).join(", ");
    await writeParquet(
      `SELECT CAST(u AS BIGINT) AS u, y FROM (VALUES ${values}) AS t(u, y)`,
      join(folder, "rows.parquet"),
    );
    Deno.writeTextFileSync(
      join(folder, "rows.csv"),
      `u,y\n${large.map((value, row) => `${value},${row % 2}\n`).join("")}`,
    );
    const sources = {
      arrow: () => arrowSource(path),
      parquet: () => sourceOf(parquet, { path: "rows.parquet" }, folder),
      csv: () => sourceOf(csv, { path: "rows.csv" }, folder),
    };
    const features = {
      hashed: { column: "u", ids: { hash: 1_000_003 } },
      known: { column: "u", ids: "train" },
    };
    for (const [name, source] of Object.entries(sources)) {
      for (const left of [1e9, 0]) {
        const split = await openAll(source(), features, left);
        assertEquals(await idsOf(split, "hashed"), hashes, name);
        assertEquals(split.features.known!.vocabulary, [
          "-9223372036854775808",
          "7",
          "1152921504606846976",
          "1152921504606846977",
        ], name);
        assertEquals(await idsOf(split, "known"), [3, 2, 0, 1, 2, 3], name);
        // Columns of metrics have equal numbers for equal values.
        const users = [...(await split.slice(0, split.rows)).columns!.u!.values];
        assertEquals(rows.map((row) => users.indexOf(users[row]!)), [0, 1, 2, 3, 1, 0]);
        assertEquals(users[3], 7);
        await split.close();
      }
    }
  }));

Deno.test("64-bit ids are the same in dictionaries, in lists and as text", async () => {
  const hash = { ids: { hash: 1_000_003 } };
  const split = await open(memorySource(table()), {
    features: {
      u: hash,
      text: hash,
      named: hash,
      list: { ...hash, length: 2 },
      pair: hash,
      known: { column: "u", ids: "train" },
      of: { column: "list", ids: { of: "known" }, length: 1 },
      listed: { column: "named", ids: [`${large[1]}`, `${large[0]}`] },
    },
    label: "y",
  });
  for (const name of ["u", "text", "named"]) assertEquals(valuesOf(split, name), hashes, name);
  const pairs = hashes.flatMap((hash) => [hash, hashes[3]!]);
  for (const name of ["list", "pair"]) assertEquals(valuesOf(split, name), pairs, name);
  assertEquals(valuesOf(split, "of"), valuesOf(split, "known"));
  assertEquals(valuesOf(split, "listed"), [1, 0, 2, 2, 0, 1]);
});

Deno.test("ids of unsigned 64-bit integers may exceed the signed range", async () => {
  const values = [2n ** 64n - 1n, 2n ** 63n, 5n, 2n ** 64n - 1n];
  const source = memorySource(
    new Table({
      u: vectorFromArray(values, new Uint64()),
      y: vectorFromArray([0, 1, 0, 1], new Int32()),
    }),
  );
  const split = await open(source, { features: { u: { ids: "train" } }, label: "y" });
  assertEquals(split.features.u!.vocabulary, ["5", `${2n ** 63n}`, `${2n ** 64n - 1n}`]);
  assertEquals(valuesOf(split, "u"), [2, 1, 0, 2]);
  const hashed = await open(source, {
    features: { u: { ids: { hash: 1_000_003 } } },
    label: "y",
  });
  assertEquals(valuesOf(hashed, "u")[0], 205502);
});

Deno.test("another split uses the ids of the training rows, and their unknown id", async () => {
  const of = (values: bigint[]) =>
    memorySource(
      new Table({
        u: vectorFromArray(values, new Int64()),
        y: vectorFromArray(values.map((_, row) => row % 2), new Int32()),
      }),
    );
  const features = { u: { ids: "train" } };
  const train = await open(of(large), { features, label: "y" });
  const test = await open(of([2n ** 60n + 1n, 2n ** 60n + 2n, 7n, 2n ** 60n]), {
    features,
    label: "y",
  }, train);
  assertEquals(valuesOf(test, "u"), [3, 4, 1, 2]);
});

Deno.test("64-bit integers that a double cannot represent are refused, or rounded with dtype: float32", async () => {
  const error = await assertRejects(
    () => open(memorySource(table()), { features: { u: {} }, label: "y" }),
    UserError,
  );
  assertStringIncludes(
    error.message,
    "row 0, column u: has 1152921504606846977, beyond 2⁵³, where doubles cannot represent all whole numbers exactly",
  );
  assertStringIncludes(error.problems[0]!.hint!, "`ids: train` or `ids: { hash: 100000 }`");
  const split = await open(memorySource(table()), {
    features: { u: { dtype: "float32" } },
    label: "y",
  });
  assertEquals(valuesOf(split, "u"), large.map(Number));
});

Deno.test("booleans become ids by their names", async () => {
  const source = memorySource(
    new Table({
      b: vectorFromArray([true, false, true]),
      y: vectorFromArray([0, 1, 0], new Int32()),
    }),
  );
  const split = await open(source, {
    features: { b: { ids: "train" }, hashed: { column: "b", ids: { hash: 1000 } } },
    label: "y",
  });
  assertEquals(split.features.b!.vocabulary, ["false", "true"]);
  assertEquals(valuesOf(split, "b"), [1, 0, 1]);
  assert(new Set(valuesOf(split, "hashed")).size === 2);
});

/** Values of which doubles have only two, and the same as whole numbers from 0 to 3. */
const close = `SELECT i % 4 AS u,
  (i % 4)::DECIMAL(20, 18) * 0.000000000000000001::DECIMAL(20, 18) + 1 AS decimals,
  make_timestamp_ns(1700000000000000000 + i % 4) AS moments,
  (1152921504606846976 + i % 4)::HUGEINT AS wide,
  i % 2 AS y FROM range(12) r(i)`;

Deno.test("metrics tell users apart whose ids differ by less than doubles do", async () => {
  for (const column of ["u", "decimals", "moments", "wide"]) {
    const source = sourceOf(sql, { query: `SELECT ${column} AS u, y FROM (${close})` });
    const split = await openAll(source, {}, 1e6);
    const { values } = (await split.slice(0, split.rows)).columns!.u!;
    assertEquals(new Set(values).size, 4, column);
    assertEquals([...values].map((value) => values.indexOf(value)), rows12.map((row) => row % 4));
  }
});

const rows12 = Array.from({ length: 12 }, (_, row) => row);

Deno.test("labels may be large floats, and decimals only if they are whole", async () => {
  const opened = (label: string) =>
    open(sourceOf(sql, { query: `SELECT i AS x, ${label} AS y FROM range(12) r(i)` }), {
      features: { x: {} },
      label: { column: "y", kind: "class" },
    });
  const float = "9007199254740992::DOUBLE + 2 * (i % 2)";
  const train = await opened(float);
  assertEquals(train.label.vocabulary, ["9007199254740992", "9007199254740994"]);
  const test = await open(
    sourceOf(sql, { query: `SELECT i AS x, ${float} AS y FROM range(12) r(i)` }),
    { features: { x: {} }, label: { column: "y", kind: "class" } },
    train,
  );
  assertEquals(await labelsOf(test), await labelsOf(train));
  assertEquals(
    await labelsOf(await opened("(i % 2)::DECIMAL(20, 18)")),
    rows12.map((row) => row % 2),
  );
  for (const text of ["1.000000000000000001", "0.999999999999999999", "-1.000000000000000001"]) {
    const error = await assertRejects(() => opened(`(${text})::DECIMAL(20, 18)`), UserError);
    assertStringIncludes(
      error.message,
      `row 0, column y: has ${text}, which is not a whole number`,
    );
  }
});

const labelsOf = async (split: Split) => [...(await split.slice(0, split.rows)).label.values];
