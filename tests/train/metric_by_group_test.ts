import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import agreement from "../../plugins/metrics/agreement.ts";
import auc from "../../plugins/metrics/auc.ts";
import calibration from "../../plugins/metrics/calibration.ts";
import logLoss from "../../plugins/metrics/log_loss.ts";
import loss from "../../plugins/metrics/loss.ts";
import { type LabelSpec, type Metric, type MetricStage, undefinedMetric } from "../../plugin.ts";
import { createRandom } from "../../src/base/random.ts";
import { metricByGroup } from "../../src/train/metric_by_group.ts";
import { builtins } from "../../plugins/mod.ts";
import { batchOf, makeMetric, measure, type Rows } from "../plugins/metrics/support.ts";
import { binaryLabel, classLabel, multiLabel, numberLabel } from "../support/labels.ts";
import { areaByPairs } from "../plugins/metrics/clicks.ts";

type Values = Record<string, number>;

/** Measures a metric by the column `user`, in batches of these sizes. */
function measured(stage: MetricStage, label: LabelSpec, rows: Rows, sizes: readonly number[]) {
  const accumulator = metricByGroup(makeMetric(stage, label), "user").start();
  let from = 0;
  for (const size of sizes) {
    const batch = batchOf(label, rows, from, from += size);
    accumulator.add(batch);
    // The arrays of a batch are reused.
    batch.outputs.logits.values.fill(0);
    batch.label.fill(0);
    batch.columns.user!.fill(0);
  }
  return accumulator.value();
}

const random = createRandom(6), count = 120;
const user = Array.from({ length: count }, (_, row) => row < 3 ? 99 : random.integer(0, 7));
const rows: Rows = {
  light: user.map(() => [random.uniform() * 4 - 2]),
  // The user 99 has clicks only.
  label: user.map((user) => user === 99 ? 1 : random.integer(0, 1)),
  columns: { user },
  weight: user.map(() => 0.5 + random.uniform()),
};
const users = [...new Set(user)];
const rowsOf = (one: number) => [...user.keys()].filter((row) => user[row] === one);

Deno.test("auc by user is the mean of the users' areas; users with one class do not count", () => {
  const areas = users.map((one) =>
    areaByPairs(
      rowsOf(one).map((row) => [rows.light[row]![0]!, rows.label[row]!] as const),
    )
  ).filter((area) => !Number.isNaN(area));
  assertEquals([users.length, areas.length], [9, 8]);
  for (const sizes of [[count], [1, 50, 7, count - 58]]) {
    const { "": mean, groups } = measured(auc, binaryLabel, rows, sizes) as Values;
    assertAlmostEquals(mean!, areas.reduce((sum, area) => sum + area, 0) / 8, 1e-12);
    assertAlmostEquals(groups!, 8 / 9, 1e-12);
  }
});

Deno.test("log-loss by user is the mean over users of the weighted means of their rows", () => {
  const losses = users.map((one) => {
    let sum = 0, total = 0;
    for (const row of rowsOf(one)) {
      const sign = rows.label[row] === 1 ? 1 : -1, weight = Math.fround(rows.weight![row]!);
      sum += weight * Math.log1p(Math.exp(-sign * Math.fround(rows.light[row]![0]!)));
      total += weight;
    }
    return sum / total;
  });
  const { "": mean, groups } = measured(logLoss, binaryLabel, rows, [60, 60]) as Values;
  assertAlmostEquals(mean!, losses.reduce((sum, loss) => sum + loss, 0) / users.length, 1e-6);
  assertEquals(groups, 1);
});

Deno.test("metrics with several values, and metrics of both nets, are averaged by group as well", () => {
  const several = measured(calibration, binaryLabel, rows, [count]) as Values;
  const ratios = users.map((one) => {
    const own = rowsOf(one), weight = (row: number) => Math.fround(rows.weight![row]!);
    const predicted = own.reduce(
      (sum, row) => sum + weight(row) / (1 + Math.exp(-rows.light[row]![0]!)),
      0,
    );
    const clicks = own.reduce((sum, row) => sum + weight(row) * rows.label[row]!, 0);
    return predicted / clicks;
  });
  assertAlmostEquals(
    several.ratio!,
    ratios.reduce((sum, ratio) => sum + ratio, 0) / users.length,
    1e-5,
  );
  assert(!("" in several));
  const logits = (row: number) => [row % 3, 1, 0];
  const pair: Rows = {
    light: [0, 1, 2, 3].map(logits),
    booster: [0, 1, 2, 0].map(logits),
    label: [0, 0, 0, 0],
    columns: { user: [1, 1, 1, 2] },
  };
  // Both nets agree in all rows: the fourth row has the same logits as the first.
  assertEquals((measured(agreement, classLabel(3), pair, [3, 1]) as Values)[""], 1);
  const other = { ...pair, booster: [0, 1, 2, 2].map(logits) };
  assertEquals((measured(agreement, classLabel(3), other, [2, 2]) as Values)[""], 0.5);
});

