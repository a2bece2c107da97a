import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { openEngine } from "../../src/engine/engine.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { resultTable } from "../../src/commands/result_table.ts";
import { UserError } from "../../src/base/errors.ts";
import { type MetricValue, undefinedMetric } from "../../src/stages/metric.ts";
import { decodeContent } from "../../src/run/folder/checkpoint_content.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { prepareJobs } from "../../src/run/run.ts";
import { Selection } from "../../src/run/selection.ts";
import { pluginApi, runFile, withPipeline } from "../support/pipelines.ts";
import { rocket } from "../support/command_line.ts";

/**
 * Clicks of three users; on the validation split nobody clicks, and each test user has one class.
 */
const files = {
  "train.csv": "x,user,y\n0.5,1,1\n1.5,1,0\n-1.5,2,0\n2.5,2,1\n",
  "none.csv": "x,user,y\n0.5,1,0\n1.0,2,0\n",
  "apart.csv": "x,user,y\n0.5,1,1\n1.0,2,0\n",
};
const source = (name: string) => ({ use: "csv", path: `${name}.csv` });

function clicks(parts: Record<string, unknown> = {}, validation?: string) {
  return {
    name: "clicks",
    data: {
      train: source("train"),
      test: source("apart"),
      ...(validation && { validation: source(validation) }),
      features: { x: {} },
      label: { column: "y", kind: "binary" },
    },
    network: { use: "mlp" },
    losses: [
      { use: "binary-cross-entropy", on: "light" },
      { use: "binary-cross-entropy", on: "booster" },
    ],
    optimizer: { use: "sgd", learningRate: 0.1 },
    train: { epochs: 2, batch: 16 },
    metrics: ["auc", { use: "gauc", by: "user" }, { use: "recall-at-k", by: "user" }, "log-loss"],
    outputs: ["checkpoint"],
    ...parts,
  };
}

/** What the epochs of a pipeline are chosen and ended by, and what is reported. */
async function chosen(pipeline: Record<string, unknown>, own: Record<string, string> = {}) {
  let found!: { select: string | undefined; stop: string | undefined; reports: string[] };
  await openEngine("wasm");
  await withPipeline(pipeline, async (file) => {
    const plan = await readPlan(file);
    const data = await prepareData(plan), reports: string[] = [];
    try {
      const { rocket: { phases: [phase] } } = await prepareJobs(
        plan,
        data,
        (line) => reports.push(line),
      );
      found = { select: phase!.select, stop: phase!.stop?.metric, reports };
    } finally {
      await data.close();
    }
  }, { ...files, ...own });
  return found;
}

const train = (more: Record<string, unknown>) => ({ train: { epochs: 2, batch: 16, ...more } });

for (
  const [key, validation, reason] of [
    ["light/auc", "none", "one class"],
    ["booster/auc", "none", "one class"],
    ["light/gauc", "apart", "no user has both classes"],
    ["light/recall-at-k", "none", "no positive row"],
  ] as const
) {
  Deno.test(`prepareJobs() refuses ${key} in select and stop if its labels give it no value: ${reason}`, async () => {
    for (const name of ["select", "stop"] as const) {
      const more = name === "select" ? { select: key } : { stop: { metric: key } };
      const error = await assertRejects(() => chosen(clicks(train(more), validation)), UserError);
      assertEquals(error.exitCode, 2);
      assertEquals(error.problems.length, 1);
      const [{ message, place, hint }] = error.problems as [UserError["problems"][number]];
      assertStringIncludes(
        message,
        `${key}, which has no value on the validation split: ${reason}`,
      );
      assert(place?.line !== undefined);
      // The hint holds if it is followed literally.
      const [, metric] = /`(?:select|metric): (.+)`/.exec(hint!)!;
      const mended = name === "select" ? { select: metric } : { stop: { metric } };
      const { select, stop } = await chosen(clicks(train(mended), validation));
      assertEquals(name === "select" ? select : stop, metric);
    }
  });
}

Deno.test("prepareJobs() uses the first metric with a value if none is named, and logs it", async () => {
  const { select, stop, reports } = await chosen(clicks(train({ stop: {} }), "none"));
  assertEquals([select, stop], ["light/log-loss", "light/log-loss"]);
  assertEquals(reports.length, 3);
  assertStringIncludes(reports[0]!, "chosen by light/log-loss instead of the metric light/auc");
  const all = await chosen(clicks({}, "train"));
  assertEquals([all.select, all.reports], ["light/auc", []]);
});

Deno.test("prepareJobs() chooses the last epoch if no metric has a value, and refuses `stop`", async () => {
  const metrics = { metrics: ["auc"] };
  assertEquals((await chosen(clicks(metrics, "none"))).select, undefined);
  const error = await assertRejects(
    () => chosen(clicks({ ...metrics, ...train({ stop: {} }) }, "none")),
    UserError,
    "`stop` depends on the metric light/auc",
  );
  assertEquals(error.problems[0]!.hint, "remove `stop`");
});

