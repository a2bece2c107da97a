import * as tf from "@tensorflow/tfjs";
import { sumOfSquares } from "../engine/squares.ts";
import { type Place, type Problem, UserError } from "../base/errors.ts";
import { hint, type HintText } from "../base/hints.ts";
import type { StageReference } from "../stages/stage_error.ts";
import type { LossScope } from "../stages/loss.ts";
import { gradientsOf } from "./gradients.ts";
import { type Term, termLoss } from "./objective.ts";
import {
  factorValues,
  forwardPass,
  type Model,
  movedVariables,
  type State,
  type StepInput,
} from "./step.ts";
import type { TensorsByName } from "./variables.ts";

/** What is said of a step whose losses or gradients are not finite. */
export interface BrokenStep {
  /** All that a step computes with. */
  readonly model: Model;
  /** The network's stage. */
  readonly network: StageReference;
  /** The state before the step. */
  readonly state: State;
  /** The batch. */
  readonly input: StepInput;
  /** The losses: the total, then each term's before its weight. */
  readonly losses: Float32Array;
  /** The L2 norm of all gradients. */
  readonly norm: number;
  /** When it happened, in words. */
  readonly when: string;
  /** Where the pipeline file has its losses. */
  readonly place: Place | undefined;
}

/** The numbers of a step are not finite. */
export class NonFiniteError extends UserError {
  /** The name that the engine prints. */
  override name = "NonFiniteError";
}

/**
 * Stops at the first step whose losses or gradients are not finite: nothing that comes after it
 * means anything.
 *
 * @param step The step.
 * @throws {NonFiniteError} If any of its losses, or the norm of its gradients, is NaN or infinite;
 *   it names what was so first, and all losses.
 */
export async function refuseBroken(step: BrokenStep): Promise<void> {
  if (Number.isFinite(step.norm) && step.losses.every((loss) => Number.isFinite(loss))) return;
  const { message, place, hint } = await findBroken(step);
  const { model: { terms }, losses } = step;
  const values = terms.map(({ name }, index) => `${name} = ${losses[index + 1]}`).join(", ");
  throw new NonFiniteError(`${message}; the losses: ${values}`, { place, hint });
}

/**
 * Finds out what made a step infinite or NaN: the weights that the step started with, the nets, the
 * losses themselves, or the gradients, the first of these that is not finite. Rows are: each
 * transform is held to that.
 *
 * @param step The step.
 * @returns What to tell the person.
 */
async function findBroken(step: BrokenStep): Promise<Problem> {
  const { model, network, state, when } = step;
  const variable = await firstBroken(state.values);
  if (variable) {
    return {
      message:
        `the optimizer has made ${variable.name} ${variable.number} before the batch ${when}`,
      place: model.optimizerStage.place,
      hint: divergedHint(),
    };
  }
  const outputs = forward(step);
  const output = await firstBroken(outputs);
  tf.dispose(outputs);
  if (output) {
    return {
      message: `the network ${JSON.stringify(network.name)} returned ${output.name} with ` +
        `${output.number} in row ${output.row} ${when}`,
      place: network.place,
      hint: hint(
        "broken/network",
        "what it was given is finite: lower the learning rate if its weights have grown, or look for a division by 0, a root or a logarithm in it",
        { edit: "the learning rate, or the stage" },
      ),
    };
  }
  const finite = step.losses.every((loss) => Number.isFinite(loss));
  return finite ? await brokenGradient(step) : brokenLoss(step);
}

/**
 * What to do about weights that are not finite any more.
 */
export function divergedHint(): HintText {
  return hint(
    "broken/weights",
    "lower the learning rate, begin with a warm-up, or clip the gradients (train.clip)",
    { edit: "the optimizer's options" },
  );
}

function brokenLoss({ model: { terms }, losses, when, place }: BrokenStep) {
  const broken = terms.filter((_, index) => !Number.isFinite(losses[index + 1]!));
  const whose = broken.length > 0
    ? `the loss ${broken.map(({ name }) => name).join(" and ")}`
    : "the sum of the losses";
  return {
    message: `${whose} is not finite ${when}`,
    place: broken[0]?.stage.place ?? place,
    hint: hint(
      "broken/loss",
      "lower the learning rate or the loss's weight, or look for a stage that divides by 0",
      { edit: "the learning rate, the weight or the stage" },
    ),
  };
}

