import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { GPU_PLATFORM } from "../../src/engine/native/gpu_platform.ts";
import { PLATFORM } from "../../src/engine/native/versions.ts";
import { clusterCases } from "./cluster_cases.ts";
import { columnCases } from "./column_cases.ts";
import { imageCases } from "./image_cases.ts";
import { splitCases } from "./split_cases.ts";
import type { Mend } from "./changed_input.ts";
import { check, type CommandCase, inPipeline, ofRows, rows } from "./rows_pipeline.ts";
import type { Case } from "./pipeline_cases.ts";
import { arrowFile, renamed } from "./small_rows.ts";
import { stageCases } from "./stage_cases.ts";
import { root } from "../support/command_line.ts";

const rocketConfig = { name: "@rocket-launching/rocket", version: "0.1.0" };

/** A pipeline that nothing is wrong with. */
export const rightPipeline = `name: right
data:
  train: { use: arrow, path: ${root}data/digits-train.arrow }
  test: { use: arrow, path: ${root}data/digits-test.arrow }
  features: { image: { shape: [8, 8, 1] } }
  label: digit
  rows: 200
network: { use: mlp, light: [4], booster: [8] }
losses:
  - { use: cross-entropy, on: light }
  - { use: cross-entropy, on: booster }
  - { use: mse-hint, weight: 0.03 }
optimizer: { use: sgd, learningRate: 0.05 }
train: { epochs: 1, batch: 100 }
metrics: [accuracy]
outputs: []
`;

/**
 * Pipelines whose files a repository cannot hold, as they would mean something to Deno or be many.
 */
function* projectCases(): Iterable<CommandCase> {
  yield {
    name: "project: a list of modules that is none",
    args: [...check, "p.yaml"],
    code: 2,
    words: ["rocket.allowPlugins must be a list"],
    files: { "deno.json": '{ "rocket": { "allowPlugins": "npm:their-stage" } }' },
    mended: {
      "code/list": {
        files: { "deno.json": '{ "rocket": { "allowPlugins": ["npm:their-stage@1"] } }' },
      },
    },
  };
  yield {
    name: "project: files that extend the same file twice, over and over",
    args: [...check, "f7.yaml"],
    code: 2,
    words: ["consists of more than 100 files"],
    files: Object.fromEntries(
      Array.from({ length: 7 }, (_, at) => [
        `f${at + 1}.yaml`,
        `extends: [${at === 0 ? "p.yaml, p.yaml" : `f${at}.yaml, f${at}.yaml`}]\n`,
      ]),
    ),
    mended: {
      "extends/many": {
        files: { "f7.yaml": "extends: f6.yaml\n", "f6.yaml": "extends: f5.yaml\n" },
      },
    },
  };
}

/** The files of a run folder that commands read which need no checkpoint. */
function endedRun(folder: string): Record<string, string> {
  const measured = { light: { accuracy: 0.5 } };
  const best = { epoch: 1, split: "test", metric: "light/accuracy", value: 0.5, test: measured };
  return {
    [`${folder}/pipeline.json`]: JSON.stringify({
      pipeline: { train: { epochs: 1 } },
      variables: {},
      versions: {},
      seed: 1,
      engine: "wasm",
      precision: "float32",
      data: {},
      initial: {},
    }),
    [`${folder}/result.json`]: JSON.stringify({
      ...{ name: "r", engine: "wasm", precision: "float32", seed: 1, epochs: 1, steps: 1 },
      ...{
        skipped: 0,
        seconds: 1,
        test: measured,
        best,
        input: { rowsPerSecond: 1000, waitingShare: 0 },
      },
      ...{ parameters: { light: 10 }, gradients: [] },
    }),
  };
}

