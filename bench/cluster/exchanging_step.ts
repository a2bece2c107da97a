import type * as tf from "@tensorflow/tfjs";
import { CapturedFunction } from "../../src/engine/capture/capture.ts";
import { withoutOtherProcesses } from "../../src/engine/capture/collective.ts";
import type { Collectives } from "../../src/engine/cluster/collectives.ts";
import { partsOfProcess } from "../../src/train/parts.ts";
import {
  disposeState,
  initialState,
  type State,
  type StepInput,
  type StepOutput,
  trainStep,
} from "../../src/train/step.ts";
import { disposeInput, stepInput } from "../../src/train/step_input.ts";
import { sumOverProcesses } from "../../src/train/sum_over_processes.ts";
import { storedTogether } from "../../src/train/table_groups.ts";
import { rowsOf } from "../../src/train/tensors.ts";
import { initialValues } from "../../src/train/variables.ts";
import type { CountingCollectives } from "./counting.ts";
import type { StepTask } from "./tasks.ts";

const SEED = 1, START = { step: 0, steps: 1, epoch: 0, epochs: 1 };

/** The input of a step. */
interface Input {
  readonly state: State;
  readonly input: StepInput;
}

/** How a process exchanges numbers with others. */
export interface Exchanging {
  /** The operations in which all processes take part; undefined for a process that is alone. */
  readonly collectives: Collectives | undefined;
  /**
   * Whether the graph computes as if all processes passed the same tensors, without communication.
   */
  readonly leavesOut: boolean;
}

/**
 * Creates the function that the bench times: a training step of one process, as a captured graph.
 *
 * @param task The step.
 * @param exchanging The other processes.
 * @returns A function that runs one step and returns the total loss.
 * @throws {Error} When it is called, if the step cannot be captured.
 */
export function exchangingStep(
  task: StepTask,
  { collectives, leavesOut }: Exchanging,
): () => number {
  const { model } = task, sum = collectives && sumOverProcesses(collectives);
  const compute = ({ state, input }: Input) => trainStep(model, state, input, sum);
  const captured = new CapturedFunction<Input, StepOutput>(
    leavesOut ? (input) => withoutOtherProcesses(() => compute(input)) : compute,
    {
      rows: ({ input }) => rowsOf(input),
      report({ captured, reason }) {
        if (!captured) throw new Error(`the step is not captured: ${reason}`);
      },
    },
  );
  const inputs = Array.from(
    { length: task.batches },
    (_, index) => inputOf(task, task.rows, index + 1, collectives),
  );
  let state = firstState(task), count = 0;
  return () => {
    const input = inputs[count++ % inputs.length]!;
    const output = captured.call({ state, input });
    disposeState(state, output.state);
    state = output.state;
    return totalLoss(output);
  };
}

/**
 * Counts the bytes of the tensors that a process passes to the operations in which all processes take
 * part, in one step, without communication.
 *
 * @param task The step, whose tables are dealt over the same processes.
 * @param collectives The processes.
 */
export function exchangedBytes(task: StepTask, collectives: CountingCollectives): number {
  const state = firstState(task), before = collectives.bytes;
  const input = inputOf(task, task.countedRows, 1, collectives);
  const output = withoutOtherProcesses(() =>
    trainStep(task.model, state, input, sumOverProcesses(collectives))
  );
  disposeState(state, output.state);
  disposeState(output.state);
  disposeInput(input);
  totalLoss(output);
  return collectives.bytes - before;
}

/** Reads what a run reads after each step, and disposes of it. */
function totalLoss({ losses, norm, stops }: StepOutput): number {
  const [total] = losses.dataSync();
  const others = stops ? [norm, stops] : [norm];
  for (const other of others) other.dataSync();
  for (const tensor of [losses, ...others] as tf.Tensor[]) tensor.dispose();
  return total!;
}

function firstState({ model }: StepTask): State {
  const values = initialValues(
    model.variables,
    SEED,
    undefined,
    storedTogether(model),
    model.shards,
  );
  return initialState(model, values);
}

/** The rows of this process, which has as many as each of the others. */
function inputOf(
  { model, learningRate, draw }: StepTask,
  rows: number,
  seed: number,
  collectives: Collectives | undefined,
): StepInput {
  if (!collectives) return stepInput(model, draw(rows, seed), START, learningRate, SEED);
  const { rank: index, size: count } = collectives, whole = draw(rows * count, seed);
  const process = { index, count, stops: false };
  const [{ batch, ...part }] = partsOfProcess(whole, whole.size, process, model) as [
    ReturnType<typeof partsOfProcess>[number],
  ];
  return stepInput(model, batch, START, learningRate, SEED, START.step, part);
}
