import { assert, assertEquals } from "@std/assert";
import type { Measured } from "../../../plugin.ts";
import plateau from "../../../plugins/schedules/plateau.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear, readPlateauReference } from "../../reference/fixtures.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { makeSchedule, positionAt } from "./support.ts";

const run = { epochs: 30, perEpoch: 2 };

/** The factors before the first evaluation and after each one. */
function factors(
  options: object,
  better: "higher" | "lower",
  metrics: readonly (number | null)[],
): number[] {
  const schedule = makeSchedule(plateau, { metric: "light/auc", ...options });
  return [0, ...metrics.keys().map((index) => index + 1)].map((evaluations) => {
    const values = { "light/auc": metrics.slice(0, evaluations) };
    const measured: Measured = { better: { "light/auc": better }, values };
    return schedule({ ...positionAt(evaluations * run.perEpoch, run), measured });
  });
}

Deno.test("plateau fulfills the contract of a schedule", async () => {
  await checkStage(plateau, { options: { patience: 1 } });
  await checkStage(plateau, {
    options: { metric: "light/log-loss", patience: 2, cooldown: 1, relative: false, to: 0.01 },
  });
});

Deno.test("plateau agrees with PyTorch's ReduceLROnPlateau on sequences of metrics", async () => {
  const { cases } = await readPlateauReference();
  for (const [name, { mode, metrics, options, rates }] of Object.entries(cases)) {
    const { patience, threshold_mode, min_lr = 0, ...same } = options;
    const found = factors(
      { ...same, patience: patience + 1, relative: threshold_mode !== "abs", to: min_lr / 0.1 },
      mode === "max" ? "higher" : "lower",
      metrics,
    );
    assertNear(name, found.map((factor) => 0.1 * factor), rates, 1e-12);
    assert(new Set(rates).size > 1, `${name} never changes`);
  }
});

Deno.test("plateau by default watches the metric that selects the best epoch", () => {
  const schedule = makeSchedule(plateau, { patience: 1 });
  const measured: Measured = {
    better: { "light/auc": "higher", "light/log-loss": "lower" },
    select: "light/log-loss",
    values: { "light/auc": [0.5, 0.6, 0.7], "light/log-loss": [0.3, 0.2, 0.25] },
  };
  assertEquals(schedule({ ...positionAt(6, run), measured }), 0.1);
});

Deno.test("plateau keeps the rate without evaluations, and if the metric is of a net that is not computed", () => {
  const schedule = makeSchedule(plateau, { metric: "booster/auc", patience: 1 });
  assertEquals(schedule(positionAt(3, run)), 1);
  const measured: Measured = {
    better: { "light/auc": "higher" },
    values: { "light/auc": [1, 1, 1] },
  };
  assertEquals(schedule({ ...positionAt(6, run), measured }), 1);
});

Deno.test("plateau refuses a metric that the run does not measure", () => {
  const better = { "light/auc": "higher", "booster/auc": "higher" } as const;
  const first = (metric: string | undefined, measured: Measured) => () =>
    makeSchedule(plateau, { metric, patience: 1 })({ ...positionAt(0, run), measured });
  assertRefuses(
    first("light/acu", { better, values: {} }),
    'cannot watch "light/acu": this run has no such metric',
    "the metrics are light/auc, booster/auc",
  );
  assertRefuses(
    first(undefined, { better: {}, values: {} }),
    "measures none",
    "metrics: [accuracy]",
  );
});

Deno.test("plateau refuses invalid options", () => {
  const accepts = (options: object) => plateau.options.safeParse(options).success;
  assertEquals(accepts({ patience: 1 }), true);
  for (const wrong of [{}, { patience: 0 }, { patience: 1, factor: 1 }, { patience: 1, to: 2 }]) {
    assertEquals(accepts(wrong), false, JSON.stringify(wrong));
  }
});
