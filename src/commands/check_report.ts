/**
 * Formats what `check` found.
 *
 * @module
 */

import { counted, formatCount, formatNumber, table } from "../base/text_table.ts";
import { wrap } from "../base/text_width.ts";
import { stepsOf } from "../input/batches.ts";
import { batchCount, batchRange } from "../input/order.ts";
import type { PreparedData } from "../input/prepare_data.ts";
import { preparedYaml } from "../input/prepare_features.ts";
import type { NullPolicy } from "../pipeline/data_options.ts";
import type { CompletePlan, Plan } from "../pipeline/plan.ts";
import type { CheckedPlan } from "../run/check_pipeline.ts";
import type { FirstBatch } from "../run/first_batch.ts";
import type { JobPhase } from "../run/job.ts";
import type { PreparedNets } from "../run/prepare_nets.ts";
import { parametersOf } from "../run/run.ts";
import type { ColumnSpec, LabelSpec } from "../stages/batch.ts";
import { formatMetric } from "../stages/metric.ts";
import type { Variable } from "../stages/network.ts";
import { movedVariables } from "../train/step.ts";
import type { GivenState } from "../train/variables.ts";

/** The options of {@linkcode checkReport}: whether to show the layers of the nets. */
export interface CheckReportOptions {
  /** Whether to show each layer and output of the nets, and the metrics of the first batch. */
  readonly layers: boolean;
}

/**
 * Formats what `check` found: the splits, the features and how each is read, the parameters of the
 * nets, and the losses and gradients of the first batch.
 *
 * @param checked What was found.
 * @param options What to show.
 * @returns The lines, which fit the terminal.
 */
export function checkReport(
  { data, nets, given, phases }: CheckedPlan,
  { layers }: CheckReportOptions,
): string[] {
  const { plan } = data;
  const first = { ...phases[0]!.phase.nets, nets };
  return paragraphs([
    splitTable(plan, data),
    labelText(plan, data),
    featureTable(data),
    transformText(plan),
    ...(plan.prepare ? [preparedText(plan)] : []),
    ...(layers ? [outputTable(first)] : []),
    parameterTable(first, layers ? layerOf : blockOf),
    parameterText(first),
    ...(given.values.size > 0 ? [initialText(plan, given)] : []),
    ...phases.flatMap(({ phase, batch }) => [
      ...(phase.name === undefined ? [] : [phaseText(phase)]),
      lossTable(phase, batch),
      ...(layers ? [metricTable(batch)] : []),
      memoryText(batch),
    ]),
    wrap(`${plan.document.file}: fine`),
  ]);
}

/** Joins blocks of lines, separated by empty lines. */
function paragraphs(blocks: readonly (readonly string[])[]): string[] {
  return blocks.filter((block) => block.length > 0).flatMap((block, at) => [
    ...(at > 0 ? [""] : []),
    ...block,
  ]);
}

function splitTable({ cut, group }: Plan, { splits }: PreparedData): string[] {
  const rows = Object.entries(splits).map(([name, split]) => [name, formatCount(split.rows)]);
  return [
    ...table(["split", "rows"], rows),
    "",
    ...group ? groupedText(group.column, cut, splits.train) : stepText(cut, splits.train.rows),
  ];
}

/** Describes the steps of an epoch whose batches keep groups together. */
function groupedText(column: string, cut: Plan["cut"], train: PreparedData["splits"]["train"]) {
  const { least, most } = train.groups!.sizes(cut.size);
  return wrap(
    `steps per epoch: ${formatCount(stepsOf(train, cut))}, with ${formatCount(least)} to ` +
      `${counted(most, "row")}; all rows of equal ${column} are in one step`,
  );
}

/** Describes how an epoch is divided into steps. */
function stepText(cut: Plan["cut"], rows: number): string[] {
  const count = batchCount(rows, cut);
  const [start, end] = batchRange(rows, cut, count - 1);
  const rest = end - start === cut.size ? "" : `, ${counted(end - start, "row")} in the last step`;
  const left = end === rows ? "" : `; each epoch leaves out ${counted(rows - end, "row")}`;
  return wrap(
    `steps per epoch: ${formatCount(count)}, with ${counted(cut.size, "row")}${rest}${left} ` +
      `(lastBatch: ${cut.last})`,
  );
}

function labelText({ label }: Plan, { splits: { train: { label: spec } } }: PreparedData) {
  const kinds = ({ kind, classes }: LabelSpec) =>
    ({
      class: `${formatCount(classes)} classes`,
      binary: "0 or 1",
      number: "a number",
      "multi-label": `any of ${formatCount(classes)} classes`,
      several: "several labels",
    })[kind];
  if (!("labels" in label)) return wrap(`label: ${label.column}, ${kinds(spec)}`);
  const each = Object.entries(spec.labels!).map(([name, one]) => {
    const { column } = label.labels[name]!;
    return `${name} (${column === name ? "" : `column ${column}, `}${kinds(one)})`;
  });
  return wrap(`labels: ${each.join(", ")}`);
}

