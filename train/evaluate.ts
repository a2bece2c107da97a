import * as tf from "@tensorflow/tfjs";
import type { CapturedFunction } from "../engine/capture/capture.ts";
import { callStage, StageError, type StageReference } from "../pipeline/stage_error.ts";
import type { Batch } from "../pipeline/stages/batch.ts";
import type { Metrics } from "../pipeline/stages/events.ts";
import type {
  Accumulator,
  EvaluatedBatch,
  Metric,
  OutputValues,
} from "../pipeline/stages/metric.ts";
import type { NetName, NetworkPair } from "../pipeline/stages/network.ts";
import { Forward } from "./forward.ts";
import { type FactorValues, type Term, termLoss } from "./objective.ts";
import { type BatchTensors, batchTensors, rowsOf } from "./tensors.ts";
import type { TensorsByName } from "./variables.ts";

/** A metric of the plan. */
export interface PlannedMetric {
  /** The metric's stage, for messages. */
  readonly stage: StageReference;
  /** The key that its values have, after the net's name. */
  readonly name: string;
  /** Whether it is measured for each net. */
  readonly per: "net" | "run";
  /** Which way is good. */
  readonly better: "higher" | "lower";
  /** The metric. */
  readonly metric: Metric;
}

/** What an evaluation needs of the model. */
export interface EvaluatedModel {
  /** The nets. */
  readonly pair: NetworkPair;
  /** Their names. */
  readonly nets: readonly NetName[];
  /** The loss terms, measured without their gradients. */
  readonly terms: readonly Term[];
}

/** What an evaluation computes with. */
export interface EvaluationInput {
  /** The variables' values. */
  readonly values: TensorsByName;
  /** The rows. */
  readonly batch: BatchTensors;
}

/** What an evaluation computes. */
export interface EvaluationOutput {
  /** The logits of each net, in the order of the model's nets. */
  readonly logits: readonly tf.Tensor[];
  /** `[terms]`: the mean of each loss term. */
  readonly losses: tf.Tensor;
}

/**
 * What the nets say of some rows, with running statistics and without dropout; a pure function of
 * tensors.
 *
 * @param model The nets and loss terms.
 * @param input Variables and rows.
 */
export function evaluationStep(
  { pair, nets, terms }: EvaluatedModel,
  { values, batch }: EvaluationInput,
): EvaluationOutput {
  const forward = new Forward(pair, {
    values,
    features: batch.features,
    training: false,
    seed: () => tf.scalar(0, "int32"),
  });
  const logits = nets.map((net) => forward.outputs(net).logits);
  const losses = terms.map((term) => termLoss(ungated(term), forward, batch, noFactors));
  return { logits, losses: tf.stack(losses) };
}

/**
 * Measures the nets on a split.
 *
 * @param model The nets and loss terms.
 * @param compute {@linkcode evaluationStep} of the model.
 * @param values The variables' values.
 * @param batches The split, transformed, batch by batch.
 * @param metrics What to measure.
 * @returns The metrics by key: `light/accuracy`.
 * @throws {StageError} If a metric returns what is not a number.
 */
export async function evaluate(
  model: EvaluatedModel,
  compute: Pick<CapturedFunction<EvaluationInput, EvaluationOutput>, "call">,
  values: TensorsByName,
  batches: Iterable<Batch> | AsyncIterable<Batch>,
  metrics: readonly PlannedMetric[],
): Promise<Metrics> {
  const running = metrics.flatMap((planned) => {
    const nets = planned.per === "net" ? model.nets : [undefined];
    return nets.map((net) => ({
      planned,
      net,
      accumulator: callStage<Accumulator>(planned.stage, "start()", () => planned.metric.start()),
    }));
  });
  for await (const batch of batches) {
    const evaluated = await evaluateBatch(model, compute, values, batch);
    for (const { planned, net, accumulator } of running) {
      const outputs = evaluated.nets[net ?? "light"]!;
      callStage(planned.stage, "add()", () => accumulator.add({ ...evaluated, outputs }));
    }
  }
  const result: Record<string, number> = {};
  for (const { planned, net, accumulator } of running) {
    const value = callStage(planned.stage, "value()", () => accumulator.value());
    const key = net ? `${net}/${planned.name}` : planned.name;
    const entries = isNumbers(value)
      ? Object.entries(value).map(([name, part]) => [`${key}/${name}`, part] as const)
      : [[key, value] as const];
    for (const [name, number] of entries) {
      if (typeof number !== "number") {
        throw new StageError(planned.stage, `returned ${describe(number)} as ${name}`, {
          hint: "value() returns a number, or an object of numbers",
        });
      }
      result[name] = number;
    }
  }
  return result;
}

/** Whether a metric gave several numbers by their names; a promise or a list has none. */
function isNumbers(value: unknown): value is Readonly<Record<string, number>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Promise);
}

/** What a metric gave in the place of a number, in a word. */
function describe(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (value instanceof Promise) return "a promise";
  if (Array.isArray(value)) return "a list";
  return typeof value === "bigint" ? `the bigint ${value}` : JSON.stringify(value) ?? typeof value;
}

async function evaluateBatch(
  { nets, terms }: EvaluatedModel,
  compute: Pick<CapturedFunction<EvaluationInput, EvaluationOutput>, "call">,
  values: TensorsByName,
  rows: Batch,
): Promise<EvaluatedBatch> {
  const batch = batchTensors(rows);
  const { logits, losses } = compute.call({ values, batch });
  tf.dispose(rowsOf(batch));
  const outputs: [NetName, OutputValues][] = [];
  for (const [index, tensor] of logits.entries()) {
    const values = await tensor.data<"float32">();
    outputs.push([nets[index]!, { logits: { values, shape: tensor.shape.slice(1) } }]);
  }
  const lossValues = await losses.data();
  tf.dispose([...logits, losses]);
  const byNet = Object.fromEntries(outputs) as EvaluatedBatch["nets"];
  return {
    size: rows.size,
    outputs: byNet.light!,
    nets: byNet,
    label: rows.label.values,
    weight: rows.weight?.values,
    columns: Object.fromEntries(
      Object.entries(rows.columns ?? {}).map(([name, { values }]) => [name, values]),
    ),
    losses: Object.fromEntries(terms.map(({ name }, index) => [name, lossValues[index]!])),
  };
}

const noFactors: FactorValues = new Map();

/** Without gradients a policy has nothing to say but which way round the loss is computed. */
function ungated(term: Term): Term {
  const policy = term.policy.map((pass) => ({ ...pass, from: 1, to: 1, shared: 1 }));
  return { ...term, policy };
}
