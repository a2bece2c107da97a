import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Field, Float64 } from "apache-arrow";
import { Buffer } from "node:buffer";
import { dirname, join } from "node:path";
import { UserError } from "../../../src/base/errors.ts";
import { handedOver } from "../../../src/base/machine/system_file.ts";
import { Database, loadDuckdb } from "../../../plugins/sources/duckdb.ts";
import sql from "../../../plugins/sources/sql.ts";
import { isOrdered } from "../../../plugins/sources/sql_check.ts";
import { changes, onlyComputes, tableFunctions } from "../../../plugins/sources/sql_functions.ts";
import { checkStage } from "../../../testing.ts";
import {
  addColumns,
  expectedOf,
  formats,
  readColumns,
  sourceOf,
  withFiles,
  writeParquet,
} from "../../support/formats.ts";
import { withEnvironment } from "../../engine/native/support.ts";
import { interopFolder } from "../../support/interop.ts";

type Options = Readonly<Record<string, unknown>>;

const read = (query: string, options: Options = {}) =>
  readColumns(sourceOf(sql, { query, ...options }));

/** Expects a query to be refused, with these words. */
async function assertRefused(
  query: string,
  message: string,
  hint: string,
  options: Options = {},
): Promise<void> {
  const error = await assertRejects(() => read(query, options), UserError);
  assertEquals(error.message, message);
  assertStringIncludes(error.problems[0]!.hint ?? "", hint);
}

const database = "tables.duckdb";

Deno.test("sql fulfills the contract of a source", async () => {
  await checkStage(sql, { options: { query: "FROM types", database }, folder: formats });
  const tables = { t: "types.parquet" };
  await checkStage(sql, { options: { query: "FROM t", tables }, folder: formats });
});

Deno.test("sql reads the same values from a database as the DuckDB that wrote it", async () => {
  assertEquals(await read("FROM types", { database }), expectedOf[database]);
  const none = await read("FROM none", { database });
  assertEquals(none, Object.fromEntries(Object.keys(none).map((name) => [name, []])));
  assertEquals(Object.keys(none), Object.keys(expectedOf[database]!));
});

Deno.test("sql queries Parquet, CSV and TSV files by their names under tables", async () => {
  const tables = { p: "types.parquet", c: "duckdb.csv", t: ["duckdb.tsv", "duckdb.tsv"] };
  const columns = await read(
    `SELECT c.id, c.name, (SELECT count(*) FROM t) AS count, (SELECT max(int8) FROM p) AS greatest
     FROM c WHERE id >= 3 ORDER BY id DESC;`,
    { tables },
  );
  assertEquals(columns, {
    id: [4, 3],
    name: ['a "name", 4', 'a "name", 3'],
    // Files are read once, however often they are named.
    count: [5, 5],
    greatest: [127, 127],
  });
});

Deno.test("sql joins a database with files", async () => {
  const columns = await read(
    "SELECT tiny, even FROM types JOIN c ON c.id = tiny WHERE gap IS NULL",
    { database, tables: { c: "duckdb.csv" } },
  ).catch((error) => error.message);
  assertStringIncludes(columns as string, 'Ambiguous reference to column name "even"');
  const named = "SELECT tiny, c.even FROM types JOIN c ON c.id = tiny WHERE gap IS NULL ORDER BY 1";
  assertEquals(
    await read(named, { database, tables: { c: "duckdb.csv" } }),
    { tiny: [1, 4], even: [false, true] },
  );
});

Deno.test("sql returns sums of whole numbers as decimals", async () => {
  const big = "170141183460469231731687303715884105727";
  assertEquals(await read(`SELECT sum(i) AS s, ${big}::HUGEINT AS h FROM range(5) t(i)`), {
    s: ["10"],
    h: [big],
  });
});

Deno.test("sql reads texts of any length, wherever DuckDB stores them in memory", async () => {
  const text = (i: number) => i % 11 === 0 ? null : `n${i}`.padEnd(i % 50, "é");
  const { i, s } = await read(
    `SELECT i, CASE WHEN i % 11 <> 0 THEN rpad('n' || i, greatest(i % 50, length('n' || i))::INTEGER, 'é') END AS s
     FROM range(60000) t(i) ORDER BY hash(i)`,
  );
  assertEquals(i!.length, 60_000);
  assertEquals(s, i!.map((i) => text(i as number)));
  // The same few texts over and over, as a dictionary has them.
  const few = await read(
    `SELECT i, ['a long text of its own', 'another one that is long', 'short'][1 + (hash(i) % 3)::INTEGER] AS s,
      (hash(i) % 3)::INTEGER AS k FROM range(20000) t(i)`,
  );
  const texts = ["a long text of its own", "another one that is long", "short"];
  assertEquals(few.s, few.k!.map((k) => texts[k as number]));
});

Deno.test("sql returns rows in the same order each time, even without ORDER BY", async () => {
  const query =
    "SELECT a.i % 1000 AS k, count(*) AS n FROM range(300000) a(i) JOIN range(300000) b(i) USING (i) GROUP BY k";
  const first = await read(query);
  assertEquals(first.k!.length, 1000);
  for (let time = 0; time < 3; time++) assertEquals(await read(query), first);
});

