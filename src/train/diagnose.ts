import * as tf from "@tensorflow/tfjs";
import { sumOfSquares } from "../engine/squares.ts";
import { hasRow, isStored, sliceRows, storeOf } from "../engine/tables.ts";
import { type Place, type Problem, UserError } from "../base/errors.ts";
import { hint, type HintText } from "../base/hints.ts";
import type { StageReference } from "../stages/stage_error.ts";
import type { LossScope } from "../stages/loss.ts";
import { gradientsOf } from "./gradients.ts";
import { outputsRead, outsideLogits, type Term, termLoss, weighted } from "./objective.ts";
import {
  factorValues,
  forwardPass,
  type Model,
  movedVariables,
  type State,
  type StepInput,
} from "./step.ts";
import type { TensorsByName } from "./variables.ts";

/** A training step with its losses and gradient norm, to be checked for NaN and infinite values. */
export interface BrokenStep {
  /** The nets, losses, and optimizer. */
  readonly model: Model;
  /** The network's stage. */
  readonly network: StageReference;
  /** The state before the step. */
  readonly state: State;
  /** The parts of the batch; only one if the step computes the batch as a whole. */
  readonly parts: readonly StepInput[];
  /** The total loss, followed by each loss term before its weight. */
  readonly losses: Float32Array;
  /** The L2 norm of all gradients. */
  readonly norm: number;
  /** When the step happened, as text for messages. */
  readonly when: string;
  /** The location of the losses in the pipeline file. */
  readonly place: Place | undefined;
}

/** Thrown if a loss or a gradient of a step is NaN or infinite. */
export class NonFiniteError extends UserError {
  /** The error's name as JavaScript prints it. */
  override name = "NonFiniteError";
}

/**
 * Throws an error if the losses or gradients of a step are not finite, because all later steps
 * would be meaningless.
 *
 * @param step The step.
 * @throws {NonFiniteError} If a loss or the norm of the gradients is NaN or infinite. The message
 *   names the first cause and lists all losses.
 */
export async function refuseBroken(step: BrokenStep): Promise<void> {
  if (Number.isFinite(step.norm) && step.losses.every((loss) => Number.isFinite(loss))) return;
  const { message, place, hint } = await findBroken(step);
  const { model: { terms }, losses } = step;
  const values = terms.map(({ name }, index) => `${name} = ${losses[index + 1]}`).join(", ");
  throw new NonFiniteError(`${message}; losses: ${values}`, { place, hint });
}

/**
 * Finds the first value of a step that is not finite. Checks, in this order, the weights before the
 * step, the outputs of the nets, the losses, and the gradients. The batch needs no check, because
 * the output of each transform is checked to be finite.
 *
 * With sharded tables, all processes would have to repeat the step in the same way, but each has
 * other rows. They name only what all of them know.
 *
 * @param step The step.
 * @returns The problem, as a message with its location and hint.
 */
async function findBroken(step: BrokenStep): Promise<Problem> {
  const { model, network, state, when } = step;
  const finite = step.losses.every((loss) => Number.isFinite(loss));
  if (model.shards) return finite ? brokenNorm(step) : brokenLoss(step);
  const variable = await firstBroken(state.values);
  if (variable) {
    return {
      message:
        `the optimizer set the variable ${variable.name} to ${variable.number} before the batch ${when}`,
      place: model.optimizerStage.place,
      hint: divergedHint(),
    };
  }
  let before = 0;
  for (const input of step.parts) {
    const outputs = forward(step, input);
    const output = await firstBroken(outputs);
    tf.dispose(outputs);
    if (!output) {
      before += input.label.shape[0]!;
      continue;
    }
    return {
      message:
        `the network ${JSON.stringify(network.name)} returned ${output.name} with the value ` +
        `${output.number} in row ${before + output.row} ${when}`,
      place: network.place,
      hint: hint(
        "broken/network",
        "the network's inputs are finite: lower the learning rate if its weights have grown, or look for a division by 0, a square root, or a logarithm in the network",
        { edit: "the learning rate, or the stage" },
      ),
    };
  }
  return finite ? await brokenGradient(step) : brokenLoss(step);
}

/** Returns the hint for nets whose weights have become NaN or infinite. */
export function divergedHint(): HintText {
  return hint(
    "broken/weights",
    "lower the learning rate, start with a warm-up schedule, or clip the gradients (train.clip)",
    { edit: "the optimizer's options" },
  );
}

function brokenLoss({ model: { terms }, losses, when, place }: BrokenStep) {
  const broken = terms.filter((_, index) => !Number.isFinite(losses[index + 1]!));
  const subject = broken.length > 0
    ? `loss ${broken.map(({ name }) => name).join(" and ")}`
    : "sum of the losses";
  return {
    message: `the ${subject} is not finite ${when}`,
    place: broken[0]?.stage.place ?? place,
    hint: hint(
      "broken/loss",
      "lower the learning rate or the loss's weight, or look for a stage that divides by 0",
      { edit: "the learning rate, the weight or the stage" },
    ),
  };
}

/**
 * Finds the loss term whose gradient is not finite although its value is, and whether the loss or
 * the network is the cause.
 */
