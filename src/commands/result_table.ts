import type { GradientNorms, InputResult, Metrics, PhaseResult, Result } from "../stages/events.ts";
import {
  betterOf,
  formatDifference,
  formatMetric,
  isMetricDetail,
  type MetricValue,
} from "../stages/metric.ts";
import { appendTo } from "../base/long_lists.ts";
import { formatCount, formatNumber, table } from "../base/text_table.ts";
import { WIDTH, widthOf, wrap } from "../base/text_width.ts";

/**
 * Formats the table at the end of a run: the metrics of each net, and the light net's gain from the
 * booster, or from a teacher outside the run.
 *
 * @param result The run's result.
 * @returns The lines.
 */
export function resultTable(result: Result): string[] {
  const { baseline } = result;
  const rows: NetRow[] = [];
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
  const { best } = result;
  const lines = [
    ...wrap(
      `${result.name}: metrics on the test split after epoch ${result.epochs}${
        result.stopped ? " (stopped early)" : ""
      }; "at best" is after epoch ${best.epoch}` +
        (baseline ? ` (light alone: ${baseline.best.epoch})` : "") +
        `, ${choice(best)}`,
    ),
    "",
    ...netTable(rows, metrics),
  ];
  if (result.phases) appendTo(lines, ["", ...phaseTable(result.phases)]);
  for (const metric of metrics) appendTo(lines, detailLines(metric, rows));
  const gain = metrics[0] && gainOf(metrics[0], result);
  if (gain) {
    const teacher = result.parameters.booster === undefined ? "teacher" : "booster";
    appendTo(lines, [
      "",
      ...wrap(`gain of the light net from the ${teacher}: ${gain} (one seed)`),
    ]);
  }
  const speed = ({ rowsPerSecond }: InputResult) =>
    `${formatCount(Math.round(rowsPerSecond))} rows/s`;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  lines.push(
    "",
    `training speed: ${speed(result.input)}` +
      (baseline ? ` (light alone: ${speed(baseline.input)})` : ""),
    `waiting for data: ${percent(result.input.waitingShare)} of the training time` +
      (baseline ? ` (light alone: ${percent(baseline.input.waitingShare)})` : ""),
  );
  const skipped = result.skipped + (baseline?.skipped ?? 0);
  if (skipped > 0) {
    lines.push(`steps skipped because a loss or gradient was not finite: ${skipped}`);
  }
  return lines;
}

/**
 * Formats the difference of the light net to the light net alone: after the last epoch, and after the
 * best epoch of each, whose weights `predict` and `export` use.
 */
function gainOf(metric: string, { test, best, baseline, better }: Result): string | undefined {
  const direction = betterOf(metric, better);
  const gain = (light?: Metrics, alone?: Metrics) => {
    const after = light?.[metric], before = alone?.[metric];
    return typeof after === "number" && typeof before === "number"
      ? formatDifference(after - before, direction, (value) => value.toFixed(4))
      : undefined;
  };
  const last = gain(test.light, baseline?.test.light);
  const atBest = gain(best.test.light, baseline?.best.test.light);
  if (last === undefined) return undefined;
  return `${metric} ${last}${atBest === undefined ? "" : `, at best ${atBest}`}`;
}

/** The metrics of a net, after the last and after the best epoch. */
interface NetRow {
  readonly net: string;
  readonly last: Metrics;
  readonly best: Metrics;
  readonly parameters: number;
  readonly seconds: string;
}

/**
 * Makes the table with a row per net. With many metrics, the table has a row per metric instead,
 * and another table has the parameters and the time.
 */
function netTable(rows: readonly NetRow[], metrics: readonly string[]): string[] {
  const nets = table(
    ["net", ...metrics.flatMap((metric) => [metric, "at best"]), "parameters", "time"],
    rows.map(({ net, last, best, parameters, seconds }) => [
      net,
      ...metrics.flatMap((metric) => [last[metric], best[metric]].map(cell)),
      formatCount(parameters),
      seconds,
    ]),
    undefined,
    { groups: [...metrics.map(() => 2), 2] },
  );
  if (!nets.includes("") || metrics.length < 3) return nets;
  return [
    ...table(
      ["metric", ...rows.flatMap(({ net }) => [net, "at best"])],
      metrics.map((metric) => [
        metric,
        ...rows.flatMap(({ last, best }) => [last[metric], best[metric]].map(cell)),
      ]),
      undefined,
      { groups: rows.map(() => 2) },
    ),
    "",
    ...table(
      ["net", "parameters", "time"],
      rows.map(({ net, parameters, seconds }) => [net, formatCount(parameters), seconds]),
    ),
  ];
}

/** Formats the details of a metric: in a line per net, or in a table if the lines are too long. */
function detailLines(metric: string, rows: readonly NetRow[]): string[] {
  const keys = [...new Set(rows.flatMap(({ last }) => Object.keys(last)))]
    .filter((key) => key.startsWith(`${metric}/`));
  if (keys.length === 0) return [];
  const name = (key: string) => key.slice(metric.length + 1);
  const lines = rows.flatMap(({ net, last }) => {
    const details = keys.filter((key) => last[key] !== undefined)
      .map((key) => `${name(key)} ${cell(last[key])}`);
    return details.length > 0 ? [`${net} ${metric}: ${details.join(", ")}`] : [];
  });
  if (lines.every((line) => widthOf(line) <= WIDTH)) return lines.flatMap((line) => ["", line]);
  return [
    "",
    ...table(
      [metric, ...rows.map(({ net }) => net)],
      keys.map((key) => [name(key), ...rows.map(({ last }) => cell(last[key]))]),
    ),
  ];
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