Deno.test("sql refuses a query without ORDER BY that does not fit in memory, and reads it with one", () =>
  // DuckDB then gets the least memory that it can start with, 256 MiB.
  withEnvironment({ [handedOver.memory]: "1" }, async () => {
    const query = "SELECT i, count(*) AS n FROM range(9000000) t(i) GROUP BY i";
    const error = await assertRejects(
      () => read(`SELECT sum(i) AS s FROM (${query} ORDER BY i)`),
      UserError,
      "and its rows have no fixed order",
    );
    assertStringIncludes(error.problems[0]!.hint ?? "", "end it with ORDER BY");
    // Which rows these are would depend on the memory.
    const some = `SELECT i FROM (${query} LIMIT 5) ORDER BY i`;
    await assertRejects(() => read(some), UserError, "and its rows have no fixed order");
    await read(`SELECT i FROM (${query} ORDER BY i LIMIT 5) ORDER BY i`);
    const rows = await read(`SELECT max(i) AS i FROM (${query}) ORDER BY i`);
    assertEquals(rows, { i: [8_999_999] });
  }));

Deno.test("sql reports the position of a mistake in the query", async () => {
  const tables = { p: "types.parquet" };
  const teacher = "duckdb.org/docs";
  await assertRefused(
    "SELECT int8\nFRM p",
    'the query cannot be run at line 2, column 5: syntax error at or near "p"',
    teacher,
    { tables },
  );
  await assertRefused(
    "SELECT\n  int8,\n  flaot32\nFROM p",
    'the query cannot be run at line 3, column 3: Referenced column "flaot32" not found in FROM clause',
    'nearest names are "float32"',
    { tables },
  );
  const long = `SELECT ${"int8 + ".repeat(40)}nope FROM p`;
  await assertRefused(
    long,
    `the query cannot be run at line 1, column ${
      long.indexOf("nope") + 1
    }: Referenced column "nope" not found in FROM clause`,
    "nearest names are",
    { tables },
  );
  await assertRefused(
    "FROM q",
    "the query cannot be run at line 1, column 6: Table with name q does not exist",
    "the names under tables are p",
    { tables },
  );
  await assertRefused(
    "SELECT 'a'::INT AS x FROM range(3)",
    "the query cannot be run at line 1, column 11: Could not convert string 'a' to INT32",
    "TRY_CAST",
  );
});

Deno.test("sql reports an error that occurs long after the first rows", async () => {
  await assertRefused(
    "SELECT if(i = 150000, error('no such day'), i) AS x FROM range(200000) t(i)",
    "the query cannot be run: no such day",
    "",
  );
});

Deno.test("sql refuses a file with names that SQL does not distinguish, whatever the query reads", async () => {
  await assertRefused(
    "SELECT 1 AS x FROM t",
    'the table t has two columns "A" and "a", but SQL does not distinguish names that differ only in case',
    "read the file without SQL, with { use: parquet, path: names.parquet }",
    { tables: { t: "names.parquet" } },
  );
  await withFiles({ "x.csv": "score,Score\n1,2\n" }, async (folder) => {
    const error = await assertRejects(
      () => read('SELECT 2 * t."Score" AS y FROM t', { tables: { t: join(folder, "x.csv") } }),
      UserError,
    );
    assertStringIncludes(error.message, 'the table t has two columns "score" and "Score"');
  });
  await assertRefused(
    "SELECT 1 AS x FROM t",
    'the table t has two columns "x" and "x", but SQL does not distinguish names that differ only in case',
    "rename one of the columns in twice.parquet",
    { tables: { t: "twice.parquet" } },
  );
  await assertRefused(
    "SELECT s.V AS x FROM t",
    'the column "s" of the table t has two fields "v" and "V", but SQL does not distinguish names that differ only in case',
    "rename one of the fields in struct_names.parquet",
    { tables: { t: "struct_names.parquet" } },
  );
  await assertRefused(
    "SELECT 1 AS x FROM t",
    'the column "l" of the table t has two fields "v" and "V", but SQL does not distinguish names that differ only in case',
    "rename one of the fields",
    { tables: { t: "list_names.parquet" } },
  );
});

Deno.test("sql reads files only as tables, also if its options name them", async () => {
  const tables = { t: ["types.parquet"], "a.csv": "pyarrow.csv" };
  const queries = [
    "SELECT 1 AS x FROM 'types.parquet'",
    `SELECT 1 AS x FROM '${join(formats, "types.parquet")}'`,
    "SELECT 1 AS x FROM types.parquet",
    "SELECT 1 AS x FROM TYPES.PARQUET",
    "SELECT (SELECT count(*) FROM 'types.parquet') AS x",
    "WITH a AS (FROM 'types.parquet') SELECT 1 AS x FROM a",
    "FROM (SUMMARIZE 'types.parquet')",
    "SELECT 1 AS x FROM 'pyarrow.csv'",
    "SELECT 1 AS x FROM 'https://example.com/x.parquet'",
    "FROM read_parquet('types.parquet')",
    "FROM parquet_scan('types.parquet')",
    "FROM read_csv('pyarrow.csv', filename = true)",
    "FROM read_csv_auto('~/pyarrow.csv')",
    "FROM read_json('/etc/hostname')",
    "FROM read_ndjson_objects('/etc/hostname')",
    "FROM read_blob('/etc/hostname')",
    "FROM parquet_metadata('types.parquet')",
    "FROM glob('*')",
  ];
  for (const query of queries) {
    for (const options of [{ tables }, { tables, database }]) {
      const error = await assertRejects(() => read(query, options), UserError, undefined, query);
      assertMatch(
        error.message,
        /: it (?:reads|calls) .*, but a query may read files only as tables/,
      );
      assertStringIncludes(error.problems[0]!.hint!, "list each file under tables");
    }
  }
  // The names of tables may look like those of files.
  assertEquals((await read('SELECT 1 AS x FROM "a.csv" LIMIT 1', { tables })).x, [1]);
  assertEquals((await read('WITH "b.csv" AS (SELECT 1 AS x) FROM "b.csv"', {})).x, [1]);
});

