/**
 * Sources that are refused with a hint, and what a person changes who follows it.
 *
 * @module
 */

import { join } from "node:path";
import { Field, List, Utf8 } from "apache-arrow";
import { loadDuckdb } from "../../plugins/sources/duckdb.ts";
import type { FileMend, Mend } from "./changed_input.ts";
import { type Bytes, type DataCase, file, fileOf, fixture, rows } from "./data_case.ts";

type Mends = Readonly<Record<string, Mend>>;

/** A data file that is made again. */
const madeAgain = (name = "a.arrow", bytes: string | Uint8Array = file()): Mend => ({
  files: { [name]: bytes },
});

/** The pipeline file, with another text in it. */
const written = (from: string, to: string, files: Record<string, FileMend> = {}): Mend => ({
  files: {
    "p.yaml": (old) => {
      if (!old.includes(from)) throw new Error(`the pipeline has no ${from}`);
      return old.replaceAll(from, to);
    },
    ...files,
  },
});

const sourceOf = (query: string, tables = "{ t: a.csv }") =>
  `{ use: sql, tables: ${tables}, query: ${JSON.stringify(query)} }`;

/** A query in the place of another. */
const asked = (from: string, to: string) => written(JSON.stringify(from), JSON.stringify(to));

const good = "x,y\n1,0\n2,1\n";

/** What a person changes in cases of other files, by their names. */
export function sourceMends(): Map<string, Mends> {
  return new Map<string, Mends>([
    ["arrow: magics and zeros", { "source/again": madeAgain() }],
    ["arrow: magic at the end flipped", { "arrow/end": madeAgain() }],
    ["arrow: text", { "arrow/other": madeAgain() }],
    ["arrow: big-endian", { "arrow/big-endian": madeAgain() }],
    ["arrow: list views", { "arrow/types": madeAgain() }],
    ["arrow: files that differ: one more", { "source/columns": madeAgain("b.arrow") }],
    ["arrow: files that differ: the second is missing", {
      "files/near": written("b.arrow", "a.arrow"),
    }],
    ["csv: UTF-16 that is cut off", { "csv/utf-8": madeAgain("a.csv", good) }],
    ["csv: quote not closed", { "csv/line": madeAgain("a.csv", good) }],
    ["csv: a line of 16 MB", { "csv/long-line": madeAgain("a.csv", good) }],
    ["csv: files of other columns", { "csv/columns": madeAgain("b.csv", good) }],
    ["csv: a gzip that is none", {
      "source/damaged": written("a.csv.gz", "a.csv", { "a.csv": good }),
    }],
    ["parquet: amount whose values DuckDB would change", {
      "parquet/rewrite": written(
        "{ use: parquet, path: a.parquet }",
        "{ use: arrow, path: a.arrow }",
        { "a.arrow": fixture("interop/pyarrow_lossy.arrow") },
      ),
    }],
    ["sql: with U+0000", {
      "sql/nul": asked("SELECT x, y FROM t -- \0", "SELECT x, y FROM t -- "),
    }],
    ["sql: that deletes", { "sql/select": asked("DROP TABLE t", "WITH s AS (FROM t) FROM s") }],
    ["sql: that casts what it cannot", {
      "sql/cast": asked(
        "SELECT CAST('x' AS INTEGER) AS x, y FROM t",
        "SELECT TRY_CAST('x' AS INTEGER) AS x, y FROM t",
      ),
    }],
    ["sql: that reads a file", {
      "sql/files": asked("SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM t"),
    }],
    ["sql: no such column", {
      "sql/column": asked("SELECT z, y FROM t", "SELECT y AS x, y FROM t"),
    }],
    ["sql: no such table", { "sql/tables": asked("SELECT x, y FROM tt", "SELECT x, y FROM t") }],
    ["sql: misspelled keyword", { "sql/query": asked("SELEC x, y FROM t", "SELECT x, y FROM t") }],
    ["sql: of an interval", {
      "duckdb/type": asked(
        "SELECT INTERVAL 1 DAY AS x, y FROM t",
        'SELECT epoch("x") AS "x", y FROM (SELECT INTERVAL 1 DAY AS x, y FROM t)',
      ),
    }],
    ["sql: database that is none", {
      "duckdb/database": written("database: a.db", "tables: { t: a.csv }", { "a.csv": good }),
    }],
  ]);
}

