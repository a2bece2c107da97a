import { describeValue } from "../base/describe_value.ts";
import * as tf from "@tensorflow/tfjs";
import type { Collectives } from "../engine/cluster/collectives.ts";
import { CapturedFunction } from "../engine/capture/capture.ts";
import { allFinite, choose } from "../engine/finite.ts";
import { gatherNumbered, type RowGradient, writeNumbered } from "../engine/tables.ts";
import { deriveSeed } from "../base/random.ts";
import { callStage, StageError, type StageReference } from "../stages/stage_error.ts";
import type { GradientNorms } from "../stages/events.ts";
import type { Variable, VariableOwner } from "../stages/network.ts";
import type { Optimizer } from "../stages/optimizer.ts";
import type { TrainedNets } from "./auxiliary.ts";
import { type Clip, clipGradients, squaresByOwner } from "./clip.ts";
import { Forward } from "./forward.ts";
import {
  disposeUses,
  type Gradients,
  gradientsOf,
  summedRows,
  type UsedGradients,
  usedGradientsOf,
} from "./gradients.ts";
import type { Lookups } from "./lookups.ts";
import {
  changingFactors,
  type FactorValues,
  type PartShare,
  type Term,
  termLoss,
  weighted,
} from "./objective.ts";
import type { RowWeights } from "../stages/row_weights.ts";
import { type BatchTensors, rowsOf } from "./tensors.ts";
import { storedTogether, withTables } from "./table_groups.ts";
import {
  emptyTables,
  fillTable,
  firstValue,
  type GivenState,
  type TensorsByName,
} from "./variables.ts";

/** The parts of a training step that stay the same during a run. */
export interface Model {
  /** The nets, and the auxiliary head of the light net if a loss reads it. */
  readonly pair: TrainedNets;
  /** Their variables. */
  readonly variables: readonly Variable[];
  /** The loss terms. */
  readonly terms: readonly Term[];
  /** The rule that updates the variables. */
  readonly optimizer: Optimizer;
  /** The optimizer's stage, for messages. */
  readonly optimizerStage: StageReference;
  /** Which table rows a step updates: only those that it reads (`lazy`, the default), or all. */
  readonly tables?: "lazy" | "exact" | undefined;
  /** The factor λ of the penalty λ/2 · Σ w² on rows of tables; 0 by default. */
  readonly embeddingL2?: number | undefined;
  /** The largest allowed norm of gradients; unlimited by default. */
  readonly clip?: Clip | undefined;
  /**
   * The owners whose variables are frozen: they have no gradients or optimizer slots, and their
   * running statistics are used but not updated.
   */
  readonly frozen?: ReadonlySet<VariableOwner> | undefined;
  /** Factors of the weights of rows in training, by the class of a label; 1 by default. */
  readonly rowWeights?: RowWeights | undefined;
  /**
   * The processes of a cluster over which the rows of tables with `shard: true` are dealt; by
   * default, this process holds all tables.
   */
  readonly shards?: Collectives | undefined;
}

/**
 * The state of training that each step changes: the values of the variables, and the optimizer's
 * slots.
 */
export interface State {
  /** The variables' values by name. */
  readonly values: TensorsByName;
  /** The optimizer's slots, by the slot's name and the variable's name. */
  readonly slots: Readonly<Record<string, TensorsByName>>;
}

/**
 * The input of a step. It consists only of tensors, so that a step can be captured once and
 * replayed.
 */
export interface StepInput extends BatchTensors {
  /** The learning rate. */
  readonly learningRate: tf.Scalar;
  /** The number of the step, starting at 1. */
  readonly step: tf.Scalar;
  /** Numbers that the optimizer computes in float64 from the step number and learning rate. */
  readonly scalars: Readonly<Record<string, tf.Scalar>>;
  /** The step's seed, an int32 scalar. */
  readonly seed: tf.Scalar;
  /** If the rows are a part of a batch, its fractions of the batch's rows and of their weights. */
  readonly share?: PartShare | undefined;
  /** What a step needs in which other processes of a cluster take part. */
  readonly process?: ProcessInput | undefined;
  /** The values of changing weights and gradient factors, in the order of {@linkcode changingFactors}. */
  readonly factors: readonly tf.Scalar[];
}