/** Queries that do more than read. FILE, DATABASE and NEW are paths. */
const hostile = [
  "FROM enable_profiling(save_location='FILE')",
  "FROM Enable_Profiling(save_location='DATABASE')",
  "FROM main.enable_profiling(save_location='FILE')",
  "FROM system.main.enable_profiling(save_location='NEW')",
  "WITH a AS MATERIALIZED (FROM enable_profiling(save_location='FILE')) FROM a",
  "WITH RECURSIVE a AS (SELECT 1 UNION ALL FROM enable_profiling(save_location='FILE')) FROM a",
  "SELECT (SELECT count(*) FROM enable_profiling(save_location='FILE')) AS x",
  "FROM t WHERE EXISTS (FROM enable_profiling(save_location='FILE'))",
  "FROM t JOIN enable_profiling(save_location='FILE') ON true",
  "FROM t, LATERAL (FROM enable_profiling(save_location='FILE'))",
  "FROM t ORDER BY (SELECT count(*) FROM enable_profiling(save_location='FILE'))",
  "FROM t LIMIT (SELECT count(*) FROM enable_profiling(save_location='FILE'))",
  "FROM (SUMMARIZE FROM enable_profiling(save_location='FILE'))",
  "FROM (UNPIVOT (FROM enable_profiling(save_location='FILE')) ON Success)",
  "FROM query('FROM enable_profiling(save_location=''FILE'')')",
  "FROM query_table('t')",
  "FROM json_execute_serialized_sql(json_serialize_sql('FROM enable_profiling()'))",
  "SELECT json_serialize_plan('FROM t') AS x",
  "FROM enable_logging('QueryLog', storage='file', storage_path='FILE')",
  "FROM enable_logging(level='trace', storage='stdout')",
  "SELECT write_log('x') AS x",
  "FROM truncate_duckdb_logs()",
  "FROM disable_profiling()",
  "FROM checkpoint()",
  "FROM force_checkpoint()",
  "FROM enable_peg_parser()",
  "FROM histogram_values(t, x)",
  "FROM read_duckdb('DATABASE', table_name='types')",
  "FROM read_text('FILE')",
  "FROM glob('/etc/*')",
  "FROM sniff_csv('FILE')",
  "FROM duckdb_settings()",
  "SELECT current_setting('http_proxy') AS x",
  "SELECT Current_Setting('secret_directory') AS x FROM t",
  "SELECT system.main.current_setting('TimeZone') AS x",
  "SELECT 'http_proxy'.current_setting() AS x",
  "SELECT list_transform(['http_proxy'], lambda s: current_setting(s)) AS x",
  "SELECT max(current_setting('http_proxy')) OVER () AS x FROM t",
  "FROM range((length(current_setting('http_proxy')))::BIGINT)",
  "FROM read_csv(current_setting('http_proxy'))",
  "FROM t WHERE EXISTS (SELECT current_query())",
  "SELECT getvariable('x') AS x",
  "SELECT version() AS x",
  "FROM pg_settings",
  "FROM pg_catalog.pg_settings",
  "FROM system.pg_catalog.PG_SETTINGS",
  "SELECT (SELECT max(setting) FROM pg_settings) AS x FROM t",
  "WITH a AS (FROM pg_settings) FROM a",
  "FROM (SUMMARIZE pg_settings)",
  "PIVOT pg_settings ON name IN ('http_proxy') USING max(setting)",
  "FROM 'pg_settings'",
  "FROM duckdb_databases",
  "FROM system.duckdb_databases",
  "FROM main.duckdb_logs",
  "FROM pragma_database_list",
  "FROM sqlite_master",
  "FROM information_schema.tables",
  "FROM duckdb_logs_parsed('QueryLog')",
  "FROM (SHOW DATABASES)",
  "FROM (SHOW ALL TABLES)",
  "FROM (SHOW TABLES)",
  "FROM (SHOW TABLES FROM memory.main)",
  "FROM pragma_storage_info('types')",
  "COPY (SELECT 1) TO 'FILE'",
  "COPY t FROM 'FILE'",
  "(COPY t TO 'FILE')",
  "EXPORT DATABASE 'NEW'",
  "IMPORT DATABASE 'NEW'",
  "ATTACH 'FILE'",
  "ATTACH 'NEW' (TYPE duckdb)",
  "DETACH tables",
  "USE memory",
  "INSTALL httpfs",
  "LOAD httpfs",
  "PRAGMA enable_profiling",
  "PRAGMA profiling_output='FILE'",
  "SET enable_external_access = true",
  "RESET allowed_paths",
  "CALL enable_logging()",
  "CALL enable_profiling(save_location='FILE')",
  "CHECKPOINT",
  "VACUUM",
  "CREATE TABLE x (a INT)",
  "CREATE MACRO m() AS TABLE FROM enable_profiling(save_location='FILE')",
  "CREATE TEMP VIEW v AS FROM t",
  "INSERT INTO types FROM types",
  "UPDATE types SET tiny = 1",
  "DELETE FROM types",
  "DROP TABLE types",
  "WITH a AS (DELETE FROM types RETURNING *) FROM a",
  "PREPARE p AS FROM t",
  "EXECUTE p",
  "BEGIN TRANSACTION",
  "EXPLAIN ANALYZE FROM enable_profiling(save_location='FILE')",
  "PIVOT t ON x",
  "SELECT 1; DROP TABLE types",
  "SELECT 1); COPY (SELECT 1) TO 'FILE'; (SELECT 1",
  "SELECT 1), (FROM enable_profiling(save_location='FILE')",
  "SELECT 1) UNION ALL BY NAME (FROM enable_profiling(save_location='FILE')",
  "SELECT 1 --\n); COPY (SELECT 1) TO 'FILE' --",
  " ",
];

