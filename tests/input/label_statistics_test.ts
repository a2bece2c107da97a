import { assertAlmostEquals, assertEquals } from "@std/assert";
import { join } from "node:path";
import { prepareData } from "../../src/input/prepare_data.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import type { LabelStatistics } from "../../src/stages/batch.ts";
import { digitsPipeline } from "../support/pipelines.ts";

/** Rows of three classes, whose names do not occur in their order, with weights. */
const rows = Array.from({ length: 300 }, (_, row) => ({
  x: row / 300,
  y: row % 7 === 0 ? "b" : row % 2 === 0 ? "c" : "a",
  w: 1 + row % 3,
}));

async function statisticsOf(
  data: Record<string, unknown>,
  outputBias = "base-rate",
): Promise<LabelStatistics | undefined> {
  const folder = await Deno.makeTempDir({ prefix: "rocket-test-" });
  try {
    const path = join(folder, "rows.csv");
    const lines = rows.map(({ x, y, w }) => `${x},${y},${w}`);
    await Deno.writeTextFile(path, ["x,y,w", ...lines].join("\n"));
    const source = { use: "csv", path, batchRows: 50 };
    const numbers = Object(data.label).kind === "number";
    const pipeline = digitsPipeline({
      data: { train: source, test: source, features: { x: {} }, label: "y", ...data },
      network: { use: "mlp", light: [2], outputBias },
      losses: [{ use: numbers ? "mean-squared-error" : "cross-entropy", on: "light" }],
      metrics: [],
    });
    const prepared = await prepareData(await readPlan(pipeline as unknown as Pipeline));
    await prepared.close();
    return prepared.label.training;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The sums over rows of each class, by name. */
const sums = (of: (row: typeof rows[number]) => number, some = rows) =>
  ["a", "b", "c"].map((name) =>
    some.filter(({ y }) => y === name).reduce((sum, row) => sum + of(row), 0)
  );

Deno.test("the statistics of the label count the rows of each class, in memory and streamed", async () => {
  const expected = { rows: 300, total: 300, classes: sums(() => 1), mean: 0 };
  assertEquals(await statisticsOf({}), expected);
  assertEquals(await statisticsOf({ memory: "10kB" }), expected);
});

Deno.test("the statistics of the label weigh rows, in memory and streamed", async () => {
  const classes = sums(({ w }) => w);
  const expected = { rows: 300, total: 600, classes, mean: 0 };
  assertEquals(await statisticsOf({ weight: "w" }), expected);
  assertEquals(await statisticsOf({ weight: "w", memory: "10kB" }), expected);
});

Deno.test("the statistics of the label cover the training rows only", async () => {
  const some = await statisticsOf({ rows: 40 }),
    streamed = await statisticsOf({
      rows: 40,
      memory: "10kB",
    });
  assertEquals([some!.rows, some!.total], [40, 40]);
  assertEquals(streamed, some);
});

Deno.test("the statistics of a label that is a number have its weighted mean", async () => {
  const label = { column: "x", kind: "number" }, features = { w: {} };
  const plain = await statisticsOf({ label, features });
  assertAlmostEquals(plain!.mean, 299 / 600, 1e-6);
  assertEquals(plain!.classes, []);
  const weighted = await statisticsOf({ label, features: { w: {} }, weight: "w" });
  const mean = rows.reduce((sum, { x, w }) => sum + w * x, 0) / 600;
  assertAlmostEquals(weighted!.mean, mean, 1e-6);
});

Deno.test("the statistics of the label are not computed if no part of the run needs them", async () => {
  assertEquals(await statisticsOf({}, "zero"), undefined);
});
