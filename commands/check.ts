import * as tf from "@tensorflow/tfjs";
import { openEngine } from "../engine/engine.ts";
import type { Plan } from "../pipeline/plan.ts";
import type { ColumnSpec } from "../pipeline/stages/batch.ts";
import type { Variable } from "../pipeline/stages/network.ts";
import {
  evaluate,
  type EvaluationInput,
  type EvaluationOutput,
  evaluationStep,
} from "../train/evaluate.ts";
import { refuseBroken } from "../train/diagnose.ts";
import { disposeInput, stepInput } from "../train/job.ts";
import {
  firstBatch,
  netsOf,
  prepareData,
  type PreparedData,
  type PreparedNets,
  prepareNets,
} from "../train/prepare.ts";
import { measureGradients, parametersOf } from "../train/run.ts";
import { disposeState, initialState, trainStep } from "../train/step.ts";
import { initialValues } from "../train/variables.ts";
import { type CommandOptions, onlyArgument } from "./options.ts";
import { gradientTable } from "./result_table.ts";
import { readPlan } from "./read_plan.ts";
import { formatCount, formatNumber, table } from "./table.ts";

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
  const report = (line: string) => options.quiet || console.error(line);
  const data = await prepareData(plan, report);
  try {
    const engine = await openEngine(options.engine ?? "auto", report);
    report(`engine: ${engine.name} (${engine.detail})`);
    const nets = prepareNets(plan, data, netsOf(plan));
    // The baseline's nets are built as well: what they lack shows here and not after an hour.
    if (plan.baseline && nets.nets.length === 2) prepareNets(plan, data, ["light"]);
    const first = await tryFirstBatch(plan, data, nets);
    console.log([
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

interface FirstBatch {
  readonly losses: readonly (readonly [string, number])[];
  readonly metrics: readonly (readonly [string, number])[];
  readonly rows: number;
  readonly peakBytes: number;
}

/** A training step and an evaluation on the first batch, with variables that are thrown away. */
async function tryFirstBatch(
  plan: Plan,
  data: PreparedData,
  { model, network, nets, metrics, rate }: PreparedNets,
): Promise<FirstBatch> {
  const batch = firstBatch(plan, data, plan.batch);
  const steps = Math.ceil(data.splits.train.rows / plan.batch) * plan.epochs;
  const position = { step: 0, steps, epoch: 0, epochs: plan.epochs };
  const state = initialState(model, initialValues(model.variables, plan.seed));
  const input = stepInput(model.terms, batch, position, rate(position), plan.seed);
  const { result, peakBytes } = await profile(() => trainStep(model, state, input));
  const losses = await result.losses.data<"float32">();
  const place = plan.document.place(["losses"]);
  const [norm] = await result.norm.data<"float32">();
  const when = "in the first batch";
  await refuseBroken({ model, network, state, input, losses, norm: norm!, when, place });
  const evaluated = { ...model, nets };
  const compute = {
    call(input: EvaluationInput) {
      let output!: EvaluationOutput;
      tf.tidy(() => {
        output = evaluationStep(evaluated, input);
        return [...output.logits, output.losses];
      });
      return output;
    },
  };
  const measured = await evaluate(evaluated, compute, result.state.values, [batch], metrics);
  disposeState(state, result.state);
  disposeState(result.state);
  tf.dispose([result.losses, result.norm]);
  disposeInput(input);
  return {
    losses: ["total", ...model.terms.map(({ name }) => name)]
      .map((name, index) => [name, losses[index]!] as const),
    metrics: Object.entries(measured),
    rows: batch.size,
    peakBytes,
  };
}

async function profile<T>(run: () => T): Promise<{ result: T; peakBytes: number }> {
  let result!: T;
  const { peakBytes } = await tf.profile(() => {
    result = run();
    return result as tf.TensorContainer;
  });
  return { result, peakBytes };
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