Deno.test("values that are defined for different numbers of groups have fractions of their own", () => {
  // The users 0 to 3 have no clicks, so the ratio of calibration is undefined for them.
  const none = { ...rows, label: rows.label.map((label, row) => user[row]! < 4 ? 0 : label) };
  const { groups, ratio, ece, ...others } = measured(calibration, binaryLabel, none, [count]) as
    & Values
    & { ratio: number; ece: number };
  assertEquals([groups, others], [1, { "groups/ratio": 5 / 9 }]);
  assert(ratio > 0 && ece > 0);
});

Deno.test("a metric that is undefined for all groups, for losses, and without rows says why", () => {
  const one = { ...rows, label: user.map(() => 1) };
  assertEquals(measured(auc, binaryLabel, one, [count]), {
    "": undefinedMetric("for no user: one class"),
    groups: 0,
  });
  assertEquals(
    measured(loss, binaryLabel, rows, [count]),
    undefinedMetric("losses are not computed by group"),
  );
  assertEquals(measured(auc, binaryLabel, rows, []), undefinedMetric("no rows"));
});

/** Rows of one user for each kind of label, with random logits. */
const kinds: readonly (readonly [label: LabelSpec, units: number, value: () => number])[] = [
  [binaryLabel, 1, () => random.integer(0, 1)],
  [numberLabel, 1, () => random.uniform()],
  [classLabel(4), 4, () => random.integer(0, 3)],
  [multiLabel(3), 3, () => random.integer(0, 1)],
];

Deno.test("each metric by the user of all rows is the metric, for all kinds of labels", () => {
  const stages = builtins.filter(({ kind }) => kind === "metric") as unknown as MetricStage[];
  const tested = new Set<string>();
  for (const [label, units, value] of kinds) {
    const [width = 1] = label.shape,
      logits = () =>
        Array.from({ length: count }, () => Array.from({ length: units }, () => random.uniform()));
    const all: Rows = {
      ...{ light: logits(), booster: logits() },
      label: Array.from({ length: count * width }, value),
      columns: { user: Array(count).fill(5), list: user },
      weight: rows.weight!,
    };
    for (const stage of stages) {
      // Losses of groups are not known.
      if (stage.name === "loss" || label.kind === "multi-label" && !stage.multiLabel) continue;
      for (const options of [{}, { by: "list" }, { k: 2 }, { k: 2, by: "list" }]) {
        let plain: ReturnType<typeof measure>;
        try {
          plain = measure(stage, label, all, { sizes: [50, 70], options });
        } catch {
          // The metric is not one of such labels, or has no such option.
          continue;
        }
        const accumulator = metricByGroup(makeMetric(stage, label, options), "user").start();
        for (const [from, to] of [[0, 50], [50, 120]] as const) {
          accumulator.add(batchOf(label, all, from, to));
        }
        const { groups, ...by } = accumulator.value() as Values;
        const named = typeof plain === "number" || "undefined" in plain ? { "": plain } : plain;
        for (const [name, expected] of Object.entries(named)) {
          if (typeof expected === "number") {
            assertAlmostEquals(by[name]!, expected, 1e-9, `${stage.name} ${label.kind} ${name}`);
            tested.add(`${stage.name} ${label.kind}`);
          }
        }
        assert(groups === 1 || groups === 0);
      }
    }
  }
  assert(tested.size >= 25, [...tested].join());
});

Deno.test("a metric with 130,000 values and no main value is averaged by group", () => {
  const names = Array.from({ length: 130_000 }, (_, index) => `class-${index}`);
  const metric: Metric = {
    start: () => ({
      add: () => {},
      value: () => Object.fromEntries(names.map((name) => [name, 0.5])),
    }),
  };
  const accumulator = metricByGroup(metric, "user").start();
  accumulator.add(batchOf(binaryLabel, rows, 0, 1));
  const value = accumulator.value() as Values;
  assertEquals([value["class-0"], value["class-129999"], value.groups], [0.5, 0.5, 1]);
});
