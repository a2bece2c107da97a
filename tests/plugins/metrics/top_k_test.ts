import { assertAlmostEquals, assertEquals } from "@std/assert";
import { undefinedMetric } from "../../../plugin.ts";
import accuracy from "../../../plugins/metrics/accuracy.ts";
import topK from "../../../plugins/metrics/top_k.ts";
import { checkStage } from "../../../testing.ts";
import { readMetricsReference } from "../../reference/fixtures.ts";
import { referenceIntegers, referenceUniform } from "../../reference/values.ts";
import { binaryLabel, classLabel, numberLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { makeMetric, measure, rowsOf } from "./support.ts";

Deno.test("top-k fulfills the contract of a metric", async () => {
  await checkStage(topK);
  await checkStage(topK, { options: { k: 2 } });
});

Deno.test("top-k agrees with scikit-learn, in batches of any size", async () => {
  const { classification: { rows, classes, ...expected } } = await readMetricsReference();
  const measured = {
    light: rowsOf(referenceUniform("metrics/light", [rows, classes], -3, 3), classes),
    label: [...referenceIntegers("metrics/label", rows, classes)],
  };
  for (const sizes of [[rows], [16, 16, 8], [1, rows - 1]]) {
    const top = (options: object) =>
      measure(topK, classLabel(classes), measured, { sizes, options }) as number;
    assertAlmostEquals(top({ k: 1 }), expected.top1, 1e-6);
    assertAlmostEquals(top({ k: 3 }), expected.top3, 1e-6);
    assertAlmostEquals(top({ k: 5 }), expected.top5, 1e-6);
    // Five are what counts by default.
    assertAlmostEquals(top({}), expected.top5, 1e-6);
  }
});

Deno.test("top-k is measured for each net, and higher is better", () => {
  assertEquals([topK.per, topK.better, topK.needs], ["net", { "": "higher" }, "light"]);
});

Deno.test("top-k ranks classes with equal logits in their order", () => {
  const top = (k: number, row: number[]) =>
    row.map((_, own) =>
      measure(topK, classLabel(4), { light: [row], label: [own] }, {
        options: { k },
      })
    );
  assertEquals(top(2, [0, 0, 0, 0]), [1, 1, 0, 0]);
  assertEquals(top(3, [0, 1, 0, 0]), [1, 1, 1, 0]);
  assertEquals(top(1, [0, 5, 5, 0]), [0, 1, 0, 0]);
});

Deno.test("top-k of 1 is accuracy, also with ties", () => {
  const light = [[1, 1, 0], [0, 2, 2], [0, 0, 0], [3, 1, 3], [NaN, 0, 1]];
  for (const [label, part] of [[[0, 1, 0, 0, 2], 0.8], [[1, 2, 2, 2, 2], 0]] as const) {
    assertEquals(measure(topK, classLabel(3), { light, label }, { options: { k: 1 } }), part);
    assertEquals(measure(accuracy, classLabel(3), { light, label }), part);
  }
});

Deno.test("top-k counts a row with a logit that is NaN as wrong, whatever its class", () => {
  const light = [[NaN, NaN, NaN], [NaN, 1, 2], [NaN, 1, 2], [3, 2, 1]];
  const rows = { light, label: [0, 0, 2, 1] };
  assertEquals(measure(topK, classLabel(3), rows, { options: { k: 2 } }), 0.25);
});

Deno.test("top-k is undefined for no rows", () => {
  const none = { light: [], label: [] };
  assertEquals(measure(topK, classLabel(10), none, { sizes: [] }), undefinedMetric("no rows"));
});

Deno.test("top-k refuses a k that is not below the number of classes", () => {
  for (const k of [3, 4]) {
    assertRefuses(
      () => makeMetric(topK, classLabel(3), { k }),
      `top-k with k = ${k} is always 1 for 3 classes`,
      "write `k: 2` or less",
    );
  }
  makeMetric(topK, classLabel(3), { k: 2 });
});

Deno.test("top-k refuses labels that are not classes", () => {
  for (const [label, hint] of [[binaryLabel, "use auc"], [numberLabel, "use mean-abs"]] as const) {
    assertRefuses(
      () => makeMetric(topK, label, { k: 1 }),
      `top-k needs classes; the label is ${label.kind}`,
      hint,
    );
  }
});

Deno.test("top-k refuses a k that is not a whole number above 0", () => {
  const accepts = (k: number) => topK.options.safeParse({ k }).success;
  assertEquals([-1, 0, 1.5, 1].map(accepts), [false, false, false, true]);
});
