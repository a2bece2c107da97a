/**
 * What the tests of optimizers have in common.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { CapturedFunction } from "../../../src/engine/capture/capture.ts";
import type { Optimizer, OptimizerStage, Variable } from "../../../plugin.ts";
import { optimizerScalars } from "../../../src/train/step_input.ts";
import {
  assertNear,
  optimizerProblem,
  type OptimizersReference,
  readOptimizersReference,
} from "../../reference/fixtures.ts";
import { referenceUniform } from "../../reference/values.ts";

/** What an optimizer computes with in a step. */
interface StepTensors {
  readonly value: tf.Tensor;
  readonly gradient: tf.Tensor;
  readonly slots: Readonly<Record<string, tf.Tensor>>;
  readonly learningRate: tf.Scalar;
  readonly step: tf.Scalar;
  readonly scalars: Readonly<Record<string, tf.Scalar>>;
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
  readonly learningRate?: number;
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
  { start, gradients, learningRate = 0.1 }: Steps,
): number[][] {
  let state = startOf(optimizer, tf.tensor1d([...start]));
  return gradients.map((gradient, index) => {
    state = update(optimizer, {
      ...state,
      gradient: tf.tensor1d([...gradient]),
      ...numbersOf(optimizer, index + 1, learningRate),
    });
    return [...state.value.dataSync()];
  });
}

/**
 * Compares all of PyTorch's runs of an optimizer, ten steps each, step by step: computed op by op,
 * and recorded once and replayed as a run does on the native engine.
 *
 * @param stage The stage.
 */
export async function assertReference(stage: OptimizerStage): Promise<void> {
  const { optimizers } = await readOptimizersReference();
  const { runs } = optimizers[stage.name as keyof OptimizersReference["optimizers"]];
  for (const [name, { options, steps }] of Object.entries(runs)) {
    const { learningRate, laterRate = learningRate, ...own } = options as Record<string, number>;
    const optimizer = makeOptimizer(stage, pipelineOptions(own));
    for (const how of ["op by op", "recorded"] as const) {
      for (const tensor of ["matrix", "vector"] as const) {
        const rateAt = (step: number) => step < steps.length / 2 ? learningRate! : laterRate!;
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

/**
 * Compares a step with PyTorch's at its first, tenth, ten-thousandth and millionth number, from
 * moments that are given: computed op by op, and by one recorded step for all of them.
 *
 * @param stage Adam or a variant of it.
 */
export async function assertLateSteps(stage: OptimizerStage): Promise<void> {
  const { late } = await readOptimizersReference();
  const uniform = (name: string, low: number, high: number) =>
    tf.tensor1d(referenceUniform(`late/${name}`, [6], low, high));
  for (const [name, { options, steps }] of Object.entries(late[stage.name as "adam" | "adamw"])) {
    const { learningRate, ...own } = options;
    const optimizer = makeOptimizer(stage, pipelineOptions(own));
    const recorded = new CapturedFunction((input: StepTensors) => update(optimizer, input), {});
    for (
      const [how, run] of [
        ["op by op", (input: StepTensors) => update(optimizer, input)],
        ["recorded", (input: StepTensors) => recorded.call(input)],
      ] as const
    ) {
      for (const { step, weights } of steps) {
        const { value } = run({
          value: tf.zeros([6]),
          gradient: uniform("gradient", -1, 1),
          slots: { mean: uniform("mean", -1, 1), square: uniform("square", 0.1, 2) },
          ...numbersOf(optimizer, step, learningRate!),
        });
        assertNear(`${stage.name} ${name}, ${how}, step ${step}`, value.dataSync(), weights, 1e-6);
      }
    }
    recorded.dispose();
  }
}

/**
 * The reference's options by the names that Rocket has for them; where it has none, there is no
 * decay.
 */
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
      ...numbersOf(optimizer, index + 1, rateAt(index)),
    };
    state = recorded ? step.call(input) : update(optimizer, input);
    return state.value.dataSync<"float32">();
  });
  // Where steps are recorded at all, this one could be.
  if (recorded && tf.getBackend() === "tensorflow") assertEquals(captures, [true]);
  step.dispose();
  return values;
}

/** The numbers of a step, as a run hands them over. */
function numbersOf(optimizer: Optimizer, step: number, learningRate: number) {
  const optimizerStage = { kind: "optimizer", name: "tried" } as const;
  return {
    learningRate: tf.scalar(learningRate),
    step: tf.scalar(step),
    scalars: optimizerScalars({ optimizer, optimizerStage }, { step, learningRate }),
  };
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
