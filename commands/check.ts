import { openEngine } from "../engine/engine.ts";
import type { Plan } from "../pipeline/plan.ts";
import type { ColumnSpec } from "../pipeline/stages/batch.ts";
import type { Variable } from "../pipeline/stages/network.ts";
import { type FirstBatch, tryFirstBatch } from "../train/first_batch.ts";
import {
  netsOf,
  prepareData,
  type PreparedData,
  type PreparedNets,
  prepareNets,
} from "../train/prepare.ts";
import { measureGradients, parametersOf } from "../train/run.ts";
import { type CommandOptions, onlyArgument } from "./options.ts";
import { gradientTable } from "./result_table.ts";
import { readPlan } from "./read_plan.ts";
import { formatCount, formatNumber, table } from "./table.ts";
import { print, say } from "../pipeline/terminal.ts";

/**
 * `deno task pipeline check FILE`: all but the training. It opens the data, builds the nets, runs
 * one batch, and prints what it found.
 *
 * @param args The pipeline file.
 * @param options The command line's options.
 * @returns The exit code.
 */
export async function check(args: readonly string[], options: CommandOptions): Promise<number> {
  const plan = await readPlan(
    onlyArgument(args, "a pipeline file"),
    options.set,
    options.allowPlugins,
  );
  const report = (line: string) => options.quiet || say(line);
  const data = await prepareData(plan, report);
  try {
    const engine = await openEngine(options.engine ?? "auto", report);
    report(`engine: ${engine.name} (${engine.detail})`);
    const nets = prepareNets(plan, data, netsOf(plan));
    // The baseline's nets are built as well: what they lack shows here and not after an hour.
    if (plan.baseline && nets.nets.length === 2) prepareNets(plan, data, ["light"]);
    const first = await tryFirstBatch(plan, data, nets);
    print([
      dataSummary(data),
      outputSummary(nets),
      parameterSummary(nets),
      firstBatchSummary(plan, first),
      gradientTable(await measureGradients(plan, data, nets)),
      `${plan.document.file}: fine`,
    ].join("\n\n"));
    return 0;
  } finally {
    await data.close();
  }
}

const rowShape = ({ shape, dtype }: ColumnSpec) => `${dtype} [${["batch", ...shape].join(", ")}]`;

function dataSummary({ splits, transforms }: PreparedData): string {
  const { label, features } = splits.train;
  const kinds = {
    class: `${label.classes} classes`,
    binary: "0 or 1",
    number: "a number",
  };
  const rows = Object.entries(splits).map(([name, split]) => [name, formatCount(split.rows)]);
  const transformed = transforms.features ?? features;
  return [
    table(["split", "rows"], rows),
    "",
    table(
      ["feature", "as read", "as the nets get it"],
      [...new Set([...Object.keys(features), ...Object.keys(transformed)])].map((name) => [
        name,
        features[name] ? rowShape(features[name]) : "–",
        transformed[name] ? rowShape(transformed[name]) : "–",
      ]),
      ["left", "left", "left"],
    ),
    "",
    `label: ${kinds[label.kind]}`,
  ].join("\n");
}

function outputSummary({ shapes }: PreparedNets): string {
  const rows = Object.entries(shapes)
    .map(([name, shape]) => [name, `[${["batch", ...shape].join(", ")}]`]);
  return table(["output", "shape"], rows, ["left", "left"]);
}

function parameterSummary(prepared: PreparedNets): string {
  const layers = Map.groupBy(
    prepared.model.variables.filter(({ trainable }) => trainable),
    ({ name }) => name.split("/").slice(0, -1).join("/") || name,
  );
  const owners = (["shared", "light", "booster", "loss"] as const).filter((owner) =>
    owner !== "loss" || prepared.model.variables.some((variable) => variable.owner === owner)
  );
  const sum = (variables: readonly Variable[], owner: Variable["owner"]) =>
    variables.filter((variable) => variable.owner === owner)
      .reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);
  const rows = [...layers].map(([layer, variables]) => [
    layer,
    ...owners.map((owner) => {
      const count = sum(variables, owner);
      return count === 0 ? "" : formatCount(count);
    }),
  ]);
  const totals = [
    "all",
    ...owners.map((owner) =>
      formatCount(sum(prepared.model.variables.filter(({ trainable }) => trainable), owner))
    ),
  ];
  const counts = Object.entries(parametersOf(prepared))
    .map(([net, count]) => `${net} ${formatCount(count)}`);
  return [
    table(["parameters", ...owners], [...rows, totals]),
    "",
    `a net with what it shares: ${counts.join(", ")}` +
    (owners.includes("loss") ? "; what is the losses' own does not ship" : ""),
  ].join("\n");
}

function firstBatchSummary(plan: Plan, { losses, metrics, rows, peakBytes }: FirstBatch): string {
  return [
    table(
      [`first batch (${rows} rows)`, "value"],
      [...losses, ...metrics].map(([name, value]) => [name, formatNumber(value)]),
    ),
    "",
    `memory of a step with ${plan.batch} rows: about ${(peakBytes / 2 ** 20).toFixed(0)} MB of ` +
    "tensors, beside the engine and the data",
  ].join("\n");
}
