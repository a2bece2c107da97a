import { join } from "node:path";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { stringify } from "yaml";
import { readPlan } from "../../src/run/read_plan.ts";
import { definePipeline, type Pipeline } from "../../src/pipeline/define.ts";
import type { Plan } from "../../src/pipeline/plan.ts";
import { STAGE } from "../../src/pipeline/document/environment.ts";
import { nestedStages } from "../../src/pipeline/plan/stage_options.ts";
import type { AnyStage } from "../../src/stages/stage.ts";
import { defineSchedule, pathOption, z } from "../../plugin.ts";
import mseHint from "../../plugins/losses/mse_hint.ts";
import warmUp from "../../plugins/schedules/warm_up.ts";
import { dataFolder, digitsPipeline, pluginApi } from "../support/pipelines.ts";
import { type ProblemRow, problemsOf, withFiles } from "../support/problems.ts";

const here = new URL("../../", import.meta.url).pathname;

/** Makes the plan of a pipeline, with other files beside it. */
const planOf = (pipeline: Record<string, unknown>, files: Record<string, string> = {}) =>
  withFiles(
    { "p.yaml": stringify(pipeline), ...files },
    async (folder): Promise<Plan> => await readPlan(join(folder, "p.yaml")),
  );

/** Returns the problems of the text of a pipeline. */
const refused = (text: string, files: Record<string, string> = {}): Promise<ProblemRow[]> =>
  withFiles(
    { "p.yaml": text, ...files },
    (folder) => problemsOf(() => readPlan(join(folder, "p.yaml")), folder),
  );

/** Returns the messages of the problems of a pipeline. */
async function messages(pipeline: Record<string, unknown>): Promise<string[]> {
  return (await refused(stringify(pipeline))).map(([, message]) => message);
}

/** The small pipeline as text with known line numbers. */
const text = [
  "name: digits", // 1
  "data:", // 2
  "  train: { use: arrow, path: train.arrow }", // 3
  "  test: { use: arrow, path: test.arrow }", // 4
  "  features: { image: { shape: [8, 8, 1] } }", // 5
  "  label: digit", // 6
  "network: { use: mlp, light: [8] }", // 7
  "losses:", // 8
  "  - { use: cross-entropy, on: light }", // 9
  "  - { use: cross-entropy, on: booster }", // 10
  "  - { use: mse-hint, weight: 0.03 }", // 11
  "optimizer: { use: sgd, learningRate: 0.1 }", // 12
  "train: { epochs: 1, batch: 64 }", // 13
  "metrics: [accuracy]", // 14
].join("\n");

/** Replaces some lines of the text. */
const withLines = (lines: Readonly<Record<number, string>>) =>
  text.split("\n").map((line, index) => lines[index + 1] ?? line).join("\n");

Deno.test("makePlan() plans an auxiliary head and the scale of a teacher, and writes them", async () => {
  const losses = (teacherScale: unknown) => [
    { use: "cross-entropy", on: "light" },
    { use: "mse-hint", to: "light.auxiliary", teacherScale },
  ];
  for (const scale of [2, { probability: 3 }]) {
    const plan = await planOf(digitsPipeline({
      network: { use: "mlp", light: [8], auxiliary: { from: "hidden1" } },
      losses: losses(scale),
    }));
    assertEquals(plan.auxiliary, { from: "hidden1", gradient: 1 });
    assertEquals(plan.phases[0]!.losses[1]!.teacherScale, scale);
    const { network, losses: written } = plan.resolved as Record<string, Record<string, unknown>>;
    assertEquals(network!.auxiliary, { from: "hidden1", gradient: 1 });
    assertEquals((Object.values(written!)[1] as { teacherScale?: unknown }).teacherScale, scale);
  }
  const without = await planOf(digitsPipeline());
  assertEquals(without.auxiliary, undefined);
  assertEquals(JSON.stringify(without.resolved).includes("auxiliary"), false);
});

Deno.test("makePlan() plans the key and the rows of a teacher, which a resolved pipeline repeats", async () => {
  const rows = { use: "arrow", path: "all.arrow" };
  const plannedWith = async (more: object) => {
    const plan = await planOf(digitsPipeline({
      network: { use: "mlp", light: [8] },
      losses: [{ use: "kl", teacher: { onnx: "teacher.onnx", ...more } }],
    }));
    const { losses } = plan.resolved as { losses: { teacher: Record<string, unknown> }[] };
    return { teacher: plan.phases[0]!.losses[0]!.teacher!, written: losses[0]!.teacher };
  };
  const none = await plannedWith({}), own = await plannedWith({ key: "id" });
  const other = await plannedWith({ key: "id", rows });
  assertEquals([none.teacher.by, own.teacher.by], [undefined, { key: "id", rows: undefined }]);
  assertEquals(other.teacher.by!.rows!.stage.name, "arrow");
  assertEquals([own.written.key, own.written.rows], ["id", undefined]);
  const written = other.written.rows as Record<string, unknown>;
  assertEquals([other.written.key, written.use], ["id", "arrow"]);
  // Paths start from the folder of the pipeline file.
  assertMatch(String(written.path), /^\/.+\/all\.arrow$/);
  assertEquals(new Set([none, own, other].map(({ teacher }) => teacher.name)).size, 3);
});

