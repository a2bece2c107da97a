import { chartConfig, pictureOf } from "../base/chart_theme.ts";
import { drawSvg, type TopLevelSpec } from "../base/draw.ts";
import { UserError } from "../base/errors.ts";
import { interval } from "./statistics.ts";
import { latencyText } from "./render.ts";
import type { SweepTable } from "./table.ts";

/** A point of the picture: the light net of a setting. */
export interface PicturePoint {
  /** The setting's key. */
  readonly setting: string;
  /** The setting's name, which determines the color. */
  readonly name: string;
  /** The setting's point of the grid, such as `depth=10`; empty if there is no grid. */
  readonly point: string;
  /** The latency in milliseconds. */
  readonly latency: number;
  /** The metric's mean over seeds, and the ends of its 95 % interval. */
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Returns the points of the chart that {@linkcode drawPicture} draws: the rows of the table for
 * which both the latency and the metric are known.
 *
 * @param table The sweep's table.
 */
export function picturePoints({ rows, metric }: SweepTable): PicturePoint[] {
  return rows.flatMap(({ setting, name, latency, metrics }) => {
    const summary = metric === undefined ? undefined : metrics.last[metric];
    if (latency === undefined || !summary?.spread) return [];
    const { mean, low, high } = interval(summary.values);
    return [{
      ...{ setting, name, latency, mean },
      point: setting.slice(name.length + 1),
      low: Number.isNaN(low) ? mean : low,
      high: Number.isNaN(high) ? mean : high,
    }];
  });
}

/**
 * Draws a chart of the metric against the latency of the light nets. Each point with its 95 %
 * confidence interval is a setting, or a point of a setting's grid. All points of a setting have
 * the same color and are connected by a line.
 *
 * @param table The sweep's table.
 * @param report Called with a message if the packages for drawing cannot be loaded.
 * @returns The picture as SVG; undefined if there are no points or the packages are missing.
 */
export async function drawPicture(
  table: SweepTable,
  report: (line: string) => void,
): Promise<string | undefined> {
  const points = picturePoints(table);
  if (points.length === 0) return undefined;
  try {
    return pictureOf(await drawSvg(specOf(table, points)));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    report(`picture.svg is not written: ${error.message}`);
    return undefined;
  }
}

function specOf(
  { metric, split, latency }: SweepTable,
  points: readonly PicturePoint[],
): TopLevelSpec {
  const x = {
    field: "latency",
    type: "quantitative",
    title: `latency of the light net, ms (${latency ? `${latencyText(latency)}, ` : ""}one thread)`,
    scale: { zero: false, padding: 24 },
  } as const;
  const y = { type: "quantitative", scale: { zero: false, padding: 12 } } as const;
  return {
    width: 560,
    height: 280,
    config: chartConfig,
    data: { values: [...points] },
    encoding: { color: { field: "name", type: "nominal", sort: null, title: null } },
    layer: [
      {
        mark: "line",
        encoding: { x, y: { ...y, field: "mean", title: `${metric}, ${split} split` } },
      },
      { mark: "rule", encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" } } },
      {
        mark: { type: "point", filled: true, size: 60 },
        encoding: { x, y: { ...y, field: "mean" } },
      },
      ...(points.length > 12 ? [] : [
        {
          mark: { type: "text", align: "left", dx: 7, dy: -7, fontSize: 10 },
          encoding: { x, y: { ...y, field: "mean" }, text: { field: "point" } },
        } as const,
      ]),
    ],
  };
}
