/**
 * What the tests of optimizers have in common.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { CapturedFunction } from "../../../engine/capture/capture.ts";
import type { Optimizer, OptimizerStage, Variable } from "../../../plugin.ts";
import {
  assertNear,
  optimizerProblem,
  type OptimizersReference,
  readOptimizersReference,
} from "../../reference/fixtures.ts";

/** What an optimizer computes with in a step. */
interface StepTensors {
  readonly value: tf.Tensor;
  readonly gradient: tf.Tensor;
  readonly slots: Readonly<Record<string, tf.Tensor>>;
  readonly rate: tf.Scalar;
  readonly step: tf.Scalar;
}

/** What it leaves. */
type Stepped = Pick<StepTensors, "value" | "slots">;

/**
 * An optimizer.
 *
 * @param stage The stage.
 * @param options The options, as a pipeline file has them.
 */
export function makeOptimizer(stage: OptimizerStage, options: unknown = {}): Optimizer {
  return stage.create(stage.options.parse(options), {});
}

/** Some steps of one variable. */
export interface Steps {
  /** Where the variable starts. */
  readonly start: readonly number[];
  /** The gradient in each step. */
  readonly gradients: readonly (readonly number[])[];
  /** The learning rate; 0.1 by default. */
  readonly rate?: number;
}

/**
 * Takes some steps.
 *
 * @param optimizer The optimizer.
 * @param steps The variable and its gradients.
 * @returns The variable after each step.
 */
export function takeSteps(
  optimizer: Optimizer,
  { start, gradients, rate = 0.1 }: Steps,
): number[][] {
  let state = startOf(optimizer, tf.tensor1d([...start]));
  return gradients.map((gradient, index) => {
    state = update(optimizer, {
      ...state,
      gradient: tf.tensor1d([...gradient]),
      rate: tf.scalar(rate),
      step: tf.scalar(index + 1),
    });
    return [...state.value.dataSync()];
  });
}

/**
 * Compares all of PyTorch's runs of an optimizer, ten steps each, step by step: computed op by op, and
 * recorded once and replayed as a run does on the native engine.
 *
 * @param stage The stage.
 */
export async function assertReference(stage: OptimizerStage): Promise<void> {
  const { optimizers } = await readOptimizersReference();
  const { runs } = optimizers[stage.name as keyof OptimizersReference["optimizers"]];
  for (const [name, { options, steps }] of Object.entries(runs)) {
    const { rate, laterRate = rate, ...own } = options as Record<string, number>;
    const optimizer = makeOptimizer(stage, pipelineOptions(own));
    for (const how of ["op by op", "recorded"] as const) {
      for (const tensor of ["matrix", "vector"] as const) {
        const rateAt = (step: number) => step < steps.length / 2 ? rate! : laterRate!;
        const values = solve(optimizer, tensor, steps.length, rateAt, how === "recorded");
        values.forEach((value, step) =>
          assertNear(
            `${stage.name} ${name}, ${how}, ${tensor} after step ${step + 1}`,
            value,
            steps[step]![tensor],
            2e-5,
          )
        );
      }
    }
  }
}

/** The reference's options by the names that Rocket has for them; where it has none, there is no decay. */
function pipelineOptions({ beta1, beta2, ...same }: Record<string, number>) {
  const options = { weightDecay: 0, ...same };
  return beta1 === undefined ? options : { ...options, betas: [beta1, beta2] };
}

/** Takes steps on the reference's problem; the tensor after each. */
function solve(
  optimizer: Optimizer,
  tensor: "matrix" | "vector",
  steps: number,
  rateAt: (step: number) => number,
  recorded: boolean,
): Float32Array[] {
  const { shape, start, target, curvature } = optimizerProblem(tensor);
  const problem = { target: tf.tensor(target, shape), curvature: tf.tensor(curvature, shape) };
  const captures: boolean[] = [];
  const step = new CapturedFunction((input: StepTensors) => update(optimizer, input), {
    report: ({ captured }) => captures.push(captured),
  });
  let state = startOf(optimizer, tf.tensor(start, shape));
  const values = Array.from({ length: steps }, (_, index) => {
    const input = {
      ...state,
      gradient: tf.mul(problem.curvature, tf.sub(state.value, problem.target)),
      rate: tf.scalar(rateAt(index)),
      step: tf.scalar(index + 1),
    };
    state = recorded ? step.call(input) : update(optimizer, input);
    return state.value.dataSync<"float32">();
  });
  // Where steps are recorded at all, this one could be.
  if (recorded && tf.getBackend() === "tensorflow") assertEquals(captures, [true]);
  step.dispose();
  return values;
}

function startOf(optimizer: Optimizer, value: tf.Tensor): Stepped {
  const slots = Object.entries(optimizer.slots).map((
    [slot, start],
  ) => [slot, tf.fill(value.shape, start)]);
  return { value, slots: Object.fromEntries(slots) };
}

function update(optimizer: Optimizer, input: StepTensors): Stepped {
  const { value, slots } = optimizer.update({ ...input, variable: variableOf(input.value) });
  assert(Object.keys(optimizer.slots).every((slot) => slot in slots));
  return { value, slots };
}

function variableOf({ shape }: tf.Tensor): Variable {
  return {
    name: "kernel",
    shape,
    initializer: { kind: "constant", value: 0 },
    owner: "light",
    trainable: true,
    table: false,
  };
}