/** What the engine needs, and a run may not do by itself. */
function* engineCases(): Iterable<CommandCase> {
  yield {
    name: "engine: native, in a process that may not set it up",
    args: ["check", "--engine", "native", "--quiet", "p.yaml"],
    code: 1,
    words: ["TensorFlow is not set up", "`deno task pipeline native`"],
    env: { ROCKET_CACHE: "no-cache" },
  };
  const gpu = ["check", "--device", "gpu", "--quiet", "p.yaml"];
  const isSupported = PLATFORM === GPU_PLATFORM;
  yield {
    name: "device: gpu, which is not set up",
    args: gpu,
    code: isSupported ? 1 : 2,
    words: isSupported
      ? ["TensorFlow is not set up for GPUs", "`deno task pipeline native --device gpu`"]
      : ["supports NVIDIA GPUs only on linux-x86_64"],
    env: { ROCKET_CACHE: "no-cache" },
  };
  yield {
    name: "device: gpu, with a TensorFlow of the user",
    args: gpu,
    code: 2,
    words: ["ROCKET_TENSORFLOW is", "but --device gpu uses the TensorFlow that Rocket sets up"],
    env: { ROCKET_TENSORFLOW: "elsewhere" },
  };
  yield {
    name: "device: gpu, on the wasm engine",
    args: [...gpu, "--engine", "wasm"],
    code: 2,
    words: ["--device gpu needs the native engine, but --engine is wasm"],
  };
  yield {
    name: "xla, on the wasm engine",
    args: ["p.yaml", "--xla", "--engine", "wasm", "--quiet"],
    code: 2,
    words: ["--xla needs the native engine, but --engine is wasm"],
  };
  yield {
    name: "device: a name that is none",
    args: ["check", "--device", "gpus", "p.yaml"],
    code: 2,
    words: ['--device must be auto, cpu or gpu, got "gpus"'],
  };
}

/** Words in the place of others, and options. */
function* wordCases(): Iterable<CommandCase> {
  const one = (
    name: string,
    args: readonly string[],
    words: readonly string[],
    more: Partial<CommandCase> = {},
  ): CommandCase => ({ name: `words: ${name}`, args, code: 2, words, ...more });
  yield one("a kind of stage that is none", ["list", "los"], ["did you mean loss?"]);
  yield one("a stage that is near", ["show", "mse-hnt"], ["did you mean mse-hint?"]);
  yield one("an option of a section that is near", ["show", "data.lable"], [
    "did you mean data.label?",
  ]);
  yield one("an option of a section that is none", ["show", "train.zzzz"], [
    "run `show train` to see",
  ]);
  yield one("a stage that is none", ["show", "zzzz"], ["pipeline list to see all stages"]);
  yield one("an option that is near", [...check, "--sed", "3", "p.yaml"], ["did you mean --seed?"]);
  yield one("an option that is none", [...check, "--zzzzzz", "p.yaml"], ["--help lists them"]);
  yield one("a command that is near", ["chekc", "p.yaml"], ["did you mean check?"]);
  yield one("a command for help that is near", ["help", "predct"], ["did you mean predict?"]);
  yield one("an engine that is near", ["check", "--engine", "wsam", "--quiet", "p.yaml"], [
    "did you mean wasm?",
  ]);
  yield one("a folder for a resumed run", ["resume", "runs/a", "--out", "b"], [
    "continues in its own folder",
    "remove it",
  ]);
  yield one("no run folder", ["resume"], ["expected a run folder", "--help"]);
  yield one("a single run to compare", ["compare", "a"], ["expected two run folders or more"], {
    mended: { "compare/runs": { args: ["compare", "a", "b"] } },
    files: { ...endedRun("a"), ...endedRun("b") },
  });
  yield one("a run without a result", ["compare", "a", "b"], ["b has no result", "resume b"], {
    files: {
      ...endedRun("a"),
      "b/pipeline.json": endedRun("b")["b/pipeline.json"]!,
      ...endedRun("c"),
    },
    mended: { "compare/ended": { args: ["compare", "a", "c"] } },
  });
  yield one("no folder with runs", ["runs", "elsewhere"], [
    "there is no folder elsewhere",
    "name a folder that contains runs",
  ], { mended: { "runs/folder": { args: ["runs", "."] } } });
  yield one("no kind of a new stage", ["new"], ["for example"]);
  yield one("a name that is none for a stage", ["new", "loss", "My-Loss.ts.ts"], ["my_stage.ts"]);
  yield one("a file that is there", ["new", "loss", "mine.ts"], ["already exists"], {
    files: { "mine.ts": "" },
    mended: { "new/there": { args: ["new", "loss", "other.ts"] } },
  });
  yield one("an option of new project for a stage", ["new", "loss", "mine.ts", "--label", "y"], [
    "--label is an option of new project, not of new loss",
  ]);
  yield one("no valid name of a package", ["new", "package", "@You/Loss", "here"], [
    '"@You/Loss" cannot be the name of a package',
  ]);
  yield one("no name of a package", ["new", "package"], ["expected a name for the package"]);
  yield* projectsOfFiles();
}

