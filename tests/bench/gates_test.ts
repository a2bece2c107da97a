import { assertAlmostEquals, assertEquals } from "@std/assert";
import { type Band, bandsOf, outside } from "../../bench/gates/bands.ts";

Deno.test("a band extends four standard errors of the compared mean to each side of the mean", () => {
  // The mean of 1, 2, and 3 is 2, and their standard deviation is 1.
  const { loss } = bandsOf([{ loss: 1 }, { loss: 2 }, { loss: 3 }], 4);
  assertEquals(loss, { mean: 2, deviation: 1, from: 0, to: 4 });
  const { auc } = bandsOf([{ auc: 0.5 }, { auc: 0.5 }], 3);
  assertAlmostEquals(auc!.to - auc!.from, 2e-4, 1e-9);
});

Deno.test("a metric is outside of its band if its mean is, or if a run lacks it", () => {
  const bands = { auc: { mean: 0.7, deviation: 0.01, from: 0.68, to: 0.72 } };
  assertEquals(outside([{ auc: 0.67 }, { auc: 0.73 }], bands), []);
  assertEquals(outside([{ auc: 0.71 }, { auc: 0.75 }], bands), [
    "auc is 0.7300, and its band is 0.68 to 0.72",
  ]);
  assertEquals(outside([{ auc: 0.7 }, {}], bands).length, 1);
});

Deno.test("the committed bands contain their means", async () => {
  const file = new URL("../../bench/gates/bands.json", import.meta.url);
  const gates: Record<string, Record<string, Band>> = JSON.parse(await Deno.readTextFile(file));
  assertEquals(Object.keys(gates), ["few-digits", "digits", "distillation", "clicks"]);
  for (const bands of Object.values(gates)) {
    const means = Object.fromEntries(Object.entries(bands).map(([name, { mean }]) => [name, mean]));
    assertEquals(outside([means], bands), []);
  }
});
