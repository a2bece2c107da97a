import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { needsOf } from "../../src/launch/command_line/needs.ts";
import { onnxRuntimePackages } from "../../src/base/machine/onnx_packages.ts";
import { flagsOf, type Need } from "../../src/base/machine/permissions.ts";
import { convert } from "../../data/convert.ts";
import { choosePrecision, thisMachine } from "../../src/engine/bfloat16.ts";
import { deno, flags, inFolder, rocket, root } from "../support/command_line.ts";
import { forNative } from "../support/engines.ts";
import { writeParquet } from "../support/formats.ts";
import { digitsPipeline, pluginApi, withPipeline } from "../support/pipelines.ts";

/** Returns the source of a metric that runs code when it is created. */
const plugin = (action: string) => `
import { defineMetric, z } from ${JSON.stringify(pluginApi)};
${action}
export default defineMetric({
  name: "m", summary: "M.", per: "net", options: z.object({}),
  create: () => ({ empty: () => 0, add: (sum) => sum, value: () => 0 }),
});
`;

const deeds = {
  write: `Deno.writeTextFileSync("../escaped", "");`,
  run: `new Deno.Command("true").outputSync();`,
  net: `await fetch("http://127.0.0.1:8123/");`,
  env: `Deno.env.get("SECRET_TOKEN");`,
};

for (const [permission, action] of Object.entries(deeds)) {
  Deno.test(`deno task pipeline gives a plugin no ${permission} permission that the pipeline does not name`, async () => {
    const pipeline = digitsPipeline({ metrics: [{ use: "./evil.ts" }] });
    await withPipeline(pipeline, async (file, folder) => {
      const { code, stderr } = await rocket(["check", file, "--engine", "wasm"], {
        cwd: folder,
      });
      assertEquals(code, 2);
      assertStringIncludes(stderr, `NotCapable: Requires ${permission} access to `);
      // A message that named the flag would advise a user to grant what foreign code asks for.
      assert(!stderr.includes(`--allow-${permission}`), stderr);
      assertStringIncludes(stderr, "permissions: read ");
    }, { "evil.ts": plugin(action) });
  });
}

Deno.test("deno task pipeline list prints the permissions of the code that it loads", async () => {
  const pipeline = digitsPipeline({ metrics: [{ use: "./m.ts", name: "${env:SECRET_NAME}" }] });
  await withPipeline(pipeline, async (file, folder) => {
    const options = { cwd: folder, env: { SECRET_NAME: "m" } };
    const { code, stderr } = await rocket(["list", "metric", file], options);
    assertEquals(code, 0, stderr);
    assertMatch(stderr, /^permissions: .*, variable SECRET_NAME, no network/m);
    assertEquals((await rocket(["list", "metric"], options)).stderr, "");
  }, { "m.ts": plugin("") });
});

Deno.test("deno task pipeline first evaluates a pipeline in TypeScript in a process that can only read", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "p.ts");
    await Deno.writeTextFile(file, `Deno.writeTextFileSync("${folder}/mark", "");`);
    const { code } = await rocket([file, "--engine", "wasm"], { cwd: folder });
    assertEquals(code, 2);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["p.ts"]);
  });
});

forNative("deno task pipeline finds out whether the processor computes in bfloat16", async () => {
  await withPipeline(digitsPipeline({ train: { epochs: 1, batch: 64 } }), async (file, folder) => {
    const { code, stderr } = await rocket(
      [file, "--engine", "native", "--precision", "bfloat16", "--out", "run"],
      { cwd: folder },
    );
    assertEquals(code, 0, stderr);
    const { line } = choosePrecision("bfloat16", "native", await thisMachine());
    assertStringIncludes(stderr, `${line}\n`);
  });
});

const sources: Readonly<Record<string, Record<string, unknown>>> = {
  arrow: { use: "arrow", path: "rows.arrow" },
  csv: { use: "csv", path: "rows.csv" },
  parquet: { use: "parquet", path: "rows.parquet" },
  sql: { use: "sql", query: "SELECT * FROM t WHERE x > 0.1", tables: { t: "rows.csv" } },
};