/** New projects for files that cannot be used as they are. */
function* projectsOfFiles(): Iterable<CommandCase> {
  const files = { "rows.csv": "x,t,y\n1,a,0\n2,b,0\n3,c,0\n", "y.csv": "y\n0\n1\n" };
  const made = ["new", "project", "here"];
  const one = (
    name: string,
    args: readonly string[],
    words: readonly string[],
    mended: Readonly<Record<string, Mend>> = {},
    more: Readonly<Record<string, string>> = {},
  ): CommandCase => ({
    ...{ name: `commands: ${name}`, args: [...made, ...args], code: 2, words, mended },
    files: { ...files, ...more },
  });
  const from = ["--from", "rows.csv"];
  yield one("a label that is no column", [...from, "--label", "T"], ['did you mean "t"?']);
  yield one("a file without a label", from, ["add --label with one of x, t, y"], {
    "new/label-missing": { args: [...made, ...from, "--label", "x"] },
  });
  yield one("a label without a file", ["--label", "x"], ["add --from FILE, or remove --label"], {
    "new/label-alone": { args: [...made, "--label", "x", ...from] },
  });
  yield one("a label with one value", [...from, "--label", "y"], ["has the same value in all 3"], {
    "new/unfit-label": { args: [...made, ...from, "--label", "x"] },
  });
  yield one("a label alone in its file", ["--from", "y.csv", "--label", "y"], [
    "no column that can",
  ], {
    "new/features": { files: { "y.csv": "y,x\n0,1\n1,2\n" } },
  });
  yield one("a full folder", [], ["is not empty, and existing files are never overwritten"], {
    "new/full": { args: ["new", "project", "there"] },
  }, { "here/mine.txt": "" });
  yield one("no copy of Rocket", ["--link", "rocket"], ["is not a copy of Rocket's repository"], {
    "new/link": { files: { "rocket/deno.json": JSON.stringify(rocketConfig) } },
  }, { "rocket/deno.json": "{}" });
}

const sweepText = `base: p.yaml
seeds: [1, 2]
settings:
  basic: { losses: [{ use: cross-entropy, on: light }] }
  rocket: { losses.2.weight: 0.1 }
`;

