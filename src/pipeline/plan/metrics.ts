import { hint } from "../../base/hints.ts";
import { formatPath, type Path } from "../document/nodes.ts";
import type { PlannedMetricStage } from "../plan.ts";
import type { PipelineValue } from "../file_schema.ts";
import type { NetName } from "../../stages/network.ts";
import type { Planner } from "./planner.ts";

/**
 * Returns one planned metric, with its key in results, for each label for which an entry of
 * `metrics` is measured.
 *
 * @param planned The metric's stage, and the column by which its rows are grouped.
 * @param entry The entry of the metric.
 * @param labels The names of the labels; undefined for a pipeline with a single label.
 */
export function metricsByLabel(
  planned: Omit<PlannedMetricStage, "name" | "label">,
  { name, label: named }: {
    readonly name?: string | undefined;
    readonly label?: string | undefined;
  },
  labels: readonly string[] | undefined,
): PlannedMetricStage[] {
  const own = name ?? planned.stage.name;
  if (!labels || planned.stage.readsLabel === false) {
    return [{ ...planned, name: own, label: undefined }];
  }
  if (named !== undefined) {
    return [{ ...planned, name: name ?? `${named}.${own}`, label: named }];
  }
  return labels.map((label) => ({ ...planned, name: `${label}.${own}`, label }));
}

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
    `${formatPath([...path, "stop"])} requires a metric, but this pipeline has no metrics`,
    planner.document.place([...path, "stop"]),
    hint("metrics/stop", "add a metric, such as `metrics: [accuracy]`", {
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
      `${formatPath(path)} requires a metric with a single value, but ${
        JSON.stringify(key)
      } has several`,
      planner.document.place(path),
      keys.length > 0
        ? hint("metrics/several", `the metrics with a single value are ${keys.join(", ")}`, {
          set: { ".": keys[0] },
        })
        : hint("metrics/several-alone", "remove this option: no metric has a single value", {
          remove: ["."],
        }),
    );
    return;
  }
  planner.problem(
    `${formatPath(path)}: this pipeline has no metric ${JSON.stringify(key)}`,
    planner.document.place(path),
    keys.length > 0
      ? hint("metrics/names", `the metrics are ${keys.join(", ")}`, { set: { ".": keys[0] } })
      : hint(
        "metrics/none",
        "add a metric, such as `metrics: [accuracy]`, and write light/accuracy here",
        { set: { "/metrics": ["accuracy"], ".": "light/accuracy" } },
      ),
  );
}

/**
 * Checks whether a metric can be computed if only the given nets are evaluated.
 *
 * @param key The metric's key, such as `light/accuracy`.
 * @param nets The nets that are computed.
 */
export const isMeasured = (key: string, nets: readonly NetName[]) =>
  !key.includes("/") || nets.some((net) => key.startsWith(`${net}/`));
