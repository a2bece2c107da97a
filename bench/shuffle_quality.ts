/**
 * Measures how well training rows are shuffled. The rows are sorted by their label, which is the
 * worst case. They are shuffled not at all, within windows of several sizes, and as a whole. Prints
 * a table for docs/data.md.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { readPlan } from "../src/run/read_plan.ts";
import { openEngine } from "../src/engine/engine.ts";
import type { Plan } from "../src/pipeline/plan.ts";
import { openInput } from "../src/input/open.ts";
import { wholeOrder, windowOrder, windowsOf } from "../src/input/order.ts";
import { type Split, StoredSplit } from "../src/input/split.ts";
import { CheckpointStore } from "../src/run/folder/checkpoints.ts";
import { runJob } from "../src/run/trainer.ts";
import { spread } from "../src/sweep/statistics.ts";
import { firstBatch, prepareData } from "../src/input/prepare_data.ts";
import { netsOf, prepareNets } from "../src/run/prepare_nets.ts";
import { nothingGiven } from "../src/train/variables.ts";

/** The numbers of classes, of rows per record batch, and of rows per training batch. */
const classes = 10, batchRows = 16, batch = 64;
const seeds = [1, 2, 3];

/** The sizes of windows in rows; 0 for no shuffle, Infinity for a shuffle as a whole. */
const shuffles = [0, 16, 64, 128, 256, 512, Infinity];

