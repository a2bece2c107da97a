import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join, relative } from "node:path";
import { Int32, Table, tableToIPC, Utf8, vectorFromArray } from "apache-arrow";
import { encodeSafetensors } from "../../src/base/files/safetensors.ts";
import { inFolder, rocket, root } from "../support/command_line.ts";
import { writeParquet } from "../support/formats.ts";
import { digitsPipeline, pluginApi } from "../support/pipelines.ts";

/** A name with forged lines after each kind of line break, and with all invisible characters. */
const evil =
  "x\nerror: forged\rerror: forged\u2028error: forged\u2029\n hint: forged\u061c\u200b\u200e\u200f\u202e\ufeff\u{e0041}\tz";
/** The name as a terminal shows it. */
const shown =
  "x\\u{a}error: forged\\u{d}error: forged\\u{2028}error: forged\\u{2029}\\u{a} hint: forged" +
  "\\u{61c}\\u{200b}\\u{200e}\\u{200f}\\u{202e}\\u{feff}\\u{e0041}\\u{9}z";
/** The name as a hint shows it, so that it can be copied into a YAML file. */
const inYaml =
  String.raw`"x\nerror: forged\rerror: forged\u2028error: forged\u2029\n hint: forged` +
  String.raw`\u061c\u200b\u200e\u200f\u202e\ufeff\U000e0041\tz"`;
/** The name for CSV files. A carriage return would end a line there, even in quotes. */
const csvName = evil.replace("\r", "");
const file = "x\nerror: forged\u2028\u200f.";

/** A pipeline with a few rows. */
const small = (parts: Record<string, unknown> = {}) => ({
  ...digitsPipeline(),
  name: "small",
  train: { epochs: 1, batch: 4 },
  ...parts,
});
const source = { use: "arrow", path: `${file}arrow` };
const data = {
  train: source,
  test: source,
  features: { x: { column: "n" }, told: { column: evil, ids: "train" } },
  label: evil,
  transforms: [{ use: "one-hot", feature: "told" }],
};

/** Rows with this name as a column and as a class. */
function arrow(): Uint8Array {
  const n = vectorFromArray([1, 2, 3, 4], new Int32());
  const classes = vectorFromArray([evil, "a", evil, "a"], new Utf8());
  return new Uint8Array(tableToIPC(new Table({ n, [evil]: classes }), "file"));
}

/** A command line, and the text that it prints about its file. */
interface Case {
  readonly command: string;
  readonly code: 0 | 1 | 2;
  readonly pipeline?: unknown;
  readonly words: readonly string[];
}

const quoted = `"${evil}"`;

const cases: Readonly<Record<string, Case>> = {
  "tables and warnings of check": {
    command: "check",
    code: 0,
    pipeline: small({ data }),
    words: ["warning: ", "x\\u{a}error: forged\\u{2028}\\u{200f}.yaml: fine"],
  },
  "columns of Arrow": {
    command: "check",
    code: 2,
    pipeline: small({ data: { ...data, features: { a: { column: `${evil}z` } } } }),
    words: [`did you mean ${inYaml}?`],
  },
  "columns of CSV": {
    command: "check",
    code: 2,
    pipeline: small({
      data: { ...data, train: { use: "csv", path: "a.csv", columns: { [csvName]: "int32" } } },
    }),
    words: [`did you mean ${inYaml.replace("\\r", "")}?`],
  },
  "columns of Parquet": {
    command: "check",
    code: 1,
    pipeline: small({
      data: { ...data, train: { use: "parquet", path: "a.parquet" } },
    }),
    words: [`the column ${shown} has DuckDB's type INTERVAL`],
  },
  "tensors of safetensors": {
    command: "check",
    code: 2,
    pipeline: small({
      data,
      network: {
        ...Object(digitsPipeline().network),
        initial: { light: { file: "a.safetensors", names: { [evil]: "light/head/kernel" } } },
      },
    }),
    words: [shown],
  },
  "stages of list": {
    command: "list",
    code: 0,
    pipeline: small({ data, metrics: [{ use: `./${file}ts` }] }),
    words: ["forged\\u{2028}\\u{200f}.ts"],
  },
  "settings of sweeps": {
    command: "sweep",
    code: 2,
    pipeline: { base: small({ data }), seeds: [1], settings: { [evil]: {} } },
    words: [inYaml],
  },
};

for (const [what, { command, code, pipeline, words }] of Object.entries(cases)) {
  Deno.test(`names cannot forge lines of output: ${what}`, async () => {
    await inFolder(async (folder) => {
      const csv = `"${csvName}",class\nword,a\n`;
      await Deno.writeTextFile(join(folder, "a.csv"), csv);
      await Deno.writeFile(join(folder, `${file}arrow`), arrow());
      await Deno.writeTextFile(
        join(folder, `${file}ts`),
        `import { defineMetric, z } from ${JSON.stringify(pluginApi)};
export default defineMetric({
  name: "m", summary: ${JSON.stringify(evil)}, per: "net", options: z.object({}),
  create: () => ({ start: () => ({ add() {}, value: () => 0 }) }),
});`,
      );
      await writeParquet(
        `SELECT INTERVAL 1 DAY AS ${quoted}, 1 AS class`,
        join(folder, "a.parquet"),
      );
      await Deno.writeFile(
        join(folder, "a.safetensors"),
        encodeSafetensors(new Map([[evil, { shape: [1], values: Float32Array.of(1) }]]), {}),
      );
      await Deno.writeTextFile(join(folder, `${file}yaml`), JSON.stringify(pipeline));
      const options = command === "list" ? [] : ["--engine", "wasm"];
      const ended = await rocket([command, `${file}yaml`, ...options], { cwd: folder });
      const text = ended.stdout + ended.stderr;
      assertEquals(ended.code, code, text);
      assert(!/[^\P{C}\n]|[\p{Zl}\p{Zp}]/u.test(text), JSON.stringify(text));
      assert(!/^\s*(error|hint|warning): forged/m.test(text), text);
      for (const word of words) assertStringIncludes(text, word);
    });
  });
}

Deno.test("all terminal output goes through one module, line by line", async () => {
  const others: string[] = [], bars: string[] = [];
  for (
    const folder of [
      "data",
      "plugins",
      ...["base", "commands", "engine", "input", "pipeline", "run", "stages", "sweep", "train"].map(
        (room) => `src/${room}`,
      ),
    ]
  ) {
    for await (const path of sources(join(root, folder))) {
      const text = (await Deno.readTextFile(path)).replaceAll(/^ *(\*|\/\/).*$/gm, "");
      if (/console\.|std(out|err)\.write/.test(text)) others.push(relative(root, path));
      // A name in the format of a bar would not be escaped, and its braces would be replaced.
      if (
        /SingleBar/.test(text) && /`[^`]*\$\{(?!printable)[^`]*\{(bar|rows|percentage)/.test(text)
      ) {
        bars.push(relative(root, path));
      }
    }
  }
  assertEquals(
    others.sort(),
    [
      // This passes on text that other processes of Rocket have already escaped.
      "src/commands/sweep.ts",
      // The parent process reads this.
      "src/engine/native/trial.ts",
      "src/base/terminal.ts",
      // A progress bar that is redrawn in place.
      "plugins/outputs/progress.ts",
    ].sort(),
  );
  assertEquals(bars, []);
});

/** Lists all TypeScript files below a folder. */
async function* sources(folder: string): AsyncIterable<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* sources(path);
    else if (name.endsWith(".ts")) yield path;
  }
}
