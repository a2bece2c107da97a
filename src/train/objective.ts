import { describeValue } from "../base/describe_value.ts";
import * as tf from "@tensorflow/tfjs";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { synchronizationOfWhole } from "../engine/cluster/synchronization.ts";
import { scaleGradient } from "../engine/ops.ts";
import { rowsOfAll } from "../engine/ops/rows_of_all.ts";
import { callStage, StageError, type StageReference } from "../stages/stage_error.ts";
import type { Factor, GradientPolicy, PolicyHead, Position } from "../stages/gradient.ts";
import type { LabelPart } from "../stages/labels.ts";
import type { HintLoss, LossScope, TaskLoss } from "../stages/loss.ts";
import type { NetName } from "../stages/network.ts";
import type { Forward, Gate } from "./forward.ts";
import { mapValues } from "../stages/parts.ts";
import type { BatchTensors } from "./tensors.ts";

/** A reference to an output of a net, such as `booster.logits`. */
export interface OutputReference {
  /** The net. */
  readonly net: NetName;
  /** The output's name. */
  readonly output: string;
}

/** The properties of all loss terms. */
interface TermBase {
  /** The term's name, unique in the run. */
  readonly name: string;
  /** The loss stage, for messages. */
  readonly stage: StageReference;
  /** The factor that multiplies the term in the total loss. */
  readonly weight: number;
  /** A factor that multiplies the weight and changes during the run. */
  readonly schedule?: ((position: Position) => number) | undefined;
  /** The policy that decides where gradients flow. */
  readonly policy: GradientPolicy;
  /** The stage of the policy, for messages. */
  readonly gradient?: StageReference | undefined;
  /** The columns of the source that the loss reads; none by default. */
  readonly columns?: readonly string[] | undefined;
  /** The label that the loss reads, if there are several. */
  readonly label?: LabelPart | undefined;
}

/** A loss that compares an output with the label. */
export interface TaskTerm extends TermBase {
  readonly form: "task";
  readonly compute: TaskLoss;
  readonly on: OutputReference;
  /**
   * The shape of one row of the logits. With all logits 0, the loss is that of a uniform guess.
   * Undefined if there is no such baseline.
   */
  readonly guess?: readonly number[] | undefined;
}

/** A comparison of one output of the teacher (`from`) with one of the student (`to`). */
export interface HintPair {
  readonly compute: HintLoss;
  /**
   * The loss with both outputs exchanged, for passes in the reverse direction; `compute` by
   * default.
   */
  readonly reversed?: HintLoss;
  readonly from: OutputReference;
  readonly to: OutputReference;
  /** The policy of this pair, whose heads have variables of their own; by default, the term's. */
  readonly policy?: GradientPolicy | undefined;
}

/** A loss between the two nets: the sum over pairs of a teacher's and a student's output. */
export interface HintTerm extends TermBase {
  readonly form: "hint";
  readonly pairs: readonly HintPair[];
  readonly outside?: undefined;
}

/** A teacher outside the run, whose logits are a part of each training batch. */
export interface OutsideTeacher {
  /** The name of its logits in batches. */
  readonly name: string;
  /** Whether the loss of rows without its logits is 0; otherwise, all rows have logits. */
  readonly skip: boolean;
}

/**
 * A loss between a teacher outside the run and a net. It exists only in training: other rows have
 * no outputs of the teacher.
 */
export interface OutsideTerm extends TermBase {
  readonly form: "hint";
  readonly outside: OutsideTeacher;
  readonly compute: HintLoss;
  /** The student's output. */
  readonly to: OutputReference;
}

/** A term of the total loss: a loss with its weight and its gradient policy. */
export type Term = TaskTerm | HintTerm | OutsideTerm;

/**
 * Lists the terms that can be computed in an evaluation: those that read no teacher outside the run.
 *
 * @param terms The loss terms.
 */
export function evaluatedTerms(terms: readonly Term[]): (TaskTerm | HintTerm)[] {
  return terms.filter((term): term is TaskTerm | HintTerm =>
    term.form === "task" || term.outside === undefined
  );
}