/** Makes a table of the features: what the nets receive, and how it is read from the source. */
function featureTable({ plan, splits, transforms }: PreparedData): string[] {
  const { features } = splits.train;
  const transformed = transforms.features ?? features;
  const names = [...new Set([...Object.keys(features), ...Object.keys(transformed)])];
  return table(
    ["feature", "for the nets", "read as"],
    names.map((name) => [
      name,
      transformed[name] ? rowShape(transformed[name]) : "–",
      features[name] ? readingText(name, features[name], plan, splits) : "made by transforms",
    ]),
    ["left", "left", "left"],
  );
}

const rowShape = ({ shape, dtype }: ColumnSpec) =>
  shape.length === 0 ? dtype : `${dtype} [${shape.join(", ")}]`;

/** Describes how a feature is read: `ids of 3 values; unknown: 1 of 40 in train`. */
function readingText(
  name: string,
  spec: ColumnSpec,
  { features, nulls }: CompletePlan,
  splits: PreparedData["splits"],
): string {
  const options = features[name];
  const parts = [valueText(spec)];
  if (spec.shape.length > 0) parts[0] += ` [${spec.shape.join(", ")}]`;
  if (options?.column !== undefined && options.column !== name) {
    parts.push(`column ${JSON.stringify(options.column)}`);
  }
  const policy = options?.nulls ?? nulls;
  if (policy !== undefined && policy !== "error") parts.push(`nulls: ${policyText(policy)}`);
  const unknown = Object.entries(splits).flatMap(([split, { idCounts }]) => {
    const counts = Object.hasOwn(idCounts, name) ? idCounts[name] : undefined;
    return counts
      ? [`${formatCount(counts.unknown)} of ${formatCount(counts.values)} in ${split}`]
      : [];
  });
  if (unknown.length > 0) parts.push(`unknown: ${unknown.join(", ")}`);
  return parts.join("; ");
}

function valueText({ ids, vocabulary, unit, text }: ColumnSpec): string {
  const count = formatCount(ids?.count ?? vocabulary?.length ?? 0);
  if (ids?.kind === "hash") return `${count} ids of hashed values`;
  if (ids?.kind === "count") return `${count} ids, which the column contains`;
  if (ids || vocabulary) return `${count} ids of ${text ? "texts" : "values"}`;
  return unit ?? "numbers";
}

const policyText = (policy: NullPolicy) =>
  typeof policy === "string" ? policy : `{ fill: ${JSON.stringify(policy.fill)} }`;

function transformText({ transforms }: Plan): string[] {
  if (transforms.length === 0) return [];
  const names = transforms.map(({ reference, on }) =>
    on === "all" ? reference.name : `${reference.name} (in training)`
  );
  return wrap(`transforms: ${names.join(", ")}`);
}

/** Shows the options that `prepare: auto` stands for, as a user can write them. */
function preparedText(plan: CompletePlan): string[] {
  return [
    ...wrap(
      "data.prepare: auto stands for these options, which give the same run without `prepare`:",
    ),
    "",
    ...preparedYaml(plan).split("\n"),
  ];
}

function outputTable({ shapes }: PreparedNets): string[] {
  const rows = Object.entries(shapes)
    .map(([name, shape]) => [name, `[${["batch", ...shape].join(", ")}]`]);
  return table(["output", "shape"], rows, ["left", "left"]);
}

const ownersOfNets = ["shared", "light", "booster"] as const;

/** Returns the layer of a variable: its path without its last part. */
const layerOf = (name: string) => name.split("/").slice(0, -1).join("/") || name;

/** Returns the block of a variable, such as `group1` of `light/group1/block1/norm1/scale`. */
function blockOf(name: string): string {
  const parts = layerOf(name).split("/");
  const [first, second] = parts;
  return second !== undefined && ownersOfNets.some((owner) => owner === first) ? second : first!;
}

/** Makes a table of the trainable parameters, with a row per layer or block. */
function parameterTable({ model }: PreparedNets, partOf: (name: string) => string): string[] {
  const trained = model.variables.filter(({ trainable }) => trainable);
  const owners = [...ownersOfNets, "loss" as const].filter((owner) =>
    owner !== "loss" || model.variables.some((variable) => variable.owner === owner)
  );
  const counts = (variables: readonly Variable[], none: string) =>
    owners.map((owner) => {
      const own = variables.filter((variable) => variable.owner === owner);
      return own.length === 0 ? none : formatCount(numbersOf(own));
    });
  const parts = Map.groupBy(trained, ({ name }) => partOf(name));
  return table(
    ["parameters", ...owners],
    [
      ...[...parts].map(([part, variables]) => [part, ...counts(variables, "")]),
      ["all", ...counts(trained, "0")],
    ],
  );
}