/** Sweeps that are refused before their first run. */
function* sweepCases(): Iterable<CommandCase> {
  const part = ["sweep", "--engine", "wasm", "--quiet", "--only", "check", "s.yaml"];
  const one = (
    name: string,
    text: string,
    words: readonly string[],
    more: Partial<CommandCase> = {},
  ): CommandCase => ({
    name: `sweep: ${name}`,
    args: part,
    code: 2,
    words,
    ...more,
    files: { "s.yaml": text, ...more.files },
  });
  const named = (name: string) => `${sweepText}  ${name}: {}\n`;
  yield one("a setting that is called like the sweep's table", named("table.MD"), [
    "the setting cannot be called table.MD",
    "rename the setting",
  ], { mended: { "sweep/file-name": { files: { "s.yaml": named("tables") } } } });
  yield one("a setting that is called like the sweep's plot", named("picture.svg"), [
    "the setting cannot be called picture.svg",
  ]);
  const long = "a".repeat(201);
  yield one("a setting whose name is too long for a folder", named(long), [
    `the name of the setting's folder would be longer than 200 bytes: ${long}`,
    "use a shorter name for the setting",
  ], { mended: { "sweep/long-name": { files: { "s.yaml": named("short") } } } });
  yield one("settings whose names differ in case alone", `${sweepText}  A: {}\n  a: {}\n`, [
    "the settings A and a differ only in case",
    "s.yaml:7:3",
  ], { mended: { "sweep/case": { files: { "s.yaml": `${sweepText}  A: {}\n  b: {}\n` } } } });
  yield one("a reference that is none", `${sweepText}reference: basik\n`, ["did you mean basic?"]);
  yield one("a booster that is none", `${sweepText}booster: basik\n`, ["did you mean basic?"]);
  yield one("a reference that is none, on the command line", sweepText, ["the settings are"], {
    args: [...part, "--reference", "zzz"],
  });
  yield one("a grid of what is no path", `${sweepText}grid: { a..b: [1, 2] }\n`, [
    "such as losses.2.weight",
  ], {
    mended: {
      "sweep/axis": { files: { "s.yaml": `${sweepText}grid: { losses.2.weight: [1, 2] }\n` } },
    },
  });
  yield one(
    "a change of what is no path",
    sweepText.replace("losses.2.weight:", "losses..weight:"),
    ["such as losses.2.weight"],
    { mended: { "sweep/change": { files: { "s.yaml": sweepText } } } },
  );
  yield one("a metric that nobody measures", `${sweepText}metric: light/acc\n`, [
    "compare another metric: light/",
  ]);
  yield one("a metric with several values", `${sweepText}metric: loss\n`, [
    "the sweep compares loss, which has several values",
    "write loss/NAME",
  ], {
    files: { "p.yaml": rightPipeline.replace("[accuracy]", "[accuracy, loss]") },
    mended: { "sweep/value": { files: { "s.yaml": `${sweepText}metric: loss/total\n` } } },
  });
  yield one(
    "a metric of a base without any",
    `${sweepText}metric: light/accuracy\n`,
    ["add the metric to"],
    {
      files: { "p.yaml": rightPipeline.replace("[accuracy]", "[]") },
      mended: { "sweep/metrics": { files: { "p.yaml": rightPipeline } } },
    },
  );
  yield one("a split that is not there", `${sweepText}split: validation\n`, [
    "`validation: 0.1` in data.split",
  ], {
    mended: {
      "sweep/validation": {
        files: {
          "p.yaml": (text) => text.replace("data:", "data:\n  split: { validation: 0.1 }"),
        },
      },
    },
  });
  yield one("a seed on the command line", sweepText, [
    "list the seeds in the file, such as seeds: [1, 2, 3]",
  ], {
    args: ["sweep", "--set", "seed=3", "--engine", "wasm", "--quiet", "s.yaml"],
    mended: { "sweep/seed": { args: part } },
  });
  yield one("a part that is none", sweepText, ["did you mean rocket/seed-1?"], {
    args: ["sweep", "--engine", "wasm", "--quiet", "--only", "rocket/sed-1", "s.yaml"],
  });
}

