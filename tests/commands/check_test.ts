import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { rocket } from "../support/command_line.ts";
import { digitsPipeline, withPipeline } from "../support/pipelines.ts";

const check = (file: string, ...args: string[]) =>
  rocket(["check", file, "--engine", "wasm", ...args]);

Deno.test("check prints rows, shapes, parameters by layer, the first batch and gradient norms", async () => {
  await withPipeline(digitsPipeline(), async (file) => {
    const { code, stdout } = await check(file);
    assertEquals(code, 0);
    assertMatch(stdout, /^train +1,437$/m);
    assertMatch(stdout, /^image +float32 \[batch, 8, 8, 1\]/m);
    assertMatch(stdout, /^label: 10 classes$/m);
    assertMatch(stdout, /^booster\.logits +\[batch, 10\]$/m);
    // 64 · 16 + 16; 16 · 8 + 8; 16 · 32 + 32; 8 · 10 + 10; 32 · 10 + 10
    assertMatch(stdout, /^shared\/dense1 +1,040$/m);
    assertMatch(stdout, /^light\/dense1 +136$/m);
    assertMatch(stdout, /^booster\/dense1 +544$/m);
    assertMatch(stdout, /^all +1,040 +226 +874$/m);
    assertStringIncludes(stdout, "light 1,266, booster 1,914");
    assertMatch(stdout, /^first batch \(128 rows\)/m);
    assertMatch(stdout, /^light\/accuracy +0\.\d+$/m);
    assertMatch(stdout, /memory of a step with 128 rows: about \d+ MB/);
    assertMatch(stdout, /^mse-hint\(booster→light\) +0 +0\.\d+ +0\.\d+$/m);
    assertMatch(stdout, /^cross-entropy\(booster\) +[\d.]+ +0 +[\d.]+$/m);
    assertStringIncludes(stdout, "fine");
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
    const { code, stdout, stderr } = await check(file);
    assertEquals(code, 0, stderr);
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
      const { code, stderr } = await check(file);
      assertEquals(code, 0, stderr);
      assertEquals(/updates all 1,00\d rows of 1 tables/.test(stderr), tables === "exact", stderr);
    }, files);
  }
});

Deno.test("check leaves no run folder behind", async () => {
  await withPipeline(digitsPipeline({ outputs: ["checkpoint"] }), async (file, cwd) => {
    await rocket(["check", file, "--engine", "wasm"], { cwd });
    assertEquals(Array.from(Deno.readDirSync(cwd), ({ name }) => name), ["pipeline.yaml"]);
  });
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
      const { code, stderr, stdout } = await check(file);
      assert(code === 1 || code === 2, `exit code ${code}`);
      assertEquals(stdout, "");
      assertMatch(stderr, /^error: /m);
      assertMatch(stderr, error);
      assert(!stderr.includes("    at "), stderr);
    });
  });
}

Deno.test("check counts the variables of losses separately from those of the nets", async () => {
  const from = "booster.hidden1", to = "light.hidden1";
  const losses = [{ use: "cross-entropy", on: "light" }, { use: "fitnet", from, to }];
  await withPipeline(digitsPipeline({ losses }), async (file) => {
    const { code, stdout } = await check(file);
    assertEquals(code, 0);
    assertMatch(stdout, /^parameters +shared +light +booster +loss$/m);
    assertMatch(stdout, /regressor +288$/m);
    assertMatch(stdout, /light 1,266, .*the variables of losses do not ship/);
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
    const { code, stderr } = await check(file);
    assertEquals(code, 1);
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
    const { code, stdout, stderr } = await check(file);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /^ids +of +count +unknown in train +unknown in test$/m);
    // Two values, and the id of all other values.
    assertMatch(stdout, /^user +vocabulary +3 +1 of 40 +2 of 3$/m);
    assertMatch(stdout, /^kind +count +3 +– +–$/m);
    assertMatch(stdout, /^item +hash +8 +– +–$/m);
  }, texts);
});