Deno.test("makePlan() plans losses and metrics by label, which a resolved pipeline repeats", async () => {
  const { data } = digitsPipeline() as { data: Record<string, unknown> };
  const labels = { digit: { column: "digit" }, size: { column: "digit", kind: "number" } };
  const { label: _, ...rest } = data;
  const plan = await planOf(digitsPipeline({
    data: { ...rest, labels },
    losses: [
      { use: "cross-entropy", on: "light", label: "digit" },
      { use: "mean-squared-error", on: "booster.size.logits" },
      { use: "mse-hint", label: "size", to: "light.logits" },
      { use: "mse-hint", from: "booster.hidden1", to: "light.hidden1" },
    ],
    metrics: [{ use: "accuracy", label: "digit" }, { use: "loss" }, {
      use: "mean-absolute-error",
      label: "size",
      name: "error",
    }],
  }));
  const facts = ({ phases, metrics }: Plan) => ({
    losses: phases[0]!.losses.map(({ name, label, comparisons }) => [name, label, comparisons]),
    metrics: metrics.map(({ name, label }) => [name, label]),
  });
  assertEquals(facts(plan), {
    losses: [
      ["cross-entropy(light.digit)", "digit", [["light.digit.logits"]]],
      ["mean-squared-error(booster.size)", "size", [["booster.size.logits"]]],
      ["mse-hint(booster.size→light.size)", "size", [["booster.size.logits", "light.size.logits"]]],
      [
        "mse-hint(booster.hidden1→light.hidden1)",
        undefined,
        [["booster.hidden1", "light.hidden1"]],
      ],
    ],
    metrics: [["digit.accuracy", "digit"], ["loss", undefined], ["error", "size"]],
  });
  assertEquals<unknown>(plan.label, { labels });
  const again = await planOf(JSON.parse(JSON.stringify(plan.resolved)));
  assertEquals(facts(again), facts(plan));
  const all = await planOf(digitsPipeline({
    data: { ...rest, labels },
    losses: [{ use: "cross-entropy", on: "light", label: "digit" }],
    metrics: ["agreement", { use: "accuracy", name: "right" }],
  }));
  assertEquals(all.metrics.map(({ name }) => name), [
    ...["digit.agreement", "size.agreement", "digit.right", "size.right"],
  ]);
});

Deno.test("makePlan() fills in defaults", async () => {
  await withFiles({ "p.yaml": text }, async (folder) => {
    const plan = await readPlan(join(folder, "p.yaml"));
    assertEquals(plan.resolved, {
      name: "digits",
      seed: 0,
      data: {
        train: { use: "arrow", path: join(folder, "train.arrow") },
        test: { use: "arrow", path: join(folder, "test.arrow") },
        features: { image: { shape: [8, 8, 1] } },
        label: { column: "digit" },
        nulls: "error",
        transforms: [],
      },
      network: { use: "mlp", shared: [], light: [8], booster: [] },
      losses: [
        {
          use: "cross-entropy",
          labelSmoothing: 0,
          name: "cross-entropy(light)",
          on: "light.logits",
          weight: 1,
          gradient: { use: "none" },
        },
        {
          use: "cross-entropy",
          labelSmoothing: 0,
          name: "cross-entropy(booster)",
          on: "booster.logits",
          weight: 1,
          gradient: { use: "none" },
        },
        {
          use: "mse-hint",
          name: "mse-hint(booster→light)",
          from: "booster.logits",
          to: "light.logits",
          weight: 0.03,
          gradient: { use: "block" },
        },
      ],
      optimizer: {
        use: "sgd",
        momentum: 0,
        nesterov: false,
        weightDecay: 0,
        learningRate: 0.1,
        schedule: { use: "constant" },
        tables: "lazy",
      },
      train: {
        epochs: 1,
        batch: 64,
        lastBatch: "keep",
        baseline: "none",
        evaluateEvery: 1,
        nonFinite: "stop",
        maxSkipped: 10,
      },
      metrics: [{ use: "accuracy", name: "accuracy" }],
      outputs: [
        { use: "progress" },
        { use: "checkpoint", every: 1, keep: 1 },
        { use: "metrics" },
        { use: "result" },
      ].map((entry) => ({
        ...plan.outputs.find(({ stage }) => stage.name === entry.use)!.resolved,
      })).map((entry) => Object.fromEntries(Object.entries(entry))),
    });
    assertEquals(plan.outputs.map(({ stage }) => stage.name), [
      "progress",
      "checkpoint",
      "metrics",
      "result",
    ]);
    assertEquals([plan.baseline, plan.phases[0]!.select, plan.split], [
      false,
      undefined,
      undefined,
    ]);
  });
});

