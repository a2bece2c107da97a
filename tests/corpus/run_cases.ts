import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { encodeSafetensors } from "../../src/base/files/safetensors.ts";
import type { Mend } from "./changed_input.ts";
import type { CommandLine } from "./outcome.ts";
import type { Case } from "./pipeline_cases.ts";
import { check, rows } from "./rows_pipeline.ts";
import { arrowFile } from "./small_rows.ts";
import { editModel } from "../support/edit_model.ts";
import { windowed } from "../support/windowed.ts";

/** What a pipeline says of its own. */
interface Parts {
  readonly features?: string;
  readonly label?: string;
  readonly transforms?: string;
  readonly network?: string;
  readonly initial?: string;
  readonly losses?: string;
  readonly optimizer?: string;
  readonly memory?: string;
  readonly batch?: number | string;
  readonly metrics?: string;
  /** The source of the training split. */
  readonly source?: string;
}

const pipelineOf = (
  {
    features = "{ n: }",
    label = "{ column: y, kind: binary }",
    transforms = "[]",
    network = "use: mlp, light: [4], booster: [8]",
    initial,
    losses,
    optimizer = "{ use: sgd, learningRate: 0.1 }",
    memory = "1GB",
    batch = 2,
    source = "arrow",
    metrics = "[]",
  }: Parts,
) => {
  const task = /binary/.test(label) ? "binary-cross-entropy" : "cross-entropy";
  return `name: runs
data:
  train: { use: ${source}, path: rows.arrow }
  test: { use: arrow, path: rows.arrow }
  features: ${features}
  label: ${label}
  transforms: ${transforms}
  memory: ${memory}
network: { ${network}${initial ? `, initial: ${initial}` : ""} }
losses: ${losses ?? `[{ use: ${task}, on: light }, { use: ${task}, on: booster }]`}
optimizer: ${optimizer}
train: { epochs: 2, batch: ${batch} }
metrics: ${metrics}
outputs: [checkpoint]
`;
};

/** Weights of a light net of a feature and four units. */
function weights(change: Record<string, { shape: number[]; values?: number[] } | null> = {}) {
  const tensors = {
    "light/dense1/kernel": { shape: [1, 4] },
    "light/dense1/bias": { shape: [4] },
    "light/head/kernel": { shape: [4, 1] },
    "light/head/bias": { shape: [1] },
    ...change,
  };
  return encodeSafetensors(
    new Map(
      Object.entries(tensors).flatMap(([name, tensor]) => {
        if (tensor === null) return [];
        const { shape, values } = tensor as { shape: number[]; values?: number[] };
        const size = shape.reduce((product, length) => product * length, 1);
        return [[name, { shape, values: Float32Array.from(values ?? Array(size).fill(0.1)) }]];
      }),
    ),
  );
}

/** Those of a booster of eight units. */
const booster = {
  "booster/dense1/kernel": { shape: [1, 8] },
  "booster/dense1/bias": { shape: [8] },
  "booster/head/kernel": { shape: [8, 1] },
  "booster/head/bias": { shape: [1] },
};

const options = ["--engine", "wasm", "--quiet"];

/** A case of a run folder, or of weights of a run. */
interface RunCase {
  readonly name: string;
  readonly args: readonly string[];
  readonly code: 1 | 2;
  readonly words: readonly string[];
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly mended?: Readonly<Record<string, Mend>>;
  /** The run whose folder it has a copy of, as `run`. */
  readonly of?: string | undefined;
  readonly env?: CommandLine["env"];
  readonly before?: Case["before"];
}

/** Runs that come to their end, by name: their pipelines. */
const bases: Readonly<Record<string, Parts>> = {
  plain: {},
  streamed: { source: "./windowed.ts", memory: "10kB", batch: 1000 },
  given: { initial: "{ light: { file: weights.safetensors } }" },
  alone: {
    features: "{ n: { nulls: drop } }",
    losses: "[{ use: binary-cross-entropy, on: light }]",
  },
  measured: { metrics: "[accuracy]" },
  variable: { batch: '"${env:ROCKET_CORPUS_BATCH}"' },
};

/** The environment that the runs of `bases` are in. */
const baseEnv = { ROCKET_CORPUS_BATCH: "2" };

const count = 3000;
const many = {
  n: ["float", Array.from({ length: count }, (_, row) => row / count)],
  y: ["int", Array.from({ length: count }, (_, row) => row % 2)],
} as const;