Deno.test("sql refuses queries that do more than read, and changes no file", async () => {
  const content = await Deno.readFile(join(formats, database));
  await withFiles({ "a.txt": "x\n1\n", "a.duckdb": content }, async (folder) => {
    await writeParquet("SELECT 1 AS x", join(folder, "a.parquet"));
    await Deno.symlink(join(folder, "a.txt"), join(folder, "link.txt"));
    await Deno.link(join(folder, "a.txt"), join(folder, "hard.txt"));
    const hashes = async () => {
      const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
      return await Promise.all(names.map(async (name) => {
        const bytes = await Deno.readFile(join(folder, name));
        return `${name} ${
          Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex")
        }`;
      }));
    };
    const before = await hashes();
    const files = ["a.txt", "a.parquet", "link.txt", "hard.txt"];
    for (const [index, text] of hostile.entries()) {
      // The first query on each file, the others on each now and then.
      const turn = files[index % files.length]!;
      for (const file of index === 0 ? files : [turn]) {
        const query = text.replaceAll("FILE", join(folder, file))
          .replaceAll("DATABASE", join(folder, "a.duckdb"))
          .replaceAll("NEW", join(folder, "new"));
        const source = sourceOf(
          sql,
          {
            query,
            tables: { t: file },
            ...(/DATABASE|types/.test(text) && { database: "a.duckdb" }),
          },
          folder,
        );
        const error = await assertRejects(() => readColumns(source), UserError, undefined, query);
        assertStringIncludes(error.message, "the query cannot be run", query);
      }
    }
    assertEquals(await hashes(), before);
  });
});

Deno.test("sql reports a forbidden function and its position in the query", async () => {
  await assertRefused(
    "SELECT 'é' AS x\nFROM range(1), enable_logging()",
    "the query cannot be run at line 2, column 16: it calls enable_logging, but a query may only read data",
    "or from the results of these functions: generate_series, json_each",
  );
  const numbers = Array.from({ length: 130_001 }, (_, index) => index).join(",");
  await assertRefused(
    `SELECT sleep_ms(1) AS x WHERE 1 IN (${numbers})`,
    "the query cannot be run at line 1, column 8: it calls sleep_ms, but a query may only read data",
    "select from tables or from the results of these functions",
  );
});

Deno.test("sql checks the views, macros and generated columns of a database before it uses them", async () => {
  await withFiles({}, async (folder) => {
    const make = async (name: string, ...statements: string[]) => {
      const { api } = await loadDuckdb();
      const instance = await api.DuckDBInstance.create(join(folder, name));
      const connection = await instance.connect();
      for (const statement of statements) await connection.run(statement);
      connection.closeSync();
      instance.closeSync();
    };
    const target = join(folder, "a.csv");
    await Deno.writeTextFile(target, "x\n1\n");
    await make(
      "a.db",
      "CREATE TABLE t AS SELECT 1 AS x",
      'CREATE VIEW "an (AS) ""odd"" name" (y, "AS z") AS WITH u AS (FROM t) SELECT x, 2 FROM u',
      `CREATE VIEW bad AS FROM enable_profiling(format='json', save_location='${target}')`,
      "CREATE VIEW worse AS SELECT * FROM bad",
      "CREATE TABLE u (x INTEGER, y INTEGER AS (x + 1), z INTEGER DEFAULT (sleep_ms(1)), w TEXT AS (')('))",
      "INSERT INTO u (x, z) VALUES (1, 2)",
      'CREATE TABLE "Slow (" ("GENERATED ALWAYS AS(" INTEGER, s VARCHAR AS (\'a\' || sleep_ms(1)))',
      "CREATE TABLE slow (x INTEGER, s VARCHAR AS ('a' || sleep_ms(1)))",
      'CREATE VIEW on_slow AS SELECT 1 AS x FROM "Slow ("',
      "CREATE MACRO rows_of(n) AS TABLE FROM range(n) r(x)",
      "CREATE MACRO twice(x) AS 2 * x",
      "CREATE MACRO hidden() AS (SELECT count(*) FROM worse)",
      `CREATE MACRO over(p) AS TABLE FROM enable_profiling(format='json', save_location=p)`,
      "CREATE VIEW told AS SELECT current_setting('http_proxy') AS x",
      "CREATE VIEW listed AS FROM pg_catalog.pg_settings",
      "CREATE VIEW shown AS FROM (SHOW DATABASES)",
      "CREATE MACRO given(x := current_setting('http_proxy')) AS x",
      "CREATE MACRO given_rows(n, x := current_setting('http_proxy')) AS TABLE SELECT x AS x FROM range(n)",
      "CREATE VIEW on_given AS SELECT given() AS x",
      "CREATE TABLE computed (x INTEGER, s VARCHAR AS (current_setting('http_proxy')))",
    );
    const ask = (query: string, name = "a.db", tables = { c: "a.csv" }) =>
      readColumns(sourceOf(sql, { query, database: name, tables }, folder));
    assertEquals(await ask('FROM "an (AS) ""odd"" name"'), { y: [1], "AS z": [2] });
    assertEquals(await ask("FROM u"), { x: [1], y: [2], z: [2], w: [")("] });
    assertEquals(await ask("SELECT given(x := 1) AS a, given(2) AS b"), { a: [1], b: [2] });
    assertEquals(await ask("FROM given_rows(2, 3)"), { x: [3, 3] });
    assertEquals(await ask("SELECT twice(x)::INTEGER AS d FROM ROWS_OF(2)"), { d: [0, 2] });
    for (
      const [query, words] of [
        ["FROM bad", "uses the view bad of the database, which calls enable_profiling"],
        ["FROM main.BAD", "uses the view bad of the database"],
        ["FROM slow", "uses the table slow of the database, which calls sleep_ms"],
        ['FROM "slow ("', "uses the table slow ( of the database, which cannot be checked"],
        ["FROM on_slow", "uses the table slow ( of the database"],
        ["FROM worse", "uses the view bad of the database"],
        ["SELECT Hidden() AS x", "uses the view bad of the database"],
        [`FROM over('${target}')`, "uses the macro over of the database"],
        ["FROM told", "uses the view told of the database, which calls current_setting"],
        ["FROM listed", "uses the view listed of the database, which reads pg_catalog.pg_settings"],
        ["FROM shown", "uses the view shown of the database, which calls SHOW"],
        ["SELECT given() AS x", "calls the macro given without a value for each of its parameters"],
        ["FROM given_rows(2)", "calls the macro given_rows without a value for each"],
        ["FROM on_given", "uses the view on_given of the database, which calls the macro given"],
        ["FROM computed", "uses the table computed of the database, which calls current_setting"],
      ]
    ) await assertRejects(() => ask(query!), UserError, words);
    // Such a macro would be called in the place of DuckDB's own, also to read CSV files.
    await make("b.db", "CREATE MACRO list_value(a) AS [['/etc/passwd'][1]]");
    await make("c.db", "CREATE SCHEMA s", "CREATE MACRO s.Read_CSV(x) AS TABLE SELECT 1 AS x");
    for (const [name, macro] of [["b.db", "list_value"], ["c.db", "Read_CSV"]]) {
      await assertRejects(
        () => ask("FROM c", name!),
        UserError,
        `${name} contains a macro called ${macro}, which is also the name of a DuckDB function`,
      );
    }
    assertEquals(await Deno.readTextFile(target), "x\n1\n");
  });
});