Deno.test("a resolved pipeline can be read again and gives the same plan", async () => {
  const pipelines: [string, Record<string, unknown>, readonly string[]][] = [
    [join(here, "pipelines/quickstart.yaml"), {}, []],
    [join(here, "pipelines/fashion-mnist.yaml"), {}, ["train.select=light/accuracy"]],
    ["", digitsPipeline(), []],
    [
      "",
      digitsPipeline({
        losses: [
          { use: "cross-entropy", on: "light.logits", name: "task" },
          { use: "cross-entropy", on: "booster", gradient: "block-shared" },
          { use: "kl", gradient: { use: "scale", from: 0.5 } },
          "./mine.ts",
        ],
        optimizer: {
          use: "sgd",
          learningRate: 0.1,
          schedule: { use: "warm-up", for: 1, then: { use: "warm-up", for: 2, then: "cosine" } },
        },
        metrics: [{ use: "top-k", k: 3, name: "top.3" }, "auc", "./mine.ts#metric"],
        outputs: ["metrics"],
      }),
      [],
    ],
  ];
  for (const [path, pipeline, set] of pipelines) {
    await withFiles({
      "p.yaml": stringify(pipeline),
      "mine.ts": `import { defineLoss, defineMetric, z } from ${JSON.stringify(pluginApi)};
        export default defineLoss({ name: "mine", summary: "Mine.", form: "hint",
          options: z.object({ scale: z.number().default(2) }), create: () => (from) => from });
        export { default as metric } from ${
        JSON.stringify(new URL("../../plugins/metrics/accuracy.ts", import.meta.url).href)
      };`,
      "again/x": "",
    }, async (folder) => {
      // The stage imports the API from outside its folder.
      const allowed = [join(folder, "mine.ts")];
      const plan = await readPlan(path || join(folder, "p.yaml"), set, allowed);
      // In another folder, like the pipeline in a run folder.
      const again = join(folder, "again", "resolved.json");
      await Deno.writeTextFile(again, JSON.stringify(plan.resolved));
      const { resolved, phases: [phase], metrics } = await readPlan(again, [], allowed);
      assertEquals(JSON.parse(JSON.stringify(resolved)), JSON.parse(JSON.stringify(plan.resolved)));
      assertEquals(phase!.losses.map(({ name, comparisons }) => [name, comparisons]), [
        ...plan.phases[0]!.losses.map(({ name, comparisons }) => [name, comparisons]),
      ]);
      assertEquals(metrics.map(({ stage }) => stage.name), [
        ...plan.metrics.map(({ stage }) => stage.name),
      ]);
    });
  }
});

/** Returns `FILE:LINE:COLUMN` of some text in a line. */
function placeIn(text: string, line: number, words: string): string {
  const column = text.split("\n")[line - 1]!.indexOf(words) + 1;
  assert(column > 0, `line ${line} has no ${words}`);
  return `p.yaml:${line}:${column}`;
}

Deno.test("makePlan() keeps groups together if data.group names a column, and refuses train.lastBatch", async () => {
  const data = digitsPipeline().data as object;
  const plan = await planOf(digitsPipeline({ data: { ...data, group: "digit" } }));
  assertEquals(plan.group, { column: "digit", large: "error" });
  assertEquals((plan.resolved.data as { group: unknown }).group, plan.group);
  assertEquals("lastBatch" in (plan.resolved.train as object), false);
  const group = { column: "digit", large: "split" };
  assertEquals((await planOf(digitsPipeline({ data: { ...data, group } }))).group, group);
  const train = { epochs: 1, batch: 32, lastBatch: "keep" };
  assertEquals(await messages(digitsPipeline({ data: { ...data, group }, train })), [
    "train.lastBatch has no effect with data.group: batches have nearly equal numbers of rows",
  ]);
});