function* resumeCases(base: (name: string) => string): Iterable<RunCase> {
  const longer = ["resume", "run", ...options, "--epochs", "3"];
  const trusted = ["--allow-plugin", join(base("streamed"), "windowed.ts")];
  const again = (...more: string[]): Mend => ({
    args: ["run", ...options, "--out", "again", "p.yaml", ...more],
  });
  const one = (
    name: string,
    words: readonly string[],
    more: Partial<RunCase>,
  ): RunCase => ({ name: `resume: ${name}`, of: "plain", args: longer, code: 2, words, ...more });
  yield one("a folder that is none", ["name the folder of a run"], {
    args: ["resume", "elsewhere", ...options],
    mended: { "resume/folder": { args: ["resume", "run", ...options] } },
  });
  yield one(
    "a file that no run has written",
    ["is damaged: it does not have the content that a run writes to this file"],
    {
      files: { "run/pipeline.json": "{}" },
      mended: { "resume/new": again() },
    },
  );
  yield one("a result that no run has written", [
    "run/result.json is damaged: it does not have the content that a run writes to this file",
  ], {
    files: { "run/result.json": '{ "stopped": true }' },
    mended: { "resume/result": { files: { "run/result.json": null } } },
  });
  yield one("another seed", ["seed cannot change"], {
    args: [...longer, "--set", "seed=3"],
    mended: { "resume/changed": again("--seed", "3") },
  });
  yield one("another value of a variable", [
    "the environment variable ROCKET_CORPUS_BATCH, whose value has changed",
  ], {
    of: "variable",
    env: { ROCKET_CORPUS_BATCH: "1" },
    mended: { "resume/variable": { env: baseEnv } },
  });
  yield one("other rows", ["restore the original data"], {
    args: [...longer, "--set", `data.train.path=${join(base("streamed"), "rows.arrow")}`],
    code: 1,
    mended: { "resume/data": { args: longer } },
  });
  yield one("another memory", [
    "set data.memory to the memory that was available when the run began",
  ], {
    of: "streamed",
    args: [...longer, ...trusted, "--set", "data.memory=1GB"],
    code: 1,
    mended: { "resume/memory": { args: [...longer, ...trusted] } },
  });
  const metrics = (list: string) => [...longer, "--set", `metrics=${list}`];
  yield one("another metric that selects the best epoch", [
    "the best epoch so far is the best by light/accuracy",
    "compared by light/log-loss",
  ], {
    of: "measured",
    args: metrics("[log-loss, accuracy]"),
    mended: { "resume/metrics": { args: metrics("[accuracy, log-loss]") } },
  });
  yield one("fewer epochs than there were", ["write 2 or more"], {
    args: ["resume", "run", ...options, "--set", "train.epochs=1"],
  });
  yield one("a model that is not whole", ["this run folder is incomplete"], {
    code: 1,
    files: { "run/model.json": "{}" },
    mended: { "resume/whole": again() },
  });
  yield one("a model of another feature", [
    "start a new run; to start it from the weights of this run",
  ], {
    code: 1,
    before: (_run, folder) => {
      editModel(join(folder, "run"), ({ features }) => {
        features[0].spec.shape = [1];
      });
      return Promise.resolve();
    },
    mended: { "resume/model": again() },
  });
  yield one("an optimizer that keeps more", ["network and optimizer of the run"], {
    args: [...longer, "--set", "optimizer.momentum=0.5"],
    mended: { "checkpoint/other-net": { args: longer } },
  });
  yield one("other initial weights", ["restore the original file"], {
    of: "given",
    code: 1,
    before: (_run, folder) => {
      // With a checkpoint, the weights that it began with do not matter any more.
      Deno.removeSync(join(folder, "run", "checkpoints"), { recursive: true });
      const path = join(base("given"), "weights.safetensors");
      Deno.writeFileSync(path, weights({ "light/head/bias": { shape: [1], values: [7] } }));
      return Promise.resolve();
    },
    mended: { "initial/changed": again() },
  });
  const teacher = join(base("plain"), "run");
  const losses = `losses=[{ use: kl, teacher: { run: ${JSON.stringify(teacher)} } }]`;
  yield one("another teacher", ["the teacher in", "restore the teacher"], {
    args: [...longer, "--set", losses, "--set", "train.epochs=3"],
    code: 1,
    before: (_run, folder) => {
      const path = join(folder, "run", "pipeline.json");
      const name = JSON.stringify({ run: teacher, checkpoint: "best", missing: "error" });
      const run = JSON.parse(Deno.readTextFileSync(path));
      Deno.writeTextFileSync(path, JSON.stringify({ ...run, teachers: { [name]: "another" } }));
      return Promise.resolve();
    },
    mended: { "resume/teacher": again() },
  });
  yield one("a run folder that is taken", ["choose another folder with --out"], {
    args: ["run", ...options, "--out", "run", "p.yaml"],
  });
  yield one("a run with a folder as its lock", ["run.lock cannot be opened", "remove it"], {
    async before(_run, folder) {
      await Deno.mkdir(join(folder, "run", "run.lock"));
    },
  });
  yield one("a run that goes on", ["wait until that run has ended"], {
    async before(_run, folder) {
      const lock = await Deno.open(join(folder, "run", "run.lock"), { create: true, write: true });
      await lock.lock(true);
      return lock;
    },
  });
}

