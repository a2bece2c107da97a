import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { problemsLines, UserError } from "../../src/base/errors.ts";
import { widthOf } from "../../src/base/text_width.ts";
import { checkReport, exactTablesText } from "../../src/commands/check_report.ts";
import { checkPlan } from "../../src/run/check_pipeline.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { rocket } from "../support/command_line.ts";
import { digitsPipeline, withPipeline } from "../support/pipelines.ts";

/** Checks a pipeline in this process, and returns what `check` prints. */
async function check(
  file: string,
  { layers = false } = {},
): Promise<{ stdout: string; reports: string[] }> {
  const plan = await readPlan(file);
  const reports: string[] = [];
  const found = await checkPlan(plan, {
    engine: "wasm",
    report: (line) => void reports.push(line),
    warn: () => {},
    onPhase: (phase) => void reports.push(...exactTablesText(phase)),
  });
  const lines = checkReport(found, { layers });
  for (const line of lines) assert(widthOf(line) <= 80, line);
  return { stdout: lines.join("\n"), reports };
}

Deno.test("check prints splits, features, parameters by block, and losses with gradient norms", async () => {
  await withPipeline(digitsPipeline({ outputs: ["checkpoint"] }), async (file, cwd) => {
    const { code, stdout } = await rocket(["check", file, "--engine", "wasm"], { cwd });
    assertEquals(code, 0);
    assertMatch(stdout, /^train +1,437$/m);
    assertMatch(stdout, /^image +float32 \[8, 8, 1\] +numbers/m);
    assertMatch(stdout, /^label: digit, 10 classes$/m);
    assertMatch(stdout, /^transforms: scale$/m);
    // 64 · 16 + 16; 16 · 8 + 8; 16 · 32 + 32; 8 · 10 + 10; 32 · 10 + 10
    assertMatch(stdout, /^dense1 +1,040 +136 +544$/m);
    assertMatch(stdout, /^all +1,040 +226 +874$/m);
    assertStringIncludes(stdout, "light 1,266, booster 1,914");
    assertStringIncludes(stdout, "The first training step (128 rows)");
    assertMatch(stdout, /memory of a step with 128 rows: about \d+ MB/);
    assertMatch(stdout, /^mse-hint\(booster→light\) +[\d.]+ +0\.03 +0 +0\.\d+ +0\.\d+$/m);
    assertMatch(stdout, /^cross-entropy\(booster\) +[\d.]+ +1 +[\d.]+ +0 +[\d.]+$/m);
    assertStringIncludes(stdout, "fine");
    // The total is the sum of the losses, each times its weight.
    const loss = (name: string) =>
      Number(new RegExp(`^${name.replaceAll(/[()]/g, "\\$&")} +(\\S+)`, "m").exec(stdout)![1]);
    const sum = loss("cross-entropy(light)") + loss("cross-entropy(booster)") +
      0.03 * loss("mse-hint(booster→light)");
    assert(Math.abs(loss("total") - sum) < 2e-4, stdout);
    // It leaves no run folder behind.
    assertEquals(Array.from(Deno.readDirSync(cwd), ({ name }) => name), ["pipeline.yaml"]);
  });
});

Deno.test("check --layers also prints each layer and output, and the metrics of untrained nets", async () => {
  const metrics = ["accuracy", "loss"];
  const losses = (digitsPipeline().losses as { use: string }[]).map((loss) =>
    loss.use === "mse-hint" ? { ...loss, schedule: { use: "delay", for: 3, unit: "steps" } } : loss
  );
  await withPipeline(digitsPipeline({ metrics, losses }), async (file) => {
    const { stdout } = await check(file, { layers: true });
    // Its weight is 0 in the first step, but the gradients are those of the whole weight.
    assertMatch(stdout, /^mse-hint\(booster→light\) +[\d.]+ +0\.03, changes +0 +0\.\d+ +0\.\d+$/m);
    assertMatch(stdout, /^booster\.logits +\[batch, 10\]$/m);
    assertMatch(stdout, /^shared\/dense1 +1,040$/m);
    assertMatch(stdout, /^light\/dense1 +136$/m);
    assertMatch(stdout, /^booster\/dense1 +544$/m);
    assertMatch(stdout, /^light\/accuracy +0\.\d+$/m);
    // These nets compute the same in training and in an evaluation.
    const [, inStep] = /^cross-entropy\(light\) +(\S+)/m.exec(stdout)!;
    const [, evaluated] = /^loss\/cross-entropy\(light\) +(\S+)/m.exec(stdout)!;
    assert(Math.abs(Number(inStep) - Number(evaluated)) < 2e-4, stdout);
    const short = (await check(file)).stdout;
    assert(!short.includes("accuracy") && !short.includes("shared/dense1"), short);
  });
});