Deno.test("makePlan() reports all problems of a file at once", async () => {
  const bad = [
    "name: my digits", // 1
    "sead: 1", // 2
    "data:", // 3
    "  train: { use: arow, path: train.arrow }", // 4
    "  test: { use: arrow, paht: test.arrow }", // 5
    "  features: { image: { shape: [8, 0] } }", // 6
    "  label: { colum: digit }", // 7
    "  transforms:", // 8
    "    - { use: crop, to: [3] }", // 9
    "    - { use: scale, by: 2, on: test }", // 10
    "network: { use: wide-resnet, sharing: botom, booster: { depth: 22, widht: 2 } }", // 11
    "losses:", // 12
    "  - { use: cross-entropy }", // 13
    "  - { use: cross-entropy, on: light, from: booster.logits }", // 14
    "  - { use: mse-hint, on: light, gradient: blok }", // 15
    "  - { use: kl, temperature: 0, weight: heavy }", // 16
    "  - { use: kl, from: boost }", // 17
    "  - 3", // 18
    "optimizer:", // 19
    "  use: sgd", // 20
    "  momentum: 1", // 21
    "  schedule: { use: warm-up, for: -1, then: { use: steps, by: x } }", // 22
    "train: { epochs: 0, baseline: light_alone }", // 23
    "metrics: [acuracy, { use: ./none.ts }]", // 24
    "outputs: progress", // 25
  ].join("\n");
  const name = "expected letters, digits, dots, dashes and underscores";
  const rows: [number, string, string, ...string[]][] = [
    [1, "my", `name: ${name}, got "my digits"`],
    [2, "sead", 'the pipeline has no key "sead"', "did you mean seed?"],
    [4, "arow", 'there is no source stage called "arow"', "did you mean arrow?"],
    [5, "paht", 'arrow has no option "paht"', "did you mean path?"],
    [6, "0", "data.features.image.shape[1]: expected at least 1, got 0"],
    [7, "colum", 'data.label has no key "colum"', "did you mean column?"],
    [9, "[3]", "to of crop: expected a height and a width, such as [32, 32], got [3]"],
    [10, "test", 'data.transforms[1].on: expected training or all, got "test"'],
    [
      11,
      "botom",
      'sharing of wide-resnet: expected interval, bottom, none or separate, got "botom"',
      "did you mean bottom?",
    ],
    [11, "widht", 'booster of wide-resnet has no key "widht"', "did you mean width?"],
    [
      13,
      "{",
      "the loss cross-entropy requires `on`, the output to compare with the label",
      "write `on: light` or `on: booster`",
    ],
    [
      14,
      "from",
      "`from` is only for hint losses; cross-entropy compares one output with the label",
      "write `on: light` or `on: booster` instead of `from`",
    ],
    [
      15,
      "on:",
      "`on` is only for losses on the label; mse-hint compares two outputs",
      "write `from: booster.logits` and `to: light.logits` instead of `on`",
    ],
    [15, "blok", 'there is no gradient stage called "blok"', "did you mean block?"],
    [16, "0", "temperature of kl: expected a number greater than 0, got 0"],
    [16, "heavy", 'losses[3].weight: expected a number, got "heavy"'],
    [17, "boost", 'losses[4].from: expected NET.OUTPUT, such as light.logits, got "boost"'],
    [18, "3", "losses[5]: expected a map, got 3"],
    [20, "use", 'optimizer needs "learningRate": expected a number'],
    [21, "1", "momentum of sgd: expected a number less than 1, got 1"],
    [22, "-1", "for of warm-up: expected a number greater than 0, got -1"],
    [22, "{ use: steps", 'steps needs "at": expected a list'],
    [22, "x }", 'by of steps: expected a number, got "x"'],
    [23, "{", 'train needs "batch": expected a number'],
    [23, "0", "train.epochs: expected a number greater than 0, got 0"],
    [
      23,
      "light_alone",
      'train.baseline: expected none or light-alone, got "light_alone"',
      "did you mean light-alone?",
    ],
    [24, "acuracy", 'there is no metric stage called "acuracy"', "did you mean accuracy?"],
    [
      24,
      "./none",
      "there is no file ./none.ts",
      "write a path relative to the folder of the pipeline file; this path leads to none.ts",
    ],
    [25, "progress", 'outputs: expected a list, got "progress"'],
  ];
  const problems = await refused(bad);
  assertEquals(
    problems.toSorted((one, other) => orderOf(one) - orderOf(other)),
    rows.map(([line, words, message, hint = ""]) => [placeIn(bad, line, words), message, hint]),
  );
});

/** Returns the position of a problem as one number, for sorting. */
function orderOf([place]: ProblemRow): number {
  const [line, column] = place.split(":").slice(1).map(Number) as [number, number];
  return line * 1000 + column;
}

Deno.test("makePlan() reports the same problems of stages if the rest of the file is valid", async () => {
  const bad = withLines({
    3: "  train: { use: arow, path: train.arrow }",
    7: "network: { use: mlp, lihgt: [8] }",
    9: "  - cross-entropy",
    11: "  - { use: mse-hint, on: light }",
    12: "optimizer: { use: sgd, learningRate: 0.1, momentum: -1, schedule: { use: warm-up } }",
    14: "metrics: [accuracy, { use: top-k, name: accuracy }]",
  });
  const rows: [number, string, string, string][] = [
    [3, "arow", 'there is no source stage called "arow"', "did you mean arrow?"],
    [7, "lihgt", 'mlp has no option "lihgt"', "did you mean light?"],
    [
      9,
      "cross",
      "the loss cross-entropy requires `on`, the output to compare with the label",
      "write `on: light` or `on: booster`",
    ],
    [
      11,
      "on:",
      "`on` is only for losses on the label; mse-hint compares two outputs",
      "write `from: booster.logits` and `to: light.logits` instead of `on`",
    ],
    [12, "-1", "momentum of sgd: expected a number of at least 0, got -1", ""],
    [12, "{ use: warm", 'warm-up needs "for": expected a number', ""],
    [
      14,
      "top-k",
      'two metrics have the name "accuracy"',
      "give one of them a different `name:`",
    ],
  ];
  assertEquals(
    await refused(bad),
    rows.map(([line, words, ...rest]) => [placeIn(bad, line, words), ...rest]),
  );
});

Deno.test("makePlan() rejects duplicate names", async () => {
  const losses = [
    { use: "cross-entropy", on: "light" },
    { use: "cross-entropy", on: "light.logits", weight: 2 },
    { use: "kl", name: "hint" },
    { use: "mse-hint", name: "hint" },
  ];
  assertEquals(await messages(digitsPipeline({ losses })), [
    'two losses have the name "cross-entropy(light)"',
    'two losses have the name "hint"',
  ]);
});

Deno.test("makePlan() names outputs as NET.OUTPUT, with the logits by default", async () => {
  const { phases: [phase] } = await planOf(digitsPipeline({
    losses: [
      { use: "cross-entropy", on: "light" },
      { use: "cross-entropy", on: "booster.hidden" },
      { use: "kl", from: "light.logits", to: "booster.logits" },
      { use: "mse-hint", from: "booster.last-hidden", to: "light.last-hidden" },
    ],
  }));
  const { losses } = phase!;
  assertEquals(losses.map(({ name, comparisons }) => [name, ...comparisons.flat()]), [
    ["cross-entropy(light)", "light.logits"],
    ["cross-entropy(booster.hidden)", "booster.hidden"],
    ["kl(light→booster)", "light.logits", "booster.logits"],
    ["mse-hint(booster.last-hidden→light.last-hidden)", "booster.last-hidden", "light.last-hidden"],
  ]);
});