/** The part of a step's input that only the processes of a cluster need. */
export interface ProcessInput {
  /** The fraction of the batch's rows that this process computes. */
  readonly rows: tf.Scalar;
  /** 1 if this process has been asked to stop, otherwise 0. */
  readonly stops: tf.Scalar;
  /**
   * A tensor without values, whose shape says how the rows of the batch are divided:
   * {@linkcode ProcessPart.layout}.
   */
  readonly layout: tf.Tensor2D;
}

/**
 * Sums the gradients and losses of all processes of a cluster, in a captured graph too.
 *
 * @param own The gradients of the rows of this process; they remain the caller's.
 * @param process The process's part of the step's input.
 */
export interface SumOverProcesses {
  (own: PartGradients, process: ProcessInput): SummedGradients;

  /**
   * Lets operations use statistics of the rows of all processes.
   *
   * @param process The process's part of the step's input.
   * @param run Computes the gradients of the rows of this process.
   */
  synchronized<T>(process: ProcessInput, run: () => T): T;

  /**
   * Refuses such operations, because the processes compute different numbers of parts of a batch.
   *
   * @param run Computes the gradients of a part.
   */
  inParts<T>(run: () => T): T;
}

/** The sums over all processes of a cluster; they belong to the enclosing `tf.tidy()`. */
export interface SummedGradients extends PartGradients {
  /** The number of processes that have been asked to stop. */
  readonly stops: tf.Scalar;
}

/** The results of a training step: the next state, the losses, and the norm of the gradients. */
export interface StepOutput {
  /** The state after the step. */
  readonly state: State;
  /** The total loss, followed by each term before its weight, `[1 + terms]`. */
  readonly losses: tf.Tensor1D;
  /**
   * The L2 norm of the gradients of all variables before clipping. It is NaN or infinite if any
   * gradient is.
   */
  readonly norm: tf.Scalar;
  /** In a cluster, the number of processes that have been asked to stop. */
  readonly stops?: tf.Scalar | undefined;
}

/**
 * Creates the state before the first step.
 *
 * @param model The model.
 * @param values The variables' initial values. The state takes ownership of them.
 * @param given Initial values of optimizer slots that replace the usual ones, by slot.
 * @returns The state.
 */
export function initialState(
  model: Model,
  values: TensorsByName,
  given: GivenState["slots"] = new Map(),
): State {
  const { optimizer } = model, variables = slotVariables(model);
  const together = storedTogether(model);
  const slots = Object.entries(optimizer.slots).map(([slot, start]) => {
    const initializer = { kind: "constant", value: start } as const;
    const tables = model.tables === "exact"
      ? undefined
      : emptyTables(variables, together, model.shards);
    return [
      slot,
      Object.fromEntries(
        variables.map((variable) => {
          const table = tables?.get(variable.name);
          if (!table) {
            return [variable.name, firstValue({ ...variable, initializer }, 0, given.get(slot))];
          }
          fillTable(table, { ...variable, initializer }, 0, given.get(slot));
          return [variable.name, table];
        }),
      ),
    ];
  });
  return { values: withTables(model, values), slots: Object.fromEntries(slots) };
}

/**
 * Lists the variables for which the optimizer keeps slots: those that training changes.
 *
 * @param model The model.
 * @returns The variables.
 */
export function slotVariables(model: Pick<Model, "variables" | "frozen">): readonly Variable[] {
  return movedVariables(model).filter(({ trainable }) => trainable);
}