/**
 * Lists the outputs of nets that a term reads.
 *
 * @param term The loss term.
 */
export function outputsRead(term: Term): readonly OutputReference[] {
  if (term.form === "task") return [term.on];
  if (term.outside) return [term.to];
  const heads = policiesOf(term).flat().flatMap(({ teacher, student }) => [teacher, student]);
  return [
    ...term.pairs.flatMap(({ from, to }) => [from, to]),
    ...heads.flatMap((head) => head?.reads.map(parseOutput) ?? []),
  ];
}

/** This step's values of the weights and gradient factors that change during a run. */
export type FactorValues = ReadonlyMap<Factor, tf.Scalar>;

/**
 * Lists the factors that change during the run: the schedules of loss terms, and the factors in
 * their gradient policies that are functions of the position in the run. Their values are inputs of
 * a step, so that a captured graph stays valid for the whole run.
 *
 * @param terms The loss terms.
 * @returns The factors.
 */
export function changingFactors(
  terms: readonly Term[],
): readonly ((position: Position) => number)[] {
  const factors = terms.flatMap((term) => [
    term.schedule,
    ...policiesOf(term).flat().flatMap(({ from, to, shared }) => [from, to, shared]),
  ]);
  return [...new Set(factors.filter((factor) => typeof factor === "function"))];
}

/** Lists the policies of a term: one, or one for each pair of outputs. */
function policiesOf(term: Term): GradientPolicy[] {
  return term.form === "task" || term.outside
    ? [term.policy]
    : term.pairs.map(({ policy = term.policy }) => policy);
}

/**
 * Multiplies a loss term by its weight, and by this step's factor of its schedule.
 *
 * @param term The term.
 * @param loss The value of the term.
 * @param factors This step's values of the changing weights and gradient factors.
 */
export function weighted(
  { weight, schedule }: Term,
  loss: tf.Scalar,
  factors: FactorValues,
): tf.Scalar {
  return tf.mul(loss, schedule ? tf.mul(weight, factors.get(schedule)!) : weight);
}

/**
 * The columns of the source and the outputs of outside teachers that losses read from a batch, in
 * addition to the label.
 */
export interface PartsRead {
  /** The columns of the source. */
  readonly columns: readonly string[];
  /** The names of teachers outside the run. */
  readonly teachers: readonly string[];
  /**
   * Whether the values of the columns are already numbers that say which rows are equal; not by
   * default.
   */
  readonly areNumbered?: boolean;
}

/**
 * Lists the columns of the source and the outside teachers that losses read, in addition to the
 * label.
 *
 * @param terms The loss terms.
 */
export function partsRead(terms: readonly Term[]): PartsRead {
  const outside = terms.flatMap((term) =>
    term.form === "hint" && term.outside ? [term.outside.name] : []
  );
  return {
    columns: [...new Set(terms.flatMap(({ columns = [] }) => columns))],
    teachers: [...new Set(outside)],
  };
}

/**
 * Computes the value of a loss term as a scalar, before it is multiplied by the weight of the term.
 *
 * @param term The term.
 * @param forward The step's forward passes.
 * @param rows The labels and the weights of the rows, both `[batch]`. Without weights, all rows
 *   count equally. A loss that compares rows with each other returns a single number, which is not
 *   weighted.
 * @param factors This step's values of the changing gradient factors.
 * @returns The value.
 * @throws {StageError} If the loss returns neither one number per row nor a scalar.
 */
