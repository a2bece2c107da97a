/**
 * Formats the table of a sweep as text, Markdown and HTML.
 *
 * @module
 */

import { type Align, formatCount, formatNumber, table } from "../base/text_table.ts";
import { wrap } from "../base/text_width.ts";
import { escapeMarkup } from "../base/escape_markup.ts";
import { printable } from "../base/printable.ts";
import { type Better, formatMetric, undefinedMetric } from "../stages/metric.ts";
import type { Latency } from "./latency.ts";
import type { Interval, Spread } from "./statistics.ts";
import { intervalsOf, type MetricSummary, type SweepRow, type SweepTable } from "./table.ts";

/** A table whose cells are texts. */
export interface TextTable {
  /** The columns' titles. */
  readonly head: readonly string[];
  /** The numbers of columns after the first that belong together. */
  readonly groups: readonly number[];
  /** The cells. */
  readonly rows: readonly (readonly string[])[];
}

const nothing = "–";

/**
 * Makes the table that compares the settings by the sweep's metric.
 *
 * @param sweep The sweep's table.
 */
export function comparison(sweep: SweepTable): TextTable {
  const { metric, keys, rows, latency, better, hasBooster } = sweep;
  const [, net = "", name = metric ?? ""] = /^(light|booster)\/(.*)$/.exec(metric ?? "") ?? [];
  const other = net === "light" ? `booster/${name}` : "";
  const columns: [title: string, cell: (row: SweepRow) => string][] = [
    ["setting", ({ setting }) => setting],
    ["seeds", ({ seeds }) => String(seeds.length)],
  ];
  const groups = [1];
  if (metric !== undefined) {
    for (const [title, when] of [[metric, "last"], ["at best", "best"]] as const) {
      const of = ({ metrics }: SweepRow) => metrics[when][metric], before = columns.length;
      columns.push(
        [title, (row) => spreadText(of(row))],
        ["difference [95 %]", (row) => differenceText(of(row), better)],
      );
      if (isResampled(sweep)) columns.push(["bootstrap [95 %]", (row) => resampledText(of(row))]);
      if (hasBooster) columns.push(["transfer", (row) => transferText(of(row))]);
      groups.push(columns.length - before);
    }
  }
  if (keys.includes(other)) {
    columns.push([other, ({ metrics }) => spreadText(metrics.last[other])]);
    groups.push(1);
  }
  columns.push(
    ["light parameters", ({ parameters: { light } }) => light ? formatCount(light) : nothing],
    [
      "booster parameters",
      ({ parameters: { booster } }) => booster ? formatCount(booster) : nothing,
    ],
  );
  groups.push(2);
  if (latency) {
    columns.push(
      [
        `light latency (${latencyText(latency)})`,
        ({ latency }) => latency ? `${latency.toFixed(3)} ms` : nothing,
      ],
      ["ratio", ({ latencyRatio }) => latencyRatio ? ratioText(latencyRatio) : nothing],
    );
    groups.push(2);
  }
  return {
    head: columns.map(([title]) => title),
    groups,
    rows: rows.map((row) => columns.map(([, cell]) => cell(row))),
  };
}

/**
 * Describes how latency was measured, for the heading of a column or an axis.
 *
 * @param latency The engine and the number of rows per call.
 */
export function latencyText({ engine, batch }: Pick<Latency, "engine" | "batch">): string {
  return `${engineText(engine)}, ${rowsText(batch)}`;
}

const engineText = (engine: Latency["engine"]) => engine === "onnx" ? "ONNX Runtime" : engine;

const rowsText = (batch: number) => `${batch} row${batch === 1 ? "" : "s"}`;

/**
 * Makes a table of all metrics, with one row per setting.
 *
 * @param sweep The sweep's table.
 * @param when Whether to show the metrics after the last or after the best epoch.
 */