function* teacherCases(base: (name: string) => string): Iterable<RunCase> {
  const one = (
    name: string,
    teacher: string,
    words: readonly string[],
    of: string,
    parts: Parts,
    more: Partial<RunCase> = {},
  ): RunCase => ({
    name: `teacher: ${name}`,
    of,
    args: [...check, "p.yaml"],
    code: 2,
    words,
    ...more,
    files: {
      "p.yaml": pipelineOf({ ...parts, losses: `[{ use: kl, teacher: { ${teacher} } }]` }),
      ...more.files,
    },
  });
  const inPipeline = (from: string, to: string): Mend => ({
    files: { "p.yaml": (text) => text.replaceAll(from, to) },
  });
  const run = `run: ${JSON.stringify(join(base("plain"), "run"))}`;
  yield one(
    "a booster that was not trained",
    "run: run, net: booster",
    [
      "has no booster net",
      "remove `net`",
    ],
    "alone",
    {},
  );
  yield one(
    "a folder that is no run",
    "run: elsewhere",
    [
      "elsewhere is not a run folder",
      "name the folder of a finished run",
    ],
    "plain",
    {},
    { mended: { "teacher/run": inPipeline("run: elsewhere", run) } },
  );
  yield one(
    "another label",
    run,
    ["predicts one logit for 2 classes, but the label has"],
    "plain",
    {
      label: "{ column: y, kind: class }",
    },
    { mended: { "teacher/label": inPipeline("kind: class", "kind: binary") } },
  );
  yield one(
    "a row that it does not know",
    "run: run",
    [
      "row 2 of",
      "predicts nothing for this row",
      "write `missing: skip`",
    ],
    "alone",
    { features: "{ n: { nulls: mean } }" },
    {
      code: 1,
      files: { "rows.arrow": arrowFile({ ...rows, n: ["float", [0, 1, null, 3]] }) },
    },
  );
}