Deno.test("check measures metrics that read columns and weights of the first batch", async () => {
  const rows = Array.from(
    { length: 40 },
    (_, row) => `${row / 40},${row % 4},${1 + row % 3},${row % 2}`,
  );
  const source = { use: "csv", path: "clicks.csv" };
  const pipeline = {
    name: "clicks",
    data: {
      train: source,
      test: source,
      features: { x: {} },
      label: { column: "clicked", kind: "binary" },
      weight: "counts",
    },
    network: { use: "mlp", light: [4], booster: [8] },
    losses: [{ use: "binary-cross-entropy", on: "light" }],
    optimizer: { use: "sgd", learningRate: 0.1 },
    train: { epochs: 1, batch: 32 },
    metrics: [{ use: "gauc", by: "user" }, { use: "recall-at-k", by: "user", k: 2 }],
  };
  const files = { "clicks.csv": `x,user,counts,clicked\n${rows.join("\n")}\n` };
  await withPipeline(pipeline, async (file) => {
    const { stdout } = await check(file, { layers: true });
    // The rows of each user have one class, so the AUC of the users is undefined.
    assertMatch(stdout, /^light\/gauc +undefined \(no user has both classes\)$/m);
    assertMatch(stdout, /^light\/recall-at-k +\d/m);
  }, files);
});

Deno.test("check reports the cost of updating all rows of tables", async () => {
  const source = { use: "csv", path: "clicks.csv" };
  const pipeline = (tables: string) => ({
    name: "clicks",
    data: {
      train: source,
      test: source,
      features: { item: { ids: { count: 1000 } } },
      label: { column: "clicked", kind: "binary" },
    },
    network: { use: "ctr", embedding: 4, light: { hidden: [4] }, booster: { hidden: [8] } },
    losses: [{ use: "binary-cross-entropy", on: "light" }],
    optimizer: { use: "adam", learningRate: 0.1, tables },
    train: { epochs: 1, batch: 2 },
    metrics: ["log-loss"],
  });
  const files = { "clicks.csv": "item,clicked\n1,0\n2,1\n3,0\n4,1\n" };
  for (const tables of ["lazy", "exact"]) {
    await withPipeline(pipeline(tables), async (file) => {
      const text = (await check(file)).reports.join("\n");
      assertEquals(/updates all 1,00\d rows of 1 tables/.test(text), tables === "exact", text);
    }, files);
  }
});

const data = digitsPipeline().data as Record<string, unknown>;
const mistakes: Readonly<Record<string, [parts: Record<string, unknown>, error: RegExp]>> = {
  "a column that is not in the file": [
    { data: { ...data, label: "digt" } },
    /"digt"[^]*pipeline\.yaml:\d+:\d+[^]*digit/,
  ],
  "a shape that the column has not": [
    { data: { ...data, features: { image: { shape: [8, 9, 1] } } } },
    /64[^]*pipeline\.yaml:\d+:\d+/,
  ],
  "an output that the nets do not have": [
    {
      losses: [
        { use: "cross-entropy", on: "light" },
        { use: "mse-hint", from: "booster.features", to: "light.logits" },
      ],
    },
    /the nets have no output booster\.features[^]*pipeline\.yaml:\d+:\d+[^]*booster\.logits/,
  ],
  "a loss for another kind of label": [
    { losses: [{ use: "binary-cross-entropy", on: "light" }] },
    /binary-cross-entropy needs a label of kind binary[^]*use cross-entropy/,
  ],
  "a policy for hints on a loss with the label": [
    { losses: [{ use: "cross-entropy", on: "light", gradient: "mutual" }] },
    /mutual sends gradients to the teacher[^]*pipeline\.yaml:\d+:\d+/,
  ],
  "outputs of different shapes in a hint": [
    {
      losses: [
        { use: "cross-entropy", on: "light" },
        { use: "mse-hint", from: "booster.hidden1", to: "light.hidden1" },
      ],
    },
    /equal shape; got \[batch, 32\] and \[batch, 8\][^]*pipeline\.yaml:\d+:\d+/,
  ],
  "vectors where attention is transferred": [
    {
      losses: [
        { use: "cross-entropy", on: "light" },
        { use: "attention-transfer", from: "booster.hidden1", to: "light.hidden1" },
      ],
    },
    /got \[batch, 32\] and \[batch, 8\][^]*pipeline\.yaml:\d+:\d+/,
  ],
  "a file that is no Arrow file": [
    { data: { ...data, test: { use: "arrow", path: "pipeline.yaml" } } },
    /pipeline\.yaml is a text file[^]*expected an Arrow IPC file[^]*pipeline\.yaml:\d+:\d+/,
  ],
};
for (const [what, [parts, error]] of Object.entries(mistakes)) {
  Deno.test(`check reports ${what}, with its place in the pipeline`, async () => {
    await withPipeline(digitsPipeline(parts), async (file) => {
      const { problems } = await assertRejects(() => check(file), UserError);
      assertMatch(problemsLines(problems).join("\n"), error);
    });
  });
}

