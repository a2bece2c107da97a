/**
 * Gradient accumulation: a step that computes the gradients of its batch in several parts.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import type { CapturedFunction } from "../engine/capture/capture.ts";
import { type ListPart, partRange } from "../base/part_range.ts";
import type { Batch, Column } from "../stages/batch.ts";
import { mapParts, mapValues } from "../stages/parts.ts";
import { disposeUses } from "./gradients.ts";
import type { RowUses } from "./lookups.ts";
import {
  applyGradients,
  type Model,
  type PartGradients,
  partGradients,
  type ProcessInput,
  type State,
  type StepInput,
  type StepOutput,
  type SumOverProcesses,
} from "./step.ts";
import type { LabelPart } from "../stages/labels.ts";
import { partsRead, type Term } from "./objective.ts";
import { numberedColumns } from "./tensors.ts";
import {
  maskedLabels,
  type RowWeights,
  weightedRows,
  weightOfRows,
} from "../stages/row_weights.ts";
import type { TensorsByName } from "./variables.ts";

/** A part of a batch, and its share of the batch. */
export interface BatchPart {
  /** The rows of the part. */
  readonly batch: Batch;
  /** The number of the part, from 0. */
  readonly index: number;
  /** The part's fraction of the batch's rows. */
  readonly rows: number;
  /** The part's fraction of the sum of the batch's row weights. */
  readonly weights: number;
  /** The same fraction among the rows with a label, for each label that nulls mask. */
  readonly labels?: Readonly<Record<string, number>> | undefined;
  /** What the processes of a cluster exchange. */
  readonly process?: ProcessPart | undefined;
}

/** What a process of a cluster tells the others in a step. */
export interface ProcessPart {
  /** The fraction of the batch's rows that this process computes, in all its parts. */
  readonly rows: number;
  /** Whether this process has been asked to stop. */
  readonly stops: boolean;
  /**
   * The number of rows that remain if each process computes as many as the others; and 1 if there is
   * no row for this process, otherwise 0.
   */
  readonly layout: readonly [remainder: number, idle: 0 | 1];
}

/**
 * Returns the numbers of rows of the parts of a batch. The batch is divided as evenly as possible,
 * so that no part has only a few rows.
 *
 * @param rows The number of rows of the batch.
 * @param most The maximum number of rows of a part.
 */
export function partSizes(rows: number, most: number): number[] {
  const count = Math.ceil(rows / most), end = (part: number) => Math.floor(part * rows / count);
  return Array.from({ length: count }, (_, part) => end(part + 1) - end(part));
}

/**
 * Divides a batch into parts. The values of the parts are views of those of the batch.
 *
 * @param batch The batch.
 * @param most The maximum number of rows of a part.
 * @param rowWeights Factors of the weights of rows, by the class of a label; 1 by default.
 * @param terms The loss terms, for their labels; by default, no label has nulls.
 */
export function partsOfBatch(
  batch: Batch,
  most: number,
  rowWeights?: RowWeights,
  terms: readonly Term[] = [],
): BatchPart[] {
  return dividedBatch(batch, partSizes(batch.size, most), { rowWeights, terms });
}

/** The process of a cluster for which a batch is divided. */
export interface ProcessOfBatch extends ListPart {
  /** Whether the process has been asked to stop. */
  readonly stops: boolean;
  /**
   * The number of rows of the whole batch, if the given rows are already those of the process. This
   * requires that all rows count alike, and that no loss reads columns.
   */
  readonly whole?: number | undefined;
}

/**
 * Returns the parts of a batch that a process of a cluster computes. The processes divide the batch
 * as evenly as possible, in the order of its rows. A process for which there is no row computes the
 * first row, with the weight 0.
 *
 * @param batch The whole batch, or the rows of the process.
 * @param most The maximum number of rows of a part.
 * @param process The process.
 * @param model The factors of the weights of rows, and the loss terms, for their labels.
 */