/** Paths that lead to no file that could be read. */
function* pathCases(): Iterable<DataCase> {
  const one = (
    name: string,
    path: string,
    files: DataCase["files"],
    words: string,
    mended: Mends,
  ): DataCase => ({
    name: `paths: ${name}`,
    files,
    source: `{ use: csv, path: ${JSON.stringify(path)} }`,
    words: [words],
    mended,
  });
  const right = { "a.csv": good };
  const named = (path: string) => written(JSON.stringify(path), '"a.csv"');
  const wide = "{a,b}".repeat(22);
  yield one(
    "a glob of many choices",
    `${wide}.csv`,
    right,
    "has too many wildcards and alternatives",
    {
      "files/wildcards": written(`${wide}.csv`, "a*.csv"),
    },
  );
  yield one("a glob of nothing", "b-*.csv", right, "no file matches b-*.csv", {
    "files/glob": written("b-*.csv", "a*.csv"),
  });
  yield one("an empty folder", "none", { "none/": "" }, "the folder none has no CSV", {
    "files/empty-folder": { files: { "none/a.csv": good } },
  });
  yield one(
    "a folder of other folders",
    "more",
    { "more/b/a.csv": good, "a.csv": good },
    "it has b",
    {
      "files/folder": written('"more"', '"more/b"'),
    },
  );
  yield one("a file in an empty folder", "none/a.csv", { ...right, "none/": "" }, "has no files", {
    "files/none": named("none/a.csv"),
  });
  yield one("a file among others", "zzzzzz.csv", right, "files in", {
    "files/others": named("zzzzzz.csv"),
  });
  yield one(
    "a file among other formats",
    "n/zzzzzz.csv",
    { ...right, "n/b.md": "b" },
    "there are no",
    {
      "files/format": named("n/zzzzzz.csv"),
    },
  );
  yield one("a file in no folder", "none/a.csv", right, "there is no folder", {
    "files/no-folder": named("none/a.csv"),
  });
  if (Deno.build.os !== "windows") {
    yield one("a device", "/dev/null", right, "/dev/null is not a regular file", {
      "files/regular": named("/dev/null"),
    });
    yield {
      ...one("a link to a file elsewhere", "links", right, "links/b.csv is a link to /", {
        "files/link": named("links"),
      }),
      before: async (_run, folder) => {
        const elsewhere = await Deno.makeTempDir({ prefix: "rocket-test-" });
        await Deno.writeTextFile(join(elsewhere, "b.csv"), good);
        await Deno.mkdir(join(folder, "links"));
        await Deno.symlink(join(elsewhere, "b.csv"), join(folder, "links", "b.csv"));
        return { [Symbol.dispose]: () => Deno.removeSync(elsewhere, { recursive: true }) };
      },
    };
  }
  yield {
    name: "paths: a folder that is a partition, and one that is not",
    files: { "day=1/a.csv": good, "b.csv": good, "day=2/": "" },
    source: "{ use: csv, path: ['*.csv', day=1] }",
    words: [
      "day=1/a.csv gets the column day from the name of its folder, but b.csv has no such column",
    ],
    mended: { "hive/folders": written("'*.csv'", "day=2", { "day=2/b.csv": good }) },
  };
}

function* textHintCases(): Iterable<DataCase> {
  const one = (
    name: string,
    content: string,
    words: readonly string[],
    parts: Partial<DataCase> & { options?: string } = {},
  ): DataCase => ({
    name: `csv hints: ${name}`,
    files: { "a.csv": content },
    source: `{ use: csv, path: a.csv${parts.options ?? ""} }`,
    words,
    ...parts,
  });
  const many = Array.from({ length: 65_535 }, (_, column) => `,c${column}`).join("");
  yield one("65,537 columns", `x,y${many}\n`, [
    "a.csv has 65,537 columns; at most 65,536 can be read",
  ], { mended: { "source/many-columns": madeAgain("a.csv", good) } });
  yield one("blank lines alone", "\n\n\n", ["a.csv contains no text"], {
    mended: { "csv/names": madeAgain("a.csv", good) },
  });
  yield one("a misspelled column", good, ["a.csv has no column xs", "did you mean x?"], {
    options: ", columns: { xs: float32 }",
  });
  yield one("a column whose name is no word in YAML", 'x,y,"a: b"\n1,0,2\n2,1,z\n', [
    'columns: { "a: b": string }',
  ], { options: ', columns: { "a: b": int32 }', features: '{ column: "a: b" }' });
  yield one("a null beside others", "x,y\n1,0\n-,1\n?,1\n", [
    'nullValues: ["", "-", "?"]',
  ], { options: ', columns: { x: int32 }, nullValues: ["", "-"]' });
  yield one("lines that end in several ways", "x,y\r1,0\r\n2,1\n", [
    "cannot be read as CSV",
    "with the same line ending in all lines",
  ], { mended: { "csv/ends": madeAgain("a.csv", good) } });
}

