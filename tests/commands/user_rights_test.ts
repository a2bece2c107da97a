/**
 * Tests that each option for a file, a glob, a link, an environment variable or an address works
 * with the permissions that the launcher gives a run, outside the repository and with an empty home
 * folder.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { convert } from "../../data/convert.ts";
import { inFolder, launch, rocket } from "../support/command_line.ts";
import { forNative } from "../support/engines.ts";
import { formats, writeParquet } from "../support/formats.ts";
import { pluginApi } from "../support/pipelines.ts";

const rows = ["x,y", ...Array.from({ length: 40 }, (_, row) => `${row / 40},${row % 2}`)];

const metric = `
import { defineMetric, z } from ${JSON.stringify(pluginApi)};
import { half } from "../lib/half.ts";
export default defineMetric({
  name: "m", summary: "M.", per: "net", options: z.object({}),
  create: () => ({ start: () => ({ add() {}, value: () => half }) }),
});
`;

const base = {
  data: {
    features: { x: {} },
    label: { column: "y", classes: 2 },
  },
  network: { use: "mlp", light: [4], booster: [8] },
  losses: [{ use: "cross-entropy", on: "light" }, { use: "cross-entropy", on: "booster" }],
  optimizer: { use: "sgd", learningRate: 0.1 },
  train: { epochs: 1, batch: 20 },
  metrics: ["accuracy"],
  outputs: ["checkpoint"],
};

async function write(folder: string, files: Readonly<Record<string, unknown>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, typeof content === "string" ? content : stringify(content));
  }
}

/** Makes the response of a server to a request for a part of a file. */
function partOf(bytes: Uint8Array<ArrayBuffer>, { headers }: Request): Response {
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.get("range") ?? "");
  if (!range) return new Response(bytes, { headers: { "accept-ranges": "bytes" } });
  const start = Number(range[1]), end = Math.min(Number(range[2]), bytes.length - 1);
  return new Response(bytes.slice(start, end + 1), {
    status: 206,
    headers: { "content-range": `bytes ${start}-${end}/${bytes.length}`, etag: `"1"` },
  });
}

const wasm = ["--engine", "wasm", "--quiet"];

Deno.test("a run reads and writes the paths in its pipeline, options and links, and can be resumed from another folder", () =>
  inFolder(async (folder) => {
    const project = join(folder, "project"), disk = join(folder, "disk");
    await write(folder, {
      "project/deno.json": "{}",
      "project/lib/half.ts": "export const half = 0.5;\n",
      "project/stages/m.ts": metric,
      "project/base/base.yaml": base,
      "project/pipelines/p.yaml": {
        extends: "../base/base.yaml",
        name: "${env:ROCKET_TEST_NAME}",
        data: {
          train: { use: "csv", path: "../rows/train.csv" },
          test: { use: "csv", path: ["../../disk/test.csv"] },
        },
        metrics: ["accuracy", "../stages/m.ts"],
      },
      "disk/train.csv": rows.join("\n"),
      "disk/test.csv": rows.join("\n"),
      "elsewhere/none": "",
    });
    // Links that the user made: to data, and to the folder for runs.
    await Deno.symlink(disk, join(project, "rows"));
    await Deno.mkdir(join(disk, "runs"));
    await Deno.symlink(join(disk, "runs"), join(project, "runs"));
    const env = { ROCKET_TEST_NAME: "named" };
    const first = await rocket(["pipelines/p.yaml", ...wasm], { cwd: project, env });
    assertEquals(first.code, 0, first.stderr);
    const [name] = [...Deno.readDirSync(join(disk, "runs"))].map(({ name }) => name);
    assertMatch(name!, /^named-/);
    assertEquals((await Deno.lstat(join(project, "runs"))).isSymlink, true);
    // Resumed from another folder; the stage belongs to the project.
    const run = join(project, "runs", name!), cwd = join(folder, "elsewhere");
    const resumed = await rocket(["resume", run, "--epochs", "2", "--quiet"], { cwd, env });
    assertEquals(resumed.code, 0, resumed.stderr);
    const result = JSON.parse(await Deno.readTextFile(join(run, "result.json")));
    assertEquals([result.epochs, result.engine, result.test.light.m], [2, "wasm", 0.5]);
    // The data may have been moved in the meantime.
    await Deno.rename(join(disk, "train.csv"), join(cwd, "moved.csv"));
    const moved = await rocket(
      ["resume", run, "--epochs", "3", "--quiet", "--set", `data.train.path=${cwd}/moved.csv`],
      { cwd, env },
    );
    assertEquals(moved.code, 0, moved.stderr);
    // In another folder, the run no longer belongs to the project.
    await Deno.rename(join(disk, "runs", name!), join(cwd, "mine"));
    const refused = await rocket(["resume", "mine", "--epochs", "4", "--quiet"], { cwd, env });
    assertEquals(refused.code, 2);
    assertStringIncludes(refused.stderr, "is code from outside the project's folder");
    assertStringIncludes(refused.stderr, `or resume the run from its project: cd ${project}`);
    const set = ["--set", `data.train.path=${cwd}/moved.csv`];
    const args = ["resume", join(cwd, "mine"), "--epochs", "4", "--quiet", ...set];
    const from = await rocket(args, { cwd: project, env });
    assertEquals(from.code, 0, from.stderr);
    const allow = ["--allow-plugin", join(project, "stages", "m.ts")];
    const allowed = await rocket([...args.with(3, "5"), ...allow], { cwd, env });
    assertEquals(allowed.code, 0, allowed.stderr);
  }));

