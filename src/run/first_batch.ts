import * as tf from "@tensorflow/tfjs";
import type { Problem } from "../base/errors.ts";
import type { Plan } from "../pipeline/plan.ts";
import { refuseBroken } from "../train/diagnose.ts";
import {
  evaluate,
  type EvaluationInput,
  type EvaluationOutput,
  evaluationStep,
} from "../train/evaluate.ts";
import type { GradientNorms } from "../stages/events.ts";
import type { MetricValue } from "../stages/metric.ts";
import { stepsOf } from "../input/batches.ts";
import type { JobPhase } from "./job.ts";
import { firstBatch, type PreparedData } from "../input/prepare_data.ts";
import { measuredSoFar } from "./selection.ts";
import { disposeState, gradientNorms, initialState, trainStep } from "../train/step.ts";
import { disposeInput, stepInput } from "../train/step_input.ts";
import { type GivenState, initialValues } from "../train/variables.ts";
import { largeFirstLoss } from "./warnings/first_loss.ts";

/**
 * The results of one training step and one evaluation on the first batch, and the memory that they
 * needed.
 */
export interface FirstBatch {
  /** The total loss and each term, by name. */
  readonly losses: readonly (readonly [string, number])[];
  /** The metrics by key. */
  readonly metrics: readonly (readonly [string, MetricValue])[];
  /** The gradient norms of each loss term before the step. */
  readonly gradients: readonly GradientNorms[];
  /** Warnings about the first losses. */
  readonly warnings: readonly Problem[];
  /** The number of rows in the batch. */
  readonly rows: number;
  /** The peak memory of the step's tensors, in bytes. */
  readonly peakBytes: number;
}

/**
 * Computes a training step and an evaluation on the first batch, and discards the variables.
 *
 * @param plan The plan.
 * @param data The rows.
 * @param phase The phase.
 * @param given Initial weights from files, and the optimizer's state if it is continued.
 * @throws {UserError} If a stage fails or a number is not finite.
 */
export async function tryFirstBatch(
  plan: Plan,
  data: PreparedData,
  { epochs, place, select, nets: { model, network, nets, metrics, learningRate } }: JobPhase,
  given: GivenState,
): Promise<FirstBatch> {
  const batch = firstBatch(plan, data);
  const steps = stepsOf(data.splits.train, plan.cut) * epochs;
  const measuredBefore = measuredSoFar({ metrics, nets }, select);
  const position = { step: 0, steps, epoch: 0, epochs, measured: measuredBefore };
  const first = initialValues(model.variables, plan.seed, given.values);
  const state = initialState(model, first, given.slots);
  const input = stepInput(model, batch, position, learningRate(position), plan.seed, given.steps);
  const gradients = await gradientNorms(model, state, input);
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
  // The step updates embedding tables in place, so the untrained nets are evaluated before it.
  const measured = await evaluate(evaluated, compute, state.values, [batch], metrics);
  const { result, peakBytes } = await profile(() => trainStep(model, state, input));
  const losses = await result.losses.data<"float32">();
  const [norm] = await result.norm.data<"float32">();
  const when = "in the first batch";
  await refuseBroken({ model, network, state, parts: [input], losses, norm: norm!, when, place });
  const warnings = largeFirstLoss(plan, {
    terms: model.terms,
    losses: [...losses].slice(1),
    rows: input,
    values: result.state.values,
  });
  disposeState(state, result.state);
  disposeState(result.state);
  tf.dispose([result.losses, result.norm]);
  disposeInput(input);
  return {
    losses: ["total", ...model.terms.map(({ name }) => name)]
      .map((name, index) => [name, losses[index]!] as const),
    metrics: Object.entries(measured),
    gradients,
    warnings,
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
