import { assertAlmostEquals, assertEquals } from "@std/assert";
import ndcg from "../../../plugins/metrics/ndcg.ts";
import { type MetricValue, undefinedMetric } from "../../../plugin.ts";
import { checkStage } from "../../../testing.ts";
import { referenceIntegers } from "../../reference/values.ts";
import { binaryLabel, classLabel, numberLabel } from "../../support/labels.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { referenceClicks } from "./clicks.ts";
import { makeMetric, measure, type Rows } from "./support.ts";

const by = { by: "user" };

Deno.test("ndcg fulfills the contract of a metric", () =>
  checkStage(ndcg, { options: by, label: binaryLabel }));

Deno.test("ndcg agrees with scikit-learn's ndcg_score of each user, with ties, in batches of any size", async () => {
  const { measured, expected, sizes } = await referenceClicks();
  const light = measured.light.map(([logit]) => [Math.round(2 * logit!)]);
  const graded = [...referenceIntegers("metrics/clicks/grade", light.length, 4)];
  for (const [name, value] of Object.entries(expected.ndcg)) {
    const [, label, gain, k] = /^(binary|number) (linear|exponential) (.*)$/.exec(name)!;
    const options = { ...by, gain, ...(k !== "all" && { k: Number(k) }) };
    const rows = label === "binary"
      ? { ...measured, light }
      : { ...measured, light, label: graded };
    const spec = label === "binary" ? binaryLabel : numberLabel;
    for (const measuring of [{ options }, { options, sizes }]) {
      const found = measure(ndcg, spec, rows, measuring) as Record<string, MetricValue>;
      assertAlmostEquals(found[""] as number, value, 1e-6, name);
    }
  }
});

Deno.test("ndcg leaves out users with a single row or without a positive label", () => {
  const rows: Rows = {
    light: [[1], [2], [5], [6], [7]],
    label: [1, 0, 0, 0, 1],
    columns: { user: [8, 8, 9, 9, 7] },
  };
  assertEquals(measure(ndcg, binaryLabel, rows, { options: by }), {
    "": 1 / Math.log2(3),
    users: 1 / 3,
    rows: 2 / 5,
  });
});

Deno.test("ndcg is undefined without a positive label, for NaN and for a negative label", () => {
  const valueOf = (light: number[], label: number[]) => {
    const rows = { light: light.map((one) => [one]), label, columns: { user: label.map(() => 1) } };
    const value = measure(ndcg, numberLabel, rows, { options: by }) as Record<string, MetricValue>;
    return value[""];
  };
  assertEquals(
    valueOf([1, 2], [0, 0]),
    undefinedMetric("no user has two rows and a positive label"),
  );
  assertEquals(valueOf([NaN, 2], [0, 1]), undefinedMetric("a score is not a number"));
  assertEquals(valueOf([1, 2], [-1, 1]), undefinedMetric("a label is negative"));
  assertEquals(valueOf([], []), undefinedMetric("no user has two rows and a positive label"));
});

Deno.test("ndcg refuses labels with more than two classes", () => {
  assertRefuses(
    () => makeMetric(ndcg, classLabel(3), by),
    "ndcg needs two classes; the label has 3",
    "use accuracy or top-k",
  );
});