Deno.test("makePlan() pairs lists of outputs and keeps them as lists", async () => {
  const from = ["booster.group1", "booster.group2"], to = ["light.group1", "light.group2"];
  const plan = await planOf(digitsPipeline({ losses: [{ use: "fitnet", from, to, weight: 2 }] }));
  const [loss] = plan.phases[0]!.losses;
  assertEquals(loss!.name, "fitnet(booster→light)");
  assertEquals(loss!.comparisons, [
    ["booster.group1", "light.group1"],
    ["booster.group2", "light.group2"],
  ]);
  const [resolved] = plan.resolved.losses as Record<string, unknown>[];
  assertEquals([resolved!.from, resolved!.to], [from, to]);
});

Deno.test("makePlan() rejects lists of outputs with different lengths, and an empty list", async () => {
  const refused = async (outputs: Record<string, unknown>) =>
    await problemsOf(() => planOf(digitsPipeline({ losses: [{ use: "fitnet", ...outputs }] })));
  const [[, message]] = await refused({ from: ["booster.group1", "booster.group2"] }) as [
    ProblemRow,
  ];
  assertEquals(message, "`from` and `to` must list the same number of outputs; got 2 and 1");
  assertEquals((await refused({ from: [], to: [] })).length, 2);
});

Deno.test("makePlan() accepts exactly the keys of metrics for train.select", async () => {
  const metrics = ["accuracy", { use: "accuracy", name: "mine" }, "agreement"];
  const withSelect = (select: string) =>
    digitsPipeline({ metrics, train: { epochs: 1, batch: 8, select } });
  const keys = [
    "light/accuracy",
    "booster/accuracy",
    "light/mine",
    "booster/mine",
    "agreement",
  ];
  for (const key of keys) assertEquals((await planOf(withSelect(key))).phases[0]!.select, key);
  for (const key of ["accuracy", "light/loss", "light/agreement"]) {
    const [row, ...others] = await refused(stringify(withSelect(key)));
    assertEquals(others, []);
    assertEquals(row!.slice(1), [
      `train.select: this pipeline has no metric ${JSON.stringify(key)}`,
      `the metrics are ${keys.join(", ")}`,
    ]);
  }
  const none = digitsPipeline({ metrics: [], train: { epochs: 1, batch: 8, select: "auc" } });
  assertEquals(
    (await refused(stringify(none)))[0]![2],
    "add a metric, such as `metrics: [accuracy]`, and write light/accuracy here",
  );
});

Deno.test("makePlan() does not check train.select if a metric has problems", async () => {
  const bad = withLines({
    13: "train: { epochs: 1, batch: 64, select: light/top-k }",
    14: "metrics: [{ use: top-k, kk: 2 }]",
  });
  const problems = await refused(bad);
  assertEquals(problems.map(([place]) => place), ["p.yaml:14:25"]);
});

Deno.test("makePlan() resolves relative paths from the file that contains them", async () => {
  const base = withLines({});
  await withFiles({
    "base/base.yaml": base,
    "top.yaml": "extends: base/base.yaml\ndata:\n  test: { path: other.arrow }\n",
  }, async (folder) => {
    const { sources, resolved } = await readPlan(join(folder, "top.yaml"));
    const train = sources.train!, test = sources.test!;
    const pathOf = ({ options }: typeof train) => (options as { path: string }).path;
    // A stage resolves relative paths from its folder.
    assertEquals([train.folder, pathOf(train)], [join(folder, "base"), "train.arrow"]);
    assertEquals([test.folder, pathOf(test)], [join(folder, "base"), join(folder, "other.arrow")]);
    const { data } = resolved as { data: { train: { path: string }; test: { path: string } } };
    assertEquals([data.train.path, data.test.path], [
      join(folder, "base", "train.arrow"),
      join(folder, "other.arrow"),
    ]);
  });
});

Deno.test("makePlan() keeps URLs and lists in options that are paths", async () => {
  const list = "[a.arrow, https://example.com/b.arrow, s3://c/d.arrow, /abs/e.arrow]";
  await withFiles(
    { "p.yaml": withLines({ 3: `  train: { use: arrow, path: ${list} }` }) },
    async (folder) => {
      const { sources: { train } } = await readPlan(join(folder, "p.yaml"));
      assertEquals(train!.resolved.path, [
        join(folder, "a.arrow"),
        "https://example.com/b.arrow",
        "s3://c/d.arrow",
        "/abs/e.arrow",
      ]);
    },
  );
});

Deno.test("makePlan() resolves paths in a map from the file that contains them", async () => {
  const train = "{ use: sql, query: FROM a, tables: { a: a.csv, b: [b.parquet, /abs/c.csv] } }";
  await withFiles({
    "base/base.yaml": withLines({ 3: `  train: ${train}` }),
    "top.yaml": "extends: base/base.yaml\n",
  }, async (folder) => {
    const plan = await readPlan(join(folder, "top.yaml"));
    assertEquals(plan.sources.train!.resolved.tables, {
      a: join(folder, "base", "a.csv"),
      b: [join(folder, "base", "b.parquet"), "/abs/c.csv"],
    });
  });
});

