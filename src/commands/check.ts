import { type Problem, warningLines } from "../base/errors.ts";
import type { Plan } from "../pipeline/plan.ts";
import type { ColumnSpec } from "../stages/batch.ts";
import { formatMetric } from "../stages/metric.ts";
import type { Variable } from "../stages/network.ts";
import { checkPlan } from "../run/check_pipeline.ts";
import type { FirstBatch } from "../run/first_batch.ts";
import { batchCount, batchRange } from "../input/order.ts";
import type { JobPhase } from "../run/job.ts";
import type { PreparedData } from "../input/prepare_data.ts";
import type { PreparedNets } from "../run/prepare_nets.ts";
import { parametersOf } from "../run/run.ts";
import { movedVariables } from "../train/step.ts";
import type { GivenState } from "../train/variables.ts";
import { type CommandOptions, onlyArgument } from "../launch/command_line/options.ts";
import { gradientTable } from "./result_table.ts";
import { readPlan } from "../run/read_plan.ts";
import { formatCount, formatNumber, table } from "../base/text_table.ts";
import { type Lines, print, say } from "../base/terminal.ts";

/**
 * `deno task pipeline check FILE`: does everything except training. It opens the data, builds the
 * nets, runs one batch, and prints what it found.
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
    options.allowEnv,
  );
  const report = (line: string) => options.quiet || say(line);
  const { data, nets, given, phases } = await checkPlan(plan, {
    engine: options.engine,
    report,
    warn: warner(options),
    onPhase: (phase) => reportExactTables(phase, report),
  });
  const first = phases[0]!.phase.nets;
  const tried = phases.flatMap(({ phase, batch }): Lines[] => [
    ...(phase.name === undefined ? [] : [phaseSummary(phase)]),
    firstBatchSummary(batch),
    gradientTable(batch.gradients),
  ]);
  print(...paragraphs([
    dataSummary(data),
    batchSummary(plan, data),
    outputSummary(first),
    parameterSummary({ ...first, nets }),
    ...(given.values.size > 0 ? [initialSummary(plan, given)] : []),
    ...tried,
    `${plan.document.file}: fine`,
  ]));
  return 0;
}

/** Joins blocks of lines, separated by empty lines. */
function paragraphs(blocks: readonly Lines[]): Lines[] {
  return blocks.flatMap((block, index) => index > 0 ? ["", block] : [block]);
}

/** Prints warnings, each once. */
function warner({ quiet }: CommandOptions): (warnings: readonly Problem[]) => void {
  const said = new Set<string>();
  return (warnings) => {
    for (const warning of warnings) {
      if (quiet || said.has(warning.message)) continue;
      said.add(warning.message);
      say(warningLines(warning));
    }
  };
}

/**
 * Reports the cost of `tables: exact`, which depends on the size of the tables instead of the
 * number of rows in a step.
 */
function reportExactTables({ nets: { model } }: JobPhase, report: (line: string) => void): void {
  const tables = movedVariables(model).filter(({ table }) => table);
  if (model.tables !== "exact" || tables.length === 0) return;
  const rows = tables.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const slots = Object.keys(model.optimizer.slots).length;
  const bytes = 4 * numbersOf(tables) * (2 * (1 + slots) + 1);
  report(
    `embedding tables: with \`tables: exact\`, each step updates all ${formatCount(rows)} rows of ${
      formatCount(tables.length)
    } tables, which is slow and takes up to ${(bytes / 2 ** 20).toFixed(0)} MB; with ` +
      "`tables: lazy`, a step only updates the rows that it reads",
  );
}

/** Describes how an epoch is divided into steps. */
function batchSummary({ cut }: Plan, { splits: { train: { rows } } }: PreparedData): string {
  const count = batchCount(rows, cut);
  const [start, end] = batchRange(rows, cut, count - 1);
  const rest = end - start === cut.size
    ? ""
    : `, ${formatCount(end - start)} rows in the last step`;
  const left = end === rows ? "" : `; ${formatCount(rows - end)} rows are left out of each epoch`;
  return `steps per epoch: ${formatCount(count)}, with ${
    formatCount(cut.size)
  } rows${rest}${left} ` +
    `(lastBatch: ${cut.last})`;
}

const rowShape = ({ shape, dtype }: ColumnSpec) => `${dtype} [${["batch", ...shape].join(", ")}]`;

