import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { type MetricStage, undefinedMetric } from "../../../plugin.ts";
import accuracy from "../../../plugins/metrics/accuracy.ts";
import auc from "../../../plugins/metrics/auc.ts";
import f1 from "../../../plugins/metrics/f1.ts";
import logLoss from "../../../plugins/metrics/log_loss.ts";
import prAuc from "../../../plugins/metrics/pr_auc.ts";
import { checkStage } from "../../../testing.ts";
import { readMultiLabelReference } from "../../reference/fixtures.ts";
import { referenceIntegers, referenceUniform } from "../../reference/values.ts";
import { binaryLabel, multiLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { makeMetric, measure, rowsOf } from "./support.ts";

const ROWS = 24, CLASSES = 4, label = multiLabel(CLASSES);

const rows = {
  light: rowsOf(referenceUniform("multi-label/light/3", [ROWS, CLASSES], -3, 3), CLASSES),
  label: [...referenceIntegers("multi-label/topics", ROWS * CLASSES, 2)],
  weight: [...referenceUniform("multi-label/weight", [ROWS], 0.5, 2)],
};

const mainOf = (value: unknown) =>
  (typeof value === "object" ? (value as Record<string, number>)[""] : value) as number;

Deno.test("metrics of a multi-label label agree with scikit-learn, in batches of any size", async () => {
  const { metrics: expected } = await readMultiLabelReference();
  for (const sizes of [[ROWS], [1, 10, 13]]) {
    const of = (stage: MetricStage, options = {}) =>
      measure(stage, label, rows, { sizes, options });
    for (const average of ["macro", "micro"]) {
      for (const stage of [auc, prAuc, f1]) {
        const wanted = expected[`${stage.name}/${average}`]!;
        assertAlmostEquals(mainOf(of(stage, { average })), wanted, 1e-6, stage.name);
      }
    }
    assertEquals(of(auc), of(auc, { average: "macro" }));
    assertEquals(of(f1), of(f1, { average: "macro" }));
    assertAlmostEquals(of(logLoss) as number, expected["log-loss"]!, 1e-5);
    const { "": subset, "per-class": single } = of(accuracy) as Record<string, number>;
    assertAlmostEquals(subset!, expected.accuracy!, 1e-6);
    assertAlmostEquals(single!, expected["accuracy/per-class"]!, 1e-6);
  }
});

Deno.test("the macro average leaves out classes for which the metric is undefined", () => {
  const two = multiLabel(2);
  const some = { light: [[2, 1], [-1, 3]], label: [1, 0, 0, 0] };
  assertEquals(measure(auc, two, some), { "": 1, classes: 0.5 });
  assertEquals(measure(auc, two, some, { options: { average: "micro" } }), 2 / 3);
  const none = { light: [[2, 1], [-1, 3]], label: [0, 0, 0, 0] };
  assertEquals(measure(prAuc, two, none), { "": undefinedMetric("one class"), classes: 0 });
  const once = { light: [[1, -1], [-1, -1]], label: [1, 0, 0, 0] };
  assertEquals(measure(f1, two, once), { "": 1, classes: 0.5 });
  const empty = { light: [[-1, -1]], label: [0, 0] };
  const reason = undefinedMetric("no positive row, and none predicted");
  assertEquals(measure(f1, two, empty), { "": reason, classes: 0 });
  assertEquals(measure(f1, two, empty, { options: { average: "micro" } }), reason);
});

Deno.test("a logit that is NaN is neither predicted nor correct", () => {
  const two = multiLabel(2), broken = { light: [[NaN, 1], [1, -1]], label: [1, 1, 1, 0] };
  assertEquals(measure(accuracy, two, broken), { "": 0.5, "per-class": 0.75 });
  assertEquals(mainOf(measure(f1, two, broken)), (2 / 3 + 1) / 2);
  const value = measure(auc, two, broken) as Record<string, unknown>;
  assertEquals(value.classes, 0.5);
});

Deno.test("metrics of a multi-label label fulfill the contract, and refuse other averages", async () => {
  for (const stage of [accuracy, auc, f1, logLoss, prAuc]) {
    assert(stage.multiLabel, stage.name);
    await checkStage(stage);
  }
  assertRefuses(
    () => makeMetric(auc, binaryLabel, { average: "micro" }),
    "is for labels of kind multi-label; this label has the kind binary",
    "remove `average`",
  );
  assertRefuses(
    () => makeMetric(f1, label, { average: "binary" }),
    "the label has several classes in each row",
    "write `average: macro`",
  );
});