Deno.test("a run reads URLs, tables, databases, weights from runs and files, and files behind links", () =>
  inFolder(async (folder) => {
    await write(folder, { "rows.csv": rows.join("\n"), "weights/none": "" });
    await convert({ from: join(folder, "rows.csv"), to: join(folder, "rows.arrow") });
    await writeParquet(`FROM '${join(folder, "rows.csv")}'`, join(folder, "rows.parquet"));
    await Deno.symlink(join(folder, "rows.parquet"), join(folder, "link.parquet"));
    const bytes = await Deno.readFile(join(folder, "rows.arrow"));
    await using server = Deno.serve(
      { port: 0, onListen() {} },
      (request) => partOf(bytes, request),
    );
    const { port } = server.addr as Deno.NetAddr;
    const cwd = join(folder, "work");
    await Deno.copyFile(join(formats, "tables.duckdb"), join(folder, "rows.duckdb"));
    const table = {
      use: "sql",
      query: "SELECT x, y FROM t UNION ALL SELECT 0.5, 1 FROM (FROM types LIMIT 1)",
      tables: { t: "../rows.csv" },
      database: "../rows.duckdb",
    };
    const initial = {
      light: { file: "../copies/weights.safetensors" },
      booster: { run: "../weights/first" },
    };
    await write(cwd, {
      "p.yaml": {
        ...{ ...base, name: "p" },
        data: { ...base.data, train: { use: "parquet", path: "../link.parquet" }, test: table },
      },
      "q.yaml": {
        ...{ ...base, name: "q" },
        data: {
          ...base.data,
          train: { use: "arrow", path: `http://localhost:${port}/rows.arrow` },
          test: { use: "arrow", path: "../rows.arrow" },
        },
        network: { ...base.network, initial },
      },
    });
    const first = await rocket(["p.yaml", ...wasm, "--out", "../weights/first"], { cwd });
    assertEquals(first.code, 0, first.stderr);
    const { data } = JSON.parse(
      await Deno.readTextFile(join(folder, "weights", "first", "pipeline.json")),
    );
    assertEquals(data.test.rows, rows.length);
    await Deno.mkdir(join(folder, "copies"));
    await Deno.copyFile(
      join(folder, "weights", "first", "checkpoints", "best.safetensors"),
      join(folder, "copies", "weights.safetensors"),
    );
    const second = await rocket(["q.yaml", ...wasm, "--out", "second"], { cwd });
    assertEquals(second.code, 0, second.stderr);
  }));

Deno.test("a link within a run folder is not followed, even if the folder is itself reached through a link", () =>
  inFolder(async (folder) => {
    await write(folder, { "t.csv": rows.join("\n"), "disk/none": "", "secret/none": "" });
    await Deno.symlink(join(folder, "disk"), join(folder, "runs"));
    await Deno.mkdir(join(folder, "disk", "mine"));
    await Deno.symlink(join(folder, "secret"), join(folder, "disk", "mine", "checkpoints"));
    const source = { use: "csv", path: "t.csv" };
    await write(folder, {
      "p.yaml": { ...base, name: "p", data: { ...base.data, train: source, test: source } },
    });
    const { code, stderr } = await rocket(["p.yaml", ...wasm, "--out", "runs/mine"], {
      cwd: folder,
    });
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "checkpoints is a link that leads out of");
    assertEquals([...Deno.readDirSync(join(folder, "secret"))].map(({ name }) => name), ["none"]);
  }));

