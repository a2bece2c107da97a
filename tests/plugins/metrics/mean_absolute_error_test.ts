import { assertEquals } from "@std/assert";
import { undefinedMetric } from "../../../plugin.ts";
import meanAbsoluteError from "../../../plugins/metrics/mean_absolute_error.ts";
import { checkStage } from "../../../testing.ts";
import { binaryLabel, classLabel, numberLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { makeMetric, measure } from "./support.ts";

Deno.test("mean-absolute-error fulfills the contract of a metric", () =>
  checkStage(meanAbsoluteError));

Deno.test("mean-absolute-error is the mean absolute difference, in batches of any size", () => {
  const rows = { light: [[1], [-2], [0.5], [10], [3]], label: [3, -2, 1, 2, -1.5] };
  for (const sizes of [[5], [2, 2, 1], [1, 4]]) {
    const value = measure(meanAbsoluteError, numberLabel, rows, { sizes });
    assertEquals(value, (2 + 0 + 0.5 + 8 + 4.5) / 5);
  }
});

Deno.test("mean-absolute-error is measured for each net, and lower is better", () => {
  const { per, better, needs } = meanAbsoluteError;
  assertEquals([per, better, needs], ["net", { "": "lower" }, "light"]);
});

Deno.test("mean-absolute-error is NaN or infinite if an output is, and undefined for no rows", () => {
  const of = (...outputs: number[]) =>
    measure(meanAbsoluteError, numberLabel, {
      light: outputs.map((output) => [output]),
      label: outputs.map(() => 1),
    });
  assertEquals(of(1, NaN, 2), NaN);
  assertEquals(of(1, -Infinity), Infinity);
  assertEquals(of(), undefinedMetric("no rows"));
});

Deno.test("mean-absolute-error refuses labels that are classes", () => {
  for (const label of [classLabel(3), binaryLabel]) {
    assertRefuses(
      () => makeMetric(meanAbsoluteError, label),
      `mean-absolute-error needs a label of kind number; this label has the kind ${label.kind}`,
      "use accuracy",
    );
  }
});