export function partsOfProcess(
  batch: Batch,
  most: number,
  { index, count, stops, whole }: ProcessOfBatch,
  model: { readonly rowWeights?: RowWeights | undefined; readonly terms: readonly Term[] },
): BatchPart[] {
  const size = whole ?? batch.size, [from, to] = partRange(size, { index, count });
  const largest = Math.ceil(size / count), own = to - from;
  const isIdle = own === 0, computed = Math.max(1, own);
  const { columns = {} } = batch;
  // Numbers of the whole batch mean the same in all processes.
  const numbers = numberedColumns(columns, partsRead(model.terms).columns);
  const parts = dividedBatch({ ...batch, columns: numbers }, partSizes(computed, most), {
    ...model,
    from: isIdle || whole !== undefined ? 0 : from,
    index: index * Math.ceil(largest / most),
    whole,
  });
  const process = {
    rows: own / size,
    stops,
    layout: [size % count, isIdle ? 1 : 0] as const,
  };
  return parts.map((part) => ({
    ...part,
    process,
    ...isIdle && { rows: 0, weights: 0, labels: part.labels && mapValues(part.labels, () => 0) },
  }));
}

/** Makes parts of consecutive rows of a batch. */
function dividedBatch(
  batch: Batch,
  sizes: readonly number[],
  { rowWeights, terms, from: start = 0, index: first = 0, whole = batch.size }: {
    readonly rowWeights?: RowWeights | undefined;
    readonly terms: readonly Term[];
    /** The first row of the first part. */
    readonly from?: number;
    /** The number of the first part. */
    readonly index?: number;
    /** The number of rows of the whole batch, if these are only some of them, which count alike. */
    readonly whole?: number | undefined;
  },
): BatchPart[] {
  const { size, ...columns } = batch;
  const weighted = weightedRows(batch, rowWeights);
  const masked = maskedLabels(terms);
  const fraction = (from: number, to: number, label?: LabelPart) => {
    if (whole !== size) return (to - from) / whole;
    const all = weightOfRows(weighted, label);
    return all === 0 ? 0 : weightOfRows(weighted, label, from, to) / all;
  };
  let end = start;
  return sizes.map((rows, index) => {
    const from = end, to = end += rows;
    const part = mapParts<Column, Column>(columns, ({ values, shape }) => {
      const each = shape.reduce((product, length) => product * length, 1);
      return { values: values.subarray(from * each, to * each), shape };
    });
    return {
      batch: { size: rows, ...part },
      index: first + index,
      rows: rows / whole,
      weights: fraction(from, to),
      ...(masked.length > 0 && {
        labels: Object.fromEntries(masked.map((label) => [label.name, fraction(from, to, label)])),
      }),
    };
  });
}

/** The input of {@linkcode partStep}. */
export interface PartInput {
  /** The variables' values. */
  readonly values: TensorsByName;
  /** A part of the batch. */
  readonly input: StepInput;
}

/**
 * The input of {@linkcode updateStep}: the state of training, and the sums of the gradients over
 * all parts of the batch.
 */
export interface UpdateInput extends Omit<PartGradients, "updates"> {
  /** The state before the step. */
  readonly state: State;
  /** The numbers that the optimizer needs. */
  readonly numbers: Pick<StepInput, "learningRate" | "step" | "scalars">;
  /** In a cluster, what the processes exchange in addition to gradients. */
  readonly exchanged?: {
    readonly process: ProcessInput;
    readonly updates: PartGradients["updates"];
  };
}

/**
 * Computes the gradients of one part of a batch. It is a pure function of its tensors.
 *
 * @param model The model.
 * @param input The variables and the part.
 * @param sum Sums the gradients of all processes of a cluster; by default, there is only one.
 */
export function partStep(
  model: Model,
  { values, input }: PartInput,
  sum?: SumOverProcesses,
): PartGradients {
  const gradients = () => partGradients(model, values, input);
  return tf.tidy(() =>
    (sum ? sum.inParts(gradients) : gradients()) as PartGradients & tf.TensorContainer
  );
}

/**
 * The output of {@linkcode updateStep}. Only in a cluster, it has losses, which are otherwise among
 * its inputs.
 */
export type UpdateOutput = Omit<StepOutput, "losses"> & Partial<Pick<StepOutput, "losses">>;

/**
 * Updates the variables with the gradients of all parts of a batch.
 *
 * @param model The model.
 * @param input The state and the gradients.
 * @param sum Sums the gradients of all processes of a cluster; by default, there is only one.
 */