Deno.test("prepareJobs() tries metrics of plugins, and reads rows until they have a value", async () => {
  const own = `import { defineMetric, z } from "${pluginApi}";
export default defineMetric({
  name: "late", summary: "Has a value from the third batch on.", options: z.object({}),
  create: () => ({ start() { let rows = 0; return {
    add: ({ size }) => { rows += size; }, value: () => rows > 600 ? rows : NaN } } }),
});`;
  const rows = (count: number) => "x,user,y\n" + `0.5,1,1\n0.5,1,0\n`.repeat(count / 2);
  const pipeline = clicks({ metrics: ["./late.ts"], ...train({ select: "light/late" }) }, "none");
  const many = { "late.ts": own, "none.csv": rows(700) };
  assertEquals((await chosen(pipeline, many)).select, "light/late");
  await assertRejects(
    () => chosen(pipeline, { ...many, "none.csv": rows(500) }),
    UserError,
    "no value on the validation split: not a number",
  );
});

Deno.test("makePlan() refuses to choose epochs by a metric with several values", async () => {
  for (const [use, key] of [["calibration", "light/calibration"], ["loss", "loss"]]) {
    await assertRejects(
      () => chosen(clicks({ metrics: [use, "log-loss"], ...train({ select: key }) })),
      UserError,
      "requires a metric with a single value",
    );
  }
  const { select } = await chosen(clicks({ metrics: ["calibration", "loss", "log-loss"] }));
  assertEquals(select, "light/log-loss");
});

Deno.test("an undefined metric is null with a reason in files, and is named in the table", async () => {
  await openEngine("wasm");
  await withPipeline(clicks(), async (file, folder) => {
    const out = join(folder, "run");
    const { result, evaluations } = await runFile(file, out, "wasm");
    const none = undefinedMetric("no user has both classes");
    assertEquals(evaluations.at(-1)!.metrics["light/gauc"], none);
    const [last] = Deno.readTextFileSync(join(out, "metrics.jsonl")).trim().split("\n").slice(-1);
    const line = JSON.parse(last!);
    assertEquals(line["light/gauc"], null);
    assertEquals(line.undefined, {
      "light/gauc": "no user has both classes",
      "booster/gauc": "no user has both classes",
    });
    const written = JSON.parse(Deno.readTextFileSync(join(out, "result.json")));
    assertEquals(written.test.light.gauc, null);
    assertEquals(written.test.light["gauc/users"], 0);
    assertEquals(written.undefined["best/test/booster/gauc"], "no user has both classes");
    for (const { name } of Deno.readDirSync(join(out, "checkpoints"))) {
      if (!/^rocket-.*\.json$/.test(name)) continue;
      const text = Deno.readTextFileSync(join(out, "checkpoints", name));
      assert(!text.includes("NaN"));
      assertEquals(decodeContent(text).position.metrics.test!["light/gauc"], none);
    }
    const table = resultTable(result).join("\n");
    assertStringIncludes(table, "undefined (no user has both classes)");
    assertStringIncludes(table, "light gauc: users 0, rows 0");
    assert(!table.includes("NaN"));
  }, files);
});

Deno.test("check refuses a metric without a value on the command line, and names the reason", async () => {
  const pipeline = clicks(train({ stop: { metric: "light/auc", patience: 2 } }), "none");
  await withPipeline(pipeline, async (file) => {
    const { code, stderr } = await rocket(["check", file, "--engine", "wasm"]);
    assertEquals(code, 2);
    assertStringIncludes(
      stderr,
      "light/auc, which has no value on the validation split: one class",
    );
  }, files);
});

const measured = {
  metrics: [{ name: "m", per: "run", better: "higher", values: "one" }],
  nets: ["light"],
} as unknown as ConstructorParameters<typeof Selection>[1];

/** The epoch that is chosen by some values. */
function bestOf(values: readonly MetricValue[]) {
  const selection = new Selection({}, measured, "m");
  const better = values.map((m, index) => selection.consider(index + 1, { test: { m } }));
  const { epoch, value } = selection.best();
  return { epoch, value, better };
}

Deno.test("Selection never prefers an epoch without a value over one with a value", () => {
  const none = undefinedMetric("one class");
  assertEquals(bestOf([none, 1, none, 2, none]), {
    epoch: 4,
    value: 2,
    better: [true, true, false, true, false],
  });
  assertEquals(bestOf([-5, none]).epoch, 1);
  // Without any value, the last epoch is as good as others.
  assertEquals(bestOf([none, none, none]).epoch, 3);
});