Deno.test("makePlan() resolves the path of a plugin from the file that names it, also with extends", async () => {
  const plugin = `import { defineSchedule, z } from ${JSON.stringify(pluginApi)};
    export default defineSchedule({ name: "mine", summary: "Mine.",
      options: z.object({ by: z.number().default(3) }), create: ({ by }) => () => by });`;
  await withFiles({
    "base/base.yaml": withLines({
      12: "optimizer: { use: sgd, learningRate: 0.1, schedule: { use: ./mine.ts } }",
    }),
    "base/mine.ts": plugin,
    "top.yaml": "extends: base/base.yaml\noptimizer: { schedule: { by: 4 } }\n",
  }, async (folder) => {
    const { optimizer } = (await readPlan(join(folder, "top.yaml"))).phases[0]!;
    assertEquals(optimizer.schedule.options, { by: 4 });
    assertEquals(optimizer.schedule.reference, {
      kind: "schedule",
      name: "./mine.ts",
      place: {
        file: join(folder, "base", "base.yaml"),
        line: 12,
        column: 60,
        path: "optimizer.schedule.use",
      },
    });
    assertEquals(optimizer.schedule.resolved, {
      [STAGE]: true,
      use: join(folder, "base", "mine.ts"),
      by: 4,
    });
  });
});

Deno.test("makePlan() reports a faulty plugin and its place together with all other problems", async () => {
  const define = `import { defineSchedule, z } from ${JSON.stringify(pluginApi)};`;
  const schedule = (options: string, create: string) =>
    `${define} export default defineSchedule({ name: "mine", summary: "Mine.",
       options: z.object({ by: ${options} }), create: ${create} });`;
  const thrower = '() => { throw new RangeError("boom"); }';
  const cases: [string, string, string][] = [
    ['throw new Error("boom");', "", "cannot be loaded: Error: boom"],
    [
      schedule(`z.any().refine(${thrower})`, "() => () => 1"),
      "",
      "failed in the check of its options: RangeError: boom",
    ],
    [
      schedule("z.any().refine(async () => true)", "() => () => 1"),
      "",
      "failed in the check of its options: ",
    ],
    [schedule("z.any()", thrower), "nested", "failed in create(): RangeError: boom"],
  ];
  for (const [plugin, nested, message] of cases) {
    const entry = "{ use: ./mine.ts, by: 1 }";
    const where = nested ? `{ use: warm-up, for: 1, then: ${entry} }` : entry;
    const problems = await refused(
      withLines({
        12: `optimizer: { use: sgd, learningRate: 0.1, schedule: ${where} }`,
        14: "metrics: [acuracy]",
      }),
      { "mine.ts": plugin },
    );
    assertEquals(problems.length, 2, JSON.stringify(problems));
    const [place, said] = problems[0]!;
    assertEquals(place, nested ? "p.yaml:12:90" : "p.yaml:12:60");
    assert(said.startsWith(`the schedule stage "./mine.ts" ${message}`), said);
    assertEquals(problems[1]![0], "p.yaml:14:11");
  }
});

Deno.test("makePlan() checks stages within options at any depth", async () => {
  const schedule = "{ use: warm-up, for: 1, then: { use: warm-up, for: x, then: cosin } }";
  assertEquals(
    await refused(
      withLines({ 12: `optimizer: { use: sgd, learningRate: 0.1, schedule: ${schedule} }` }),
    ),
    [
      ["p.yaml:12:113", 'there is no schedule stage called "cosin"', "did you mean cosine?"],
      ["p.yaml:12:104", 'for of warm-up: expected a number, got "x"', ""],
    ],
  );
  for (const then of ["3", "{}", "{ use: }", "[cosine]"]) {
    const wrong = `{ use: warm-up, for: 1, then: ${then} }`;
    const problems = await refused(
      withLines({ 12: `optimizer: { use: sgd, learningRate: 0.1, schedule: ${wrong} }` }),
    );
    assertEquals(problems.length, 1, then);
    assert(
      problems[0]![1].startsWith("then of warm-up: expected a schedule stage, got"),
      problems[0]![1],
    );
  }
});

Deno.test("makePlan() creates the stages within options", async () => {
  const { phases: [phase] } = await planOf(digitsPipeline({
    optimizer: {
      use: "sgd",
      learningRate: 1,
      schedule: { use: "warm-up", for: 1, from: 0.5, then: { use: "steps", at: [1], by: 0.25 } },
    },
  }));
  const { optimizer } = phase!;
  const schedule = optimizer.schedule.stage.create(optimizer.schedule.options, {});
  const at = (epoch: number) => schedule({ step: epoch * 10, steps: 40, epoch, epochs: 4 });
  // Half way through the warm-up, at its end, and after one more epoch.
  assertEquals([at(0.5), at(1), at(2)], [0.75, 1, 0.25]);
});