/**
 * Runs one training step: the forward passes of both nets, the losses with their gradient policies,
 * the backward pass, and the optimizer. It is a pure function of its tensors, except that it writes
 * the touched rows of embedding tables in place (unless it updates all rows). The caller disposes
 * of the previous state.
 *
 * If a loss or the norm of the gradients is not finite, tables do not change. The caller must then
 * discard the returned state and continue with the previous state, which is still valid.
 *
 * @param model The model.
 * @param state The state before the step.
 * @param input The batch, the learning rate, and the seed.
 * @param sum Sums the gradients of all processes of a cluster; by default, there is only one.
 * @returns The state after the step, the losses, and the norm of the gradients.
 * @throws {StageError} If a loss or the optimizer returns an invalid value.
 */
export function trainStep(
  model: Model,
  state: State,
  input: StepInput,
  sum?: SumOverProcesses,
): StepOutput {
  return tf.tidy(() => {
    const gradients = () => partGradients(model, state.values, input);
    const own = sum ? sum.synchronized(input.process!, gradients) : gradients();
    const step = sum
      ? sumAndApply(model, state, own, input, sum)
      : applyOwn(model, state, own, input);
    return step as StepOutput & tf.TensorContainer;
  });
}

function applyOwn(
  model: Model,
  state: State,
  { updates, ...gradients }: PartGradients,
  input: StepInput,
): StepOutput {
  const output = applyGradients(model, state, gradients, input);
  disposeUses(gradients.uses);
  return {
    ...output,
    state: { ...output.state, values: { ...output.state.values, ...updates } },
  };
}

/** Updates the variables with the gradients of all processes of a cluster. */
function sumAndApply(
  model: Model,
  state: State,
  own: PartGradients,
  input: StepInput,
  sum: SumOverProcesses,
): StepOutput {
  const { updates, stops, ...gradients } = sum(own, input.process!);
  disposeUses(own.uses);
  tf.dispose([own.losses, ...Object.values(own.updates)]);
  const { state: next, ...output } = applyGradients(model, state, gradients, input);
  return { ...output, stops, state: { ...next, values: { ...next.values, ...updates } } };
}

/** The gradients of a batch, or of a part of one, and the losses. */
export interface PartGradients {
  /** The gradients by the variable's name, without variables that no loss depends on. */
  readonly gradients: TensorsByName;
  /** The rows of tables that were read, with their gradients. */
  readonly uses: UsedGradients["uses"];
  /** The total loss, followed by each term before its weight, `[1 + terms]`. */
  readonly losses: tf.Tensor1D;
  /** New values of variables that are not trainable, such as running statistics. */
  readonly updates: TensorsByName;
}

/**
 * Computes the losses of a batch, or of a part of one, and the gradients of the total loss.
 *
 * @param model The model.
 * @param values The variables' values.
 * @param input The rows.
 * @returns The gradients. Losses, updates, and rows of tables are kept from `tf.tidy()`.
 */
export function partGradients(
  model: Model,
  values: TensorsByName,
  input: StepInput,
): PartGradients {
  // The tape disposes of all tensors of its function, so other results must be kept. The caller
  // disposes of them together with the rest of the step's output.
  const { terms } = model;
  let losses!: tf.Tensor1D;
  let updates: TensorsByName = {};
  const { gradients, uses } = usedGradientsOf(movedVariables(model), values, (lookup) => {
    const forward = forwardPass(model, values, input, lookup);
    const factors = factorValues(terms, input);
    const each = terms.map((term) => termLoss(term, forward, input, factors));
    const total = tf.addN(
      each.map((loss, index) => weighted(terms[index]!, loss, factors)),
    );
    losses = tf.keep(tf.stack([total, ...each]) as tf.Tensor1D);
    updates = Object.fromEntries(forward.updates);
    for (const update of forward.updates.values()) tf.keep(update);
    return total as tf.Scalar;
  }, { tables: model.tables });
  const reached = Object.entries(gradients).filter(([, gradient]) => gradient);
  return { gradients: Object.fromEntries(reached) as TensorsByName, uses, losses, updates };
}