for (const [name, source] of Object.entries(sources)) {
  Deno.test(`deno task pipeline lets a run read ${name}, in memory and streamed`, async () => {
    const pipeline = digitsPipeline({
      data: {
        ...{ train: source, test: source },
        features: { x: {}, y: {} },
        label: { column: "kind", classes: 2 },
      },
      network: { use: "mlp", light: [4], booster: [8] },
      train: { epochs: 1, batch: 50 },
      outputs: ["checkpoint"],
    });
    const rows = Array.from({ length: 3000 }, (_, row) => [row % 7 / 7, row % 5, row % 2].join());
    const files = { "rows.csv": ["x,y,kind", ...rows].join("\n") + "\n" };
    await withPipeline(pipeline, async (file, folder) => {
      const from = join(folder, "rows.csv"), to = join(folder, "rows.arrow");
      await convert({ from, to, batchRows: 500 });
      if (name === "parquet") {
        await writeParquet(`FROM '${from}'`, join(folder, "rows.parquet"));
      }
      const run = async (...args: string[]) => {
        const { code, stderr } = await rocket(args, { cwd: folder });
        assertEquals(code, 0, stderr);
        return stderr;
      };
      const memory = ["--set", "data.memory=10kB"];
      await run(file, "--engine", "wasm", "--out", "run");
      const told = await run(file, "--engine", "wasm", "--out", "by-rows", ...memory);
      assertStringIncludes(told, "(data.memory: 10 kB)");
      await run("resume", "by-rows", "--epochs", "2");
      const result = await Deno.readTextFile(join(folder, "by-rows", "result.json"));
      assertEquals(JSON.parse(result).epochs, 2);
    }, files);
  });
}

Deno.test("needsOf() names the hosts, files and variables of a pipeline, and its run folder", async () => {
  const source = { use: "arrow", path: "https://example.com/a.arrow" };
  const { data } = digitsPipeline() as { data: Record<string, unknown> };
  const pipeline = digitsPipeline({ data: { ...data, train: source }, name: "${env:HOME}" });
  await withPipeline(pipeline, async (file, folder) => {
    const out = join(folder, "run");
    const { permissions } = await needsOf([file, "--out", out, "--engine", "wasm"], "/t");
    const of = (permission: string) =>
      permissions.filter((need) => need.permission === permission).map((need) => need.of);
    assertEquals(of("net"), ["example.com:443"]);
    assertEquals(of("write"), [out, "/t"]);
    assertEquals(of("ffi"), []);
    assert(of("env").includes("HOME"));
    assert(of("read").includes(folder));
  });
});

Deno.test("needsOf() allows a sweep to start only Deno, and gives its runs what their pipelines need", async () => {
  await withPipeline(digitsPipeline(), async (pipeline, folder) => {
    const file = join(folder, "sweep.yaml"), out = join(folder, "out");
    const source = "{ use: arrow, path: https://example.com/a.arrow }";
    await Deno.writeTextFile(
      file,
      `base: ${pipeline}\nseeds: [1]\nsettings: { a: {}, b: { data.train: ${source} } }\n`,
    );
    const of = async (permission: string, ...args: string[]) => {
      const all = ["sweep", file, "--out", out, "--engine", "wasm", ...args];
      const { permissions } = await needsOf(all, "/t");
      return permissions.filter((need) => need.permission === permission).map((need) => need.of);
    };
    const run = ["--only", "b/seed-1"];
    assertEquals([await of("run"), await of("run", ...run)], [[Deno.execPath()], []]);
    assertEquals([await of("net"), await of("net", ...run)], [[], ["example.com:443"]]);
    assertEquals([await of("write"), await of("write", ...run)], [[out], [out, "/t"]]);
    assertEquals([await of("ffi"), await of("ffi", ...run)], [[], []]);
  });
});

