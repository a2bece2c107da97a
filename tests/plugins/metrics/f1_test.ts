import { assertAlmostEquals, assertEquals } from "@std/assert";
import { undefinedMetric } from "../../../plugin.ts";
import f1 from "../../../plugins/metrics/f1.ts";
import { checkStage } from "../../../testing.ts";
import { readMetricsReference } from "../../reference/fixtures.ts";
import { referenceIntegers, referenceUniform } from "../../reference/values.ts";
import { binaryLabel, classLabel, numberLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { referenceClicks } from "./clicks.ts";
import { makeMetric, measure, rowsOf } from "./support.ts";

const options = (average: string) => ({ options: { average } });

Deno.test("f1 fulfills the contract of a metric", () => checkStage(f1));

Deno.test("f1 agrees with scikit-learn for several classes, in batches of any size", async () => {
  const { classification: { rows, classes, ...expected } } = await readMetricsReference();
  const measured = {
    light: rowsOf(referenceUniform("metrics/light", [rows, classes], -3, 3), classes),
    label: [...referenceIntegers("metrics/label", rows, classes)],
  };
  for (const sizes of [[rows], [16, 16, 8], [1, rows - 1]]) {
    const of = (options: unknown) =>
      measure(f1, classLabel(classes), measured, { sizes, options }) as number;
    assertAlmostEquals(of({}), expected.macroF1, 1e-6);
    assertAlmostEquals(of({ average: "macro" }), expected.macroF1, 1e-6);
    assertAlmostEquals(of({ average: "micro" }), expected.microF1, 1e-6);
  }
});

Deno.test("f1 agrees with scikit-learn for two classes, for one logit and for two", async () => {
  const { measured, expected, sizes } = await referenceClicks();
  const two = { ...measured, light: measured.light.map(([logit]) => [1, 1 + logit!]) };
  for (const [label, rows] of [[binaryLabel, measured], [classLabel(2), two]] as const) {
    const of = (options: unknown) => measure(f1, label, rows, { sizes, options }) as number;
    assertAlmostEquals(of({}), expected.binaryF1, 1e-6);
    assertAlmostEquals(of({ average: "macro" }), expected.macroF1, 1e-6);
  }
});

Deno.test("f1 is measured for each net, and higher is better", () => {
  assertEquals([f1.per, f1.better, f1.needs], ["net", { "": "higher" }, "light"]);
});

Deno.test("f1 counts a row with a logit that is NaN as predicted as no class", () => {
  const rows = { light: [[1], [NaN], [-1], [NaN]], label: [1, 1, 0, 0] };
  assertEquals(measure(f1, binaryLabel, rows), 2 / 3);
  assertEquals(measure(f1, binaryLabel, rows, options("macro")), 2 / 3);
  assertEquals(measure(f1, binaryLabel, rows, options("micro")), 2 * 2 / (4 + 2));
});

Deno.test("f1 is undefined where no row is positive or predicted as positive, and for no rows", () => {
  const negative = { light: [[-1], [-2]], label: [0, 0] };
  assertEquals(
    measure(f1, binaryLabel, negative),
    undefinedMetric("no positive row, and none predicted"),
  );
  assertEquals(measure(f1, binaryLabel, negative, options("macro")), 1);
  assertEquals(measure(f1, binaryLabel, { light: [[1], [-2]], label: [0, 0] }), 0);
  for (const average of ["binary", "macro", "micro"]) {
    const none = measure(f1, binaryLabel, { light: [], label: [] }, options(average));
    assertEquals(none, undefinedMetric("no rows"));
  }
});

Deno.test("f1 refuses a label that is a number, and the average binary for three classes", () => {
  assertRefuses(
    () => makeMetric(f1, numberLabel),
    "f1 needs classes; the label is a number",
    "use mean-absolute-error",
  );
  assertRefuses(
    () => makeMetric(f1, classLabel(3), { average: "binary" }),
    "f1 with average: binary needs two classes; the label has 3",
    "write `average: macro` or `average: micro`",
  );
});