Deno.test("check counts the variables of losses separately from those of the nets", async () => {
  const from = "booster.hidden1", to = "light.hidden1";
  const losses = [{ use: "cross-entropy", on: "light" }, { use: "fitnet", from, to }];
  await withPipeline(digitsPipeline({ losses }), async (file) => {
    const { stdout } = await check(file, { layers: true });
    assertMatch(stdout, /^parameters +shared +light +booster +loss$/m);
    assertMatch(stdout, /^losses\/fitnet.* +288$/m);
    assertMatch(stdout.replaceAll("\n", " "), /light 1,266, .*the variables of losses do not ship/);
  });
});

Deno.test("check finds a loss that is not finite in the first batch", async () => {
  const mine = digitsPipeline({ losses: [{ use: "./mine.ts", on: "light" }] });
  const plugin = `import { defineLoss, tf, z } from "@rocket-launching/rocket/plugin";
export default defineLoss({
  name: "mine", summary: "Is not finite.", form: "task", options: z.object({}),
  create: () => (output) => tf.mul(tf.sum(output, -1), NaN),
});
`;
  await withPipeline(mine, async (file) => {
    const { code, stdout, stderr } = await rocket(["check", file, "--engine", "wasm"]);
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(stderr, "the loss mine(light) is not finite in the first batch");
    assertMatch(stderr, /pipeline\.yaml:\d+:\d+/);
  }, { "mine.ts": plugin });
});

Deno.test("check prints the number of ids of features, and of unknown values in each split", async () => {
  const row = (index: number, user: string) => `${user},${index % 3},${index},${index % 2}`;
  const source = (split: string) => ({ use: "csv", path: `${split}.csv` });
  const pipeline = {
    name: "ids",
    data: {
      ...{ train: source("train"), test: source("test") },
      features: {
        user: { ids: { train: true, minCount: 2 } },
        kind: { ids: { count: 3 } },
        item: { ids: { hash: 8 } },
        // The name of a property that all objects have.
        constructor: { column: "kind" },
      },
      label: { column: "y", kind: "binary" },
    },
    network: { use: "ctr", embedding: 2, light: { hidden: [4] }, booster: { hidden: [4] } },
    losses: [{ use: "binary-cross-entropy", on: "light" }],
    optimizer: { use: "sgd", learningRate: 0.1 },
    train: { epochs: 1, batch: 32 },
  };
  const head = "user,kind,item,y", rows = Array.from({ length: 40 }, (_, index) => index);
  const files = {
    // a and b occur often, c once.
    "train.csv": [head, ...rows.map((index) => row(index, index === 7 ? "c" : "ab"[index % 2]!))],
    "test.csv": [head, row(0, "a"), row(1, "c"), row(2, "d")],
  };
  const texts = Object.fromEntries(
    Object.entries(files).map(([name, lines]) => [name, `${lines.join("\n")}\n`]),
  );
  await withPipeline(pipeline, async (file) => {
    const { stdout } = await check(file);
    // Two values, and the id of all other values.
    assertMatch(
      stdout.replaceAll(/\n +/g, " "),
      /^user +int32 +3 ids of values; unknown: 1 of 40 in train, 2 of 3 in test$/m,
    );
    assertMatch(stdout, /^kind +int32 +3 ids, which the column contains$/m);
    assertMatch(stdout, /^item +int32 +8 ids of hashed values$/m);
    assertMatch(stdout, /^constructor +float32 +numbers; column "kind"$/m);
  }, texts);
});