Deno.test({
  name: "sql refuses a linked database that has a log beside its target",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFiles({}, async (folder) => {
      const database = join(folder, "real.db"), link = join(folder, "folder", "a.db");
      await Deno.mkdir(join(folder, "folder"));
      await Deno.copyFile(join(formats, "tables.duckdb"), database);
      await Deno.symlink("../real.db", link);
      const ask = () => read("SELECT 1 AS x FROM types LIMIT 1", { database: link });
      assertEquals(await ask(), { x: [1] });
      await Deno.writeTextFile(`${database}.wal`, "");
      await assertRejects(ask, UserError, "has changes that are only in its log a.db.wal");
    }),
});

Deno.test("sql refuses definitions whose text is not what DuckDB runs", async () => {
  await withFiles({ "data.txt": "x,y\n1,0\n2,1\n" }, async (folder) => {
    const target = join(folder, "data.txt"), before = await Deno.readTextFile(target);
    const { api } = await loadDuckdb();
    const instance = await api.DuckDBInstance.create(join(folder, "a.db"));
    const connection = await instance.connect();
    // DuckDB prints the name "a/*" without quotes, and so the beginning of a comment.
    const profile = `enable_profiling(save_location='${target}')`;
    const hostile = {
      profiling: `SELECT "a/*".*, 1 AS "*/.x FROM t --" FROM ${profile} AS "a/*"`,
      settings:
        'SELECT "a/*".*, value, 1 AS "*/.x, 1 AS value FROM t --" FROM duckdb_settings() AS "a/*"',
      pattern: `SELECT "a/*".x, 1 AS "*/.x FROM t --" FROM ${profile} AS "a/*"(x)`,
      quote: `SELECT "a""".*, 1 AS ".* FROM t --" FROM ${profile} AS "a"""`,
      constant: `SELECT "a'".*, 1 AS "'.* FROM t --" FROM ${profile} AS "a'"`,
      operator: `SELECT 1 operator("s/*".+) 2 AS "*/ 1 --", (SELECT count(*) FROM ${profile})`,
    };
    const good = {
      values: "VALUES (1, 2), (3, 4)",
      nested: "SELECT * FROM (VALUES (1), (2)) v(x) JOIN (VALUES (1)) w(y) ON v.x = w.y",
      window:
        "SELECT x, row_number() OVER (PARTITION BY y ORDER BY x ROWS 1 PRECEDING) AS n FROM t",
      recursive:
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) FROM r",
      lists: "SELECT [a + 1 FOR a IN [1, 2] IF a > 1] AS l, {'a': 1}.a AS s, 'it''s (not)' AS q",
      pivot: "PIVOT t ON y IN (0, 1) USING sum(x)",
      filtered: "SELECT count(*) FILTER (x > 1) AS n, y::DECIMAL(9, 2) AS d FROM t GROUP BY ALL",
      "a (b) /* c": 'SELECT x AS "/* odd --", "select" FROM (SELECT x, 1 AS "select" FROM t)',
    };
    await connection.run("CREATE TABLE t AS SELECT x, x % 2 AS y FROM range(3) r(x)");
    const create = (name: string, text: string) =>
      connection.run(`CREATE VIEW "${name}" AS ${text}`);
    for (const [name, text] of Object.entries(good)) await create(name, text);
    const made: string[] = [];
    for (const [name, text] of Object.entries(hostile)) {
      await create(name, text).then(() => made.push(name), () => {});
      await connection.run(`CREATE MACRO m_${name}() AS TABLE ${text}`)
        .then(() => made.push(`m_${name}()`), () => {});
    }
    const values: Record<string, unknown> = {};
    for (const name of Object.keys(good)) {
      values[name] = (await connection.runAndReadAll(`FROM "${name}"`)).getRows().length;
    }
    connection.closeSync();
    instance.closeSync();
    const ask = (query: string) =>
      readColumns(sourceOf(sql, { query, database: "a.db", tables: { d: "data.txt" } }, folder));
    assert(made.length >= 6, `${made}`);
    for (const name of made) {
      await assertRejects(() => ask(`FROM ${name}`), UserError, "of the database, which ", name);
    }
    for (const name of Object.keys(good)) {
      assertEquals(Object.values(await ask(`FROM "${name}"`))[0]!.length, values[name], name);
    }
    assertEquals(await Deno.readTextFile(target), before);
  });
});