await openEngine("auto");
const folder = await Deno.makeTempDir({ prefix: "rocket-shuffle-" });
try {
  const sorted = await sortedRows();
  const rows = sorted.labels.length;
  const head = [
    "shuffle",
    "record batches in a batch",
    "label entropy, bits",
    "correlation with the file",
    "test accuracy",
  ];
  const lines = [head, head.map((_, column) => column === 0 ? "---" : "---:")];
  for (const window of shuffles) {
    const accuracies: number[] = [];
    for (const seed of seeds) accuracies.push(await train(window, seed));
    const name = window === 0
      ? "none"
      : window === Infinity
      ? "the whole set"
      : `windows of ${window} rows (${percent(window / rows)})`;
    const range = Math.max(...accuracies) - Math.min(...accuracies);
    const accuracy = `${percent(mean(accuracies))} (± ${percent(range / 2)})`;
    const orders = Array.from({ length: 20 }, (_, epoch) => orderOf(rows, window, 1, epoch + 1));
    const [sources, entropy, correlation] = qualities(orders, sorted.labels);
    lines.push([
      name,
      sources!.toFixed(1),
      entropy!.toFixed(2),
      correlation!.toFixed(2),
      accuracy,
    ]);
  }
  console.log(lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n"));
} finally {
  await Deno.remove(folder, { recursive: true });
}

/** Reads the digits, sorted by their labels. */
async function sortedRows(): Promise<{ rows: Uint32Array; labels: number[] }> {
  const data = await prepareData(await planOf(1));
  try {
    const { label } = await data.splits.train.slice(0, data.splits.train.rows);
    const rows = Uint32Array.from(label.values, (_, row) => row)
      .sort((a, b) => label.values[a]! - label.values[b]! || a - b);
    return { rows, labels: [...rows].map((row) => label.values[row]!) };
  } finally {
    await data.close();
  }
}

/** Returns the order of rows in an epoch: as in the file, or shuffled in windows or as a whole. */
function orderOf(rows: number, window: number, seed: number, epoch: number): number[] {
  if (window === 0) return Array.from({ length: rows }, (_, row) => row);
  if (window === Infinity) return [...wholeOrder(rows, seed, epoch).at(0, rows)];
  const counts = Array.from(
    { length: Math.ceil(rows / batchRows) },
    (_, index) => Math.min(batchRows, rows - index * batchRows),
  );
  return windowsOf(counts, window, seed, epoch).flatMap(({ batches, start, end }, number) => {
    const own = batches.flatMap((index) =>
      Array.from({ length: counts[index]! }, (_, row) => index * batchRows + row)
    );
    return [...windowOrder(end - start, seed, epoch, number)].map((row) => own[row]!);
  });
}

/** The mean quality of several orders. */
function qualities(orders: readonly number[][], labels: readonly number[]): number[] {
  const each = orders.map((order) => quality(order, labels));
  return each[0]!.map((_, index) => mean(each.map((numbers) => numbers[index]!)));
}

/**
 * Measures an order: the number of record batches and the label entropy per training batch, and the
 * absolute correlation of positions.
 */
function quality(order: readonly number[], labels: readonly number[]): number[] {
  const sources: number[] = [], entropies: number[] = [];
  for (let start = 0; start + batch <= order.length; start += batch) {
    const rows = order.slice(start, start + batch);
    sources.push(new Set(rows.map((row) => Math.floor(row / batchRows))).size);
    const counts = new Float64Array(classes);
    rows.forEach((row) => counts[labels[row]!]! += 1 / batch);
    entropies.push(counts.reduce((sum, p) => p > 0 ? sum - p * Math.log2(p) : sum, 0));
  }
  return [mean(sources), mean(entropies), Math.abs(correlation(order))];
}

/** Computes Pearson's correlation of the positions of rows in the epoch and in the file. */
function correlation(order: readonly number[]): number {
  const middle = (order.length - 1) / 2;
  let both = 0, each = 0;
  order.forEach((row, position) => {
    both += (row - middle) * (position - middle);
    each += (position - middle) ** 2;
  });
  return both / each;
}

/** Returns the light net's test accuracy after five epochs with a kind of shuffle. */
async function train(window: number, seed: number): Promise<number> {
  const plan = await planOf(seed);
  const data = await prepareData(plan);
  const { rows: sorted } = await sortedRows();
  const whole = data.splits.train;
  if (!(whole instanceof StoredSplit)) throw new Error("the digits do not fit in memory");
  const ordered = whole.subset(sorted);
  const train: Split = {
    rows: ordered.rows,
    specs: ordered.specs,
    features: ordered.features,
    label: ordered.label,
    schema: ordered.schema,
    fingerprint: ordered.fingerprint,
    shuffle: "whole",
    idCounts: ordered.idCounts,
    groups: undefined,
    gather: (rows) => ordered.gather(rows),
    keepTogether: (together) => ordered.keepTogether(together),
    slice: (start, end) => ordered.slice(start, end),
    shuffled: ({ seed, epoch }, start, end) =>
      ordered.gather(orderOf(ordered.rows, window, seed, epoch).slice(start, end)),
    subset: (rows) => ordered.subset(rows),
    counts: () => ordered.counts(),
    share: () => "an order of its own",
    sourceRow: () => undefined,
    arrange: () => {},
    rest: () => {},
    close: () => ordered.close(),
  };
  const given = { ...data, splits: { ...data.splits, train } };
  const input = openInput(given, { thread: "never", report: () => {} });
  try {
    const { test } = await runJob(
      {
        name: "rocket",
        seed,
        phases: [{
          ...plan.phases[0]!,
          select: undefined,
          nonFinite: "stop",
          nets: prepareNets(plan, given, netsOf(plan)),
        }],
        given: nothingGiven,
        cut: plan.cut,
        part: plan.part,
        evaluateEvery: 1,
        data: given,
        input,
        first: firstBatch(plan, given),
        precision: "float32",
        report: () => {},
        debug: false,
      },
      () => Promise.resolve(),
      {
        store: new CheckpointStore(folder),
        from: undefined,
        about: { job: "rocket", run: undefined },
        announce: () => Promise.resolve(),
        signal: undefined,
      },
    );
    return Number(test.light!.accuracy);
  } finally {
    input.close();
    await data.close();
  }
}

async function planOf(seed: number): Promise<Plan> {
  const file = join(folder, "pipeline.yaml");
  const data = fileURLToPath(new URL("../data/", import.meta.url));
  await Deno.writeTextFile(
    file,
    stringify({
      name: "sorted-digits",
      seed,
      data: {
        train: { use: "arrow", path: join(data, "digits-train.arrow") },
        test: { use: "arrow", path: join(data, "digits-test.arrow") },
        features: { image: {} },
        label: { column: "digit", classes },
        transforms: [{ use: "scale", by: 0.0625 }],
      },
      network: { use: "mlp", shared: [32], light: [16], booster: [16] },
      losses: [{ use: "cross-entropy", on: "light" }],
      optimizer: { use: "sgd", learningRate: 0.1, momentum: 0.9 },
      train: { epochs: 5, batch },
      metrics: ["accuracy"],
      outputs: [],
    }),
  );
  return await readPlan(file, []);
}

function mean(numbers: readonly number[]): number {
  return spread(numbers).mean;
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}
