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
import type { MetricSummary, SweepRow, SweepTable } from "./table.ts";

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
  const { metric, keys, rows, latency, better } = sweep;
  const [, net = "", name = metric ?? ""] = /^(light|booster)\/(.*)$/.exec(metric ?? "") ?? [];
  const other = net === "light" ? `booster/${name}` : "";
  const columns: [title: string, cell: (row: SweepRow) => string][] = [
    ["setting", ({ setting }) => setting],
    ["seeds", ({ seeds }) => String(seeds.length)],
  ];
  const groups = [1];
  if (metric !== undefined) {
    columns.push(
      [metric, ({ metrics }) => spreadText(metrics.last[metric])],
      ["difference [95 %]", ({ metrics }) => differenceText(metrics.last[metric], better)],
      ["at best", ({ metrics }) => spreadText(metrics.best[metric])],
      ["difference [95 %]", ({ metrics }) => differenceText(metrics.best[metric], better)],
    );
    groups.push(2, 2);
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

/**
 * Explains in sentences what the numbers in a sweep's table mean.
 *
 * @param sweep The sweep's table.
 */
export function notes({ split, seeds, latency, engines, rows, metric }: SweepTable): string[] {
  const references = [...new Set(rows.map(({ reference }) => reference))];
  return [
    `Metrics are the mean ± standard deviation over the seeds ${
      seeds.join(", ")
    }, on the ${split} split, after the last epoch and, in the columns "at best", after the best ` +
    "epoch of each run.",
    ...(metric === undefined ? [] : [
      `Differences from ${references.join(", ")}${
        references.length > 1 ? ", each at the same point of the grid," : ""
      } are shown with the 95 % interval of the paired t test over seeds. A difference is called ` +
      "better or worse if this interval does not contain 0.",
    ]),
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
  return summary?.difference ? intervalText(summary.difference, better) : nothing;
}

function intervalText({ mean, low, high }: Interval, better: Better | undefined): string {
  // With one seed, there is no interval.
  const [least, most] = Number.isNaN(low) ? [mean, mean] : [low, high];
  const text = Number.isNaN(low)
    ? signed(mean)
    : `${signed(mean)} [${signed(low)}, ${signed(high)}]`;
  if (better === undefined || (least <= 0 && most >= 0)) return text;
  return `${text} ${least > 0 === (better === "higher") ? "better" : "worse"}`;
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