export function updateStep(
  model: Model,
  { state, numbers, exchanged, ...gradients }: UpdateInput,
  sum?: SumOverProcesses,
): UpdateOutput {
  return tf.tidy(() => {
    if (exchanged && sum) {
      const { process, updates } = exchanged;
      const { updates: mean, stops, ...all } = sum({ ...gradients, updates }, process);
      const { state: next, ...output } = applyGradients(model, state, all, numbers);
      return {
        ...{ ...output, stops },
        state: { ...next, values: { ...next.values, ...mean } },
      } as UpdateOutput & tf.TensorContainer;
    }
    const { losses: _, ...output } = applyGradients(model, state, gradients, numbers);
    return output as UpdateOutput & tf.TensorContainer;
  });
}

/** The functions that a step in parts consists of. */
export interface PartFunctions {
  /** {@linkcode partStep} of the model, possibly captured. */
  readonly part: Pick<CapturedFunction<PartInput, PartGradients>, "call" | "dispose">;
  /** {@linkcode updateStep} of the model, possibly captured. */
  readonly update: Pick<CapturedFunction<UpdateInput, UpdateOutput>, "call" | "dispose">;
}

/**
 * A training step in parts: it sums the gradients of the parts of a batch, and then updates the
 * variables once. Only one part's intermediate results are in memory at a time. For nets without
 * batch norm and dropout, and losses that do not compare rows with each other, the result is that
 * of a step on the whole batch, except for rounding. With batch norm, each part is normalized by
 * its own statistics, and running statistics are updated once for each part.
 */
export class StepInParts {
  readonly #functions: PartFunctions;

  /**
   * Creates the step.
   *
   * @param functions Its two functions.
   */
  constructor(functions: PartFunctions) {
    this.#functions = functions;
  }

  /**
   * Takes a step.
   *
   * @param taken The state, the first part of the batch, and the other parts.
   * @returns The state after the step, the losses, and the norm of the gradients.
   */
  call(
    { state, input, others = [] }: {
      readonly state: State;
      readonly input: StepInput;
      readonly others?: readonly StepInput[];
    },
  ): StepOutput {
    const { part, update } = this.#functions;
    let sum: PartGradients | undefined;
    for (const one of [input, ...others]) {
      const values = { ...state.values, ...sum?.updates };
      const next = part.call({ values, input: one });
      sum = sum ? added(sum, next) : next;
    }
    const { updates, losses, gradients, uses } = sum!;
    const { learningRate, step, scalars, process } = input;
    const numbers = { learningRate, step, scalars };
    const exchanged = process && { process, updates };
    const output = update.call({
      ...{ state, gradients, uses, losses, numbers },
      ...exchanged && { exchanged },
    });
    tf.dispose(gradients);
    disposeUses(uses);
    if (output.losses) {
      tf.dispose([losses, ...Object.values(updates)]);
      return { ...output, losses: output.losses };
    }
    return {
      norm: output.norm,
      losses,
      state: { ...output.state, values: { ...output.state.values, ...updates } },
    };
  }

  /** Frees the functions. */
  dispose(): void {
    this.#functions.part.dispose();
    this.#functions.update.dispose();
  }
}

/** Adds the gradients of two successive parts, and disposes of what is no longer needed. */
function added(before: PartGradients, next: PartGradients): PartGradients {
  const add = () => ({
    gradients: Object.fromEntries(
      Object.entries(next.gradients).map((
        [name, gradient],
      ) => [name, tf.add(before.gradients[name]!, gradient)]),
    ),
    uses: Object.fromEntries(
      Object.entries(next.uses).map(([name, uses]) => [name, joined(before.uses[name]!, uses)]),
    ),
    losses: tf.add<tf.Tensor1D>(before.losses, next.losses),
  });
  const sum = tf.tidy(() => add() as ReturnType<typeof add> & tf.TensorContainerObject);
  const { updates, ...done } = next;
  // Each part has new values for the same running statistics.
  tf.dispose([before as unknown as tf.TensorContainer, done as unknown as tf.TensorContainer]);
  return { ...sum, updates };
}

function joined(before: RowUses, next: RowUses): RowUses {
  return {
    ids: tf.concat([before.ids, next.ids]),
    gradients: tf.concat([before.gradients, next.gradients]),
  };
}
