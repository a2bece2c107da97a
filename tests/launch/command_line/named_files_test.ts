import { assertEquals } from "@std/assert";
import {
  commonOptions,
  namedFiles,
  pathOptions,
  stageOptions,
} from "../../../src/launch/command_line/named_files.ts";
import { nestedStages } from "../../../src/pipeline/plan/stage_options.ts";
import { commonKeys } from "../../../src/pipeline/file_schema.ts";
import { stageKinds } from "../../../src/stages/stage.ts";
import { builtins } from "../../../plugins/mod.ts";

Deno.test("pathOptions and stageOptions agree with the schemas of the built-in stages", () => {
  const marked = builtins.map((stage): [string, string[]] => [
    stage.name,
    Object.entries(stage.options.shape)
      .filter(([, schema]) => isPath(schema as Parameters<typeof isPath>[0]))
      .map(([key]) => key),
  ]);
  const some = (entries: [string, string[]][]) =>
    Object.fromEntries(entries.filter(([, keys]) => keys.length > 0));
  assertEquals(pathOptions, some(marked));
  const nested = builtins.map((stage) => [stage.name, nestedStages(stage)] as const)
    .filter(([, options]) => options.length > 0)
    .map(([name, options]) => [name, Object.fromEntries(options)]);
  assertEquals(stageOptions, Object.fromEntries(nested));
});

const isPath = (
  schema: { meta(): Record<string, unknown> | undefined; def: { innerType?: unknown } },
): boolean =>
  schema.meta()?.path === true ||
  (schema.def.innerType !== undefined && isPath(schema.def.innerType as typeof schema));

Deno.test("commonOptions are the keys of entries that are not options of stages", () => {
  for (const kind of stageKinds) {
    assertEquals([...commonOptions[kind], "use"].sort(), [...commonKeys(kind)].sort(), kind);
  }
});

Deno.test("namedFiles() finds exactly the code of stages, options that are paths, and initial weights", () => {
  const found = namedFiles({
    $schema: "/schema",
    name: "/name",
    data: {
      train: { use: "sql", query: "FROM '/query'", tables: { t: ["/a", "/b"] }, database: "/c" },
      test: { use: "./rows.ts", inner: { path: "/d" }, list: ["e"] },
      validation: "./v.ts",
      features: { x: { column: "/column" } },
      label: "/label",
      transforms: ["./t.ts", { use: "normalize", feature: "/feature" }],
    },
    network: { use: "mlp", activation: "/activation", initial: { light: { file: "/f" } } },
    phases: [{
      losses: [
        { use: "./l.ts", on: "/on", gradient: "./g.ts", teacher: { run: "big" } },
        {
          use: "kl",
          teacher: {
            ...{ onnx: "teacher.onnx", inputs: { x: "/x" }, key: "/key" },
            rows: { use: "parquet", path: "rows.parquet" },
          },
        },
        { use: "kl", teacher: { column: "/column" } },
      ],
    }],
    optimizer: { use: "sgd", schedule: { use: "warm-up", then: { use: "./s.ts", key: "/h" } } },
    metrics: [{ use: "./m.ts#x", name: "/name" }],
    outputs: [7, null, { use: "./o.ts", to: "/i" }],
  });
  assertEquals(Array.from(found, ({ what, text }) => `${what} ${text}`).sort(), [
    ...["/a", "/b", "/c", "/d", "/f", "/h", "/i", "e"].map((text) => `file ${text}`),
    "file rows.parquet",
    "onnx teacher.onnx",
    "run big",
    ...["g", "l", "m", "o", "rows", "s", "t", "v"].map((name) =>
      `stage ./${name}.ts${name === "m" ? "#x" : ""}`
    ),
    ...["kl", "kl", "mlp", "normalize", "parquet", "sgd", "sql", "warm-up"].map((name) =>
      `stage ${name}`
    ),
  ]);
});

Deno.test("namedFiles() accepts values that are not pipelines", () => {
  for (const value of [null, 1, "x", [], { data: 1, losses: {}, phases: [1, null], network: [] }]) {
    assertEquals([...namedFiles(value)], []);
  }
});