/**
 * Adds the gradient of the penalty on embeddings: λ · w for each row of a table that the step
 * updates, once for each row. Those are the rows that the step reads, or all rows with `exact`.
 */
function withPenalty(
  { embeddingL2, variables }: Model,
  values: TensorsByName,
  { gradients, rows }: Gradients,
): Gradients {
  if (!embeddingL2) return { gradients, rows };
  const penalized = (gradient: tf.Tensor, weights: tf.Tensor) =>
    tf.add(gradient, tf.mul(weights, embeddingL2));
  const whole = variables.filter(({ name, table }) => table && gradients[name]);
  return {
    gradients: {
      ...gradients,
      ...Object.fromEntries(
        whole.map(({ name }) => [name, penalized(gradients[name]!, values[name]!)]),
      ),
    },
    rows: new Map(
      [...rows].map(([name, row]) => [
        name,
        { ...row, values: penalized(row.values, row.rows) as tf.Tensor2D },
      ]),
    ),
  };
}

/**
 * Clips gradients and updates the variables with them.
 *
 * @param model The model.
 * @param state The state before the step.
 * @param gradients The gradients and losses of the whole batch.
 * @param numbers The numbers that the optimizer needs.
 * @returns The state after the step, the losses, and the norm of the gradients.
 * @throws {StageError} If the optimizer returns an invalid value.
 */
export function applyGradients(
  model: Model,
  state: State,
  { gradients: dense, uses, losses }: Omit<PartGradients, "updates">,
  numbers: UpdateNumbers,
): StepOutput {
  const summed = withPenalty(model, state.values, {
    gradients: dense,
    rows: summedRows(uses, state.values),
  });
  const { gradients, rows, norm } = clipGradients(summed, model.variables, model.clip);
  const sound = rows.size > 0 ? allFinite([losses, norm]) : undefined;
  const values: Record<string, tf.Tensor> = { ...state.values };
  const slots: Record<string, Record<string, tf.Tensor>> = {};
  for (const slot of Object.keys(state.slots)) slots[slot] = { ...state.slots[slot] };
  const take = (name: string, moved: Value) => {
    values[name] = moved.value;
    for (const slot of Object.keys(slots)) slots[slot]![name] = moved.slots[slot]!;
  };
  const vectors = movedTogether(model, gradients);
  for (const [name, moved] of moveVectors(model, vectors, state, gradients, numbers)) {
    take(name, moved);
  }
  for (const variable of model.variables) {
    const { name } = variable;
    const touched = rows.get(name), gradient = gradients[name];
    if (touched) moveRows(model, variable, state, touched, numbers, sound!);
    if (!gradient || vectors.includes(variable)) continue;
    take(name, move(model, variable, valueOf(state, name), gradient, numbers));
  }
  return { state: { values, slots }, losses, norm };
}

/** The numbers of a step that the optimizer needs. */
export type UpdateNumbers = Pick<StepInput, "learningRate" | "step" | "scalars">;

/**
 * Lists the variables that a step updates: those that are not frozen.
 *
 * @param model The model.
 * @returns The variables.
 */
export function movedVariables(
  { variables, frozen }: Pick<Model, "variables" | "frozen">,
): readonly Variable[] {
  return frozen ? variables.filter(({ owner }) => !frozen.has(owner)) : variables;
}

/**
 * Returns the values of the changing weights and gradient factors in a step.
 *
 * @param terms The loss terms.
 * @param input The step's input.
 * @returns The values by factor.
 */
export function factorValues(terms: readonly Term[], { factors }: StepInput): FactorValues {
  return new Map(changingFactors(terms).map((factor, index) => [factor, factors[index]!]));
}

/**
 * Creates the forward passes of a step.
 *
 * @param model The nets and which owners are frozen.
 * @param values The variables' values.
 * @param input The batch and the step's seed.
 * @param lookup Reads rows of embedding tables; by default, the tables get no gradient.
 * @returns The forward passes, which are computed on demand.
 */