Deno.test("check, list, show, new, sweep and data convert work with a user's permissions", () =>
  inFolder(async (cwd) => {
    const source = { use: "csv", path: "../rows/t.csv" };
    await write(cwd, {
      "rows/t.csv": rows.join("\n"),
      "cfg/deno.json": "{}",
      "cfg/p.yaml": { ...base, name: "p", data: { ...base.data, train: source, test: source } },
      "cfg/s.yaml":
        "base: p.yaml\nseeds: [1]\nlatency: none\nsettings: { a: {}, b: { train.batch: 10 } }\n",
    });
    const well = async (...args: string[]) => {
      const ended = await rocket(args, { cwd });
      assertEquals(ended.code, 0, `${args.join(" ")}: ${ended.stderr}`);
      return ended.stdout;
    };
    await well("check", "cfg/p.yaml", ...wasm);
    assertStringIncludes(await well("list", "network", "cfg/p.yaml"), "mlp");
    assertStringIncludes(await well("show", "csv"), "path");
    await well("new", "metric", "cfg/mine.ts");
    await well("check", "cfg/mine.yaml", ...wasm);
    await well(
      "sweep",
      "cfg/s.yaml",
      "--engine",
      "wasm",
      "--quiet",
      "--out",
      "swept",
      "--jobs",
      "2",
    );
    assert((await Deno.stat(join(cwd, "swept", "table.md"))).size > 0);
    const data = await launch("data/main.ts", ["convert", "rows/t.csv", "rows/t.arrow"], { cwd });
    assertEquals(data.code, 0, data.stderr);
    assert((await Deno.stat(join(cwd, "rows", "t.arrow"))).size > 0);
    await Deno.copyFile(join(formats, "tables.duckdb"), join(cwd, "rows", "t.duckdb"));
    const query = ["--query", "SELECT count(*) AS n FROM types"];
    const tables = await launch(
      "data/main.ts",
      ["convert", "rows/t.duckdb", "rows/n.arrow", ...query],
      { cwd },
    );
    assertEquals(tables.code, 0, tables.stderr);
    assert((await Deno.stat(join(cwd, "rows", "n.arrow"))).size > 0);
  }));

Deno.test("a run reads folders, globs and Hive partitions of each format", () =>
  inFolder(async (folder) => {
    const cwd = join(folder, "work");
    for (const shop of ["1", "2"]) {
      const path = join(folder, "rows", `shop=${shop}`, "part-0");
      await write(folder, { [`rows/shop=${shop}/part-0.csv`]: rows.join("\n") });
      await convert({ from: `${path}.csv`, to: `${path}.arrow` });
      await writeParquet(`SELECT * FROM '${path}.csv'`, `${path}.parquet`);
    }
    for (const use of ["csv", "arrow", "parquet"]) {
      const source = (path: string) => ({ use, path });
      await write(cwd, {
        [`${use}.yaml`]: {
          ...{ ...base, name: use },
          data: {
            ...base.data,
            features: { x: {}, shop: {} },
            train: source(`../rows/*/*.${use}`),
            test: source("../rows"),
          },
        },
      });
      const ended = await rocket([`${use}.yaml`, ...wasm, "--out", use], { cwd });
      assertEquals(ended.code, 0, ended.stderr);
      const { data } = JSON.parse(await Deno.readTextFile(join(cwd, use, "pipeline.json")));
      assertEquals([data.train.rows, data.test.rows], [80, 80], use);
    }
  }));

forNative(
  "native finds what it has set up, and looks where ROCKET_TENSORFLOW says",
  () =>
    inFolder(async (cwd) => {
      const found = await rocket(["native"], { cwd });
      assertEquals(found.code, 0, found.stderr);
      assertMatch(found.stdout, /^now +already built/m);
      await Deno.mkdir(join(cwd, "tensorflow"));
      const env = { ROCKET_TENSORFLOW: join(cwd, "tensorflow"), ROCKET_CACHE: join(cwd, "cache") };
      const given = await rocket(["native"], { cwd, env });
      assertEquals(given.code, 1, given.stdout);
      assertStringIncludes(given.stderr, `ROCKET_TENSORFLOW is ${join(cwd, "tensorflow")}, but `);
      const refused = await rocket(["native", "--forced"], { cwd });
      assertEquals(refused.code, 2);
      assertStringIncludes(refused.stderr, "there is no option --forced");
    }),
);

const halving = `
import { defineTransform, z } from ${JSON.stringify(pluginApi)};
export default defineTransform({
  name: "halving", summary: "Halves x.", options: z.object({}),
  create: (_options, { features }) => ({
    features,
    apply: (batch) => ({
      ...batch,
      features: {
        x: { ...batch.features.x, values: batch.features.x.values.map((x) => x / 2) },
      },
    }),
  }),
});
`;

