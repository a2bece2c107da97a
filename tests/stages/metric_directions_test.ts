import { assertEquals } from "@std/assert";
import calibration from "../../plugins/metrics/calibration.ts";
import confusion from "../../plugins/metrics/confusion.ts";
import gauc from "../../plugins/metrics/gauc.ts";
import loss from "../../plugins/metrics/loss.ts";
import { defineMetric, type MetricStage, z } from "../../plugin.ts";
import { directionsOf } from "../../src/run/make_metric.ts";
import { betterOf } from "../../src/stages/metric.ts";
import type { Plan } from "../../src/pipeline/plan.ts";

const directions = (stages: Readonly<Record<string, MetricStage>>) =>
  directionsOf({
    metrics: Object.entries(stages).map(([name, stage]) => ({ name, stage })),
  } as unknown as Plan);

Deno.test("a difference is judged only if a metric says which values are better", () => {
  const better = directions({ calibration, confusion, gauc, loss, "buy.gauc": gauc });
  for (
    const [key, expected] of [
      ["light/gauc", "higher"],
      ["booster/buy.gauc", "higher"],
      ["light/gauc/users", undefined],
      ["light/gauc/groups", undefined],
      ["light/calibration/ece", "lower"],
      // The best ratio is 1.
      ["light/calibration/ratio", undefined],
      ["booster/calibration/groups/ratio", undefined],
      ["light/confusion", "lower"],
      ["light/confusion/a/b as c", "lower"],
      ["light/confusion/groups", undefined],
      ["loss/total", "lower"],
      ["light/unknown", undefined],
      ["toString", undefined],
    ] as const
  ) assertEquals(betterOf(key, better), expected, key);
});

Deno.test("defineMetric() takes one direction for the main value, or for all of several values", () => {
  const define = (parts: object) =>
    defineMetric({
      ...{ name: "m", summary: "M.", options: z.object({}) },
      create: () => ({ start: () => ({ add() {}, value: () => 0 }) }),
      ...parts,
    }).better;
  assertEquals(define({}), { "": "higher" });
  assertEquals(define({ better: "lower" }), { "": "lower" });
  assertEquals(define({ better: "lower", values: "several" }), { "*": "lower" });
  assertEquals(define({ better: { a: "lower" }, values: "several" }), { a: "lower" });
});