Deno.test("nestedStages() finds the options that are stages themselves", () => {
  assertEquals(nestedStages(warmUp), [["then", "schedule"]]);
  assertEquals(nestedStages(mseHint), []);
});

Deno.test("makePlan() reports an invalid `use` only once", async () => {
  for (const use of ["", "''", "[mlp]", "{}", "3", "true"]) {
    const problems = await refused(withLines({ 7: `network: { use: ${use} }` }));
    assertEquals(problems.length, 1, JSON.stringify(problems));
    assert(
      problems[0]![1].startsWith(
        "network.use: expected the name of a network stage, a file, or a package, got",
      ),
      problems[0]![1],
    );
  }
});

Deno.test("makePlan() takes the rows of the splits from sources of their own, or divides a source", async () => {
  const { data } = digitsPipeline() as { data: Record<string, unknown> };
  const { train, test, ...others } = data, all = train;
  const withData = (data: unknown) => digitsPipeline({ data });
  const path = join(dataFolder, "digits-test.arrow"), source = { use: "arrow", path };
  const own = await planOf(withData({ ...data, validation: source }));
  assertEquals(Object.keys(own.sources), ["train", "validation", "test"]);
  assertEquals([own.sources.validation!.options, own.split], [{ path }, undefined]);
  assertEquals((own.resolved.data as Record<string, unknown>).validation, source);
  const split = { test: 0.2, validation: 0.1, by: { group: "digit" }, seed: 3 };
  const one = await planOf(withData({ ...others, all, split }));
  assertEquals([Object.keys(one.sources), one.split], [["all"], split]);
  assertEquals((one.resolved.data as Record<string, unknown>).split, split);
  const held = await planOf(withData({ ...data, split: { validation: 0.25 } }));
  assertEquals(held.split, { validation: 0.25, by: "random" });
  const cases: [unknown, string][] = [
    [{ ...data, validation: { use: "arow" } }, 'there is no source stage called "arow"'],
    [{ ...data, validation: { use: "arrow", paht: "x" } }, 'arrow has no option "paht"'],
    [{ ...data, validation: 3 }, "data.validation: expected a map, got 3"],
    [{ ...others, train, split }, "data needs a source of its test rows: test"],
    [{ ...others, test }, "data needs a source of its train rows: train"],
    [others, "data needs a source of its train and test rows: `train` and `test`, or `all`"],
    [
      { ...others, all, test, split },
      "data.all has the rows of all splits, so there cannot be data.test as well",
    ],
    [
      { ...others, all },
      "data.all needs data.split.test: the fraction of the rows that are test rows",
    ],
    [
      { ...data, split: { test: 0.1 } },
      "the test rows have a source of their own, so data.split.test cannot take them from data.train",
    ],
    [
      { ...data, split: { by: "random" } },
      "data.split needs `validation`: the fraction of the training rows that are validation rows",
    ],
    [
      { ...others, all, split: { test: 0.6, validation: 0.4 } },
      "data.split: expected fractions whose sum is less than 1: the other rows are training rows, " +
      'got {"test":0.6,"validation":0.4}',
    ],
    [
      { ...others, all, split: { test: 0.1, by: "chance" } },
      "data.split.by: expected random, { time: COLUMN }, { group: COLUMN } or { stratify: COLUMN }, " +
      'got "chance"',
    ],
    [
      { ...others, all, split: { test: 0.1, by: { grup: "x" } } },
      'data.split.by has no key "grup"',
    ],
  ];
  for (const [value, message] of cases) {
    assertEquals(await messages(withData(value)), [message]);
  }
});

Deno.test("makePlan() applies transforms to training rows or to all rows, by their default or the file", async () => {
  const { data } = digitsPipeline() as { data: Record<string, unknown> };
  const { transforms } = await planOf(digitsPipeline({
    data: {
      ...data,
      transforms: [
        "horizontal-flip",
        { use: "horizontal-flip", on: "all" },
        { use: "scale", by: 2 },
        { use: "scale", by: 2, on: "training" },
      ],
    },
  }));
  assertEquals(transforms.map(({ on }) => on), ["training", "all", "all", "training"]);
});

Deno.test("a TypeScript pipeline can contain stage objects", async () => {
  const half = defineSchedule({
    name: "half",
    summary: "Half.",
    options: z.object({ by: z.number().default(0.5), file: pathOption(z.string()).optional() }),
    create: ({ by }) => () => by,
  });
  const pipeline = definePipeline({
    ...digitsPipeline(),
    losses: [{ use: "cross-entropy", on: "light" }, { use: mseHint, weight: 2 }],
    optimizer: { use: "sgd", learningRate: 1, schedule: { use: half, file: "rates.txt" } },
  } as unknown as Pipeline);
  const { losses, optimizer } = (await readPlan(pipeline)).phases[0]!;
  assert(losses[1]!.stage === mseHint && (optimizer.schedule.stage as AnyStage) === half);
  assertEquals([losses[1]!.name, losses[1]!.weight], ["mse-hint(booster→light)", 2]);
  assertEquals(optimizer.schedule.resolved, {
    [STAGE]: true,
    use: "half",
    by: 0.5,
    file: join(Deno.cwd(), "rates.txt"),
  });
});

