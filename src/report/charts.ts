/**
 * Draws the charts of a report. Their colors are variables of the page's style sheet, so that they
 * suit light, dark and printed pages.
 *
 * @module
 */

import { drawSvg, type TopLevelSpec } from "../base/draw.ts";
import {
  alone,
  booster,
  chartConfig,
  ink,
  light,
  muted,
  other,
  pictureOf,
  series,
  strong,
  withVariables,
} from "../base/chart_theme.ts";
import { wrap } from "../base/text_width.ts";
import { escapeMarkup } from "../base/escape_markup.ts";
import { largest, smallest } from "../base/long_lists.ts";
import type { ConfusionCell } from "../model/evaluation/confusion.ts";
import type { ReliabilityBin } from "../model/evaluation/reliability.ts";

/** The size of a chart without its axes. It fits on a phone's screen without scaling. */
const WIDTH = 330, HEIGHT = 200;

/** The colors of the nets in charts. */
export const netColors: Readonly<Record<string, string>> = {
  light,
  booster,
  "light alone": alone,
};

async function draw(spec: object, title: string): Promise<string> {
  const svg = withVariables(await drawSvg({ config: chartConfig, ...spec } as TopLevelSpec));
  // The page determines the size. Screen readers announce the chart as an image with this title.
  return svg.replace(
    /^\s*<svg /,
    `<svg role="img" aria-label="${title.replaceAll(/[^\w\s,.()→/-]/g, " ")}" `,
  );
}

/** Looks up a color by a name, which may also be that of a property that all objects inherit. */
function own(colors: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(colors, name) ? colors[name] : undefined;
}

/** A point of a line chart. */
export interface LinePoint {
  readonly x: number;
  readonly y: number;
  readonly name: string;
}

/**
 * Draws a line chart over epochs or over fractions of the rows.
 *
 * @param points The points.
 * @param options The titles, and the colors of some lines by name. Other lines get colors in turn.
 */
export async function lineChart(
  points: readonly LinePoint[],
  { title, x, colors = {}, diagonal = false, format }: {
    readonly title: string;
    readonly x: string;
    readonly colors?: Readonly<Record<string, string>>;
    /** Whether to draw the diagonal, where the values of both axes are equal. */
    readonly diagonal?: boolean;
    /** The number format of both axes, as in D3. */
    readonly format?: string;
  },
): Promise<string> {
  const names = [...new Set(points.map(({ name }) => name))];
  let next = 0;
  const range = names.map((name) => own(colors, name) ?? series[next++ % series.length]!);
  const isWhole = points.every(({ x }) => Number.isInteger(x));
  const count = largest(names.map((one) => points.filter(({ name }) => name === one).length));
  const axis = { ...(format !== undefined && { format }) };
  const ends = [
    ...points.map(({ x }) => x),
    ...(diagonal ? points.map(({ y }) => y) : []),
  ];
  const from = smallest(ends), to = largest(ends);
  const encoding = {
    x: {
      field: "x",
      type: "quantitative",
      title: x,
      scale: { zero: false, nice: !isWhole },
      axis: { ...axis, ...(isWhole && { tickMinStep: 1, format: "d" }), tickCount: 6 },
    },
    y: {
      field: "y",
      type: "quantitative",
      title: null,
      scale: { zero: false },
      axis: { ...axis, tickCount: 5 },
    },
  };
  return await draw({
    width: WIDTH,
    height: HEIGHT,
    layer: [
      ...(diagonal
        ? [{
          data: { values: [{ x: from, y: from }, { x: to, y: to }] },
          mark: { type: "line", color: muted, strokeDash: [4, 4], strokeWidth: 1 },
          encoding,
        }]
        : []),
      {
        data: { values: [...points] },
        mark: {
          type: "line",
          strokeWidth: 2,
          strokeJoin: "round",
          strokeCap: "round",
          point: count <= 20 ? { size: 28, filled: true, opacity: 1 } : false,
        },
        encoding: {
          ...encoding,
          color: {
            field: "name",
            type: "nominal",
            scale: { domain: names, range },
            ...(names.length < 2 && { legend: null }),
          },
        },
      },
    ],
  }, title);
}

/**
 * Draws a confusion matrix, with a line for each true label and a column for each predicted class.
 * The color of a cell shows the fraction of the rows with this true label for which this class was
 * predicted.
 *
 * @param cells The number of rows for each pair of a label and a predicted class.
 * @param classes The names of the classes, in order.
 * @param net The net, which determines the color.
 */