Deno.test("a run uses nets of other runs as teachers, whose logits are in the cache the second time", () =>
  inFolder(async (folder) => {
    const sources = {
      train: { use: "csv", path: "../rows.csv" },
      test: { use: "csv", path: "../rows.csv" },
    };
    const teacher = (transforms: string[]) => ({
      ...base,
      name: "teacher",
      data: { ...base.data, ...sources, transforms },
    });
    const student = (run: string) => ({
      ...base,
      name: "student",
      data: { ...base.data, ...sources },
      network: { use: "mlp", light: [4] },
      losses: [{ use: "kl", teacher: { run } }],
    });
    await write(folder, {
      "rows.csv": rows.join("\n"),
      "big/deno.json": "{}",
      "big/halving.ts": halving,
      "big/plain.yaml": teacher([]),
      "big/custom.yaml": teacher(["./halving.ts"]),
      "small/deno.json": "{}",
      "small/plain.yaml": student("../big/plain"),
      "small/custom.yaml": student("../big/custom"),
      "small/foreign.yaml": student("../foreign/custom"),
      "onnx.csv": ["a,b,word,x,y", ...rows.slice(1).map((row) => `1,2,yes,${row}`)].join("\n"),
      "small/onnx.yaml": {
        ...student(""),
        data: {
          ...{ features: { x: {} }, label: { column: "y", kind: "binary" } },
          train: { use: "csv", path: "../onnx.csv" },
          test: { use: "csv", path: "../onnx.csv" },
        },
        losses: [{ use: "kl", teacher: { onnx: "../big/teacher.onnx" } }],
      },
      "small/keyed.yaml": {
        ...student(""),
        data: {
          ...{ features: { x: {} }, label: { column: "y", kind: "binary" } },
          train: { use: "csv", path: "../key.csv" },
          test: { use: "csv", path: "../key.csv" },
        },
        losses: [{
          use: "kl",
          teacher: {
            ...{ onnx: "../big/teacher.onnx", key: "key" },
            rows: { use: "csv", path: "../far/keys.csv" },
          },
        }],
      },
      "key.csv": ["key,x,y", ...rows.slice(1).map((row, key) => `${key},${row}`)].join("\n"),
      "far/keys.csv": ["key,a,b,word", ...rows.map((_, key) => `${key},1,2,yes`)].join("\n"),
    });
    const big = join(folder, "big"), small = join(folder, "small"), home = join(folder, "home");
    await Deno.mkdir(home);
    const env = { HOME: home, ROCKET_CACHE: join(folder, "cache") };
    for (const name of ["plain", "custom"]) {
      const args = ["run", `${name}.yaml`, "--out", name, "--engine", "wasm"];
      const { code, stderr } = await rocket(args, { cwd: big, env });
      assertEquals([code, stderr.includes("error")], [0, false], stderr);
    }
    const ran = async (name: string, out: string) => {
      const args = ["run", `${name}.yaml`, "--out", out, "--engine", "wasm"];
      const { code, stderr } = await rocket(args, { cwd: small, env });
      return { code, stderr };
    };
    for (
      const [name, out, words] of [
        ["plain", "first", "were computed for 40 training rows"],
        ["plain", "second", "are in the cache"],
        // Code of the teacher may change, so its logits are not kept.
        ["custom", "third", "were computed for 40 training rows"],
        ["custom", "fourth", "were computed for 40 training rows"],
      ] as const
    ) {
      const { code, stderr } = await ran(name, out);
      assertEquals([code, stderr.includes(words)], [0, true], stderr);
    }
    await Deno.copyFile(
      new URL("../reference/teacher.onnx", import.meta.url),
      join(folder, "big", "teacher.onnx"),
    );
    const onnx = await ran("onnx", "onnx");
    assertEquals(onnx.code, 0, onnx.stderr);
    assertStringIncludes(onnx.stderr, "was computed for 40 training rows");
    const keyed = await ran("keyed", "keyed");
    assertEquals(keyed.code, 0, keyed.stderr);
    assertStringIncludes(keyed.stderr, "was computed for 41 rows with keys");
    // The code of a run from elsewhere is not loaded, as with `predict`.
    await Deno.mkdir(join(folder, "foreign"));
    await Deno.rename(join(big, "custom"), join(folder, "foreign", "custom"));
    const { code, stderr } = await ran("foreign", "fifth");
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "has not been allowed");
  }));