export function termLoss(
  term: Term,
  forward: Forward,
  rows: LabelledRows,
  factors: FactorValues,
): tf.Scalar {
  const labelled = rowsOfLabel(term, rows);
  const gate = (factor: Factor): Gate => typeof factor === "number" ? factor : factors.get(factor)!;
  const gated = (reference: OutputReference, factor: Factor, shared: Factor) => {
    // A blocked output receives no gradient, so it needs no separate pass with gated shared
    // variables.
    const outputs = forward.outputs(reference.net, factor === 0 ? 1 : gate(shared));
    return scaleGradient(outputs[reference.output]!, gate(factor));
  };
  const compared = comparedRows(term, labelled, (variable) => forward.read(variable));
  const { own: { scope } } = compared;
  const heads = new Map<PolicyHead, tf.Tensor>();
  const headOutput = (head: PolicyHead, standsFor: OutputReference, factor: Factor) => {
    let output = heads.get(head);
    if (!output) {
      const read = head.reads.map((name) => gated(parseOutput(name), 0, 1));
      output = callStage(gradientOf(term), "its head", () => head.compute(read, scope));
      expectStandIn(term, output, forward.outputs(standsFor.net)[standsFor.output]!);
      heads.set(head, output);
    }
    return scaleGradient(output, gate(factor));
  };
  const losses = policiesOf(term).flatMap((policy, index) =>
    policy.map((pass) => {
      const { from, to, shared, reversed } = pass;
      if (term.form === "task") {
        const output = gated(term.on, to, shared);
        return meanLoss(
          term,
          labelled,
          compared,
          ({ of, scope }) => term.compute(of(output), scope.label, scope),
        );
      }
      if (term.outside) {
        const { logits, known } = outsideLogits(term.outside, rows);
        const studentOutput = gated(term.to, to, shared);
        return meanLoss(
          term,
          labelled,
          compared,
          ({ of, scope }) => term.compute(of(logits), of(studentOutput), scope),
          known,
        );
      }
      const pair = term.pairs[index]!;
      const [teacher, student] = reversed ? [pair.to, pair.from] : [pair.from, pair.to];
      const side = (head: PolicyHead | undefined, output: OutputReference, factor: Factor) =>
        head ? headOutput(head, output, factor) : gated(output, factor, shared);
      const teacherOutput = side(pass.teacher, teacher, from);
      const studentOutput = side(pass.student, student, to);
      const compute = pass.loss ?? (reversed ? pair.reversed ?? pair.compute : pair.compute);
      const stage = pass.loss ? gradientOf(term) : term.stage;
      return meanLoss(
        { ...term, stage },
        labelled,
        compared,
        ({ of, scope }) => compute(of(teacherOutput), of(studentOutput), scope),
      );
    })
  );
  return losses.length === 1 ? losses[0]! : tf.addN(losses);
}

const gradientOf = ({ gradient, stage }: Term): StageReference => gradient ?? stage;

/**
 * Parses a reference to an output of a net, such as `booster.logits`.
 *
 * @param output The net and the output's name, with a dot in between.
 */
export function parseOutput(output: string): OutputReference {
  const [net, ...name] = output.split(".") as [NetName, ...string[]];
  return { net, output: name.join(".") };
}

/** Checks that the output of a policy's head has the shape of the output for which it stands in. */
function expectStandIn(term: Term, output: unknown, expected: tf.Tensor): void {
  if (output instanceof tf.Tensor && `${output.shape}` === `${expected.shape}`) return;
  throw new StageError(
    gradientOf(term),
    output instanceof tf.Tensor
      ? `computed a head of shape [${output.shape}]; expected [${expected.shape}], the shape of the output for which it stands in`
      : `computed ${describeValue(output)} as the output of a head; expected a tensor`,
  );
}

/**
 * Returns the logits of a teacher outside the run.
 *
 * @param teacher The teacher.
 * @param rows The rows.
 * @returns The logits, `[batch, units]`, with 0 in place of missing ones; and a number for each row,
 *   `[batch]`: 1 if it has logits, otherwise 0. It is undefined if all rows have logits.
 */
export function outsideLogits(
  { name, skip }: OutsideTeacher,
  { teachers }: LabelledRows,
): { readonly logits: tf.Tensor; readonly known: tf.Tensor1D | undefined } {
  const given = teachers![name]!;
  if (!skip) return { logits: given, known: undefined };
  const finite = tf.isFinite(given);
  return {
    logits: tf.where(finite, given, tf.zerosLike(given)),
    known: tf.cast(tf.all(finite, -1), "float32") as tf.Tensor1D,
  };
}