function dataSummary({ splits, transforms }: PreparedData): string[] {
  const { label, features } = splits.train;
  const kinds = {
    class: `${label.classes} classes`,
    binary: "0 or 1",
    number: "a number",
  };
  const rows = Object.entries(splits).map(([name, split]) => [name, formatCount(split.rows)]);
  const transformed = transforms.features ?? features;
  return [
    ...table(["split", "rows"], rows),
    "",
    ...table(
      ["feature", "from the source", "after transforms"],
      [...new Set([...Object.keys(features), ...Object.keys(transformed)])].map((name) => [
        name,
        features[name] ? rowShape(features[name]) : "–",
        transformed[name] ? rowShape(transformed[name]) : "–",
      ]),
      ["left", "left", "left"],
    ),
    ...idRows(splits),
    "",
    `label: ${kinds[label.kind]}`,
  ];
}

/**
 * Makes a table with the number of ids of each feature, and how many values of each split have the
 * unknown id.
 */
function idRows(splits: PreparedData["splits"]): string[] {
  const rows = Object.entries(splits.train.features).flatMap(([name, { ids, vocabulary }]) => {
    const count = ids?.count ?? vocabulary?.length;
    if (count === undefined) return [];
    const kind = ids?.kind ?? "vocabulary";
    const unknown = Object.values(splits).map(({ idCounts }) => {
      const counts = idCounts[name];
      return counts ? `${formatCount(counts.unknown)} of ${formatCount(counts.values)}` : "–";
    });
    return [[name, kind, formatCount(count), ...unknown]];
  });
  if (rows.length === 0) return [];
  const heads = Object.keys(splits).map((split) => `unknown in ${split}`);
  return ["", ...table(["ids", "of", "count", ...heads], rows, ["left", "left"])];
}

function outputSummary({ shapes }: PreparedNets): string[] {
  const rows = Object.entries(shapes)
    .map(([name, shape]) => [name, `[${["batch", ...shape].join(", ")}]`]);
  return table(["output", "shape"], rows, ["left", "left"]);
}

function parameterSummary(prepared: PreparedNets): string[] {
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
    ...table(["parameters", ...owners], [...rows, totals]),
    "",
    `parameters of each net, including shared ones: ${counts.join(", ")}` +
    (owners.includes("loss") ? "; the variables of losses do not ship" : ""),
  ];
}

/** Describes the variables that a phase trains and those that it freezes. */
function phaseSummary({ name, epochs, from, nets: { nets, model } }: JobPhase): string[] {
  const frozen = model.variables.filter(({ owner }) => model.frozen?.has(owner));
  const moved = movedVariables(model).filter(({ trainable }) => trainable);
  const owners = (["shared", "light", "booster"] as const).filter((owner) =>
    frozen.some((variable) => variable.owner === owner)
  );
  const counts = owners.map((owner) => {
    const own = frozen.filter((variable) => variable.owner === owner);
    return `  ${owner}: ${formatCount(numbersOf(own))} parameters in ${own.length} variables (${
      [...new Set(own.map(({ name }) => name.split("/").slice(0, -1).join("/") || name))].join(", ")
    })`;
  });
  return [
    `phase ${name}: trains ${
      nets.join(" and ")
    } for ${epochs} epochs, from the ${from} weights of ` +
    `the previous phase; ${formatCount(numbersOf(moved))} parameters are trained`,
    ...(counts.length > 0 ? ["frozen:", ...counts] : ["nothing is frozen"]),
  ];
}

const numbersOf = (variables: readonly Variable[]) =>
  variables.reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);

function initialSummary({ initial }: Plan, { values }: GivenState): string {
  const from = initial.map(({ nets, from }) =>
    `${nets.join(" and ")} from ${"file" in from ? from.file : from.run}`
  );
  return `initial weights: ${from.join(", ")} (${values.size} variables)`;
}

function firstBatchSummary({ losses, metrics, rows, peakBytes }: FirstBatch): string[] {
  return [
    ...table(
      [`first batch (${rows} rows)`, "value"],
      [...losses, ...metrics].map(([name, value]) => [name, formatMetric(value, formatNumber)]),
    ),
    "",
    `memory of a step with ${rows} rows: about ${(peakBytes / 2 ** 20).toFixed(0)} MB of ` +
    "tensors, not counting the engine and the data",
  ];
}
