import { assertAlmostEquals, assertEquals } from "@std/assert";
import calibration from "../../../plugins/metrics/calibration.ts";
import { checkStage } from "../../../testing.ts";
import { binaryLabel } from "../../support/labels.ts";
import { referenceClicks } from "./clicks.ts";
import { measure } from "./support.ts";

Deno.test("calibration fulfills the contract of a metric", () => checkStage(calibration));

Deno.test("calibration agrees with scikit-learn's calibration curve", async () => {
  const { measured, expected, sizes } = await referenceClicks();
  const value = measure(calibration, binaryLabel, measured, { sizes }) as Record<string, number>;
  assertAlmostEquals(value.ratio!, expected.ratio, 1e-5);
  assertAlmostEquals(value.ece!, expected.ece, 1e-6);
});

Deno.test("calibration of correct probabilities is a ratio of 1 and an error of 0, and its bins find errors that cancel in the mean", () => {
  // Half of the rows are positive, and 0.5 is promised for each.
  const even = { light: [[0], [0]], label: [1, 0] };
  assertEquals(measure(calibration, binaryLabel, even), { ratio: 1, ece: 0 });
  // Certain and wrong both ways: right on average.
  const wrong = { light: [[100], [-100]], label: [0, 1] };
  const { ratio, ece } = measure(calibration, binaryLabel, wrong) as Record<string, number>;
  assertAlmostEquals(ratio!, 1, 1e-9);
  assertAlmostEquals(ece!, 1, 1e-9);
});

Deno.test("calibration counts rows by their weights", () => {
  const rows = { light: [[0], [0]], label: [1, 0], weight: [3, 1] };
  const value = measure(calibration, binaryLabel, rows) as Record<string, number>;
  assertAlmostEquals(value.ratio!, 0.5 * 4 / 3, 1e-12);
  assertAlmostEquals(value.ece!, 0.25, 1e-12);
});