/**
 * DuckDB's functions that a query may not call: they tell about DuckDB or the computer, have side
 * effects, run queries, or compute with raw memory. All others only compute from their arguments.
 */
const refused = `
  col_description combine current_catalog current_connection_id current_database current_query
  current_query_id current_role current_schema current_schemas current_setting
  current_transaction_id current_user currval finalize format_pg_type format_type get_block_size
  getvariable in_search_path json_serialize_plan map_to_pg_oid nextval obj_description
  parse_duckdb_log_message session_user shobj_description sleep_ms stats timetz_byte_comparable
  txid_current user variant_bytes_to_variant vector_type version write_log
`.trim().split(/\s+/);

/** Further ones, of which there are many. */
const refusedPatterns = /^(__internal_|has_.*_privilege$|inet_|pg_(?!typeof$|size_pretty$))/;

Deno.test("isOrdered() reads a query that lists 130,000 numbers", async () => {
  const opened = await Database.open({ files: [] });
  try {
    const numbers = Array.from({ length: 130_000 }, (_, index) => index).join();
    assert(await isOrdered(opened, `SELECT a FROM t WHERE a IN (${numbers}) ORDER BY a`));
  } finally {
    opened.close();
  }
});

Deno.test("sql knows all functions of DuckDB, so that a new version adds none unnoticed", async () => {
  const opened = await Database.open({ files: [] });
  try {
    const rows = await opened.rows(
      "SELECT DISTINCT function_name, function_type LIKE '%table%' OR function_type = 'pragma' FROM duckdb_functions()",
    );
    const others = rows.filter(([, isTable]) => !isTable)
      .map(([name]) => (name as string).toLowerCase());
    const isRefused = (name: string) => refused.includes(name) || refusedPatterns.test(name);
    const isKnown = (name: string) => onlyComputes(name) !== (isRefused(name) || changes(name, 2));
    assertEquals(others.filter((name) => !isKnown(name)), []);
    // DuckDB knows which of its functions have other results each time.
    const unstable = await opened.rows(
      "SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability <> 'CONSISTENT' AND function_name <> 'error'",
    );
    assertEquals(unstable.map(([name]) => name as string).filter(onlyComputes), []);
    const known = await opened.rows(
      "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'table'",
    );
    const all = new Set(known.map(([name]) => name as string));
    assertEquals([...tableFunctions].filter((name) => !all.has(name)), []);
  } finally {
    opened.close();
  }
});

Deno.test("sql refuses queries whose rows differ each time they run", async () => {
  for (
    const [query, name] of [
      ["SELECT random() AS x", "random"],
      ["FROM range(9) t(i) ORDER BY Random()", "random"],
      ["SELECT i FROM range(9) t(i) WHERE i < (SELECT 9 * random())", "random"],
      ["SELECT uuid()::VARCHAR AS x", "uuid"],
      ["SELECT epoch_ms(now()) AS x", "now"],
      ["SELECT current_date AS x", "current_date"],
      ["SELECT CURRENT_TIMESTAMP AS x", "current_timestamp"],
      ["SELECT year(age(DATE '2020-01-01')) AS x", "age"],
      ["SELECT year(d.age()) AS x FROM (SELECT DATE '2020-01-01' AS d)", "age"],
      ["SELECT d.age().epoch() AS x FROM (SELECT DATE '2020-01-01' AS d)", "age"],
      ["SELECT list_transform([DATE '2020-01-01'], lambda z: year(z.age())) AS x", "age"],
      ["SELECT setseed(0.5), random() AS x", ""],
      ["FROM range(100) USING SAMPLE 10 ROWS", "a sample without REPEATABLE"],
      ["FROM range(100) USING SAMPLE 10%", "a sample without REPEATABLE"],
      ["SELECT * FROM (FROM range(100)) TABLESAMPLE bernoulli(10%)", "a sample without REPEATABLE"],
    ] as const
  ) {
    await assertRejects(() => read(query), UserError, `it uses ${name}`, query);
    await assertRejects(
      () => read(query),
      UserError,
      "so it would have other rows each time",
      query,
    );
  }
  const sample = "FROM range(1000) USING SAMPLE reservoir(10 ROWS) REPEATABLE (1)";
  assertEquals(await read(sample), await read(sample));
  assertEquals(
    await read(
      "SELECT year(age(DATE '2021-01-01', DATE '2020-01-01')) AS x, t.now FROM (SELECT 1 AS now) t",
    ),
    { x: [1], now: [1] },
  );
});