/** Sweeps whose folder holds something already. */
function* sweepFolderCases(): Iterable<CommandCase> {
  const part = (name: string) => ["sweep", "--engine", "wasm", "--quiet", "--only", name, "s.yaml"];
  const files = { "s.yaml": `${sweepText}latency: { batch: 500 }\n` };
  const runOne: Case["before"] = async (run) => {
    await run(part("basic/seed-1"));
    await run(part("rocket/seed-1"));
  };
  yield {
    name: "sweep folder: runs of another pipeline",
    args: [...part("check"), "--set", "optimizer.learningRate=0.1"],
    code: 2,
    words: ["contains runs of a different pipeline", "choose another folder"],
    files,
    before: runOne,
  };
  yield {
    name: "sweep folder: of a sweep that goes on",
    args: ["sweep", "--engine", "wasm", "--quiet", "s.yaml"],
    code: 1,
    words: ["another process is running a sweep", "--out"],
    files,
    async before(_run, folder) {
      const out = join(folder, "runs", "s");
      await Deno.mkdir(out, { recursive: true });
      const lock = await Deno.open(join(out, ".lock"), { create: true, write: true });
      await lock.lock(true);
      return lock;
    },
    // To follow it would run the whole sweep.
    mended: { "sweep/lock": { args: [...part("check"), "--out", "another"] } },
  };
  yield {
    name: "sweep folder: latency of more rows than there are",
    args: part("latency"),
    code: 2,
    words: ["set `batch: 360` under `latency`"],
    files: { "s.yaml": `${sweepText.replace("[1, 2]", "[1]")}latency: { batch: 500 }\n` },
    before: runOne,
    mended: {
      "sweep/batch": { files: { "s.yaml": (text) => text.replace("batch: 500", "batch: 360") } },
    },
  };
}

/** A packed IDX file of zeros. */
function blank(...shape: number[]): Uint8Array {
  const header = Uint8Array.of(
    0,
    0,
    8,
    shape.length,
    ...shape.flatMap((size) => [size >> 24, size >> 16, size >> 8, size]),
  );
  const file = new Uint8Array(header.length + shape.reduce((product, size) => product * size, 1));
  file.set(header);
  return new Uint8Array(gzipSync(file, { level: 1 }));
}