/**
 * Computes the loss of a uniform guess: the value of a loss term for logits of zero.
 *
 * @param term The loss term, which must have a `guess`.
 * @param rows The labels and the weights of the rows.
 * @param read Returns the value of a variable of the loss.
 * @returns The value, a scalar.
 * @throws {StageError} If the loss returns neither one number per row nor a scalar.
 */
export function uniformLoss(
  term: TaskTerm,
  rows: LabelledRows,
  read: LossScope["read"],
): tf.Scalar {
  const { label, weight, columns } = rowsOfLabel(term, rows);
  const zeros = tf.zeros([label.shape[0]!, ...term.guess!]);
  const loss = meanLoss(
    term,
    { label, weight },
    comparedRows(term, { label, weight, columns }, read),
    ({ scope }) => term.compute(zeros, label, scope),
  );
  return tf.mul(loss, term.policy.length);
}

/**
 * The label and the row weights of a batch, which losses need in addition to the nets' outputs. For
 * a part of a batch, also the fraction of the batch that the part is.
 */
export interface LabelledRows
  extends Pick<BatchTensors, "label" | "weight" | "columns" | "teachers"> {
  readonly share?: PartShare | undefined;
}

/**
 * Selects the label of a loss term among several labels. Rows without the label get the weight 0,
 * and the value 0 as their label.
 */
function rowsOfLabel({ label: part }: Term, rows: LabelledRows): LabelledRows {
  if (!part) return rows;
  const { label, weight, share, ...rest } = rows;
  const { at, size, spec, name } = part, count = label.shape[0]!;
  const own = tf.reshape(tf.slice2d(label as tf.Tensor2D, [0, at], [-1, size]), [
    count,
    ...spec.shape,
  ]);
  const typed = (values: tf.Tensor) => tf.cast(values, spec.dtype);
  const ofLabel = share && { ...share, weights: share.labels?.[name] ?? share.weights };
  if (!spec.masked) return { ...rest, label: typed(own), weight, share: ofLabel };
  // NaN is not equal to itself.
  const known = tf.equal(own, own);
  const first = spec.shape.length === 0 ? known : tf.all(known, -1);
  const mask = tf.cast(first, "float32");
  return {
    ...rest,
    label: typed(tf.where(known, own, tf.zerosLike(own))),
    weight: weight ? tf.mul(weight, mask) : mask,
    share: ofLabel,
  };
}

/**
 * The size of a part of a batch, as fractions of the batch. The losses of a part are multiplied by
 * these fractions, so that their sum over all parts is the loss of the batch.
 */
export interface PartShare {
  /** The fraction of the rows, for losses that return a single number. */
  readonly rows: tf.Scalar;
  /** The fraction of the sum of row weights, for losses that return one number per row. */
  readonly weights: tf.Scalar;
  /** The same fraction among the rows with a label, for each label that nulls mask. */
  readonly labels?: Readonly<Record<string, tf.Scalar>> | undefined;
}

/** The rows on which a loss is computed. */
interface ReadRows {
  readonly scope: LossScope;
  /** The weights of the rows; by default, all rows count equally. */
  readonly weight: tf.Tensor | undefined;
  /** Returns the values of these rows, given those of the rows of this process. */
  readonly of: <T extends tf.Tensor>(values: T) => T;
}

/** The rows that a loss reads in a cluster: those of this process, or of the whole batch. */
interface ComparedRows {
  /** The rows of this process; of the whole batch if the loss reads columns of the source. */
  readonly own: ReadRows;
  /** Whether `own` has the rows of all processes. */
  readonly isWhole: boolean;
  /**
   * Returns the rows of the whole batch, for a loss that compares rows with each other. They are
   * `own` if this process computes whole batches, or parts of them.
   */
  readonly whole: () => ReadRows;
}

