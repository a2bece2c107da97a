import { assertAlmostEquals, assertEquals } from "@std/assert";
import logLoss from "../../../plugins/metrics/log_loss.ts";
import { checkStage } from "../../../testing.ts";
import { binaryLabel, classLabel, numberLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { referenceClicks } from "./clicks.ts";
import { makeMetric, measure } from "./support.ts";

Deno.test("log-loss fulfills the contract of a metric", () => checkStage(logLoss));

Deno.test("log-loss agrees with scikit-learn, with weights and without, for one logit and for two", async () => {
  const { measured, weight, expected, sizes } = await referenceClicks();
  const two = { ...measured, light: measured.light.map(([logit]) => [1, 1 + logit!]) };
  for (const [label, rows] of [[binaryLabel, measured], [classLabel(2), two]] as const) {
    const value = measure(logLoss, label, rows, { sizes });
    assertAlmostEquals(value as number, expected.logLoss, 1e-5);
    const weighted = measure(logLoss, label, { ...rows, weight }, { sizes });
    assertAlmostEquals(weighted as number, expected.weightedLogLoss, 1e-5);
  }
});

Deno.test("log-loss stays finite where a probability is rounded to 0", () => {
  const rows = { light: [[-800], [800]], label: [1, 1] };
  assertEquals(measure(logLoss, binaryLabel, rows), 400);
  assertEquals(measure(logLoss, classLabel(2), { light: [[800, -800]], label: [1] }), 1600);
});

Deno.test("log-loss of 200,000 classes is log((n − 1 + eˣ) / eˣ) for a logit x among zeros", () => {
  const classes = 200_000, light = [Array<number>(classes).fill(0)];
  const value = (x: number) =>
    measure(logLoss, classLabel(classes), { light: [light[0]!.with(7, x)], label: [7] });
  assertAlmostEquals(value(0) as number, Math.log(classes), 1e-9);
  assertAlmostEquals(value(12) as number, Math.log(classes - 1 + Math.exp(12)) - 12, 1e-9);
});

Deno.test("log-loss is better if it is lower, and refuses labels that are numbers", () => {
  assertEquals(logLoss.better, { "": "lower" });
  assertRefuses(
    () => makeMetric(logLoss, numberLabel),
    "log-loss needs classes; the label is a number",
    "use mean-absolute-error",
  );
});