export async function confusionChart(
  cells: readonly ConfusionCell[],
  classes: readonly string[],
  net: string,
): Promise<string> {
  const totals = new Map<number, number>();
  for (const { label, rows } of cells) totals.set(label, (totals.get(label) ?? 0) + rows);
  const shown = classes.map((name) => name.length > 10 ? `${name.slice(0, 9)}…` : name);
  // Two classes may have the same shortened name, so they are placed by their index as well.
  const domain = shown.map((name, index) => `${index} ${name}`);
  const values = cells.map(({ label, predicted, rows }) => ({
    label: domain[label],
    predicted: domain[predicted],
    rows,
    share: rows / totals.get(label)!,
  }));
  const largest = classes.length <= 4 ? 72 : 40;
  const step = Math.max(14, Math.min(largest, Math.floor(WIDTH / classes.length)));
  // Vega evaluates this expression, so it contains no names.
  const labelExpr = "slice(datum.value, indexof(datum.value, ' ') + 1)";
  const axis = { labelExpr, domain: false, labelOverlap: true, labelLimit: 80 };
  const place = {
    x: {
      field: "predicted",
      type: "ordinal",
      title: "predicted",
      scale: { domain, paddingInner: 0.06 },
      axis: { ...axis, labelAngle: shown.some(({ length }) => length > 3) ? -45 : 0 },
    },
    y: {
      field: "label",
      type: "ordinal",
      title: "label",
      scale: { domain, paddingInner: 0.06 },
      axis: { ...axis, grid: false },
    },
  };
  return await draw({
    width: { step },
    height: { step },
    data: { values },
    layer: [
      {
        mark: { type: "rect", cornerRadius: 3, color: netColors[net] },
        encoding: {
          ...place,
          opacity: {
            field: "share",
            type: "quantitative",
            scale: { domain: [0, 1], range: [0.08, 1] },
            legend: null,
          },
        },
      },
      ...(classes.length <= 12
        ? [{
          mark: { type: "text", fontSize: 11 },
          encoding: {
            ...place,
            text: { field: "rows", type: "quantitative", format: "d" },
            color: {
              condition: { test: "datum.share > 0.5", value: strong },
              value: ink,
            },
          },
        }]
        : []),
    ],
  }, `confusion matrix of the ${net} net`);
}

/**
 * Draws a reliability diagram: the observed frequency of the label 1 against the predicted
 * probability.
 *
 * @param bins The bins of rows with similar probabilities, by net.
 */
export async function calibrationChart(
  bins: Readonly<Partial<Record<string, readonly ReliabilityBin[]>>>,
): Promise<string> {
  const points = Object.entries(bins).flatMap(([name, all = []]) =>
    all.map(({ predicted, observed }) => ({ x: predicted, y: observed, name }))
  );
  return await lineChart(points, {
    title: "observed frequency by predicted probability",
    x: "predicted probability",
    colors: netColors,
    diagonal: true,
    format: "~p",
  });
}

/**
 * Draws the lift curve: the frequency of the label 1 among the rows with the highest scores,
 * relative to its frequency among all rows.
 *
 * @param bins The bins of rows with similar probabilities, by net.
 */
export async function liftChart(
  bins: Readonly<Partial<Record<string, readonly ReliabilityBin[]>>>,
): Promise<string | undefined> {
  const points = Object.entries(bins).flatMap(([name, all = []]) => {
    const rows = all.reduce((sum, bin) => sum + bin.rows, 0);
    const ones = all.reduce((sum, bin) => sum + bin.rows * bin.observed, 0);
    let seen = 0, hits = 0;
    return ones === 0 ? [] : all.toReversed().map((bin) => {
      seen += bin.rows;
      hits += bin.rows * bin.observed;
      return { x: seen / rows, y: hits / seen / (ones / rows), name };
    });
  });
  if (points.length === 0) return undefined;
  return await lineChart(points, {
    title: "lift by share of the rows with the highest scores",
    x: "share of rows, highest scores first",
    colors: netColors,
    format: "~g",
  });
}

/** A net of a run with its metric and latency, as a point of a chart. */
export interface LatencyPoint {
  readonly run: string;
  readonly net: string;
  readonly latency: number;
  readonly value: number;
}

/**
 * Draws a scatter chart of the metric and the latency of nets.
 *
 * @param points The nets.
 * @param metric The name of the metric.
 */