/** `deno task data`. */
function* dataCommandCases(): Iterable<CommandCase> {
  const csv = "x,y\n1,0\n2,1\n";
  const one = (
    name: string,
    args: readonly string[],
    words: readonly string[],
    more: Partial<CommandCase> = {},
  ): CommandCase => ({
    name: `data: ${name}`,
    task: "data",
    args,
    code: 2,
    words,
    ...more,
    files: { "a.csv": csv, ...more.files },
  });
  const right: Mend = { args: ["convert", "a.csv", "a.arrow"] };
  yield one("an option that is none", ["convert", "--form", "x"], ["deno task data NAME"], {
    mended: { "data/usage": right },
  });
  yield one("a data set that is none", ["digit", "--out", "o"], ["did you mean digits?"]);
  yield one("two data sets", ["digits", "movielens", "--out", "o"], ["one data set at a time"]);
  yield one("an option of convert", ["digits", "--query", "x"], [
    "only data convert has the option --query",
  ], {
    mended: { "data/options": right },
  });
  yield one("an option of another data set", ["digits", "--depth", "2"], [
    "data digits has no option --depth",
  ], {
    mended: { "data/options": right },
  });
  yield one(
    "clicks of too many features",
    ["synthetic-clicks", "--rows", "1000", "--depth", "12"],
    [
      "--depth expects a whole number from 1 to 11, got 12",
    ],
  );
  yield one("convert without a file", ["convert"], ["data convert expects two paths"], {
    mended: { "convert/usage": right },
  });
  yield one("record batches of no rows", ["convert", "a.csv", "a.arrow", "--batch", "0"], [
    "at least 1",
  ]);
  yield one(
    "a format that is none",
    ["convert", "a.xyz", "a.arrow"],
    ["use a file that ends in"],
    {
      files: { "a.xyz": csv },
      mended: { "convert/format": right },
    },
  );
  yield one("a query of an Arrow file", ["convert", "b.arrow", "a.arrow", "--query", "FROM data"], [
    "query the Parquet or CSV file",
  ], {
    mended: { "convert/arrow": { args: ["convert", "a.csv", "a.arrow", "--query", "FROM data"] } },
  });
  yield one("a database without a query", ["convert", "t.duckdb", "a.arrow"], ["FROM table"], {
    files: { "t.duckdb": Deno.readFileSync(`${root}tests/fixtures/formats/tables.duckdb`) },
    mended: {
      "convert/query": {
        args: ["convert", "t.duckdb", "a.arrow", "--query", "FROM duckdb_tables()"],
      },
    },
  });
  yield one("a column that is none", ["convert", "a.csv", "a.arrow", "--columns", "x,z"], [
    "its columns are x, y",
  ]);
  yield one("nulls of no text", ["convert", "b.arrow", "a.arrow", "--null", "NA"], [
    "--null works only for CSV and TSV files",
  ], { files: { "b.arrow": arrowFile({ x: ["int", [1]] }) } });
  const bytes = arrowFile({ colA: ["int", [1]], colB: ["int", [2]], z: ["int", [3]] });
  yield one("two columns of one name", ["convert", "t.arrow", "a.arrow"], [
    "keep only the other columns: --columns z",
  ], {
    files: {
      "t.arrow": renamed(bytes),
    },
  });
  const both = arrowFile({ colA: ["int", [1]], colB: ["int", [2]] });
  yield one("two columns of one name, and no other", ["convert", "t.arrow", "a.arrow"], [
    "give the columns of the file different names",
  ], {
    files: { "t.arrow": renamed(both) },
    mended: { "convert/rename": { files: { "t.arrow": both } } },
  });
  yield one(
    "no IDX files",
    ["fashion-mnist", "--from", "f", "--out", "o"],
    ["the four IDX files"],
    {
      code: 1,
      files: { "f/none.txt": "" },
      mended: { "fashion-mnist/folder": { files: { "f/train-images-idx3-ubyte": "x" } } },
    },
  );
  yield one("IDX files of other values", ["fashion-mnist", "--from", "f", "--out", "o"], [
    "its SHA-256",
  ], {
    code: 1,
    files: { "f/train-images-idx3-ubyte.gz": blank(60_000, 28, 28) },
  });
  const other = { "f/train-images-idx3-ubyte": Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 5) };
  yield one("IDX files of another shape", ["fashion-mnist", "--from", "f", "--out", "o"], [
    "pass the folder with Fashion-MNIST",
  ], {
    code: 1,
    files: other,
    mended: { "fashion-mnist/shape": { args: ["fashion-mnist", "--from", "other", "--out", "o"] } },
  });
  yield one("no files of MovieLens", ["movielens", "--from", "f", "--out", "o"], ["GroupLens"], {
    code: 1,
    files: { "f/none.txt": "" },
    mended: {
      "movielens/folder": {
        files: { "f/u.data": "1\t1\t5\t9\n", "f/u.item": "x", "f/u.user": "x" },
      },
    },
  });
}

const twoLosses = (loss: string) =>
  `[{ use: binary-cross-entropy, on: light }, { use: binary-cross-entropy, on: booster }, ${loss}]`;