Deno.test("needsOf() gives ONNX Runtime to the check and the latency of a sweep, if the sweep uses it", async () => {
  await withPipeline(digitsPipeline(), async (pipeline, folder) => {
    const caches = { empty: join(folder, "empty"), filled: join(folder, "filled") };
    const version = onnxRuntimePackages[0].split("@").at(-1)!;
    await Deno.mkdir(join(caches.empty, "npm", "registry", "onnxruntime-node", "1.0.0"), {
      recursive: true,
    });
    await Deno.mkdir(join(caches.filled, "npm", "registry", "onnxruntime-node", version), {
      recursive: true,
    });
    await Deno.writeTextFile(join(folder, "m.ts"), plugin(""));
    const before = Deno.env.get("DENO_DIR");
    const of = async (
      { latency, only, cache, more = "" }: {
        readonly latency: string;
        readonly only: string;
        readonly cache: keyof typeof caches;
        readonly more?: string;
      },
    ) => {
      const file = join(folder, "sweep.yaml");
      const text = `base: ${pipeline}\nseeds: [1]\nsettings: { a: { ${more} } }\n`;
      await Deno.writeTextFile(file, `${text}latency: ${latency}\n`);
      Deno.env.set("DENO_DIR", caches[cache]);
      const args = ["sweep", file, "--only", only, "--engine", "wasm"];
      const { permissions, packages } = await needsOf(args, "/t");
      const ffi = permissions.filter(({ permission }) => permission === "ffi").map(({ of }) => of);
      const npm = join(caches[cache], "npm");
      assert(ffi.every((path) => path === npm), `${ffi}`);
      return `${ffi.length > 0 ? "ffi" : ""}${packages.length > 0 ? " download" : ""}`;
    };
    try {
      const auto = { latency: "{ batch: 2 }" }, onnx = { latency: "{ engine: onnx }" };
      for (const only of ["check", "latency"]) {
        assertEquals(await of({ ...auto, only, cache: "empty" }), "");
        assertEquals(await of({ ...auto, only, cache: "filled" }), "ffi");
        assertEquals(await of({ ...onnx, only, cache: "empty" }), "ffi download");
        // Only `onnx` lifts the restrictions of a plugin.
        const more = "metrics: [./m.ts]";
        assertEquals(await of({ ...auto, only, cache: "filled", more }), "");
        assertEquals(await of({ ...onnx, only, cache: "filled", more }), "ffi download");
        assertEquals(await of({ latency: "none", only, cache: "filled" }), "");
      }
      assertEquals(await of({ ...onnx, only: "a/seed-1", cache: "filled" }), "");
    } finally {
      if (before === undefined) Deno.env.delete("DENO_DIR");
      else Deno.env.set("DENO_DIR", before);
    }
  });
});

Deno.test("flags leave out names that no file can have, which no argument can contain", () => {
  const read = (of: string): Need => ({ permission: "read", of, why: "data" });
  assertEquals(
    flagsOf([read("/a"), read("/b\0c")])!.filter((flag) => flag.startsWith("--allow-read")),
    ["--allow-read=/a"],
  );
});

Deno.test("a run that may not set up the native engine prints this, or why the set-up failed", async () => {
  await withPipeline(digitsPipeline(), async (file, folder) => {
    const cache = join(folder, "cache");
    Deno.mkdirSync(cache);
    const check = async (words: string) => {
      const { permissions } = await needsOf(["check", file], folder);
      const granted = [...flagsOf(permissions)!, `--allow-read=${cache}`, "--no-prompt"];
      const { code, stderr } = await deno(
        [
          "run",
          "--quiet",
          ...granted,
          ...flags,
          join(root, "src/commands/program.ts"),
          "check",
          file,
        ],
        { cwd: folder, env: { ROCKET_CACHE: cache, ROCKET_TENSORFLOW: "" } },
      );
      assertEquals(code, 0, stderr);
      assertStringIncludes(
        stderr,
        `using the slower wasm engine because the native engine is not available: ${words}`,
      );
      assert(!stderr.includes(" access"), stderr);
    };
    await check(
      "TensorFlow is not set up, and this process has no permission to run the programs that " +
        "set it up; to use the native engine: ",
    );
    // The process with the permission to set up the engine has stored this failure.
    const failure = { circumstances: "[]", time: Date.now(), message: "no index", hint: "connect" };
    await Deno.writeTextFile(join(cache, "native-failure.json"), JSON.stringify(failure));
    await check("no index; to use the native engine: connect; Rocket tries again after a day");
  });
});