export async function latencyChart(
  points: readonly LatencyPoint[],
  metric: string,
): Promise<string> {
  const encoding = {
    x: {
      field: "latency",
      type: "quantitative",
      title: "latency of one row, ms",
      scale: { zero: false, padding: 24 },
      axis: { tickCount: 5 },
    },
    y: {
      field: "value",
      type: "quantitative",
      title: null,
      scale: { zero: false, padding: 18 },
      axis: { tickCount: 5 },
    },
  };
  const names = [...new Set(points.map(({ net }) => net))];
  return await draw({
    width: WIDTH,
    height: HEIGHT + 40,
    data: { values: [...points] },
    layer: [
      {
        mark: { type: "point", filled: true, size: 80, opacity: 1 },
        encoding: {
          ...encoding,
          color: {
            field: "net",
            type: "nominal",
            scale: { domain: names, range: names.map((name) => own(netColors, name) ?? other) },
          },
        },
      },
      {
        mark: { type: "text", align: "left", dx: 8, dy: -7, fontSize: 11, limit: 120 },
        encoding: { ...encoding, text: { field: "run", type: "nominal" } },
      },
    ],
  }, `${metric} by latency`);
}

/**
 * Draws the losses by epoch as a separate SVG file, with the lines of a text table below the chart.
 *
 * @param points The losses.
 * @param title The title of the vertical axis.
 * @param lines The lines of the table.
 */
export async function lossPicture(
  points: readonly LinePoint[],
  title: string,
  lines: readonly string[],
): Promise<string> {
  const names = [...new Set(points.map(({ name }) => name))];
  const chart = await drawSvg({
    config: chartConfig,
    width: 620,
    height: 220,
    data: { values: [...points] },
    mark: { type: "line", strokeWidth: 2, point: { size: 20, filled: true, opacity: 1 } },
    encoding: {
      x: {
        field: "x",
        type: "quantitative",
        title: "epoch",
        axis: { tickMinStep: 1, format: "d" },
      },
      y: { field: "y", type: "quantitative", title, scale: { type: "log" } },
      color: {
        field: "name",
        type: "nominal",
        scale: { domain: names, range: names.map((name) => own(netColors, name) ?? other) },
      },
    },
  });
  return withLines(pictureOf(chart), lines);
}

/**
 * Draws a metric of several runs by epoch, as the content of an SVG file. For each net, the chart has
 * a line for the mean over the runs, and a band from the lowest to the highest run. The given texts
 * are below the chart.
 *
 * @param points The metric in each run.
 * @param title The title of the vertical axis.
 * @param lines The lines of text.
 */
export async function runsPicture(
  points: readonly LinePoint[],
  title: string,
  lines: readonly string[],
): Promise<string> {
  const names = [...new Set(points.map(({ name }) => name))];
  const x = {
    field: "x",
    type: "quantitative",
    title: "epoch",
    axis: { tickMinStep: 1, format: "d" },
  } as const;
  const y = { field: "y", type: "quantitative", scale: { zero: false } } as const;
  const chart = await drawSvg({
    config: chartConfig,
    width: 620,
    height: 220,
    data: { values: [...points] },
    encoding: {
      color: {
        field: "name",
        type: "nominal",
        scale: { domain: names, range: names.map((name) => own(netColors, name) ?? other) },
        legend: { symbolType: "stroke", symbolOpacity: 1 },
      },
    },
    layer: [
      {
        mark: { type: "area", opacity: 0.18 },
        encoding: {
          x,
          y: { ...y, aggregate: "min", title },
          y2: { field: "y", aggregate: "max" },
        },
      },
      {
        mark: { type: "line", strokeWidth: 2 },
        encoding: { x, y: { ...y, aggregate: "mean", title } },
      },
    ],
  });
  return withLines(pictureOf(chart), lines);
}

/** The longest line of text below a picture, in characters. */
const LONGEST_LINE = 96;

/** Adds lines of text below a picture. */
function withLines(picture: string, text: readonly string[]): string {
  const lines = text.flatMap((line) =>
    line.length > LONGEST_LINE ? wrap(line, LONGEST_LINE) : [line]
  );
  const [width, height] = /width="(\d+)" height="(\d+)"/.exec(picture)!.slice(1).map(Number);
  const lineHeight = 16, margin = 8;
  const elements = lines.map((content, index) =>
    `<text x="${margin}" y="${height! + (index + 1) * lineHeight}" xml:space="preserve">${
      escapeMarkup(content)
    }</text>`
  );
  const wide = Math.ceil(largest(lines.map(({ length }) => length)) * 7.3) + 2 * margin;
  const size = [Math.max(width!, wide), height! + lines.length * lineHeight + margin];
  return picture
    .replace(
      / width="\d+" height="\d+" viewBox="[^"]*"/,
      () => ` width="${size[0]}" height="${size[1]}" viewBox="0 0 ${size.join(" ")}"`,
    )
    .replace(/<\/svg>\s*$/, () =>
      [
        `<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12" fill="var(--ink)">`,
        ...elements,
        `</g></svg>`,
        "",
      ].join("\n"));
}
