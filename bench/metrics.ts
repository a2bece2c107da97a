/**
 * Measures the time and memory of metrics for click prediction. Each metric has its own process and
 * accumulates many rows in batches of 256, as in an evaluation. Users have 100 rows on average.
 *
 * usage: deno task bench:metrics [--rows N]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import process from "node:process";
import auc from "../plugins/metrics/auc.ts";
import calibration from "../plugins/metrics/calibration.ts";
import gauc from "../plugins/metrics/gauc.ts";
import logLoss from "../plugins/metrics/log_loss.ts";
import recallAtK from "../plugins/metrics/recall_at_k.ts";
import { createRandom } from "../src/base/random.ts";
import type { LabelSpec } from "../src/stages/batch.ts";
import type { MetricStage } from "../src/stages/metric.ts";
import { launched } from "./measured.ts";

const stages: readonly MetricStage[] = [auc, gauc, recallAtK, logLoss, calibration];
const { rows: count, metric } = parseArgs(Deno.args, {
  string: ["rows", "metric"],
  default: { rows: "10000000" },
});
const rows = Number(count), batch = 256;

if (metric === undefined) {
  console.log(
    `| metric, ${rows.toLocaleString("en")} rows | s | MB at the peak |\n| --- | --- | --- |`,
  );
  for (const { name } of stages) {
    const { seconds, bytes } = await launched(["--rows", count, "--metric", name]);
    console.log(`| ${name} | ${seconds.toFixed(1)} | ${(bytes / 1e6).toFixed(0)} |`);
  }
} else {
  const before = peak();
  const start = performance.now();
  measure(stages.find(({ name }) => name === metric)!);
  const seconds = (performance.now() - start) / 1000;
  console.log(JSON.stringify({ seconds, bytes: peak() - before }));
}

/** Returns the peak memory of this process in bytes. */
function peak(): number {
  return process.resourceUsage().maxRSS * 1024;
}

function measure(stage: MetricStage): void {
  const label: LabelSpec = { kind: "binary", classes: 2, shape: [], dtype: "float32" };
  const options = stage.options.parse(
    stage === gauc || stage === recallAtK ? { by: "user" } : {},
  );
  const accumulator = stage.create(options, { label, nets: ["light"] }).start();
  const random = createRandom(1);
  for (let start = 0; start < rows; start += batch) {
    const size = Math.min(batch, rows - start);
    const values = Float32Array.from({ length: size }, () => random.uniform() * 6 - 3);
    const logits = { values, shape: [1] };
    accumulator.add({
      size,
      outputs: { logits },
      nets: { light: { logits } },
      label: Float32Array.from({ length: size }, () => Number(random.uniform() < 0.5)),
      losses: {},
      columns: { user: Float64Array.from({ length: size }, () => random.integer(0, rows / 100)) },
    });
  }
  accumulator.value();
}
