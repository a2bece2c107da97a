import { hint } from "../../base/hints.ts";
import { formatPath, type Path } from "../document/nodes.ts";
import type { PlannedMetricStage } from "../plan.ts";
import type { PipelineValue } from "../file_schema.ts";
import type { NetName } from "../../stages/network.ts";
import type { Planner } from "./planner.ts";

/**
 * Checks that a phase evaluates the metrics that select its best epoch and stop it early.
 *
 * @param planner Collects problems.
 * @param options The metrics of `select` and `stop`.
 * @param path The path of the options in the document.
 * @param metrics The pipeline's metrics.
 */
export function checkMetrics(
  planner: Planner,
  { select, stop }: Pick<PipelineValue["train"], "select" | "stop">,
  path: Path,
  metrics: readonly PlannedMetricStage[],
): void {
  checkMetric(planner, select, [...path, "select"], metrics);
  checkMetric(planner, stop?.metric, [...path, "stop", "metric"], metrics);
  if (!stop || metrics.length > 0) return;
  planner.problem(
    `${formatPath([...path, "stop"])} needs a metric, and this pipeline has none`,
    planner.document.place([...path, "stop"]),
    hint("metrics/stop", "add one, such as `metrics: [accuracy]`", {
      set: { "/metrics": ["accuracy"] },
    }),
  );
}

function checkMetric(
  planner: Planner,
  key: string | undefined,
  path: Path,
  metrics: readonly PlannedMetricStage[],
): void {
  if (key === undefined) return;
  const keysOf = (chosen: readonly PlannedMetricStage[]) =>
    chosen.flatMap(({ name, stage }) =>
      stage.per === "net" ? [`light/${name}`, `booster/${name}`] : [name]
    );
  const keys = keysOf(metrics.filter(({ stage }) => stage.values === "one"));
  if (keys.includes(key)) return;
  if (keysOf(metrics).includes(key)) {
    planner.problem(
      `${formatPath(path)} names a metric of several values: ${JSON.stringify(key)}`,
      planner.document.place(path),
      keys.length > 0
        ? hint("metrics/several", `those with a value of their own are ${keys.join(", ")}`, {
          set: { ".": keys[0] },
        })
        : hint("metrics/several-alone", "leave it out: no metric has a value of its own", {
          remove: ["."],
        }),
    );
    return;
  }
  planner.problem(
    `${formatPath(path)} names no metric of this pipeline: ${JSON.stringify(key)}`,
    planner.document.place(path),
    keys.length > 0
      ? hint("metrics/names", `the metrics are ${keys.join(", ")}`, { set: { ".": keys[0] } })
      : hint(
        "metrics/none",
        "add one to `metrics:`, such as `metrics: [accuracy]`, and write light/accuracy here",
        { set: { "/metrics": ["accuracy"], ".": "light/accuracy" } },
      ),
  );
}

/**
 * Whether a metric is evaluated if only some nets are computed.
 *
 * @param key The metric's key.
 * @param nets The nets.
 */
export const isMeasured = (key: string, nets: readonly NetName[]) =>
  !key.includes("/") || nets.some((net) => key.startsWith(`${net}/`));
