import type { GradientNorms, Metrics, PhaseResult, Result } from "../stages/events.ts";
import { formatMetric, isMetricDetail, type MetricValue } from "../stages/metric.ts";
import { formatCount, formatNumber, table } from "../base/text_table.ts";

/**
 * Formats the table at the end of a run: the metrics of each net, and the light net's gain from the
 * booster.
 *
 * @param result The run's result.
 * @returns The lines.
 */
export function resultTable(result: Result): string[] {
  const { baseline } = result;
  const rows: { net: string; last: Metrics; best: Metrics; parameters: number; seconds: string }[] =
    [];
  const add = (
    net: string,
    part: Pick<Result, "test" | "best" | "parameters">,
    name: "light" | "booster",
    seconds: string,
  ) => {
    const parameters = part.parameters[name];
    if (parameters === undefined) return;
    rows.push({
      net,
      last: part.test[name] ?? {},
      best: part.best.test[name] ?? {},
      parameters,
      seconds,
    });
  };
  const rocketTime = `${result.seconds.toFixed(1)} s`;
  add("light", result, "light", rocketTime);
  add("booster", result, "booster", "″");
  if (baseline) add("light alone", baseline, "light", `${baseline.seconds.toFixed(1)} s`);

  const all = rows[0]?.last ?? {};
  const metrics = Object.keys(all).filter((key) => !isMetricDetail(key, all));
  const head = ["net", ...metrics.flatMap((metric) => [metric, "at best"]), "parameters", "time"];
  const cells = rows.map(({ net, last, best, parameters, seconds }) => [
    net,
    ...metrics.flatMap((metric) => [last[metric], best[metric]].map(cell)),
    formatCount(parameters),
    seconds,
  ]);
  const { best } = result;
  const lines = [
    `${result.name}: metrics on the test split after epoch ${result.epochs}${
      result.stopped ? " (stopped early)" : ""
    }; "at best" is after epoch ${best.epoch}` +
    (baseline ? ` (light alone: ${baseline.best.epoch})` : "") +
    `, ${choice(best)}`,
    "",
    ...table(head, cells),
  ];
  if (result.phases) lines.push("", ...phaseTable(result.phases));
  for (const { net, last } of rows) {
    for (const metric of metrics) {
      const details = Object.entries(last).filter(([key]) => key.startsWith(`${metric}/`))
        .map(([key, value]) => `${key.slice(metric.length + 1)} ${cell(value)}`);
      if (details.length > 0) lines.push("", `${net} ${metric}: ${details.join(", ")}`);
    }
  }
  const metric = metrics[0];
  const after = metric && result.test.light?.[metric];
  const alone = metric && baseline?.test.light?.[metric];
  if (typeof after === "number" && typeof alone === "number") {
    const gain = after - alone;
    lines.push(
      "",
      `gain of the light net from the booster: ${metric} ${gain < 0 ? "−" : "+"}${
        Math.abs(gain).toFixed(4)
      } (one seed)`,
    );
  }
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  lines.push(
    "",
    `waiting for data: ${percent(result.input.waitingShare)} of the training time` +
      (baseline ? ` (light alone: ${percent(baseline.input.waitingShare)})` : ""),
  );
  const skipped = result.skipped + (baseline?.skipped ?? 0);
  if (skipped > 0) {
    lines.push(`steps skipped because a loss or gradient was not finite: ${skipped}`);
  }
  return lines;
}

/** Formats a metric's value for a table. */
const cell = (value: MetricValue | undefined) =>
  value === undefined ? "–" : formatMetric(value, formatNumber);

/** Describes how the best epoch was selected. */
function choice({ metric, split, value }: Result["best"]): string {
  if (metric === "epoch") return "the last epoch, because no metric selects the best one";
  const by = `selected by ${metric} on the ${split} split`;
  return typeof value === "number" ? by : `${by}, which was ${cell(value)}`;
}

/** Makes a table with one row per phase: what was frozen, the epochs, and the first metrics. */
function phaseTable(phases: readonly PhaseResult[]): string[] {
  const keys = [
    ...new Set(
      phases.flatMap(({ test }) =>
        Object.entries(test).filter(([net]) => net !== "run").flatMap(([net, metrics]) =>
          Object.keys(metrics).slice(0, 1).map((metric) => `${net} ${metric}`)
        )
      ),
    ),
  ];
  const head = ["phase", "frozen", "epochs", "at best", ...keys, "time"];
  const rows = phases.map(({ name, frozen, epochs, stopped, best, test, seconds }) => [
    name,
    frozen.join(", ") || "–",
    `${epochs}${stopped ? " (stopped)" : ""}`,
    formatCount(best.epoch),
    ...keys.map((key) => {
      const [net, metric] = key.split(" ") as [string, string];
      return cell(test[net]?.[metric]);
    }),
    `${seconds.toFixed(1)} s`,
  ]);
  return table(head, rows, ["left", "left", ...head.slice(2).map(() => "right" as const)]);
}

/**
 * Formats the table of gradient norms on the first batch, with one row per loss and one column per
 * owner of variables.
 *
 * @param gradients The norms.
 * @returns The lines.
 */
export function gradientTable(gradients: readonly GradientNorms[]): string[] {
  const owners = (["booster", "light", "shared", "loss"] as const)
    .filter((owner) => gradients.some(({ norms }) => owner in norms));
  const rows = gradients.map(({ loss, norms }) => [
    loss,
    ...owners.map((owner) => formatNumber(norms[owner] ?? 0)),
  ]);
  return table(["gradient norm", ...owners], rows);
}
