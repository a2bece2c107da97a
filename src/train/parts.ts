/**
 * Gradient accumulation: a step that computes the gradients of its batch in several parts.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import type { CapturedFunction } from "../engine/capture/capture.ts";
import type { Batch, Column } from "../stages/batch.ts";
import { mapParts } from "../stages/parts.ts";
import { disposeUses } from "./gradients.ts";
import type { RowUses } from "./lookups.ts";
import {
  applyGradients,
  type Model,
  type PartGradients,
  partGradients,
  type State,
  type StepInput,
  type StepOutput,
} from "./step.ts";
import type { LabelPart } from "../stages/labels.ts";
import type { Term } from "./objective.ts";
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
  const { size, ...columns } = batch;
  const weighted = weightedRows(batch, rowWeights);
  const masked = maskedLabels(terms);
  const fraction = (from: number, to: number, label?: LabelPart) => {
    const whole = weightOfRows(weighted, label);
    return whole === 0 ? 0 : weightOfRows(weighted, label, from, to) / whole;
  };
  let start = 0;
  return partSizes(size, most).map((rows, index) => {
    const from = start, to = start += rows;
    const part = mapParts<Column, Column>(columns, ({ values, shape }) => {
      const each = shape.reduce((product, length) => product * length, 1);
      return { values: values.subarray(from * each, to * each), shape };
    });
    return {
      batch: { size: rows, ...part },
      index,
      rows: rows / size,
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
}

/**
 * Computes the gradients of one part of a batch. It is a pure function of its tensors.
 *
 * @param model The model.
 * @param input The variables and the part.
 */
export function partStep(model: Model, { values, input }: PartInput): PartGradients {
  return tf.tidy(() => partGradients(model, values, input) as PartGradients & tf.TensorContainer);
}

/** The output of {@linkcode updateStep}, which has no losses because they are among its inputs. */
export type UpdateOutput = Omit<StepOutput, "losses">;

/**
 * Updates the variables with the gradients of all parts of a batch.
 *
 * @param model The model.
 * @param input The state and the gradients.
 */
export function updateStep(
  model: Model,
  { state, numbers, ...gradients }: UpdateInput,
): UpdateOutput {
  return tf.tidy(() => {
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
    const { learningRate, step, scalars } = input;
    const numbers = { learningRate, step, scalars };
    const output = update.call({ state, gradients, uses, losses, numbers });
    tf.dispose(gradients);
    disposeUses(uses);
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
    rows: tf.concat([before.rows, next.rows]),
  };
}