function* duckdbHintCases(): Iterable<DataCase> {
  const one = (
    name: string,
    query: string,
    words: readonly string[],
    parts: Partial<DataCase> & { tables?: string } = {},
  ): DataCase => ({
    name: `sql hints: ${name}`,
    files: { "a.csv": good },
    source: sourceOf(query, parts.tables),
    words,
    ...parts,
  });
  yield one("a misspelled function", "SELECT sqrtt(x) AS x, y FROM t", ["did you mean sqrt?"], {
    mended: {
      "sql/near": asked("SELECT sqrtt(x) AS x, y FROM t", "SELECT sqrt(x) AS x, y FROM t"),
    },
  });
  yield one("a table function that does more than read", "SELECT x, y FROM t, enable_logging()", [
    "the query cannot be run at line 1, column 21: it calls enable_logging",
  ], {
    mended: {
      "sql/reads": asked("SELECT x, y FROM t, enable_logging()", "SELECT x, y FROM t, range(1)"),
    },
  });
  yield one("an order that is another one each time", "SELECT x, y FROM t ORDER BY random()", [
    "the query cannot be run at line 1, column 29: it uses random, so it would have other rows",
  ], {
    mended: {
      "sql/same": asked(
        "SELECT x, y FROM t ORDER BY random()",
        "SELECT x, y FROM t ORDER BY hash(x)",
      ),
    },
  });
  yield one("a view of DuckDB's settings", "SELECT x, y FROM t, pg_settings", [
    "the query cannot be run at line 1, column 21: it reads pg_settings, which describes DuckDB",
  ]);
  yield one(
    "a function that reads DuckDB's settings",
    "SELECT x, current_setting('a') AS y FROM t",
    [
      "the query cannot be run at line 1, column 11: it calls current_setting, but a query may only",
    ],
  );
  yield one("a PIVOT that looks for its columns", "PIVOT t ON y USING max(x) AS x", [
    "PIVOT without IN needs a second statement to find its columns",
  ], {
    mended: {
      "sql/pivot": asked(
        "PIVOT t ON y USING max(x) AS x",
        'SELECT "0_x" AS x, 1 AS y FROM (PIVOT t ON y IN (0, 1) USING max(x) AS x, max(x) AS z)',
      ),
    },
  });
  yield {
    ...one("a macro that has the name of a function", "FROM t", [
      "a.db contains a macro called error, which is also the name of a DuckDB function",
    ]),
    files: {},
    source: "{ use: sql, database: a.db, query: FROM types }",
    before: async (_, folder) => {
      const { api } = await loadDuckdb();
      const made = await api.DuckDBInstance.create(join(folder, "a.db"));
      const connection = await made.connect();
      await connection.run("CREATE MACRO error(x) AS x");
      connection.closeSync();
      made.closeSync();
    },
    mended: { "sql/shadow": madeAgain("a.db", fixture("formats/tables.duckdb")) },
  };
  yield {
    ...one("a database that is open elsewhere", "FROM t", [
      "a.db is open for writing in another process",
    ]),
    files: { "a.db": fixture("formats/tables.duckdb") },
    source: "{ use: sql, database: a.db, query: FROM types }",
    before: async (_, folder) => {
      const { api } = await loadDuckdb();
      const instance = await api.DuckDBInstance.create(join(folder, "a.db"));
      return { [Symbol.dispose]: () => instance.closeSync() };
    },
  };
  const infinite = "SELECT 'infinity'::TIMESTAMP AS x, y FROM t";
  yield one("an infinite time", infinite, ["the column x holds infinity"], {
    mended: {
      "duckdb/infinite": asked(
        infinite,
        `SELECT CASE WHEN isfinite("x") THEN "x" END AS "x", y FROM (${infinite})`,
      ),
    },
    features: "{ column: x, nulls: drop }",
  });
  yield one("a value that is no number", "SELECT MAP { 'a': x } AS x, y FROM t", [
    'CAST("x" AS VARCHAR) AS "x"',
  ], {
    mended: {
      "duckdb/type": asked(
        "SELECT MAP { 'a': x } AS x, y FROM t",
        `SELECT CAST("x" AS VARCHAR) AS "x", y FROM (SELECT MAP { 'a': x } AS x, y FROM t)`,
      ),
    },
  });
  yield {
    name: "parquet hints: two columns of one name",
    files: { "a.parquet": fixture("formats/twice.parquet") },
    source: "{ use: parquet, path: a.parquet }",
    words: ["a.parquet has two columns called x"],
    mended: {
      "duckdb/twice": written(
        "{ use: parquet, path: a.parquet }",
        sourceOf('SELECT "x_1" AS x, y FROM t', "{ t: a.parquet }"),
      ),
    },
  };
  const lossy = { "a.parquet": fixture("interop/pyarrow_lossy.parquet") };
  yield one("a column that DuckDB would change", "FROM t", ["DECIMAL(50,2) cannot be read"], {
    files: lossy,
    tables: "{ t: a.parquet }",
    features: "id",
    label: "{ column: amount, kind: number }",
    mended: {
      "sql/leave-out": written(
        '"FROM t"',
        JSON.stringify('SELECT * EXCLUDE ("amount", "amounts", "record", "moment") FROM "t"'),
      ),
    },
  });
  yield one("tables of several formats", "FROM t", ["the table t has files of different formats"], {
    files: { "a.csv": "x,y\n1,0\n2,1\n", "a.parquet": fixture("formats/split.parquet") },
    tables: "{ t: ['*.csv', a.parquet] }",
    mended: {
      "sql/formats": written(
        sourceOf("FROM t", "{ t: ['*.csv', a.parquet] }"),
        sourceOf(
          "SELECT y AS x, y FROM c UNION ALL SELECT y AS x, y FROM p",
          "{ c: '*.csv', p: a.parquet }",
        ),
      ),
    },
  });
  yield one("columns that SQL does not distinguish", "SELECT x, y FROM t", [
    'the table t has two columns "X" and "x"',
    "rename one of the columns in a.csv",
  ], {
    files: { "a.csv": "X,x,y\n1,5,0\n2,6,1\n" },
    tables: "{ t: a.csv }",
    mended: { "sql/alike": { files: { "a.csv": "X,x_1,y\n1,5,0\n2,6,1\n" } } },
  });
  yield one("Parquet files of other columns", "FROM t", ["b.parquet has no such column"], {
    files: {
      "a.parquet": fixture("formats/split.parquet"),
      "b.parquet": fixture("formats/types.parquet"),
    },
    tables: "{ t: ['a.parquet', 'b.parquet'] }",
    mended: { "sql/columns": { files: { "b.parquet": fixture("formats/split.parquet") } } },
  });
  const twoTypes = {
    "a.parquet": fixture("interop/pyarrow_whole.parquet"),
    "b.parquet": fixture("interop/pyarrow_halves.parquet"),
  };
  yield one(
    "a whole number that decimals of another file round",
    "FROM t",
    ["the column x of a.parquet has a whole number that DOUBLE, its type in another file, cannot represent exactly"],
    {
      files: twoTypes,
      tables: "{ t: ['a.parquet', 'b.parquet'] }",
      mended: {
        "sql/inexact": written(
          sourceOf("FROM t", "{ t: ['a.parquet', 'b.parquet'] }"),
          sourceOf(
            'SELECT CAST(x AS DOUBLE) AS x, y FROM a UNION ALL SELECT coalesce(CAST("x" AS DOUBLE), 0), y FROM b',
            "{ a: a.parquet, b: b.parquet }",
          ),
        ),
      },
    },
  );
  const split = { "a.parquet": fixture("formats/split.parquet") };
  yield {
    name: "parquet hints: an encoding that DuckDB cannot read",
    files: split,
    source: "{ use: parquet, path: a.parquet }",
    words: [
      "BYTE_STREAM_SPLIT",
      'pyarrow.parquet.write_table(pyarrow.parquet.read_table("a.parquet"), "a.parquet")',
    ],
    mended: { "parquet/encoding": madeAgain("a.parquet", fixture("formats/plain.parquet")) },
  };
  yield one("an encoding that DuckDB cannot read", "FROM t", ["read_table(FILE), FILE)"], {
    files: split,
    tables: "{ t: a.parquet }",
  });
  yield {
    name: "parquet hints: texts of 400 GB in 400 bytes",
    files: { "a.parquet": fixture("bombs/delta.parquet") },
    source: "{ use: parquet, path: a.parquet }",
    features: "y",
    label: "c",
    words: ["reading a.parquet needs more memory than is available"],
    mended: { "source/memory": madeAgain("a.parquet", fixture("bombs/short.parquet")) },
  };
  const long = "SELECT strlen(c) AS x, y FROM t", ordered = `${long} ORDER BY y`;
  yield {
    name: "sql hints: texts of 400 GB in 400 bytes",
    files: { "a.parquet": fixture("bombs/delta.parquet") },
    source: sourceOf(ordered, "{ t: a.parquet }"),
    words: ["the query needs more memory than is available"],
    mended: { "sql/memory": asked(ordered, "SELECT y AS x, y FROM t ORDER BY y LIMIT 100") },
  };
  yield {
    name: "sql hints: the same texts in a query without an order",
    files: { "a.parquet": fixture("bombs/delta.parquet") },
    source: sourceOf(long, "{ t: a.parquet }"),
    words: ["the query needs more memory than is available, and its rows have no fixed order"],
    mended: { "sql/order": asked(long, "SELECT y AS x, y FROM t LIMIT 100") },
  };
  yield {
    name: "sql hints: a database of a newer DuckDB",
    files: { "a.db": newer(fixture("formats/tables.duckdb")) },
    source: "{ use: sql, database: a.db, query: FROM types }",
    words: ["a.db was written by a newer version of DuckDB"],
    mended: { "duckdb/newer": madeAgain("a.db", fixture("formats/tables.duckdb")) },
  };
}

