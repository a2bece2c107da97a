import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import { convert } from "../../data/convert.ts";
import type { Result } from "../../src/stages/events.ts";
import { inFolder, rocket } from "../support/command_line.ts";
import { writeParquet } from "../support/formats.ts";
import { pluginApi } from "../support/pipelines.ts";

/**
 * A tenth of the rows is positive and weighs 9, the others weigh 1, and neither what is read nor
 * the user tells which: 10, 3 and 7 have no common factor.
 */
const rows = 2100;

async function writeRows(folder: string): Promise<void> {
  const lines = Array.from({ length: rows }, (_, row) => {
    const positive = row % 10 === 0;
    return [["aa", "bbb", "c"][row % 3], positive ? 1 : 0, positive ? 9 : 1, `u${row % 7}`].join();
  });
  await Deno.writeTextFile(join(folder, "rows.csv"), ["s,y,w,user", ...lines].join("\n"));
  const query = `FROM read_csv('${join(folder, "rows.csv")}')`;
  await writeParquet(query, join(folder, "rows.parquet"), 2048);
  const from = join(folder, "rows.parquet"), to = join(folder, "rows.arrow");
  await convert({ from, to, batchRows: 100 });
}

/** The part of a batch's rows, and so of the steps. */
const batch = 60;

const pipeline = (use: string, more: Record<string, unknown> = {}, epochs = 4) => {
  const source = { use, path: `rows.${use}`, ...(use !== "arrow" && { batchRows: 100 }) };
  return stringify({
    name: "weighted",
    seed: 1,
    data: {
      train: source,
      test: source,
      features: { s: { ids: "train" } },
      label: { column: "y", kind: "binary" },
      weight: "w",
      memory: "10kB",
      ...more,
    },
    network: { use: "ctr", embedding: 4, light: { hidden: [8] }, booster: { hidden: [8] } },
    losses: [
      { use: "binary-cross-entropy", on: "light" },
      { use: "binary-cross-entropy", on: "booster" },
    ],
    optimizer: { use: "adam", learningRate: 0.01 },
    train: { epochs, batch },
    metrics: [
      "log-loss",
      { use: "gauc", by: "user" },
      { use: "recall-at-k", by: "user", k: 10, name: "recall" },
    ],
  });
};

/** What does not depend on how rows were read, by reckoning. */
function assertMetrics({ test }: Pick<Result, "test">): void {
  for (const net of ["light", "booster"]) {
    const metrics = test[net as keyof typeof test] as Record<string, number>;
    // Positives weigh as much as the others, so that each row's probability is a half.
    assertAlmostEquals(metrics["log-loss"]!, Math.log(2), 0.01);
    // In each user's rows, positives have each score as often as the others.
    assertAlmostEquals(metrics.gauc!, 0.5, 1e-12);
    // Of 300 rows, 30 of them positive, 10 are taken: with one of the positives.
    assertAlmostEquals(metrics.recall!, 1 / 30, 1e-12);
  }
}

/** Makes a thread worth its start, and batches in it take no time. */
const slow = `import { defineTransform, z } from "${pluginApi}";
export default defineTransform({
  name: "slow", summary: "Takes its time.", options: z.object({}), on: "training",
  create: (_options, { features }) => ({ features, apply(batch) {
    const until = performance.now() + (typeof WorkerGlobalScope === "undefined" ? 30 : 0);
    while (performance.now() < until);
    return batch;
  } }),
});
`;

for (const use of ["parquet", "arrow", "csv"]) {
  Deno.test(`pipeline run starts a thread for streamed rows of ${use} that loses neither weights nor columns`, () =>
    inFolder(async (cwd) => {
      await writeRows(cwd);
      await Deno.writeTextFile(join(cwd, "slow.ts"), slow);
      const text = pipeline(use, { transforms: ["./slow.ts"] }, 16);
      await Deno.writeTextFile(join(cwd, "p.yaml"), text);
      const args = ["p.yaml", "--out", "run", "--engine", "wasm", "--debug"];
      const { code, stderr } = await rocket(args, { cwd });
      assertEquals(code, 0, stderr);
      assert(stderr.includes("input: a thread makes the batches ahead of the steps"), stderr);
      assertMetrics(JSON.parse(await Deno.readTextFile(join(cwd, "run", "result.json"))));
    }));
}