function comparedRows(
  term: Term,
  { label, weight, columns = {} }: LabelledRows,
  read: LossScope["read"],
): ComparedRows {
  const own: ReadRows = { scope: { label, columns, read }, weight, of: (values) => values };
  let all: ReadRows | undefined;
  const whole = () => {
    if (!synchronizationOfWhole("rows")) return own;
    const of: ReadRows["of"] = (values) => rowsOfAll(values, synchronizationOfWhole("rows")!);
    return all ??= {
      scope: { label: of(label), columns: mapValues(columns, of), read },
      weight: weight && of(weight),
      of,
    };
  };
  const first = term.columns?.length ? whole() : own;
  return { own: first, isWhole: first !== own, whole };
}

function meanLoss(
  { stage, name, label: part }: Term,
  { share }: LabelledRows,
  { own, isWhole, whole }: ComparedRows,
  compute: (rows: ReadRows) => tf.Tensor,
  known?: tf.Tensor1D,
): tf.Scalar {
  const count = own.scope.label.shape[0]!;
  const loss = callStage(stage, "its loss", () => compute(own));
  if (!(loss instanceof tf.Tensor)) {
    throw new StageError(stage, `returned ${describeValue(loss)} as the loss; expected a tensor`, {
      hint: lossHint("batch"),
    });
  }
  if (loss.rank === 0) {
    if (known) throw refuseSkipped(name, stage);
    if (part?.spec.masked) throw comparesMasked(part.name, stage);
    // The processes compute the same value. Their shares of it sum to 1.
    const all = isWhole ? own : whole();
    const value = all === own ? loss : callStage(stage, "its loss", () => compute(all));
    return (share ? tf.mul(value, share.rows) : value) as tf.Scalar;
  }
  if (loss.rank === 1 && loss.shape[0] === count) {
    const { of, weight } = own;
    const each = known ? tf.mul(loss, of(known)) : loss;
    const mean = weight ? weightedMean(each, weight) : tf.mean(each) as tf.Scalar;
    return share ? tf.mul(mean, isWhole ? share.rows : share.weights) : mean;
  }
  throw new StageError(
    stage,
    `returned a tensor of shape [${loss.shape}] for a batch of ${count} rows`,
    { hint: lossHint(count) },
  );
}

/** Returns the error for a loss of a whole batch whose rows cannot be left out one by one. */
const refuseSkipped = (name: string, { place }: StageReference) =>
  new UserError(
    `the loss ${name} compares the rows of a batch with each other, so it cannot skip single rows`,
    {
      place,
      hint: hint(
        "loss/skip",
        "remove `missing: skip` of its teacher, or use a loss of single rows, such as kl",
        [{ remove: ["teacher/missing"] }, { set: { use: "kl" } }],
      ),
      exitCode: 2,
    },
  );

/** Creates the error for a loss that cannot leave out the rows without a label. */
function comparesMasked(label: string, { name, place }: StageReference): UserError {
  return new UserError(
    `the loss ${name} compares rows with each other, so it cannot leave out the rows without the label ${label}`,
    {
      place,
      hint: hint("loss/masked", `write \`nulls: drop\` at data.labels.${label}`, {
        set: { [`/data/labels/${label}/nulls`]: "drop" },
      }),
      exitCode: 2,
    },
  );
}

function weightedMean(loss: tf.Tensor, weight: tf.Tensor): tf.Scalar {
  const total = tf.sum(weight);
  // If all rows have the weight 0, the loss and its gradient are 0. No weight is divided by a number
  // that is smaller than itself, so the gradient is finite for any weights.
  const divisor = tf.where(tf.greater(total, 0), total, tf.onesLike(total));
  return tf.sum(tf.mul(loss, tf.div(weight, divisor)));
}

/** Returns a hint that describes what a loss must return for a number of rows. */
const lossHint = (rows: number | "batch") =>
  hint(
    "loss/value",
    `return one loss per row, a tensor of shape [${rows}], or their mean, a scalar of shape []`,
    {
      edit: "the stage",
    },
  );