function* initialCases(base: (name: string) => string): Iterable<RunCase> {
  const run = join(base("plain"), "run");
  const one = (
    name: string,
    initial: string,
    words: readonly string[],
    mended: RunCase["mended"] | undefined,
    parts: Parts = {},
    files: RunCase["files"] = {},
    of?: string,
  ): RunCase => ({
    of,
    name: `initial: ${name}`,
    args: [...check, "p.yaml"],
    code: 2,
    words,
    files: {
      "weights.safetensors": weights(),
      "p.yaml": pipelineOf({ ...parts, initial }),
      ...files,
    },
    ...mended && { mended },
  });
  const light = (more = "", file = "weights.safetensors") =>
    `{ light: { file: ${file}${more && `, ${more}`} } }`;
  const inPipeline = (from: string, to: string): Mend => ({
    files: { "p.yaml": (text) => text.replaceAll(from, to) },
  });
  const right: Mend = { files: { "weights.safetensors": weights() } };
  const renamed = weights({ "light/head/bias": null, "head.bias": { shape: [1] } });
  yield one("a checkpoint that does not exist", `{ run: ${run}, checkpoint: bets }`, [
    "did you mean best?",
  ], undefined);
  yield {
    ...one(
      "a run without checkpoints",
      "{ run: run }",
      ["only runs with the output checkpoint"],
      { "checkpoint/none": inPipeline("run: run", `run: ${run}`) },
      {},
      {},
      "plain",
    ),
    before: (_run, folder) => {
      Deno.removeSync(join(folder, "run", "checkpoints"), { recursive: true });
      return Promise.resolve();
    },
  };
  yield one("no file", light("", "none.safetensors"), ["name a safetensors file"], {
    "initial/file": inPipeline("none.safetensors", "weights.safetensors"),
  });
  yield one(
    "weights that are not finite",
    light(),
    ["such as an earlier checkpoint"],
    {
      "initial/finite": right,
    },
    {},
    { "weights.safetensors": weights({ "light/head/bias": { shape: [1], values: [NaN] } }) },
  );
  yield one(
    "a name that is near",
    light("names: { head.bais: light/head/bias }"),
    ["did you mean head.bias?"],
    {
      "initial/near-name": inPipeline("head.bais", "head.bias"),
    },
    {},
    { "weights.safetensors": renamed },
  );
  yield one(
    "names that nothing has",
    light("names: { zzz: light/head/bias }"),
    ["the names are "],
    {
      "initial/names": inPipeline("zzz", "head.bias"),
    },
    {},
    { "weights.safetensors": renamed },
  );
  yield one(
    "two tensors for one variable",
    light("names: { head.bias: light/head/bias, other: light/head/bias }"),
    ["map only one of these tensors"],
    { "initial/one-name": inPipeline(", other: light/head/bias", "") },
    {},
    {
      "weights.safetensors": weights({
        "light/head/bias": null,
        "head.bias": { shape: [1] },
        other: { shape: [1] },
      }),
    },
  );
  yield one(
    "a part of the net",
    light(),
    ["use a file of the whole net"],
    {
      "initial/whole": right,
    },
    {},
    { "weights.safetensors": weights({ "light/head/bias": null }) },
  );
  yield one("kernels of PyTorch", light(), ["`layout: pytorch`"], undefined, {}, {
    "weights.safetensors": weights({
      "light/dense1/kernel": { shape: [4, 1] },
      "light/head/kernel": { shape: [1, 4] },
    }),
  });
  yield one("a run of other nets", `{ light: { run: ${run} } }`, [
    "use the network that the weights were trained with",
  ], {
    "initial/net": inPipeline("light: [5]", "light: [4]"),
  }, { network: "use: mlp, light: [5], booster: [8]" });
  yield one(
    "an unknown order of features",
    light(),
    ["list all features in the order"],
    undefined,
    {
      features: "{ n: , b: }",
    },
    { "weights.safetensors": weights({ "light/dense1/kernel": { shape: [2, 4] } }) },
  );
  yield one(
    "an order without a feature",
    light("features: [b]"),
    ["list all features"],
    undefined,
    {
      features: "{ n: , b: }",
    },
    { "weights.safetensors": weights({ "light/dense1/kernel": { shape: [2, 4] } }) },
  );
  yield one(
    "an order of a feature that is none",
    light("features: [n, bb]"),
    ["did you mean b?"],
    undefined,
    {
      features: "{ n: , b: }",
    },
    { "weights.safetensors": weights({ "light/dense1/kernel": { shape: [2, 4] } }) },
  );
  yield one("an unknown order of classes", light(), ["`classes: [x, y, z]`"], undefined, {
    label: "word",
  }, {
    "weights.safetensors": weights({
      "light/head/kernel": { shape: [4, 3] },
      "light/head/bias": { shape: [3] },
    }),
  });
  const oneHot = { features: "{ word: }", transforms: "[one-hot]" };
  const three = { "weights.safetensors": weights({ "light/dense1/kernel": { shape: [3, 4] } }) };
  const values = { "words.txt": "x\ny\nz\n" };
  yield one(
    "an unknown vocabulary",
    light(),
    ["FILE has the value of each position"],
    {
      "initial/vocabulary": {
        files: {
          ...values,
          "p.yaml": (text) =>
            text.replace(
              "weights.safetensors",
              "weights.safetensors, vocabularies: { word: words.txt }",
            ),
        },
      },
    },
    oneHot,
    three,
  );
  yield one(
    "a vocabulary of no feature",
    light("vocabularies: { wrod: words.txt }"),
    ["did you mean word?"],
    undefined,
    oneHot,
    { ...three, ...values },
  );
  yield one(
    "a vocabulary where there is none",
    light("vocabularies: { n: words.txt }"),
    ["remove `vocabularies`"],
    undefined,
    {},
    values,
  );
  yield one(
    "a value twice",
    light("vocabularies: { word: words.txt }"),
    ["list each value once"],
    {
      "initial/value-twice": { files: values },
    },
    oneHot,
    { ...three, "words.txt": "x\ny\nx\n" },
  );
  yield one(
    "a list of values that is none",
    light("vocabularies: { word: words.json }"),
    ["a list of strings"],
    {
      "initial/values": { files: { "words.json": '["x", "y", "z"]' } },
    },
    oneHot,
    { ...three, "words.json": "{}" },
  );
  yield {
    ...one(
      "the optimizer of a file without one",
      "{ run: run, optimizer: true }",
      ["remove `optimizer: true`"],
      undefined,
      {},
      {},
      "plain",
    ),
    before: (_run, folder) => {
      const checkpoints = join(folder, "run", "checkpoints"), path = join(checkpoints, "best.json");
      const bytes = weights(booster);
      Deno.writeFileSync(join(checkpoints, "best.safetensors"), bytes);
      const record = JSON.parse(Deno.readTextFileSync(path));
      record.sha256 = createHash("sha256").update(bytes).digest("hex");
      Deno.writeTextFileSync(path, JSON.stringify(record));
      return Promise.resolve();
    },
  };
  yield one(
    "another optimizer",
    `{ run: ${run}, optimizer: true }`,
    ["write `use: sgd`"],
    undefined,
    { optimizer: "{ use: adam, learningRate: 0.1 }" },
  );
  yield one(
    "an optimizer that keeps more",
    `{ run: ${run}, optimizer: true }`,
    ["the same optimizer options"],
    undefined,
    { optimizer: "{ use: sgd, learningRate: 0.1, momentum: 0.5 }" },
  );
  yield one(
    "a model of another version",
    "{ run: copy }",
    ["this version of Rocket"],
    {
      "model/version": inPipeline("run: copy", `run: ${run}`),
    },
    {},
    { "copy/model.json": '{ "version": 0 }', "copy/checkpoints/best.safetensors": weights() },
  );
  const table = {
    features: "{ word: { ids: train } }",
    network: "use: ctr, light: { hidden: [4] }, booster: { hidden: [8] }",
  };
  yield one(
    "a table of other rows",
    light("vocabularies: { word: words.txt }"),
    ["one for each id"],
    { "initial/table-rows": { files: { "words.txt": "u\nv\nw\nx\ny\nz\n" } } },
    table,
    {
      ...values,
      "weights.safetensors": weights({
        "embedding/word": { shape: [6, 16] },
        "light/dense1/kernel": { shape: [16, 4] },
      }),
    },
  );
}