export function forwardPass(
  { pair, frozen }: Pick<Model, "pair" | "frozen">,
  values: TensorsByName,
  input: StepInput,
  lookup?: Lookups["lookup"],
): Forward {
  return new Forward(pair, {
    values,
    lookup,
    frozen,
    features: input.features,
    training: true,
    seed: (purpose) => tf.add(input.seed, deriveSeed(0, purpose) >> 1).toInt() as tf.Scalar,
  });
}

/** A variable, or some of its rows, with the optimizer's slots. */
interface Value {
  readonly value: tf.Tensor;
  readonly slots: TensorsByName;
}

function valueOf({ values, slots }: State, name: string): Value {
  return {
    value: values[name]!,
    slots: Object.fromEntries(Object.keys(slots).map((slot) => [slot, slots[slot]![name]!])),
  };
}

/**
 * Updates the rows of the tables of a store that a step has read, in place. If losses or gradients
 * are not finite, the rows do not change. Several tables are only in one store if the optimizer
 * moves all numbers alike, so one variable can stand for all of them.
 */
function moveRows(
  model: Model,
  variable: Variable,
  state: State,
  { ids, values: gradient, rows: value }: RowGradient,
  numbers: UpdateNumbers,
  sound: tf.Scalar,
): void {
  const table = valueOf(state, variable.name);
  const rows = {
    value,
    slots: Object.fromEntries(
      Object.entries(table.slots).map(([slot, held]) => [slot, gatherNumbered(held, ids)]),
    ),
  };
  const shape = rows.value.shape;
  const moved = move(model, { ...variable, shape }, rows, gradient, numbers);
  writeNumbered(table.value, ids, choose(sound, moved.value, rows.value));
  for (const [slot, held] of Object.entries(table.slots)) {
    writeNumbered(held, ids, choose(sound, moved.slots[slot]!, rows.slots[slot]!));
  }
}

/**
 * Determines which variables are updated together, because the optimizer moves all numbers alike:
 * vectors, such as the biases of all layers. Other variables are larger, so that the time of a call
 * does not matter, and would have to be reshaped.
 */
function movedTogether(
  { optimizer, variables }: Model,
  gradients: Gradients["gradients"],
): readonly Variable[] {
  if (!optimizer.elementwise) return [];
  const vectors = variables.filter(({ name, shape }) => gradients[name] && shape.length === 1);
  return vectors.length > 1 ? vectors : [];
}

/** Updates vectors by one call of the optimizer. */
function moveVectors(
  model: Model,
  vectors: readonly Variable[],
  state: State,
  gradients: Gradients["gradients"],
  numbers: UpdateNumbers,
): Map<string, Value> {
  if (vectors.length === 0) return new Map();
  const own = vectors.map(({ name }) => valueOf(state, name));
  const sizes = vectors.map(({ shape }) => shape[0]!);
  const joined = (vectors: readonly tf.Tensor[]) => tf.concat(vectors as tf.Tensor1D[]);
  const slots = Object.keys(state.slots);
  const together: Value = {
    value: joined(own.map(({ value }) => value)),
    slots: Object.fromEntries(
      slots.map((slot) => [slot, joined(own.map(({ slots }) => slots[slot]!))]),
    ),
  };
  const shape = [sizes.reduce((sum, size) => sum + size, 0)];
  const moved = move(
    model,
    { ...vectors[0]!, shape },
    together,
    joined(vectors.map(({ name }) => gradients[name]!)),
    numbers,
  );
  const values = tf.split(moved.value, sizes);
  const slotValues = slots.map((slot) => [slot, tf.split(moved.slots[slot]!, sizes)] as const);
  return new Map(vectors.map(({ name }, index) => [name, {
    value: values[index]!,
    slots: Object.fromEntries(slotValues.map(([slot, parts]) => [slot, parts[index]!])),
  }]));
}