Deno.test("mistakes of a TypeScript pipeline are reported with their paths", async () => {
  const pipeline = {
    ...digitsPipeline(),
    losses: [{ use: "cross-entropy", on: "light" }, { use: mseHint, wieght: 2 }],
    optimizer: { use: mseHint, learningRate: 1 },
    metrics: [mseHint, { use: { kind: "metric", create: () => 1 } }],
  } as unknown as Pipeline;
  assertEquals(await problemsOf(() => readPlan(pipeline)), [
    [
      "the pipeline (metrics[0])",
      'metrics[0] needs "use": expected the name of a metric stage, a file, or a package',
      "",
    ],
    [
      "the pipeline (metrics[1].use)",
      "metrics[1].use: expected the name of a metric stage, a file, or a package, " +
      'got {"kind":"metric"}',
      "",
    ],
    [
      "the pipeline (losses[1].wieght)",
      'mse-hint has no option "wieght"',
      "did you mean weight?",
    ],
    [
      "the pipeline (optimizer.use)",
      "mse-hint is a loss stage; expected an optimizer stage",
      "",
    ],
  ]);
});

Deno.test("values of --set are checked like the file, with --set as the place of mistakes", async () => {
  await withFiles({ "p.yaml": text }, async (folder) => {
    const set = [
      "losses.2.weight=heavy",
      "losses.0.from=light.logits",
      "optimizer.momentun=0.9",
      "network=mpl",
      "data.label.classes=1",
    ];
    const problems = await problemsOf(() => readPlan(join(folder, "p.yaml"), set), folder);
    assertEquals(problems.map(([place, message]) => [place, message]), [
      [
        "--set data.label.classes=1 (data.label.classes)",
        "data.label.classes: expected a number of at least 2, got 1",
      ],
      [
        "--set losses.2.weight=heavy (losses[2].weight)",
        'losses[2].weight: expected a number, got "heavy"',
      ],
      ["--set network=mpl (network)", 'there is no network stage called "mpl"'],
      [
        "--set losses.0.from=light.logits (losses[0].from)",
        "`from` is only for hint losses; cross-entropy compares one output with the label",
      ],
      [
        "--set optimizer.momentun=0.9 (optimizer.momentun)",
        'sgd has no option "momentun"',
      ],
    ]);
  });
});

Deno.test("--set works on the file and on stages that have only a name", async () => {
  await withFiles({ "p.yaml": text }, async (folder) => {
    const plan = await readPlan(join(folder, "p.yaml"), [
      "seed=7",
      "train.epochs=3",
      "data.label.classes=10",
      "metrics.0.name=share",
      "metrics.1=loss",
      "losses.2.gradient=none",
    ]);
    assertEquals([plan.seed, plan.phases[0]!.epochs], [7, 3]);
    assertEquals(plan.label, { column: "digit", classes: 10 });
    assertEquals(plan.metrics.map(({ name }) => name), ["share", "loss"]);
    assertEquals(plan.phases[0]!.losses[2]!.gradient.stage.name, "none");
  });
});

Deno.test("makePlan() plans the schedule of a loss, and the parts of a step with `accumulate`", async () => {
  const changed = withLines({
    11: "  - { use: mse-hint, weight: 0.03, schedule: { use: delay, for: 1, then: ramp } }",
    13: "train: { epochs: 2, batch: 64, accumulate: 3 }",
  });
  await withFiles({ "p.yaml": changed, "plain.yaml": text }, async (folder) => {
    const plan = await readPlan(join(folder, "p.yaml"));
    const [, , hint] = plan.phases[0]!.losses;
    assertEquals(hint!.schedule?.stage.name, "delay");
    const { losses, train } = plan.resolved as Record<string, unknown>;
    const written = (losses as { schedule: { use: string; then: { use: string } } }[])[2]!.schedule;
    assertEquals([written.use, written.then.use], ["delay", "ramp"]);
    assertEquals([plan.cut.size, plan.part], [192, 64]);
    assertEquals((train as { accumulate: number }).accumulate, 3);
    const plain = await readPlan(join(folder, "plain.yaml"));
    assertEquals([plain.cut.size, plain.part], [64, 64]);
    assertEquals(plain.phases[0]!.losses[2]!.schedule, undefined);
  });
});

Deno.test("the option by of metrics names a column to read; a metric with an option by of its own receives it", async () => {
  const plan = await planOf({
    ...digitsPipeline(),
    data: {
      ...digitsPipeline().data as Record<string, unknown>,
      label: { column: "digit", classes: 2 },
    },
    metrics: [
      "accuracy",
      { use: "accuracy", by: "user", name: "by-user" },
      { use: "gauc", by: "page" },
    ],
  });
  assertEquals(plan.metrics.map(({ name, by }) => [name, by]), [
    ["accuracy", undefined],
    ["by-user", "user"],
    ["gauc", undefined],
  ]);
  assertEquals(plan.columns.toSorted(), ["page", "user"]);
  assertEquals((plan.metrics[2]!.options as { by: string }).by, "page");
  const resolved = plan.resolved.metrics as Record<string, unknown>[];
  assertEquals(resolved.map(({ by }) => by), [undefined, "user", "page"]);
  assertEquals(
    await messages({ ...digitsPipeline(), metrics: [{ use: "accuracy", by: 3 }] }),
    ["metrics[0].by: expected text, got 3"],
  );
});