/**
 * Runs that cannot go on, and weights that no net can begin with.
 *
 * @param folder A folder to work in.
 */
export function* runCases(folder: string): Iterable<Case> {
  const base = (name: string) => join(folder, name);
  const prepared: Record<string, CommandLine> = {};
  const write = (own: string, files: Readonly<Record<string, string | Uint8Array>>) => {
    for (const [name, content] of Object.entries(files)) {
      const path = join(own, name);
      Deno.mkdirSync(dirname(path), { recursive: true });
      if (typeof content === "string") Deno.writeTextFileSync(path, content);
      else Deno.writeFileSync(path, content);
    }
  };
  for (const [name, parts] of Object.entries(bases)) {
    const columns = name === "streamed" ? many : rows;
    write(base(name), {
      "p.yaml": pipelineOf(parts),
      "rows.arrow": arrowFile(columns),
      "weights.safetensors": weights(),
      ...name === "streamed" && windowed,
    });
    const args = ["run", ...options, "--out", "run", "p.yaml"];
    prepared[name] = {
      args,
      folder: base(name),
      ...(name === "variable" && { env: baseEnv }),
    };
  }
  let number = 0;
  for (const cases of [resumeCases(base), teacherCases(base), initialCases(base)]) {
    for (const { name, args, code, words, files = {}, mended, of, env, before } of cases) {
      const own = join(folder, String(number++));
      write(own, {
        "p.yaml": pipelineOf(bases[of ?? "plain"]!),
        "rows.arrow": arrowFile(of === "streamed" ? many : rows),
        "weights.safetensors": weights(),
      });
      if (!of) write(own, files);
      yield {
        name,
        args,
        folder: own,
        env,
        expected: { code, words },
        mended,
        before,
        prepared: prepared[of ?? "plain"],
        setUp: () => {
          if (!of) return;
          copyFolder(join(base(of), "run"), join(own, "run"));
          write(own, files);
        },
      };
    }
  }
}

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyFolder(join(from, name), join(to, name));
    else Deno.copyFileSync(join(from, name), join(to, name));
  }
}