/** What needs rows of its own to be printed. */
function* rowsCases(): Iterable<CommandCase> {
  const n = "{ n: }", ids = "{ a: { ids: { count: 4 } }, b: { ids: { count: 4 } } }";
  const ctr = (features: string) =>
    `{ use: ctr, light: { hidden: [4] }, booster: { hidden: [8] }, features: ${features} }`;
  yield ofRows("a relation within a row of two classes", 2, ["beta: 0"], {
    features: n,
    losses: twoLosses("{ use: dist }"),
  });
  yield ofRows("standardized logits of two classes", 2, ["use kl or mse-hint"], {
    features: n,
    losses: twoLosses("{ use: logit-standardization }"),
  });
  yield ofRows("angles of one unit", 2, ["angle: 0"], {
    features: n,
    losses: twoLosses("{ use: relational-kd, from: booster.logits, to: light.logits }"),
  });
  yield ofRows("top-k of two classes", 2, ["use auc"], { features: n, metrics: "[top-k]" });
  yield ofRows("a network of one feature among two", 2, ["add `feature:`"], {
    features: "{ n: , a: }",
    network: "{ use: wide-resnet, light: { depth: 10 }, booster: { depth: 16 } }",
  });
  yield ofRows("more ids than one-hot was told", 1, ["count: 3"], {
    columns: { a: ["int", [2, 1, 0, 1]] },
    features: "{ a: { dtype: int32 } }",
    transforms: "[{ use: one-hot, count: 2 }]",
  });
  yield ofRows("an id below zero", 1, ["ids are integers from 0"], {
    columns: { a: ["int", [0, -1, 2, 3]] },
    features: "{ a: { dtype: int32 } }",
    transforms: "[{ use: one-hot, count: 4 }]",
  }, { "one-hot/ids": { files: { "rows.arrow": arrowFile(rows) } } });
  yield ofRows("an unknown number of ids", 2, ["count: 10"], {
    features: "{ a: { dtype: int32 } }",
    transforms: "[one-hot]",
  });
  yield ofRows("fewer ids than there are words", 2, ["remove `count`"], {
    features: "{ word: { ids: train } }",
    transforms: "[{ use: one-hot, count: 2 }]",
  });
  yield ofRows("a cast of what is no int32", 1, ["int32 holds integers"], {
    columns: { n: ["float", [0, 3e9, 2, 3]] },
    features: n,
    transforms: "[{ use: cast, dtype: int32 }]",
  });
  yield ofRows("two features renamed alike", 2, ["a different name"], {
    features: "{ n: , a: }",
    transforms: "[{ use: rename, names: { n: x, a: x } }]",
  }, { "rename/twice": inPipeline("a: x", "a: z") });
  yield ofRows("a perceptron of ids", 2, ["one-hot, feature: a }"], {
    features: "{ a: { ids: { count: 4 } } }",
  });
  yield ofRows("a perceptron of int32", 2, ["leave out `dtype: int32`"], {
    features: "{ a: { dtype: int32 } }",
  });
  yield ofRows("a perceptron of text", 2, ["for categories add"], { features: "{ word: }" });
  yield ofRows("a perceptron of times", 2, ["bring them into range"], { features: "{ time: }" });
  yield ofRows("an embedding of a feature that is none", 2, ["did you mean a?"], {
    features: ids,
    network: ctr("{ A: { size: 3 } }"),
  });
  yield ofRows("an embedding of numbers", 2, ["remove n from"], {
    features: `{ n: , a: { ids: { count: 4 } } }`,
    network: ctr("{ n: { size: 3 } }"),
  });
  yield ofRows("ids of a shape of two", 2, ["a shape of one number"], {
    features: "{ list: { shape: [2, 1], ids: { count: 4 } } }",
    network: ctr("{}"),
  }, { "embedding/ids-shape": inPipeline("[2, 1]", "[2]") });
  yield ofRows("pooling of one id a row", 2, ["remove `pooling` and `attention`"], {
    features: ids,
    network: ctr("{ a: { pooling: sum } }"),
  });
  yield ofRows("ids whose number nobody says", 2, ["ids: train, { hash: N }"], {
    features: "{ a: { dtype: int32 } }",
    network: ctr("{}"),
  });
  yield ofRows("two sizes of one table", 2, ["write `size: "], {
    features: "{ a: { ids: { count: 4 } }, b: { ids: { of: a } } }",
    network: ctr("{ b: { size: 3 } }"),
  });
  yield ofRows("attention to a feature that is none", 2, ["with one id per row are a"], {
    features: "{ a: { ids: { count: 4 } }, list: { ids: { count: 4 } } }",
    network: ctr("{ list: { attention: { to: c } } }"),
  });
  yield ofRows("attention to embeddings of another size", 2, ["write `size: 3` for a"], {
    features: "{ a: { ids: { count: 4 } }, list: { ids: { count: 4 } } }",
    network: ctr("{ list: { size: 3, attention: { to: a } } }"),
  });
}