async function brokenGradient(step: BrokenStep) {
  const { model: { terms }, network, when } = step;
  const tried = terms.flatMap((term) => step.parts.map((input) => ({ term, input })));
  for (const { term, input } of tried) {
    const found = await brokenGradientOf(step, term, input);
    if (!found) continue;
    const { stage } = term;
    const culprit = await brokenByLoss(step, term, input)
      ? { what: `the loss ${term.name}`, place: stage.place }
      : { what: `the network ${JSON.stringify(network.name)}`, place: network.place };
    return {
      message:
        `${culprit.what} has a gradient that is not finite ${when}: the gradient of the loss ${term.name} ` +
        `with respect to ${found.name} contains ${found.number}`,
      place: culprit.place,
      hint: hint(
        "broken/slope",
        "the value is finite but its derivative is not: look for a square root, logarithm, or division of a number that can be 0, and add a small constant to that number",
        { edit: "the stage" },
      ),
    };
  }
  return brokenNorm(step, ", although the gradients of each single loss are finite");
}

function brokenNorm({ norm, when, place }: BrokenStep, more = "") {
  return {
    message: `the norm of all gradients is ${norm} ${when}${more}`,
    place,
    hint: hint(
      "broken/norm",
      "lower the learning rate or the losses' weights, or train with --precision float32",
      { edit: "the learning rate or the weights" },
    ),
  };
}

/** Finds the first variable for which the gradient of one loss term is not finite. */
async function brokenGradientOf(
  { model, state: { values } }: BrokenStep,
  term: Term,
  input: StepInput,
): Promise<Broken | undefined> {
  const { terms } = model, variables = movedVariables(model);
  const gradients: Record<string, tf.Tensor> = {}, rows: Record<string, tf.Tensor> = {};
  tf.tidy(() => {
    const factors = factorValues(terms, input);
    const found = gradientsOf(
      variables,
      values,
      (lookup) =>
        weighted(
          term,
          termLoss(term, forwardPass(model, values, input, lookup), input, factors),
          factors,
        ),
    );
    for (const { name } of variables) {
      const read = found.rows.get(name), gradient = found.gradients[name] ?? read?.values;
      if (gradient) gradients[name] = tf.keep(gradient);
      if (read) rows[name] = tf.keep(read.ids);
    }
  });
  try {
    const broken = await firstBroken(gradients), numbers = broken && rows[broken.name];
    if (!numbers) return broken;
    // The rows of all tables of a store are listed under the name of the first one.
    const number = (await numbers.data())[broken.row]!, store = storeOf(values[broken.name]!);
    const table = variables.find(({ name, table }) =>
      table && storeOf(values[name]!) === store && hasRow(values[name]!, number)
    );
    return { ...broken, name: table?.name ?? broken.name };
  } finally {
    tf.dispose([gradients, rows]);
  }
}

/**
 * Checks whether the gradient of a loss term with respect to the net outputs that it reads is
 * already not finite.
 */
async function brokenByLoss(
  { model, state: { values } }: BrokenStep,
  term: Term,
  input: StepInput,
): Promise<boolean> {
  const references = term.form === "task" || term.outside
    ? [outputsRead(term)]
    : term.pairs.map(({ from, to }) => [from, to]);
  const gradients = tf.tidy(() => {
    const forward = forwardPass(model, values, input);
    const { label, columns = {} } = input;
    const scope: LossScope = { label, columns, read: (variable) => forward.read(variable) };
    return references.flatMap((references, index) => {
      const read = references.map(({ net, output }) => forward.outputs(net)[output]!);
      const slope = tf.grads((...[first, second]: tf.Tensor[]) =>
        tf.mean(
          term.form === "task"
            ? term.compute(first!, label, scope)
            : term.outside
            ? term.compute(outsideLogits(term.outside, input).logits, first!, scope)
            : term.pairs[index]!.compute(first!, second!, scope),
        )
      );
      return slope(read);
    });
  });
  const broken = await firstBroken(Object.fromEntries(gradients.entries()));
  tf.dispose(gradients);
  return broken !== undefined;
}

/** Computes all outputs of all nets that the losses read. */
function forward({ model, state: { values } }: BrokenStep, input: StepInput): TensorsByName {
  const { terms } = model;
  const names = terms.flatMap((term) => outputsRead(term).map(({ net }) => net));
  return tf.tidy(() => {
    const forward = forwardPass(model, values, input);
    return Object.fromEntries(
      [...new Set(names)].flatMap((net) =>
        Object.entries(forward.outputs(net)).map(([name, tensor]) => [`${net}.${name}`, tensor])
      ),
    );
  });
}

/**
 * A tensor with NaN or infinite values: the first such value, and the row of this value.
 */
interface Broken {
  readonly name: string;
  readonly number: number;
  readonly row: number;
}

/** Finds the first tensor with a NaN or infinite value. */
async function firstBroken(tensors: TensorsByName): Promise<Broken | undefined> {
  for (const [name, tensor] of Object.entries(tensors)) {
    if (tensor.dtype !== "float32" || await isFinite(tensor)) continue;
    const values = await tensor.data<"float32">();
    const index = values.findIndex((value) => !Number.isFinite(value));
    if (index < 0) continue;
    const width = tensor.size / (tensor.shape[0] ?? 1);
    return { name, number: values[index]!, row: Math.floor(index / width) };
  }
  return undefined;
}

/**
 * Checks whether all numbers of a tensor are finite. Most tensors are, and tables are large, so
 * their numbers are not read back for it.
 */
async function isFinite(tensor: tf.Tensor): Promise<boolean> {
  const [rows = 1] = tensor.shape, count = isStored(tensor) ? PART : Math.max(1, rows);
  for (let start = 0; start < rows; start += count) {
    const part = isStored(tensor)
      ? sliceRows(tensor, start, Math.min(count, rows - start))
      : tensor;
    const sum = sumOfSquares([part]);
    const [squares] = await sum.data();
    sum.dispose();
    if (part !== tensor) part.dispose();
    if (!Number.isFinite(squares)) return false;
  }
  return true;
}

/** The number of rows of a table that are checked at once. */
const PART = 2 ** 16;
