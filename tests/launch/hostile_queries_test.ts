import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import { loadDuckdb } from "../../plugins/sources/duckdb.ts";
import { inFolder, launch, rocket } from "../support/command_line.ts";

/** A pipeline that trains on texts of a column, which become a vocabulary in model.json. */
const pipeline = (train: Readonly<Record<string, unknown>>) =>
  stringify({
    name: "asked",
    data: {
      train,
      test: train,
      features: ["s"],
      prepare: "auto",
      label: { column: "y", kind: "binary" },
    },
    network: { use: "ctr", light: { hidden: [4] }, booster: { hidden: [4] } },
    losses: [
      { use: "binary-cross-entropy", on: "light" },
      { use: "binary-cross-entropy", on: "booster" },
    ],
    optimizer: { use: "sgd", learningRate: 0.1 },
    train: { epochs: 1, batch: 2 },
  });

/** Environment variables that DuckDB reads, with a value that nobody may pass on. */
const env = { HTTP_PROXY: "http://user:sesame@proxy.example:3128", TZ: "Asia/Sesame" };

/** Queries that would read these variables, or the paths of this computer. */
const queries = [
  "SELECT current_setting('http_proxy') AS s, y FROM t",
  "SELECT p.setting AS s, y FROM t JOIN pg_settings p ON p.name = 'http_proxy'",
  "SELECT path AS s, y FROM t, duckdb_databases",
  "SELECT v.s, y FROM t, told v",
  "SELECT given() AS s, y FROM t",
];

Deno.test("no query reads environment variables or paths, neither in a run nor in another command", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "t.csv"), "s,y\na,0\nb,1\na,0\nb,1\n");
    const { api } = await loadDuckdb();
    const instance = await api.DuckDBInstance.create(join(folder, "d.db"));
    const connection = await instance.connect();
    await connection.run("CREATE VIEW told AS SELECT current_setting('http_proxy') AS s");
    await connection.run("CREATE MACRO given(x := current_setting('http_proxy')) AS x");
    connection.closeSync();
    instance.closeSync();
    const source = (query: string) => ({
      ...{ use: "sql", tables: { t: "t.csv" }, query },
      ...(/told|given/.test(query) && { database: "d.db" }),
    });
    const own = source("FROM t ORDER BY s");
    await Deno.writeTextFile(join(folder, "p.yaml"), pipeline(own));
    const made = await rocket(["p.yaml", "--engine", "wasm", "--out", "run"], { cwd: folder, env });
    assertEquals(made.code, 0, made.stderr);
    const refused = (
      { code, stdout, stderr }: Awaited<ReturnType<typeof rocket>>,
      query: string,
    ) => {
      assert(code === 1 || code === 2, `${query}: ${code} ${stderr}`);
      assertStringIncludes(stderr, ", but a query may only read data", query);
      assert(!/sesame/i.test(stdout + stderr), query);
    };
    for (const query of queries) {
      await Deno.writeTextFile(join(folder, "p.yaml"), pipeline(source(query)));
      refused(await rocket(["check", "p.yaml", "--engine", "wasm"], { cwd: folder, env }), query);
    }
    for (const query of [queries[0]!, queries.at(-1)!]) {
      await Deno.writeTextFile(join(folder, "in.yaml"), stringify(source(query)));
      const args = ["predict", "run", "in.yaml", "--out", "o.csv", "--keep", "all"];
      refused(await rocket(args, { cwd: folder, env }), query);
    }
    const convert = ["convert", "t.csv", "o.arrow", "--query"];
    const converted = "SELECT current_setting('http_proxy') AS s FROM data";
    refused(await launch("data/main.ts", [...convert, converted], { cwd: folder, env }), converted);
    // What remains is what the user made, without the variables.
    for await (const { name } of Deno.readDir(folder)) {
      assert(["t.csv", "d.db", "p.yaml", "in.yaml", "run"].includes(name), name);
    }
  });
});
