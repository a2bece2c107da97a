import * as tf from "@tensorflow/tfjs";
import { type Place, type Problem, UserError } from "../pipeline/errors.ts";
import type { StageReference } from "../pipeline/stage_error.ts";
import { Forward } from "./forward.ts";
import type { Model, State, StepInput } from "./step.ts";
import type { TensorsByName } from "./variables.ts";

/** What is said of a step whose losses are not finite. */
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
 * Stops at the first loss that is not finite: nothing that comes after it means anything.
 *
 * @param step The step.
 * @throws {NonFiniteError} If any of its losses is NaN or infinite; it names what was so first.
 */
export async function refuseBroken(step: BrokenStep): Promise<void> {
  if (step.losses.every((loss) => Number.isFinite(loss))) return;
  throw new NonFiniteError([await findBroken(step)]);
}

/**
 * Finds out what made the losses of a step infinite or NaN: the weights that the step started with,
 * the nets, or the losses themselves, the first of these that is not finite. Rows are: each transform
 * is held to that.
 *
 * @param step The step.
 * @returns What to tell the person.
 */
async function findBroken(step: BrokenStep): Promise<Problem> {
  const { model, network, state, when } = step;
  const tables = model.variables.filter(({ table }) => table).map(({ name }) => name);
  const weights = Object.entries(state.values).filter(([name]) => !tables.includes(name));
  const variable = await firstBroken(Object.fromEntries(weights));
  if (variable) {
    return {
      message:
        `the optimizer has made ${variable.name} ${variable.number} before the batch ${when}`,
      place: model.optimizerStage.place,
      hint: "lower the learning rate, or begin with a warm-up",
    };
  }
  // The step has written to tables already: what the nets made of them before is not known.
  if (tables.length > 0) return brokenLoss(step);
  const outputs = forward(step);
  const output = await firstBroken(outputs);
  tf.dispose(outputs);
  if (output) {
    return {
      message: `the network ${JSON.stringify(network.name)} returned ${output.name} with ` +
        `${output.number} in row ${output.row} ${when}`,
      place: network.place,
      hint:
        "what it was given is finite: lower the learning rate if its weights have grown, or look for a division by 0, a root or a logarithm in it",
    };
  }
  return brokenLoss(step);
}

function brokenLoss({ model: { terms }, losses, when, place }: BrokenStep): Problem {
  const broken = terms.filter((_, index) => !Number.isFinite(losses[index + 1]!));
  const values = terms.map(({ name }, index) => `${name} = ${losses[index + 1]}`).join(", ");
  const whose = broken.length > 0
    ? `the loss ${broken.map(({ name }) => name).join(" and ")}`
    : "the sum of the losses";
  return {
    message: `${whose} is not finite ${when}: ${values}`,
    place: broken[0]?.stage.place ?? place,
    hint: "lower the learning rate or the loss's weight, or look for a stage that divides by 0",
  };
}

/** All outputs of all nets that the losses read. */
function forward({ model: { pair, terms }, state: { values }, input }: BrokenStep): TensorsByName {
  const names = terms.flatMap((term) =>
    term.form === "task" ? [term.on.net] : term.pairs.flatMap(({ from, to }) => [from.net, to.net])
  );
  return tf.tidy(() => {
    const forward = new Forward(pair, {
      values,
      features: input.features,
      training: true,
      seed: () => tf.scalar(0, "int32"),
    });
    return Object.fromEntries(
      [...new Set(names)].flatMap((net) =>
        Object.entries(forward.outputs(net)).map(([name, tensor]) => [`${net}.${name}`, tensor])
      ),
    );
  });
}

/** The first tensor that is not finite, with the first such number and its row. */
async function firstBroken(
  tensors: TensorsByName,
): Promise<{ name: string; number: number; row: number } | undefined> {
  for (const [name, tensor] of Object.entries(tensors)) {
    if (tensor.dtype !== "float32") continue;
    const values = await tensor.data<"float32">();
    const index = values.findIndex((value) => !Number.isFinite(value));
    if (index < 0) continue;
    const width = tensor.size / (tensor.shape[0] ?? 1);
    return { name, number: values[index]!, row: Math.floor(index / width) };
  }
  return undefined;
}