/** A database that says that a later version wrote it. */
function newer(database: Uint8Array): Uint8Array {
  const bytes = database.slice(), view = new DataView(bytes.buffer);
  view.setBigUint64(12, 200n, true);
  let sum = 5381n;
  // DuckDB's checksum of the first block.
  for (let at = 8; at < 4096; at += 8) {
    sum ^= BigInt.asUintN(64, view.getBigUint64(at, true) * 0xbf58476d1ce4e5b9n);
  }
  view.setBigUint64(0, sum, true);
  return bytes;
}

function* typeCases(): Iterable<DataCase> {
  yield {
    name: "arrow hints: a whole number that no float64 holds",
    files: {
      "a.arrow": file({ ...rows, x: Float64Array.of(0, 1, 2, 3) }),
      "b.arrow": file({ ...rows, x: BigInt64Array.of(0n, 1n, 2n ** 53n + 1n, 3n) }),
    },
    source: "{ use: arrow, path: [a.arrow, b.arrow] }",
    words: ["row 2 of b.arrow has 9007199254740993 in the column x; expected Float64"],
    mended: {
      "source/type": madeAgain("b.arrow", file({ ...rows, x: Float64Array.of(0, 1, 2, 3) })),
    },
  };
}

/** Files in which a byte of a text is another. */
function* encodingCases(): Iterable<DataCase> {
  const latin = (bytes: Bytes) => {
    const copy = bytes.slice(), at = new TextDecoder("latin1").decode(bytes).indexOf("caf@");
    copy[at + 3] = "é".charCodeAt(0);
    return copy;
  };
  const texts = ["tea", "caf@", "tea", "milk"];
  const list = new List(new Field("item", new Utf8(), true));
  const columns: Record<string, Bytes> = {
    texts: fileOf(texts, new Utf8()),
    "a dictionary": file({ ...rows, x: texts }),
    lists: fileOf(texts.map((text) => [text, "tea"]), list),
  };
  for (const [name, good] of Object.entries(columns)) {
    for (const memory of ["512MB", "10kB"]) {
      yield {
        name: `encodings: ${name}, with ${memory}`,
        files: { "a.arrow": latin(good) },
        words: ["row 1 of a.arrow has text that is not valid UTF-8 in the column x"],
        features: "{ column: x, ids: train }",
        memory,
        mended: {
          [name === "lists" ? "source/texts" : "source/utf-8"]: madeAgain("a.arrow", good),
        },
      };
    }
  }
  // Its last text starts with the two bytes of "Ü".
  const whole = fixture("formats/none.parquet"), broken = whole.slice();
  whole.forEach((byte, at) => {
    if (byte === 0xc3 && whole[at + 1] === 0x9c) broken[at + 1] = "n".charCodeAt(0);
  });
  yield {
    name: "encodings: parquet",
    files: { "a.parquet": broken },
    source: "{ use: parquet, path: a.parquet }",
    features: "string",
    label: "int32",
    words: ["a.parquet has text that is not valid UTF-8 in the column string"],
    mended: { "source/utf-8": madeAgain("a.parquet", whole) },
  };
  yield {
    name: "encodings: sql",
    files: { "a.parquet": broken },
    source: sourceOf("FROM t", "{ t: a.parquet }"),
    features: "string",
    label: "int32",
    words: ["a.parquet has text that is not valid UTF-8"],
    mended: { "source/texts": madeAgain("a.parquet", whole) },
  };
}

/** The cases. */
export function* sourceCases(): Iterable<DataCase> {
  yield* pathCases();
  yield* textHintCases();
  yield* duckdbHintCases();
  yield* typeCases();
  yield* encodingCases();
}
