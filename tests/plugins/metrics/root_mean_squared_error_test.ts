import { assertAlmostEquals, assertEquals } from "@std/assert";
import { undefinedMetric } from "../../../plugin.ts";
import rootMeanSquaredError from "../../../plugins/metrics/root_mean_squared_error.ts";
import { checkStage } from "../../../testing.ts";
import { binaryLabel, numberLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { referenceClicks } from "./clicks.ts";
import { makeMetric, measure } from "./support.ts";

Deno.test("root-mean-squared-error fulfills the contract of a metric", () =>
  checkStage(rootMeanSquaredError));

Deno.test("root-mean-squared-error agrees with scikit-learn, in batches of any size", async () => {
  const { measured: { light }, weight: label, expected, sizes } = await referenceClicks();
  for (const batches of [[label.length], sizes]) {
    const value = measure(rootMeanSquaredError, numberLabel, { light, label }, { sizes: batches });
    assertAlmostEquals(value as number, expected.rootMeanSquaredError, 1e-5);
  }
});

Deno.test("root-mean-squared-error is NaN or infinite if an output is, and undefined for no rows", () => {
  const of = (...outputs: number[]) =>
    measure(rootMeanSquaredError, numberLabel, {
      light: outputs.map((output) => [output]),
      label: outputs.map(() => 1),
    });
  assertEquals(of(4, -2), 3);
  assertEquals(of(1, NaN, 2), NaN);
  assertEquals(of(1, -Infinity), Infinity);
  assertEquals(of(), undefinedMetric("no rows"));
});

Deno.test("root-mean-squared-error is better if it is lower, and refuses labels that are classes", () => {
  assertEquals(rootMeanSquaredError.better, { "": "lower" });
  assertRefuses(
    () => makeMetric(rootMeanSquaredError, binaryLabel),
    "root-mean-squared-error needs a label of kind number; this label has the kind binary",
    "use accuracy",
  );
});