export function allMetrics({ keys, rows }: SweepTable, when: "last" | "best"): TextTable {
  return {
    head: ["setting", ...keys],
    groups: keys.map(() => 1),
    rows: rows.map(({ setting, metrics }) => [
      setting,
      ...keys.map((key) => spreadText(metrics[when][key])),
    ]),
  };
}

/** Whether the compared metric has differences with an interval by the bootstrap. */
function isResampled({ metric, rows }: SweepTable): boolean {
  return metric !== undefined &&
    rows.some(({ metrics: { last, best } }) => last[metric]?.resampled ?? best[metric]?.resampled);
}

/**
 * Explains in sentences what the numbers in a sweep's table mean.
 *
 * @param sweep The sweep's table.
 */
export function notes(sweep: SweepTable): string[] {
  const { split, seeds, latency, engines, rows, metric, hasBooster } = sweep;
  const references = [...new Set(rows.map(({ reference }) => reference))];
  return [
    `Metrics are the mean ± standard deviation over the seeds ${
      seeds.join(", ")
    }, on the ${split} split, after the last epoch and, in the columns "at best", after the best ` +
    "epoch of each run.",
    ...(metric === undefined ? [] : [
      `Differences from ${references.join(", ")}${
        references.length > 1 ? ", each at the same point of the grid," : ""
      } are shown with the 95 % interval of the paired t test over seeds${
        isResampled(sweep)
          ? ", and with that of a bootstrap over groups of rows, such as users. A difference is " +
            "called better or worse if neither interval contains 0."
          : ". A difference is called better or worse if this interval does not contain 0."
      }`,
    ]),
    ...(hasBooster && metric !== undefined
      ? [
        "Transfer is the part of the gap between the reference and the booster alone that a " +
        "setting closes: (setting − reference) / (booster alone − reference). The cell is `no gap` " +
        "if the booster alone is not better, or an interval of the gap contains 0.",
      ]
      : []),
    ...(latency
      ? [
        `Latency is the median time of a call with ${rowsText(latency.batch)} on ${
          latency.engine === "onnx" ? engineText(latency.engine) : `the ${latency.engine} engine`
        } with one thread. The nets were measured in alternation.`,
      ]
      : []),
    ...(engines.length > 1 ? [`The runs used different engines: ${engines.join(" and ")}.`] : []),
  ];
}

/**
 * Formats the table for a terminal.
 *
 * @param sweep The sweep's table.
 */
export function terminalText(sweep: SweepTable): string[] {
  const { head, rows, groups } = comparison(sweep);
  return [
    ...wrap(sweep.name),
    "",
    ...table(head, rows, undefined, { groups }),
    "",
    ...notes(sweep).flatMap((note) => wrap(note)),
  ];
}

/**
 * Formats all tables as Markdown.
 *
 * @param sweep The sweep's table.
 */
export function markdownText(sweep: SweepTable): string {
  return [
    `# ${markdown(sweep.name)}`,
    markdownTable(comparison(sweep)),
    notes(sweep).map((note) => `- ${markdown(note)}`).join("\n"),
    "## All metrics after the last epoch",
    markdownTable(allMetrics(sweep, "last")),
    "## All metrics after the best epoch",
    markdownTable(allMetrics(sweep, "best")),
  ].join("\n\n") + "\n";
}