Deno.test("sql computes the same in each time zone, and keeps no environment variable", async () => {
  const { TZ, HTTP_PROXY } = Deno.env.toObject();
  try {
    Deno.env.set("TZ", "Asia/Tokyo");
    Deno.env.set("HTTP_PROXY", "http://user:sesame@localhost:9");
    assertEquals(
      await read("SELECT (TIMESTAMPTZ '2026-11-30 23:30:00+00')::DATE::VARCHAR AS day"),
      { day: ["2026-11-30"] },
    );
    const opened = await Database.open({ files: [] });
    const settings = await opened.rows(
      "SELECT name FROM pg_settings WHERE setting LIKE '%sesame%'",
    );
    opened.close();
    assertEquals(settings, []);
  } finally {
    for (const [name, value] of Object.entries({ TZ, HTTP_PROXY })) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
});

Deno.test("sql changes no database and creates no file beside it", async () => {
  const content = await Deno.readFile(join(formats, database));
  await withFiles({ "x.duckdb": content }, async (folder) => {
    await readColumns(sourceOf(sql, { query: "FROM types", database: "x.duckdb" }, folder));
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["x.duckdb"]);
    assertEquals(await Deno.readFile(join(folder, "x.duckdb")), content);
  });
});

Deno.test("sql reports what is wrong with a database", async () => {
  const error = await assertRejects(() => read("FROM x", { database: "table.duckdb" }), UserError);
  assertEquals(error.message, "there is no file table.duckdb");
  assertStringIncludes(error.problems[0]!.hint!, "tables.duckdb?");
  for (const file of ["types.parquet", "expected.json", "types.arrow"]) {
    await assertRefused("FROM x", `${file} is not a DuckDB database`, "in the option `tables`", {
      database: file,
    });
  }
  const content = await Deno.readFile(join(formats, database));
  await withFiles({ "cut.duckdb": content.slice(0, 20_000) }, async (folder) => {
    const source = sourceOf(sql, { query: "FROM types", database: "cut.duckdb" }, folder);
    await assertRejects(() => readColumns(source), UserError, "cut.duckdb");
  });
  // The version of the format is behind a checksum of 8 bytes and the magic bytes.
  content[12] = 99;
  await withFiles({ "new.duckdb": content }, async (folder) => {
    const source = sourceOf(sql, { query: "FROM types", database: "new.duckdb" }, folder);
    await assertRejects(() => readColumns(source), UserError, "new.duckdb");
  });
});

Deno.test("sql refuses columns of unsupported types and names them", async () => {
  await assertRefused(
    "SELECT 1 AS x, INTERVAL 1 DAY AS gap",
    "the column gap has DuckDB's type INTERVAL, which this source cannot read",
    'epoch("gap")',
  );
  await assertRefused(
    "SELECT 1::UHUGEINT AS huge",
    "the column huge has DuckDB's type UHUGEINT, which this source cannot read",
    'CAST("huge" AS DOUBLE)',
  );
  const source = sourceOf(sql, { query: "SELECT 1 AS x, INTERVAL 1 DAY AS gap" });
  assertEquals(await readColumns(source, { columns: ["x"] }), { x: [1] });
  const id = "0f8fad5b-d9cb-469f-a165-70867728950e";
  assertEquals(await read(`SELECT '${id}'::UUID AS id`), { id: [id] });
});

Deno.test("sql's fingerprint changes with the query, and with the files that its options name", async () => {
  const prints = new Set<string>();
  for (const rows of ["1", "2"]) {
    await withFiles({ "x.csv": `a\n${rows}\n` }, async (folder) => {
      for (const query of ["FROM t", "FROM t LIMIT 1"]) {
        const dataset = await sourceOf(sql, { query, tables: { t: "x.csv" } }, folder).open();
        prints.add(dataset.fingerprint);
        await dataset.close!();
      }
    });
  }
  assertEquals(prints.size, 4);
});

Deno.test("sql refuses a query only if it reads a column whose values DuckDB would change", async () => {
  const run = (query: string) =>
    readColumns(
      sourceOf(sql, { query, tables: { t: "pyarrow_lossy.parquet" } }, interopFolder),
    );
  for (
    const query of ["FROM t", "SELECT sum(amount) AS s FROM t", "SELECT id FROM t ORDER BY amount"]
  ) {
    const error = await assertRejects(() => run(query), UserError);
    assertEquals(
      error.message,
      "the column amount of pyarrow_lossy.parquet contains values whose type DECIMAL(50,2) cannot be read: numbers may have more than 38 digits",
    );
    // The hint is a query that runs.
    const [, hint] = error.problems[0]!.hint!.split(": ");
    assertEquals(await run(hint!), { id: [1, 2, null] });
  }
  await assertRejects(
    () => run("SELECT record.a FROM t"),
    UserError,
    "DECIMAL(39,0) cannot be read",
  );
  await assertRejects(() => run("SELECT amounts[1] FROM t"), UserError, "DECIMAL(76,70) cannot");
  await assertRejects(() => run("SELECT id FROM t ORDER BY moment"), UserError, "nanoseconds");
  assertEquals(await run("SELECT count(*)::INTEGER AS n FROM t"), { n: [3] });
});