function parameterText(prepared: PreparedNets & Parameters<typeof parametersOf>[0]): string[] {
  const counts = Object.entries(parametersOf(prepared))
    .map(([net, count]) => `${net} ${formatCount(count)}`);
  const hasLoss = prepared.model.variables.some(({ owner }) => owner === "loss");
  return wrap(
    `parameters of each net, including shared ones: ${counts.join(", ")}` +
      (hasLoss ? "; the variables of losses do not ship" : ""),
  );
}

/** Describes the variables that a phase trains and those that it freezes. */
function phaseText({ name, epochs, from, nets: { nets, model } }: JobPhase): string[] {
  const frozen = model.variables.filter(({ owner }) => model.frozen?.has(owner));
  const moved = movedVariables(model).filter(({ trainable }) => trainable);
  const counts = ownersOfNets.flatMap((owner) => {
    const own = frozen.filter((variable) => variable.owner === owner);
    if (own.length === 0) return [];
    const blocks = [...new Set(own.map(({ name }) => blockOf(name)))].join(", ");
    return wrap(
      `${owner}: ${formatCount(numbersOf(own))} parameters in ${own.length} variables (${blocks})`,
      undefined,
      { first: "  ", next: "    " },
    );
  });
  return [
    ...wrap(
      `phase ${name}: trains ${nets.join(" and ")} for ${
        counted(epochs, "epoch")
      }, from the ${from} weights of ` +
        `the previous phase; ${formatCount(numbersOf(moved))} parameters are trained`,
    ),
    ...(counts.length > 0 ? ["frozen:", ...counts] : ["nothing is frozen"]),
  ];
}

/**
 * Describes the cost of the optimizer's option `tables: exact`: the time and the memory of a step
 * then depend on the size of the embedding tables, not on the number of rows that the step reads.
 *
 * @param phase The phase.
 * @returns A line, or none without such tables.
 */
export function exactTablesText({ nets: { model } }: JobPhase): string[] {
  const tables = movedVariables(model).filter(({ table }) => table);
  if (model.tables !== "exact" || tables.length === 0) return [];
  const rows = tables.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const slots = Object.keys(model.optimizer.slots).length;
  const bytes = 4 * numbersOf(tables) * (2 * (1 + slots) + 1);
  return [
    `embedding tables: with \`tables: exact\`, each step updates all ${formatCount(rows)} rows of ${
      formatCount(tables.length)
    } tables, which is slow and takes up to ${(bytes / 2 ** 20).toFixed(0)} MB; with ` +
    "`tables: lazy`, a step only updates the rows that it reads",
  ];
}

function numbersOf(variables: readonly Variable[]): number {
  return variables.reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);
}

function initialText({ initial }: Plan, { values }: GivenState): string[] {
  const from = initial.map(({ nets, from }) =>
    `${nets.join(" and ")} from ${"file" in from ? from.file : from.run}`
  );
  return wrap(`initial weights: ${from.join(", ")} (${values.size} variables)`);
}

/** Makes the table of losses: value, weight, and the gradient norm that variables get from each. */
function lossTable(
  { nets: { model } }: JobPhase,
  { losses, gradients, rows }: FirstBatch,
): string[] {
  const owners = (["booster", "light", "shared", "loss"] as const)
    .filter((owner) => gradients.some(({ norms }) => owner in norms));
  const byLoss = new Map(gradients.map(({ loss, norms }) => [loss, norms]));
  const weights = new Map(
    model.terms.map(({ name, weight, schedule }) => [
      name,
      schedule ? `${weight}, changes` : `${weight}`,
    ]),
  );
  const [total, ...terms] = losses;
  return [
    ...wrap(
      `The first training step (${counted(rows, "row")}) of the untrained nets: each loss, and ` +
        "the norm of its gradient for the variables of each net",
    ),
    "",
    ...table(
      ["loss", "value", "weight", ...owners],
      [
        ...terms.map(([name, value]) => [
          name,
          formatNumber(value),
          weights.get(name) ?? "1",
          ...owners.map((owner) => formatNumber(byLoss.get(name)?.[owner] ?? 0)),
        ]),
        ["total", formatNumber(total![1]), "", ...owners.map(() => "")],
      ],
    ),
  ];
}

function metricTable({ metrics, rows }: FirstBatch): string[] {
  if (metrics.length === 0) return [];
  return [
    ...wrap(
      `Metrics of the untrained nets on the same ${formatCount(rows)} rows. They are computed as ` +
        "in an evaluation: without augmentation and dropout, and with the running statistics of " +
        "batch norm. A loss can therefore differ from the one in the training step.",
    ),
    "",
    ...table(
      ["metric", "value"],
      metrics.map(([name, value]) => [name, formatMetric(value, formatNumber)]),
    ),
  ];
}

function memoryText({ rows, peakBytes }: FirstBatch): string[] {
  return wrap(
    `memory of a step with ${counted(rows, "row")}: about ${
      (peakBytes / 2 ** 20).toFixed(0)
    } MB of tensors, not counting the engine and the data`,
  );
}
