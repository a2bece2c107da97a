import { assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import gauc from "../../../plugins/metrics/gauc.ts";
import { createRandom, type MetricValue, undefinedMetric } from "../../../plugin.ts";
import { checkStage } from "../../../testing.ts";
import { binaryLabel, classLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { areaByPairs, byUser, referenceClicks } from "./clicks.ts";
import { batchOf, makeMetric, measure, type Measuring, type Rows } from "./support.ts";

const options = { by: "user" };

/** The metric, and the parts of users and rows that count. */
const gaucOf = (rows: Rows, measuring: Measuring = { options }) =>
  measure(gauc, binaryLabel, rows, measuring) as Record<string, MetricValue>;

Deno.test("gauc fulfills the contract of a metric", () => checkStage(gauc, { options }));

Deno.test("gauc agrees with scikit-learn's AUC of each user, in batches of any size", async () => {
  const { measured, expected, sizes } = await referenceClicks();
  for (const measuring of [{ options }, { options, sizes }]) {
    assertAlmostEquals(gaucOf(measured, measuring)[""] as number, expected.gauc, 1e-6);
  }
});

Deno.test("gauc is the mean of the users' areas weighted by impressions, also with ties", async () => {
  const { measured } = await referenceClicks();
  const light = measured.light.map(([logit]) => [Math.round(logit!)]);
  const rows = { ...measured, light };
  let sum = 0, impressions = 0;
  for (const own of byUser(rows)) {
    const area = areaByPairs(own);
    if (Number.isNaN(area)) continue;
    sum += own.length * area;
    impressions += own.length;
  }
  assertAlmostEquals(
    gaucOf(rows)[""] as number,
    sum / impressions,
    1e-12,
  );
});

Deno.test("gauc's bootstrap interval agrees with SciPy's, and is the same in batches of any size", async () => {
  const { measured, expected, sizes } = await referenceClicks();
  const drawn = { by: "user", bootstrap: 20_000 };
  const { low, high, ...rest } = gaucOf(measured, { options: drawn });
  assertEquals(rest, gaucOf(measured));
  // SciPy draws other users.
  assertAlmostEquals(low as number, expected.gaucLow, 0.005);
  assertAlmostEquals(high as number, expected.gaucHigh, 0.005);
  assertEquals(gaucOf(measured, { options: drawn, sizes }), gaucOf(measured, { options: drawn }));
});

Deno.test("gauc's bootstrap interval of two users ends with the areas of both", () => {
  const rows = {
    light: [[1], [0], [1], [0], [2], [3]],
    label: [1, 0, 1, 0, 1, 0],
    columns: { user: [1, 1, 2, 2, 2, 2] },
  };
  const { "": value, low, high } = gaucOf(rows, { options: { by: "user", bootstrap: 100 } });
  assertEquals([value, low, high], [(2 + 4 * 0.5) / 6, 0.5, 1]);
  const none = gaucOf({ ...rows, label: [1, 1, 1, 1, 1, 1] }, {
    options: { by: "user", bootstrap: 100 },
  });
  assertEquals(none.low, undefinedMetric("no user has both classes"));
});

Deno.test("gauc's bootstrap samples draw the same users for all scores of the same rows", () => {
  const random = createRandom(4);
  const user = Array.from({ length: 60 }, (_, row) => row % 9);
  const label = user.map(() => random.integer(0, 1));
  const samplesOf = (light: number[][], rows = { label, user }) => {
    const accumulator = makeMetric(gauc, binaryLabel, { by: "user", bootstrap: 200 }).start();
    accumulator.add(
      batchOf(binaryLabel, { light, label: rows.label, columns: { user: rows.user } }, 0, 60),
    );
    const { low, high } = accumulator.value() as Record<string, number>;
    const samples = accumulator.samples!()!, sorted = samples.values.toSorted((a, b) => a - b);
    assertEquals(samples.values.length, 200);
    assertAlmostEquals(low!, 0.025 * sorted[4]! + 0.975 * sorted[5]!, 1e-12);
    assertAlmostEquals(high!, 0.975 * sorted[194]! + 0.025 * sorted[195]!, 1e-12);
    return samples;
  };
  const scores = user.map(() => [random.uniform()]);
  const first = samplesOf(scores), reversed = samplesOf(scores.map(([score]) => [-score!]));
  assertEquals(first.groups, reversed.groups);
  // Reversed scores have the area 1 − AUC for each user, so also for each sample of users.
  first.values.forEach((value, at) => assertAlmostEquals(reversed.values[at]!, 1 - value, 1e-12));
  const other = samplesOf(scores, { label: label.map((label) => 1 - label), user });
  assertNotEquals(other.groups, first.groups);
});

Deno.test("gauc has no bootstrap samples without the option, or without a value", () => {
  for (
    const [options, label] of [[{ by: "user" }, [1, 0]], [{ by: "user", bootstrap: 100 }, [
      1,
      1,
    ]]] as const
  ) {
    const accumulator = makeMetric(gauc, binaryLabel, options).start();
    const rows = { light: [[1], [2]], label: [...label], columns: { user: [1, 1] } };
    accumulator.add(batchOf(binaryLabel, rows, 0, 2));
    accumulator.value();
    assertEquals(accumulator.samples!(), undefined);
  }
});

Deno.test("gauc excludes users whose rows have one class, also from the weights", () => {
  const rows = {
    light: [[1], [2], [5], [6], [7]],
    label: [1, 0, 1, 1, 1],
    columns: { user: [8, 8, 9, 9, 9] },
  };
  assertEquals(gaucOf(rows), { "": 0, users: 1 / 2, rows: 2 / 5 });
});

Deno.test("gauc is undefined if no user has both classes, if a score is NaN, and for no rows", () => {
  const rows = { light: [[1], [2]], label: [1, 0], columns: { user: [1, 2] } };
  const none = undefinedMetric("no user has both classes");
  assertEquals(gaucOf(rows), { "": none, users: 0, rows: 0 });
  const broken = { light: [[1], [NaN]], label: [1, 0], columns: { user: [1, 1] } };
  assertEquals(gaucOf(broken), {
    "": undefinedMetric("a score is not a number"),
    users: 1,
    rows: 1,
  });
  assertEquals(gaucOf({ light: [], label: [] }, { options, sizes: [] })[""], none);
});

Deno.test("gauc refuses labels without exactly two classes", () => {
  assertRefuses(
    () => makeMetric(gauc, classLabel(3), options),
    "gauc needs two classes; the label has 3",
    "use accuracy or top-k",
  );
});