Deno.test("sql reads a column of several Parquet files with the narrowest type for all values", async () => {
  await withFiles({}, async (folder) => {
    const write = async (name: string, query: string) => {
      await Deno.mkdir(join(folder, dirname(name)), { recursive: true });
      await writeParquet(query, join(folder, name));
    };
    await write(
      "0.parquet",
      "SELECT i::TINYINT AS n, i::INTEGER AS x, DATE '2026-11-28' AS d, i::FLOAT AS f FROM range(2) t(i)",
    );
    await write(
      "1.parquet",
      "SELECT 0.1::DOUBLE AS f, 9007199254740993 AS n, i + 0.5::DOUBLE AS x, TIMESTAMP '2026-11-28 12:30:00' AS d FROM range(2) t(i)",
    );
    const run = (query: string, tables: unknown = { t: "*.parquet" }) =>
      readColumns(sourceOf(sql, { query, tables }, folder));
    const day = Date.UTC(2026, 10, 28) / 1000;
    assertEquals(await run("FROM t"), {
      n: [0, 1, "9007199254740993", "9007199254740993"],
      x: [0, 1, 0.5, 1.5],
      d: [day, day, day + 45_000, day + 45_000],
      f: [0, 1, 0.1, 0.1],
    });
    assertEquals(await run("SELECT sum(x) AS s FROM t WHERE n < 1 OR x > 1"), { s: [1.5] });
    await write("odd.parquet", "SELECT 9007199254740993 AS x, 1 AS y");
    await write("half.parquet", "SELECT 2 AS y, 0.5::DOUBLE AS x");
    const odd = { t: ["odd.parquet", "half.parquet"] };
    const error = await assertRejects(() => run("SELECT max(x) AS m FROM t", odd), UserError);
    assertStringIncludes(
      error.message,
      "the column x of odd.parquet has a whole number that DOUBLE",
    );
    assertEquals(await run("SELECT y FROM t", odd), { y: [1, 2] });
    for (
      const [one, other, words] of [
        [
          "1 AS x",
          "'a' AS x",
          "x differs between files: INTEGER in x0.parquet, VARCHAR in x1.parquet",
        ],
        [
          "[1] AS x",
          "[0.5::DOUBLE] AS x",
          "x differs between files: INTEGER[] in x0.parquet, DOUBLE[] in",
        ],
        [
          "1::UBIGINT AS x",
          "-1::BIGINT AS x",
          "x differs between files: UBIGINT in x0.parquet, BIGINT in",
        ],
        [
          "1 AS x",
          "1 AS x, 2 AS y",
          "y differs between files: x0.parquet has no such column, INTEGER in",
        ],
      ] as const
    ) {
      await write("x0.parquet", `SELECT ${one}`);
      await write("x1.parquet", `SELECT ${other}`);
      await assertRejects(() => run("FROM t", { t: "x?.parquet" }), UserError, words);
    }
  });
});

Deno.test("sql converts columns to the types of other splits, and refuses values that these cannot represent", async () => {
  for (const [value, read] of [["7", 7], ["9007199254740993", undefined]] as const) {
    const query = `SELECT ${value}::BIGINT AS x, 'a' AS y`;
    const dataset = await sourceOf(sql, { query }).open({ columns: ["x"] });
    const wider = await dataset.widen!([new Field("x", new Float64(), true)]);
    assertEquals(wider.schema.fields.map(({ type }) => String(type)), ["Float64", "Utf8"]);
    const readAll = async () => {
      const columns: Record<string, unknown[]> = {};
      for await (const batch of wider.recordBatches()) addColumns(batch, columns);
      return columns;
    };
    if (read !== undefined) assertEquals(await readAll(), { x: [read] });
    else await assertRejects(readAll, UserError, "row 0 of the query has 9007199254740993");
    await wider.close!();
  }
});

Deno.test("sql reads partition folders and CSV files as the other sources do", async () => {
  await withFiles({}, async (folder) => {
    for (
      const [path, text] of [
        ["shop=007/a.csv", "code,x,flag\n007,1,true\n"],
        ["shop=12/b.csv", "flag,code,x\nfalse,8,0.25\n"],
      ] as const
    ) {
      await Deno.mkdir(join(folder, dirname(path)));
      await Deno.writeTextFile(join(folder, path), text);
    }
    for (const [shop, n] of [["007", "1"], ["12", "2.5::DOUBLE"]]) {
      await writeParquet(`SELECT ${n} AS n`, join(folder, `shop=${shop}`, "p.parquet"));
      await writeParquet("SELECT 5 AS same", join(folder, `shop=${shop}`, "same.parquet"));
    }
    const run = (path: string) =>
      readColumns(sourceOf(sql, { query: "FROM t", tables: { t: path } }, folder));
    const shop = ["007", "12"];
    assertEquals(await run("*/*.csv"), {
      code: ["007", "8"],
      x: [1, 0.25],
      flag: [true, false],
      shop,
    });
    assertEquals(await run("*/p.parquet"), { n: [1, 2.5], shop });
    assertEquals(await run("*/same.parquet"), { same: [5, 5], shop });
  });
});

Deno.test("sql refuses infinite dates and timestamps, which Arrow cannot represent", async () => {
  const types = ["DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"];
  for (const [index, type] of types.entries()) {
    const value = index % 2 === 0 ? "infinity" : "-infinity";
    const query = `SELECT CAST('${value}' AS ${type}) AS t`;
    await assertRefused(
      query,
      `the column t holds ${value}, which is not a date or time`,
      "isfinite",
    );
  }
  const hint =
    `SELECT CASE WHEN isfinite("t") THEN "t" END AS "t" FROM (SELECT DATE 'infinity' AS t)`;
  assertEquals(await read(hint), { t: [null] });
  await assertRefused(
    "SELECT [DATE 'infinity'] AS t",
    "the column t holds infinity, which is not a date or time",
    "",
  );
});
