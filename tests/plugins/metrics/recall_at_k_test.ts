import { assertAlmostEquals, assertEquals } from "@std/assert";
import recallAtK from "../../../plugins/metrics/recall_at_k.ts";
import { undefinedMetric } from "../../../plugin.ts";
import { checkStage } from "../../../testing.ts";
import { binaryLabel } from "../../support/labels.ts";
import { byUser, referenceClicks } from "./clicks.ts";
import { measure } from "./support.ts";

Deno.test("recall-at-k fulfills the contract of a metric", () =>
  checkStage(recallAtK, { options: { by: "user" } }));

Deno.test("recall-at-k is the mean over users of the fraction of their positive rows among the k highest scores", async () => {
  const { measured, sizes } = await referenceClicks();
  for (const k of [1, 2, 3, 5, 100]) {
    let sum = 0, users = 0;
    for (const own of byUser(measured)) {
      const sorted = own.toSorted(([a], [b]) => b - a);
      const positives = own.filter(([, label]) => label === 1).length;
      if (positives === 0) continue;
      sum += sorted.slice(0, k).filter(([, label]) => label === 1).length / positives;
      users++;
    }
    const value = measure(recallAtK, binaryLabel, measured, { options: { by: "user", k }, sizes });
    assertAlmostEquals(value as number, sum / users, 1e-12, `${k}`);
  }
});

Deno.test("recall-at-k divides the remaining places among rows with equal scores", () => {
  const rows = {
    light: [[3], [2], [2], [2], [1]],
    label: [1, 1, 0, 0, 1],
    columns: { user: [1, 1, 1, 1, 1] },
  };
  // One place is left for three rows of score 2, of which one is positive.
  const value = measure(recallAtK, binaryLabel, rows, { options: { by: "user", k: 2 } });
  assertAlmostEquals(value as number, (1 + 1 / 3) / 3, 1e-12);
});

Deno.test("recall-at-k is undefined without positive rows and if a score is NaN", () => {
  const options = { by: "user", k: 2 };
  const rows = { light: [[3], [2]], label: [0, 0], columns: { user: [1, 2] } };
  assertEquals(
    measure(recallAtK, binaryLabel, rows, { options }),
    undefinedMetric("no positive row"),
  );
  assertEquals(
    measure(recallAtK, binaryLabel, { ...rows, light: [[NaN], [1]] }, { options }),
    undefinedMetric("a score is not a number"),
  );
});