/**
 * Which term's gradient is not finite though the loss is, and whether loss or network made it so.
 */
async function brokenGradient(step: BrokenStep) {
  const { model: { terms }, network, norm, when, place } = step;
  for (const term of terms) {
    const found = await brokenGradientOf(step, term);
    if (!found) continue;
    const { stage } = term;
    const culprit = await brokenByLoss(step, term)
      ? { what: `the loss ${term.name}`, place: stage.place }
      : { what: `the network ${JSON.stringify(network.name)}`, place: network.place };
    return {
      message: `${culprit.what} has a gradient that is not finite ${when}: ${found.name} gets ` +
        `${found.number} from ${term.name}`,
      place: culprit.place,
      hint: hint(
        "broken/slope",
        "its value is finite, its slope is not: look for the root, logarithm or division of a number that may be 0, and add a small one",
        { edit: "the stage" },
      ),
    };
  }
  return {
    message: `the gradients' norm is ${norm} ${when}, though each loss's own gradients are finite`,
    place,
    hint: hint(
      "broken/norm",
      "lower the learning rate or the losses' weights, or train with --precision float32",
      { edit: "the learning rate or the weights" },
    ),
  };
}

/** The first variable whose gradient by one term is not finite. */
async function brokenGradientOf(
  { model, state: { values }, input }: BrokenStep,
  term: Term,
): Promise<Broken | undefined> {
  const { terms } = model, variables = movedVariables(model);
  const gradients: Record<string, tf.Tensor> = {};
  tf.tidy(() => {
    const factors = factorValues(terms, input);
    const found = gradientsOf(
      variables,
      values,
      (lookup) =>
        tf.mul(
          termLoss(term, forwardPass(model, values, input, lookup), input, factors),
          term.weight,
        ),
    );
    for (const { name } of variables) {
      const gradient = found.gradients[name] ?? found.rows.get(name)?.values;
      if (gradient) gradients[name] = tf.keep(gradient);
    }
  });
  const broken = await firstBroken(gradients);
  tf.dispose(gradients);
  return broken;
}

/** Whether the gradient of a term by the outputs that it reads is not finite already. */
async function brokenByLoss(
  { model, state: { values }, input }: BrokenStep,
  term: Term,
): Promise<boolean> {
  const references = term.form === "task"
    ? [[term.on]]
    : term.pairs.map(({ from, to }) => [from, to]);
  const gradients = tf.tidy(() => {
    const forward = forwardPass(model, values, input);
    const scope: LossScope = { label: input.label, read: (variable) => forward.read(variable) };
    return references.flatMap((references, index) => {
      const read = references.map(({ net, output }) => forward.outputs(net)[output]!);
      const slope = tf.grads((...[first, second]: tf.Tensor[]) =>
        tf.mean(
          term.form === "task"
            ? term.compute(first!, input.label, scope)
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

/** All outputs of all nets that the losses read. */
function forward({ model, state: { values }, input }: BrokenStep): TensorsByName {
  const { terms } = model;
  const names = terms.flatMap((term) =>
    term.form === "task" ? [term.on.net] : term.pairs.flatMap(({ from, to }) => [from.net, to.net])
  );
  return tf.tidy(() => {
    const forward = forwardPass(model, values, input);
    return Object.fromEntries(
      [...new Set(names)].flatMap((net) =>
        Object.entries(forward.outputs(net)).map(([name, tensor]) => [`${net}.${name}`, tensor])
      ),
    );
  });
}

/** A tensor that is not finite, with the first such number and its row. */
interface Broken {
  readonly name: string;
  readonly number: number;
  readonly row: number;
}

/** The first tensor that is not finite. */
async function firstBroken(tensors: TensorsByName): Promise<Broken | undefined> {
  for (const [name, tensor] of Object.entries(tensors)) {
    if (tensor.dtype !== "float32") continue;
    // Most are finite, and tables are large: numbers are read back of those alone that are not.
    const sum = sumOfSquares([tensor]);
    const [squares] = await sum.data();
    sum.dispose();
    if (Number.isFinite(squares)) continue;
    const values = await tensor.data<"float32">();
    const index = values.findIndex((value) => !Number.isFinite(value));
    if (index < 0) continue;
    const width = tensor.size / (tensor.shape[0] ?? 1);
    return { name, number: values[index]!, row: Math.floor(index / width) };
  }
  return undefined;
}
