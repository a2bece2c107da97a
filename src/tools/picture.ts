/**
 * Draws the loss curves and the result table of a run as an SVG.
 *
 * usage: deno task picture RUN_FOLDER OUT.svg
 *
 * @module
 */

import { join } from "node:path";
import { compile, type TopLevelSpec } from "npm:vega-lite@6.4.1";
import { parse, View } from "npm:vega@6.2.0";
import { runFiles } from "../base/files/run_files.ts";
import { readRegularText } from "../base/files/regular.ts";
import { resultTable } from "../commands/result_table.ts";
import type { Result } from "../stages/events.ts";
import { escapeMarkup } from "../base/escape_markup.ts";

interface Point {
  readonly epoch: number;
  readonly loss: number;
  readonly net: string;
}

const [folder, out] = Deno.args;
if (!folder || !out) {
  console.error("usage: deno task picture RUN_FOLDER OUT.svg");
  Deno.exit(2);
}
const result: Result = JSON.parse(await readRegularText(join(folder, runFiles.result)));
const points = [
  ...await lossPoints(folder, runFiles.metrics.rocket, { light: "light", booster: "booster" }),
  ...await lossPoints(folder, runFiles.metrics["light-alone"], { light: "light alone" }),
];
await Deno.writeTextFile(out, withTable(await curves(points), resultTable(result).join("\n")));

/** Reads the cross-entropy on the test split, by epoch and net. */
async function lossPoints(
  folder: string,
  file: string,
  nets: Readonly<Record<string, string>>,
): Promise<Point[]> {
  const text = await readRegularText(join(folder, file)).catch(() => "");
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line))
    .filter(({ split }) => split === "test")
    .flatMap((line) =>
      Object.entries(nets).map(([net, name]) => ({
        epoch: line.epoch as number,
        loss: line[`loss/cross-entropy(${net})`] as number,
        net: name,
      }))
    );
}

async function curves(points: readonly Point[]): Promise<string> {
  const spec: TopLevelSpec = {
    width: 560,
    height: 260,
    background: "white",
    padding: 16,
    data: { values: points as Point[] },
    mark: { type: "line", point: { size: 18 } },
    encoding: {
      x: { field: "epoch", type: "quantitative", axis: { tickMinStep: 1 } },
      y: {
        field: "loss",
        type: "quantitative",
        scale: { type: "log" },
        title: "cross-entropy, test split",
      },
      color: { field: "net", type: "nominal", sort: null, title: null },
    },
  };
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  return await view.toSVG();
}

/** Adds the lines of the table below the chart. */
function withTable(chart: string, table: string): string {
  const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(chart)!.map(Number);
  const lines = table.split("\n"), line = 17;
  const wide = Math.max(width!, Math.max(...lines.map(({ length }) => length)) * 7.3 + 32);
  const tall = height! + lines.length * line + 24;
  const text = lines.map((content, index) =>
    `<text x="16" y="${height! + 16 + index * line}" xml:space="preserve">${
      escapeMarkup(content)
    }</text>`
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${tall}">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    chart.replace(/^<\?xml.*?\?>|<!DOCTYPE.*?>/gs, ""),
    `<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12">`,
    ...text,
    `</g></svg>`,
    "",
  ].join("\n");
}
