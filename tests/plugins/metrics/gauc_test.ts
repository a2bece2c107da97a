import { assertAlmostEquals, assertEquals } from "@std/assert";
import gauc from "../../../plugins/metrics/gauc.ts";
import { checkStage } from "../../../testing.ts";
import { binaryLabel, classLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { areaByPairs, byUser, referenceClicks } from "./clicks.ts";
import { makeMetric, measure } from "./support.ts";

const options = { by: "user" };

Deno.test("gauc keeps the contract of a metric", () => checkStage(gauc, { options }));

Deno.test("gauc agrees with scikit-learn's AUC of each user, in batches of any size", async () => {
  const { measured, expected, sizes } = await referenceClicks();
  for (const measuring of [{ options }, { options, sizes }]) {
    assertAlmostEquals(
      measure(gauc, binaryLabel, measured, measuring) as number,
      expected.gauc,
      1e-6,
    );
  }
});

Deno.test("gauc is the mean of the areas by pairs, weighted with impressions, also with ties", async () => {
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
    measure(gauc, binaryLabel, rows, { options }) as number,
    sum / impressions,
    1e-12,
  );
});

Deno.test("gauc leaves out users with rows of one class, also from the weights", () => {
  const rows = {
    light: [[1], [2], [5], [6], [7]],
    label: [1, 0, 1, 1, 1],
    columns: { user: [8, 8, 9, 9, 9] },
  };
  assertEquals(measure(gauc, binaryLabel, rows, { options }), 0);
});

Deno.test("gauc is NaN where no user has rows of both classes, where a score is NaN, and of no rows", () => {
  const rows = { light: [[1], [2]], label: [1, 0], columns: { user: [1, 2] } };
  assertEquals(measure(gauc, binaryLabel, rows, { options }), NaN);
  const broken = { light: [[1], [NaN]], label: [1, 0], columns: { user: [1, 1] } };
  assertEquals(measure(gauc, binaryLabel, broken, { options }), NaN);
  assertEquals(measure(gauc, binaryLabel, { light: [], label: [] }, { options, sizes: [] }), NaN);
});

Deno.test("gauc refuses labels that are not of two classes", () => {
  assertRefuses(
    () => makeMetric(gauc, classLabel(3), options),
    "gauc needs two classes; the label has 3",
    "use accuracy or top-k",
  );
});
