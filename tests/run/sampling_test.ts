import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { join } from "node:path";
import { openEngine } from "../../src/engine/engine.ts";
import { prepareData, type PreparedData } from "../../src/input/prepare_data.ts";
import { isUndefinedMetric } from "../../src/stages/metric.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { partsOfBatch } from "../../src/train/parts.ts";
import { createRandom } from "../../src/base/random.ts";
import { digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";

/** Rows whose label is 1 with the probability σ(2x − 3), about one row in 14. */
function csv(rows: number, seed: number): string {
  const random = createRandom(seed);
  const lines = Array.from({ length: rows }, (_, row) => {
    const x = 4 * random.uniform() - 2;
    const click = random.uniform() < 1 / (1 + Math.exp(3 - 2 * x));
    return `${row},${x.toFixed(5)},${click ? "yes" : "no"}`;
  });
  return ["row,x,click", ...lines].join("\n");
}

const pipeline = (folder: string, data: object = {}, rest: object = {}) =>
  digitsPipeline({
    data: {
      train: { use: "csv", path: join(folder, "train.csv"), batchRows: 500 },
      test: { use: "csv", path: join(folder, "test.csv") },
      features: { x: {} },
      label: { column: "click", kind: "binary", classes: ["no", "yes"] },
      ...data,
    },
    network: { use: "mlp", light: [8] },
    losses: [{ use: "binary-cross-entropy", on: "light" }],
    optimizer: { use: "adam", learningRate: 0.03, schedule: { use: "cosine" } },
    train: { epochs: 3, batch: 100 },
    metrics: ["calibration", "log-loss"],
    ...rest,
  });

async function inFolder<T>(test: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "rocket-test-" });
  try {
    await Deno.writeTextFile(join(folder, "train.csv"), csv(8000, 1));
    await Deno.writeTextFile(join(folder, "test.csv"), csv(8000, 2));
    return await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function prepared<T>(folder: string, data: object, test: (data: PreparedData) => Promise<T>) {
  const plan = await readPlan(
    pipeline(folder, data, {
      network: { use: "mlp", light: [8], outputBias: "base-rate" },
    }) as unknown as Pipeline,
  );
  const rows = await prepareData(plan);
  try {
    return await test(rows);
  } finally {
    await rows.close();
  }
}

/** The labels of the training rows, and their features as text. */
async function trainingRows({ splits: { train } }: PreparedData) {
  const { label, features } = await train.slice(0, train.rows);
  return { label: [...label.values], x: [...features.x!.values].join() };
}

Deno.test("data.sampling keeps all rows of a class, and about the fraction of another, in memory and streamed", async () => {
  await inFolder(async (folder) => {
    const all = await prepared(folder, {}, trainingRows);
    const sampling = { keep: { no: 0.1 } };
    const some = await prepared(folder, { sampling }, trainingRows);
    const positive = (labels: readonly number[]) => labels.filter((label) => label === 1).length;
    assertEquals(positive(some.label), positive(all.label));
    const negatives = all.label.length - positive(all.label);
    const kept = some.label.length - positive(some.label);
    assert(Math.abs(kept / negatives - 0.1) < 0.015, `${kept} of ${negatives}`);
    assertEquals(await prepared(folder, { sampling, memory: "10kB" }, trainingRows), some);
  });
});

Deno.test("data.sampling weighs the rows of each class so that their sum is that of all rows", async () => {
  await inFolder(async (folder) => {
    const all = await prepared(folder, {}, ({ label }) => Promise.resolve(label.training!));
    for (const memory of [undefined, "10kB"]) {
      const data = { sampling: { keep: { no: 0.1, yes: 0.5 } }, ...(memory && { memory }) };
      await prepared(folder, data, ({ label: { training }, rowWeights }) => {
        assert(
          Math.abs(rowWeights!.factors[0]! - 10) < 1 && Math.abs(rowWeights!.factors[1]! - 2) < 0.3,
        );
        assertAlmostEquals(training!.classes[0]!, all.classes[0]!, 1e-6);
        assertAlmostEquals(training!.classes[1]!, all.classes[1]!, 1e-6);
        return Promise.resolve();
      });
    }
  });
});

Deno.test("data.sampling samples the rows that data.rows keeps", async () => {
  await inFolder(async (folder) => {
    const rows = await prepared(folder, { rows: 1000 }, trainingRows);
    const data = { rows: 1000, sampling: { keep: { no: 0.5 } } };
    const some = await prepared(folder, data, trainingRows);
    assert(some.label.length < 600 && some.label.length > 400);
    const among = new Set(rows.x.split(","));
    assert(some.x.split(",").every((x) => among.has(x)));
  });
});

Deno.test("the parts of an accumulated batch count by the weights of the sampled rows", () => {
  const column = (values: number[]) => ({ values: Float32Array.from(values), shape: [] });
  const batch = {
    size: 4,
    features: {},
    label: column([0, 0, 1, 1]),
    weight: column([1, 2, 1, 1]),
  };
  const shares = partsOfBatch(batch, 2, { label: undefined, factors: [10, 1] }).map(({ weights }) =>
    weights
  );
  assertEquals(shares, [30 / 32, 2 / 32]);
});

Deno.test("a net that trains on a tenth of the negatives predicts as calibrated probabilities as on all rows", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const measured = async (data: object, rest: object = {}) => {
      const { result } = await withPipeline(
        pipeline(folder, data, rest),
        (file, out) => runFile(file, join(out, "run"), "wasm"),
      );
      const { "calibration/ratio": ratio, "log-loss": loss } = result.test.light!;
      assert(!isUndefinedMetric(ratio) && !isUndefinedMetric(loss));
      return { ratio: ratio!, loss: loss! };
    };
    const all = await measured({});
    const some = await measured({ sampling: { keep: { no: 0.1 } } }, {
      train: { epochs: 20, batch: 100 },
    });
    // Without a correction, the net would predict about five times too many clicks.
    assert(Math.abs(all.ratio - 1) < 0.15, `${all.ratio}`);
    assert(Math.abs(some.ratio - 1) < 0.15, `${some.ratio}`);
    assertAlmostEquals(some.loss, all.loss, 0.01);
  });
});
