/**
 * The look of charts. Vega draws with placeholder colors, which become variables of a style sheet,
 * so that a chart suits light and dark pages.
 *
 * @module
 */

import type { TopLevelSpec } from "./draw.ts";

/** The placeholder for the color of text in charts. */
export const ink: string = "#000101";

/**
 * The color with which Vega draws the titles and labels of axes. The page replaces it with the color
 * of its light or dark theme.
 */
export const muted: string = "#000102";

/** The placeholder for the color of a chart's grid lines. */
export const line: string = "#000103";

/**
 * The placeholder for a color that contrasts with strong colors. Charts use it for text on colored
 * areas.
 */
export const strong: string = "#000104";

/** The placeholder for the color of the light net. */
export const light: string = "#000111";

/** The placeholder for the color of the booster in charts. */
export const booster: string = "#000112";

/** The placeholder for the color in charts of the light net that is trained alone. */
export const alone: string = "#000113";

/**
 * The placeholder for the color of a line that belongs to none of the nets, in a chart that shows
 * nets.
 */
export const other: string = "#000114";

/** The placeholders for the colors of lines and points in charts that do not show nets. */
export const series: readonly string[] = [
  ...["#000121", "#000122", "#000123", "#000124", "#000125", "#000126"],
];

const variables: Readonly<Record<string, string>> = {
  [ink]: "--ink",
  [muted]: "--muted",
  [line]: "--line",
  [strong]: "--strong",
  [light]: "--light",
  [booster]: "--booster",
  [alone]: "--alone",
  [other]: "--other",
  ...Object.fromEntries(series.map((color, index) => [color, `--series${index + 1}`])),
};

/** The configuration of Vega-Lite that all charts share. */
export const chartConfig: NonNullable<TopLevelSpec["config"]> = {
  background: "transparent",
  font: "system-ui, sans-serif",
  view: { stroke: null },
  padding: 4,
  axis: {
    labelColor: muted,
    titleColor: muted,
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: "normal",
    gridColor: line,
    domainColor: line,
    tickColor: line,
    domain: false,
    ticks: false,
    labelPadding: 6,
    titlePadding: 8,
  },
  axisX: { grid: false, domain: true },
  legend: {
    orient: "top",
    title: null,
    labelColor: ink,
    labelFontSize: 12,
    symbolStrokeWidth: 3,
    symbolSize: 90,
    offset: 6,
  },
  range: { category: [...series] },
  rule: { color: muted },
  text: { color: ink },
};

/**
 * Replaces the placeholder colors of a chart with variables of the style sheet.
 *
 * @param svg The chart.
 */
export function withVariables(svg: string): string {
  return svg.replaceAll(
    /#0001[0-9a-f]{2}/g,
    (color) => variables[color] ? `var(${variables[color]})` : color,
  );
}

/** The style sheet that sets the colors of charts and pages for light and dark mode. */
export const themeStyle: string = `:root {
  color-scheme: light dark;
  --page: #f7f6f3; --card: #ffffff; --ink: #1d1c1a; --muted: #6a6862; --line: #e4e2dc;
  --strong: #ffffff;
  --light: #1f6fd1; --booster: #d9622b; --alone: #85837b; --other: #7a4fb5;
  --series1: #1f6fd1; --series2: #c4512a; --series3: #1c8a6b; --series4: #8550b8;
  --series5: #b07a00; --series6: #b23a72; --good: #1c7f5c; --bad: #b83b2e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #151513; --card: #1f1f1c; --ink: #eceae4; --muted: #a3a099; --line: #35342f;
    --strong: #10100e;
    --light: #6aa9f4; --booster: #f08a55; --alone: #9b988f; --other: #b392e6;
    --series1: #6aa9f4; --series2: #f08a55; --series3: #52c3a0; --series4: #b392e6;
    --series5: #dcae4a; --series6: #e487b4; --good: #5cc79f; --bad: #f0897d;
  }
}`;

/**
 * Converts a chart to an SVG file that can be shown on its own. It has a background, and its colors
 * suit light and dark mode.
 *
 * @param svg The chart, drawn with the placeholder colors.
 * @returns The picture, as SVG.
 */
export function pictureOf(svg: string): string {
  return withVariables(svg.trim()).replace(
    /^<svg [^>]*>/,
    (start) =>
      `${start}\n<style>\n${themeStyle}\n</style>\n<rect width="100%" height="100%" fill="var(--card)"/>\n`,
  ) + "\n";
}