function markdownTable({ head, rows }: TextTable): string {
  const line = (cells: readonly string[]) => `| ${cells.map(markdown).join(" | ")} |`;
  const align = head.map((_, index): Align => index === 0 ? "left" : "right");
  const rule = align.map((side) => side === "left" ? "---" : "---:");
  return [line(head), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n");
}

const markdown = (text: string) =>
  printable(text).replaceAll(/[\\|<>*_`[\]#&]/g, (sign) => `\\${sign}`);

const style =
  `body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0 }
th, td { border-bottom: 1px solid #ddd; padding: .3rem .8rem; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
.wide { overflow-x: auto }`;

/**
 * Formats all tables as an HTML page without external resources.
 *
 * @param sweep The sweep's table.
 * @param picture The picture as SVG, if there is one.
 */
export function htmlText(sweep: SweepTable, picture: string | undefined): string {
  return [
    `<!doctype html>`,
    `<html lang="en">`,
    `<meta charset="utf-8">`,
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>${escapeMarkup(sweep.name)}</title>`,
    `<style>${style}</style>`,
    `<h1>${escapeMarkup(sweep.name)}</h1>`,
    htmlTable(comparison(sweep)),
    ...notes(sweep).map((note) => `<p>${escapeMarkup(note)}</p>`),
    ...(picture ? [`<figure>${picture}</figure>`] : []),
    `<h2>All metrics after the last epoch</h2>`,
    htmlTable(allMetrics(sweep, "last")),
    `<h2>All metrics after the best epoch</h2>`,
    htmlTable(allMetrics(sweep, "best")),
    `</html>`,
    "",
  ].join("\n");
}

function htmlTable({ head, rows }: TextTable): string {
  const line = (cells: readonly string[], tag: "td" | "th") =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeMarkup(cell)}</${tag}>`).join("")}</tr>`;
  return [
    `<div class="wide"><table>`,
    line(head, "th"),
    ...rows.map((row) => line(row, "td")),
    `</table></div>`,
  ].join("\n");
}

function spreadText(summary: MetricSummary | undefined): string {
  if (!summary) return nothing;
  const { spread, without } = summary;
  if (!without) return spread ? meanText(spread) : nothing;
  const none = formatMetric(undefinedMetric(without.reason));
  // A mean over only some of the seeds shows how many there are.
  return spread ? `${meanText(spread)} of ${spread.count}; ${without.runs} ${none}` : none;
}

function meanText({ mean, deviation }: Spread): string {
  const text = formatNumber(mean);
  if (Number.isNaN(deviation)) return text;
  // Small deviations have as many decimals as the mean, unless they would be shown as zero.
  const same = deviation >= 1e-4 && deviation < 1e-3 && !text.includes("e");
  return `${text} ± ${same ? deviation.toFixed(4) : formatNumber(deviation)}`;
}

function differenceText(summary: MetricSummary | undefined, better: Better | undefined): string {
  if (!summary?.difference) return nothing;
  const { mean, low, high } = summary.difference;
  const text = Number.isNaN(low) ? signed(mean) : `${signed(mean)} ${rangeText({ low, high })}`;
  const known = intervalsOf(summary);
  // With one seed and no samples, there is no interval, and so no verdict.
  if (better === undefined || known.length === 0) return text;
  if (known.every(({ low }) => low > 0)) {
    return `${text} ${better === "higher" ? "better" : "worse"}`;
  }
  if (known.every(({ high }) => high < 0)) {
    return `${text} ${better === "lower" ? "better" : "worse"}`;
  }
  return text;
}

const rangeText = ({ low, high }: Pick<Interval, "low" | "high">) =>
  `[${signed(low)}, ${signed(high)}]`;

const resampledText = (summary: MetricSummary | undefined) =>
  summary?.resampled ? rangeText(summary.resampled) : nothing;

function transferText(summary: MetricSummary | undefined): string {
  const transfer = summary?.transfer;
  if (transfer === undefined) return nothing;
  if (transfer === "no gap") return transfer;
  const text = Math.abs(transfer).toFixed(2);
  return `${transfer < 0 && Number(text) !== 0 ? "−" : ""}${text}`;
}

/** Formats the ratio of two latencies: `1.25 × faster` for 0.8. */
function ratioText(ratio: number): string {
  if (Number(ratio.toFixed(2)) === 1) return "1.00";
  return ratio < 1 ? `${(1 / ratio).toFixed(2)} × faster` : `${ratio.toFixed(2)} × slower`;
}

/** Formats a difference with a sign and always four decimals, so differences are easy to compare. */
function signed(value: number): string {
  const text = Math.abs(value).toFixed(4);
  return `${value < 0 && Number(text) !== 0 ? "−" : "+"}${text}`;
}