/** Options and files that a command cannot take. */
function* argumentCases(): Iterable<CommandCase> {
  const run = ["run", "p.yaml", "--engine", "wasm", "--quiet"];
  const none = ["--set", "data.train.path=none.arrow"];
  const cases: readonly (readonly [string, string[], 1 | 2, string[], CommandCase["files"]?])[] = [
    ["options: a negative seed", [...check, "p.yaml", "--seed", "-1"], 2, [
      '--seed needs a whole number of at least 0, got "-1"',
    ]],
    ["options: no epochs", [...check, "p.yaml", "--epochs=0"], 2, [
      '--epochs needs a whole number of at least 1, got "0"',
    ]],
    ["options: memory that is no size", [...check, "p.yaml", "--memory", "1 byte"], 2, [
      '--memory needs a size of at least 200MB, such as 4GB, got "1 byte"',
    ]],
    ["options: one without its value", [...run, "--out"], 2, ["--out needs a value"]],
    ["options: a change that is no value of its kind", [...run, "--set", "train.epochs=many"], 2, [
      " --> --set train.epochs=many (train.epochs)",
    ]],
    ["options: a change to a file that is not there", [...run, ...none], 1, [
      "none.arrow",
      " --> --set data.train.path=none.arrow (data.train.path)",
    ]],
    ["files: a sweep as a pipeline", [...check, "s.yaml"], 2, [
      "s.yaml is a sweep file, not a pipeline file",
      "deno task pipeline sweep s.yaml",
    ], { "s.yaml": "base: p.yaml\nseeds: [1]\nsettings: { a: {} }\n" }],
    [
      "files: a pipeline as a sweep",
      ["sweep", "p.yaml", "--only", "check", "--engine", "wasm"],
      2,
      [
        "p.yaml is a pipeline file, not a sweep file",
        "deno task pipeline p.yaml",
      ],
    ],
    ["files: a name that is similar", [...check, "pp.yaml"], 2, ["did you mean p.yaml?"]],
    ["folders: a file in the way of the run folder", [...run, "--out", "p.yaml/x"], 1, [
      "the run folder p.yaml/x cannot be created",
      "is a file",
      "choose another folder with --out",
    ]],
    ["folders: a run folder of a similar name", ["resume", "rum"], 2, [
      "rum is not a run folder",
      "did you mean run?",
    ], { "run/pipeline.json": "{}" }],
  ];
  for (const [name, args, code, words, files] of cases) {
    yield { name, args, code, words, ...(files && { files }) };
  }
}

/**
 * Command lines that are wrong by themselves, or by the folder that they are given in.
 *
 * @param folder A folder to work in.
 */
export function* commandCases(folder: string): Iterable<Case> {
  let number = 0;
  for (
    const cases of [
      projectCases(),
      rowsCases(),
      columnCases(),
      imageCases(),
      splitCases(),
      stageCases(),
      wordCases(),
      sweepCases(),
      sweepFolderCases(),
      dataCommandCases(),
      argumentCases(),
      engineCases(),
      clusterCases(),
    ]
  ) {
    for (const { name, task, args, code, words, files = {}, mended, env, before } of cases) {
      const own = join(folder, String(number++));
      for (const [file, content] of Object.entries({ "p.yaml": rightPipeline, ...files })) {
        const path = join(own, file);
        Deno.mkdirSync(dirname(path), { recursive: true });
        if (typeof content === "string") Deno.writeTextFileSync(path, content);
        else Deno.writeFileSync(path, content);
      }
      yield {
        name,
        task,
        args,
        folder: own,
        expected: { code, words, reports: task === "data" },
        mended,
        env,
        before,
      };
    }
  }
}
