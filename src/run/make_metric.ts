/**
 * Makes the metrics of a plan.
 *
 * @module
 */

import { describeValue } from "../base/describe_value.ts";
import { hint } from "../base/hints.ts";
import type { Plan } from "../pipeline/plan.ts";
import { labelPart } from "../stages/labels.ts";
import { callStage, StageError } from "../stages/stage_error.ts";
import type { LabelSpec } from "../stages/batch.ts";
import type { Directions } from "../stages/metric.ts";
import type { NetName } from "../stages/network.ts";
import type { PlannedMetric } from "../train/evaluate.ts";
import { metricByGroup } from "../train/metric_by_group.ts";
import { forLabel, refuseMultiLabel } from "./for_label.ts";

/**
 * Returns the metrics of a plan that can be measured with the given nets.
 *
 * @param plan The plan.
 * @param nets The nets that are computed.
 */
export function metricsOf(
  { metrics }: Pick<Plan, "metrics">,
  nets: readonly NetName[],
): Plan["metrics"][number][] {
  return metrics.filter(({ stage }) =>
    nets.length === 2 || stage.needs === "light" && (stage.per === "net" || nets.includes("light"))
  );
}

/**
 * Returns whether higher or lower values of the metrics of a plan are better, by the name of the
 * metric and of the value, such as `accuracy` and `calibration/ece`.
 *
 * @param plan The plan.
 */
export function directionsOf({ metrics }: Pick<Plan, "metrics">): Directions {
  const named = metrics.flatMap(({ name, stage }) =>
    Object.entries(stage.better).map(([value, better]) => [
      value === "" ? name : `${name}/${value}`,
      better,
    ])
  );
  return Object.fromEntries(named);
}

/**
 * Calls the `create` function of a metric stage, and checks the metric that it returns.
 *
 * @param planned The planned metric.
 * @param labels The label, or several labels.
 * @param nets The nets that are computed.
 * @throws {UserError} If the metric does not support the label.
 */
export function makeMetric(
  { stage, options, reference, name, label: named, by }: Plan["metrics"][number],
  labels: LabelSpec,
  nets: readonly NetName[],
): PlannedMetric {
  const part = labelPart(labels, named), label = part?.spec ?? labels;
  const metric = forLabel(part, () => {
    refuseMultiLabel(stage, reference, label);
    return callStage(reference, "create()", () => stage.create(options, { label, nets }));
  });
  if (typeof metric?.start !== "function") {
    throw new StageError(reference, `created ${describeValue(metric)}; expected a metric`, {
      hint: hint(
        "metric/create",
        "return an object with the method start() from create()",
        { edit: "the stage" },
      ),
    });
  }
  const { per, better, values } = stage;
  return {
    ...{ stage: reference, name, per, better: better[""] ?? "higher", values },
    metric: by === undefined ? metric : metricByGroup(metric, by),
    ...(part && { label: part }),
  };
}