function move(
  { optimizer, optimizerStage }: Model,
  variable: Variable,
  { value, slots }: Value,
  gradient: tf.Tensor,
  { learningRate, step, scalars }: UpdateNumbers,
): Value {
  const { name, shape } = variable;
  const moved = callStage(
    optimizerStage,
    "update()",
    () => optimizer.update({ variable, value, gradient, slots, learningRate, step, scalars }),
  );
  for (
    const [what, tensor] of [
      ["value", moved?.value],
      ...Object.keys(slots).map((slot) => [`slot ${slot}`, moved?.slots?.[slot]] as const),
    ] as const
  ) {
    if (!(tensor instanceof tf.Tensor)) {
      throw new StageError(
        optimizerStage,
        `returned ${
          describeValue(tensor)
        } as the ${what} of the variable ${name}; expected a tensor`,
      );
    }
    if (tensor.shape.join() !== shape.join()) {
      throw new StageError(
        optimizerStage,
        `returned the ${what} of the variable ${name} with shape [${tensor.shape}]; expected [${shape}]`,
      );
    }
  }
  return moved;
}

/**
 * Measures the gradients of each loss term separately: the L2 norms of the weighted term's
 * gradients for each owner of variables. If a policy blocks a term, its norm is exactly 0. If a
 * schedule changes the weight of a term during the run, the norm does not include the schedule's
 * factor, which may be 0 at first.
 *
 * @param model The model.
 * @param state The variables and slots, which do not change.
 * @param input The batch.
 * @returns One element per loss term.
 */
export async function gradientNorms(
  model: Model,
  state: State,
  input: StepInput,
): Promise<GradientNorms[]> {
  // This function is captured although it runs only once, because a graph needs far less memory
  // than running op by op.
  const compute = new CapturedFunction(
    ({ state, input }: { state: State; input: StepInput }) => ({
      sums: model.terms.map((term) => squaredNorms(model, term, state, input)),
    }),
    { rows: ({ input }) => rowsOf(input) },
  );
  const { sums } = compute.call({ state, input });
  compute.dispose();
  const rows: GradientNorms[] = [];
  for (const [index, { name }] of model.terms.entries()) {
    const values = await sums[index]!.data();
    const norms = ownersOf(model).map((owner, index) => [owner, Math.sqrt(values[index]!)]);
    rows.push({
      loss: name,
      norms: Object.fromEntries(norms) as Partial<Record<VariableOwner, number>>,
    });
  }
  tf.dispose(sums);
  return rows;
}

/** Computes the sums of squares of a term's gradients by owner. */
function squaredNorms(model: Model, term: Term, { values }: State, input: StepInput): tf.Tensor {
  const { terms } = model, variables = movedVariables(model);
  const factors = factorValues(terms, input);
  return tf.tidy(() => {
    const gradients = gradientsOf(variables, values, (lookup) =>
      tf.mul(
        termLoss(term, forwardPass(model, values, input, lookup), input, factors),
        term.weight,
      ), { exchange: term.name });
    const squares = squaresByOwner(gradients, variables, term.name);
    return tf.stack(ownersOf(model).map((owner) => squares.get(owner) ?? tf.scalar(0)));
  });
}

const ownersOf = (model: Model) => [...new Set(movedVariables(model).map(({ owner }) => owner))];

/**
 * Disposes of the tensors of a state, except those that another state also holds.
 *
 * @param old The state to dispose of.
 * @param kept The state whose tensors are kept.
 */
export function disposeState(old: State, kept?: State): void {
  const held = new Set(kept ? tensorsOf(kept) : []);
  for (const tensor of tensorsOf(old)) {
    if (!held.has(tensor)) tensor.dispose();
  }
}

/**
 * Lists all tensors of a training state: the variables and the optimizer's slots.
 *
 * @param state The state.
 * @returns The tensors.
 */
export function tensorsOf({ values, slots }: State): tf.Tensor[] {
  return [...Object.values(values), ...Object.values(slots).flatMap((slot) => Object.values(slot))];
}
