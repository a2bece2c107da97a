/**
 * Builds the nets of a plan for its data.
 *
 * @module
 */

import { WASM_BYTES } from "../engine/limits.ts";
import { describeValue } from "../base/describe_value.ts";
import * as tf from "@tensorflow/tfjs";
import { type Problem, UserError } from "../base/errors.ts";
import { hint, type HintText, nameHint } from "../base/hints.ts";
import { columnsOf } from "../pipeline/plan/stage_options.ts";
import { OUTSIDE } from "../pipeline/plan/losses.ts";
import type {
  Plan,
  PlannedLoss,
  PlannedPhase,
  PlannedStage,
  PlannedTeacher,
} from "../pipeline/plan.ts";
import { type LabelPart, labelPart, unitsOf } from "../stages/labels.ts";
import { callStage, StageError, type StageReference } from "../stages/stage_error.ts";
import type { Batch, ColumnSpec, LabelSpec } from "../stages/batch.ts";
import type { GradientContext, GradientPolicy, Position } from "../stages/gradient.ts";
import type { HintLoss, TaskLoss } from "../stages/loss.ts";
import { notNumbers } from "../stages/meaning.ts";
import {
  type BuiltNets,
  type NetName,
  type Outputs,
  readsOf,
  type Variable,
} from "../stages/network.ts";
import type { Optimizer } from "../stages/optimizer.ts";
import type { Schedule, ScheduleStage } from "../stages/schedule.ts";
import type { PlannedMetric } from "../train/evaluate.ts";
import { metricByGroup } from "../train/metric_by_group.ts";
import { Forward } from "../train/forward.ts";
import { withLabelOutputs } from "../train/label_outputs.ts";
import { parseOutput, type Term } from "../train/objective.ts";
import { firstBatch, type PreparedData } from "../input/prepare_data.ts";
import { inputsOf } from "./model/describe.ts";
import { axisProblem, type Meaning } from "./model/axes.ts";
import { auxiliaryHead, HEAD_OUTPUT, lightOutputs } from "./auxiliary_head.ts";
import { baseRateBias } from "./output_bias.ts";
import {
  refuseBeyondWasm,
  refuseLargeLayers,
  refuseLargeNets,
  refuseLargeOutputs,
  type SizedOutput,
} from "./sizes.ts";
import { type Model, slotVariables } from "../train/step.ts";
import { scaledTeacher } from "../train/teacher_scale.ts";
import { batchTensors } from "../train/tensors.ts";
import { DeclaredVariables, initialValues, type TensorsByName } from "../train/variables.ts";

/** The names of the features that nets read. */
type Reads = Readonly<Partial<Record<NetName, readonly string[]>>>;

/** The nets of one phase of a job, ready to be trained. */
export interface PreparedNets {
  /** The nets that the phase computes. */
  readonly nets: readonly NetName[];
  /** The nets with losses and optimizer, as a training step needs them. */
  readonly model: Model;
  /** The network's stage, for messages. */
  readonly network: StageReference;
  /** The metrics. */
  readonly metrics: readonly PlannedMetric[];
  /** The learning rate at a position. */
  readonly learningRate: Schedule;
  /** The shapes of the outputs by `NET.OUTPUT`, without the batch axis. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /**
   * The features that each net reads, by name; without nets that read all features.
   */
  readonly reads: Reads;
  /** The features and classes that the positions along variables' axes represent. */
  readonly meaning: Meaning;
}

/**
 * Returns the nets that a plan builds: the light net, and the booster net if any phase computes it.
 *
 * @param plan The plan.
 */
export function netsOf({ phases }: Plan): NetName[] {
  return phases.some(({ nets }) => nets.includes("booster")) ? ["light", "booster"] : ["light"];
}

/**
 * Returns the phase in which the baseline trains the light net alone: a copy of the last phase,
 * without the booster, without hints of outside teachers, and without frozen variables.
 *
 * @param plan The plan.
 */
export function phaseAlone({ phases }: Plan): PlannedPhase {
  const { select, stop, ...phase } = phases.at(-1)!;
  const own = select?.startsWith("booster/") ? undefined : select;
  const losses = phase.losses.filter(({ teacher }) => !teacher);
  return { ...phase, losses, nets: ["light"], frozen: new Set(), select: own, stop };
}

/**
 * Builds the nets, losses, and metrics of a job's phase with the engine that is open.
 *
 * @param plan The plan.
 * @param data The rows.
 * @param nets The nets of the job. All phases of a job must have the same nets, so that they have
 *   the same variables.
 * @param phase The phase; the first by default.
 * @returns The nets.
 * @throws {UserError} If the plan's stages do not fit the data or one another.
 */
export function prepareNets(
  plan: Plan,
  data: PreparedData,
  nets: readonly NetName[],
  phase: PlannedPhase = plan.phases[0]!,
): PreparedNets {
  const computed = nets.filter((net) => phase.nets.includes(net));
  const { label } = data;
  const features = data.transforms.features ?? data.splits.train.features;
  const units = unitsOf(label);
  const variables = new DeclaredVariables(
    plan.outputBias === "base-rate" ? baseRateBias(label) : undefined,
  );
  const { stage, options, reference } = plan.network;
  const created = callStage(
    reference,
    "create()",
    () => stage.create(options, { features, label, units, nets, variables }),
  );
  const pair = withLabelOutputs(guarded(created, nets, reference), label);
  refuseUnsaidBatchNorm(plan, variables.all);
  refuseNoOutputBias(plan, variables.all);
  const optimizer = callStage(
    phase.optimizer.reference,
    "create()",
    () => phase.optimizer.stage.create(phase.optimizer.options, {}),
  );
  refuseNoOptimizer(optimizer, phase.optimizer.reference);
  const meaning: Meaning = {
    features: Object.entries(data.splits.train.features).map(([name, spec]) => ({ name, spec })),
    inputs: inputsOf(data),
    label,
  };
  refuseOtherAxes(variables.all, meaning, reference);
  const refuseLarge = () => {
    const model = { variables: variables.all, frozen: phase.frozen };
    const { name } = phase.optimizer.reference, slots = Object.keys(optimizer.slots).length;
    const moved = slotVariables(model);
    refuseLargeNets(
      { variables: variables.all, moved, optimizer: { name, slots } },
      data.available,
      reference.place,
    );
    refuseLargeLayers(variables.all, rows, engineBytes, reference.place);
  };
  const rows = Math.min(plan.part, data.splits.train.rows);
  const engineBytes = tf.getBackend() === "wasm"
    ? Math.min(data.available, WASM_BYTES)
    : data.available;
  refuseLarge();
  const { shapes: own, distinct, reads } = outputShapes(
    ...[plan, data, pair, nets, variables, units, features] as const,
  );
  refuseLargeOutputs(distinct, rows, engineBytes, reference.place);
  const problems: Problem[] = [];
  let exitCode: 1 | 2 = 2;
  const collect = <T>(make: () => T): T[] => {
    try {
      return [make()];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(...error.problems);
      if (error instanceof StageError) exitCode = 1;
      return [];
    }
  };
  const losses = lossesOf(phase, computed);
  const head = auxiliaryHead(plan, { losses, shapes: own, units, variables });
  const shapes = head ? { ...own, [HEAD_OUTPUT]: [units] } : own;
  const outside = data.splits.train.specs.teachers ?? {};
  const shapesOf = ({ teacher }: PlannedLoss) => {
    if (!teacher) return shapes;
    const spec = outside[teacher.name];
    if (spec) refuseOtherUnits(teacher, spec, label, units);
    return { ...shapes, [`${OUTSIDE}.logits`]: [units] };
  };
  const terms = losses
    .flatMap((loss) => collect(() => makeTerm(loss, shapesOf(loss), label, variables)));
  const metrics = metricsOf(plan, computed)
    .flatMap((planned) => collect(() => makeMetric(planned, label, computed)));
  if (problems.length > 0) throw new UserError(problems, { exitCode });
  // Check again with the variables of losses, which are declared by now.
  refuseLarge();
  if (terms.length === 0) {
    throw new UserError(`the ${computed.join(" and ")} net has no loss to train on`, {
      place: phase.place,
      hint: hint("nets/loss", `add a loss with \`on: ${computed[0]}\``, { edit: "the losses" }),
      exitCode: 2,
    });
  }
  return {
    nets: computed,
    network: reference,
    model: {
      pair: { ...pair, head },
      variables: variables.all,
      terms,
      optimizer,
      optimizerStage: phase.optimizer.reference,
      tables: phase.optimizer.tables,
      embeddingL2: phase.optimizer.embeddingL2,
      clip: phase.clip,
      frozen: phase.frozen,
      rowWeights: data.rowWeights,
    },
    metrics,
    learningRate: scheduled(phase.optimizer.learningRate, phase.optimizer.schedule),
    shapes,
    reads,
    meaning,
  };
}

/** The change that a hint about the code of a stage asks for. */
const stageCode = { edit: "the stage" };

/**
 * Rejects networks with variables that are not trainable but without `batchNorm`. Running
 * statistics depend on batches, and Rocket must know about them to avoid a small last batch.
 */
function refuseUnsaidBatchNorm({ network }: Plan, variables: readonly Variable[]): void {
  const running = variables.find(({ trainable }) => !trainable);
  if (!running || network.stage.batchNorm !== undefined) return;
  throw new StageError(
    network.reference,
    `declares the variable ${running.name}, which is not trainable, but does not declare batchNorm`,
    {
      hint: hint(
        "network/batch-norm",
        "add `batchNorm: true` to defineNetwork(), or `batchNorm: false` if the network has no batch norm",
        stageCode,
      ),
    },
  );
}

/** Rejects an initial output bias if the network declares no bias of its outputs. */
function refuseNoOutputBias(
  { network, outputBias, document }: Plan,
  variables: readonly Variable[],
): void {
  if (outputBias !== "base-rate") return;
  if (variables.some(({ initializer }) => initializer.kind === "output bias")) return;
  throw new UserError(
    `the network ${network.reference.name} declares no variable as the bias of its outputs, as \`outputBias: base-rate\` requires`,
    {
      place: document.place(["network", "outputBias"]),
      hint: hint(
        "network/output-bias",
        'remove `outputBias`, or declare the bias with `initializer: { kind: "output bias" }` in the stage',
        { remove: ["."] },
      ),
      exitCode: 2,
    },
  );
}

/** Checks the declared axes of variables, because later runs match weights by them. */
function refuseOtherAxes(
  variables: readonly Variable[],
  meaning: Meaning,
  stage: StageReference,
): void {
  for (const { name, shape, axes } of variables) {
    for (const [index, axis] of (axes ?? []).entries()) {
      const problem = axisProblem({ axis, size: shape[index]!, meaning });
      if (problem === undefined) continue;
      throw new StageError(
        stage,
        `declared axis ${index} of ${name} as ${JSON.stringify(axis)}, which ${problem}`,
        {
          hint: hint(
            "network/axes",
            "correct the `axes` of the variable: they declare the meaning of each position, see docs/plugins.md",
            stageCode,
          ),
        },
      );
    }
  }
}

function refuseNoOptimizer(optimizer: Partial<Optimizer> | undefined, stage: StageReference): void {
  if (typeof optimizer?.update !== "function") {
    throw new StageError(
      stage,
      `created ${describeValue(optimizer?.update)} as \`update\`; expected a function`,
      {
        hint: hint(
          "optimizer/create",
          "`update` is a function from { value, gradient, slots, learningRate, step } to { value, slots }",
          stageCode,
        ),
      },
    );
  }
  const { slots } = optimizer;
  const numbers = slots && Object.values(slots).every((start) => Number.isFinite(start));
  if (numbers) return;
  throw new StageError(
    stage,
    `has ${describeValue(slots)} as \`slots\`; expected an object of numbers`,
    {
      hint: hint(
        "optimizer/slots",
        "`slots` has the start value of each slot, such as { momentum: 0 }, or is {}",
        stageCode,
      ),
    },
  );
}

/** Wraps the nets, so that the outputs of each call are checked. */
function guarded(
  pair: BuiltNets,
  nets: readonly NetName[],
  stage: StageReference,
): BuiltNets {
  const checked = nets.map((name) => {
    const net = pair?.[name];
    if (typeof net !== "function") {
      throw new StageError(
        stage,
        `returned ${describeValue(net)} as the ${name} net; expected a function`,
        {
          hint: hint(
            "network/create",
            "return { light, booster } from create(), two functions of features and scope",
            stageCode,
          ),
        },
      );
    }
    const guardedNet: typeof net = (features, scope) => {
      const outputs = callStage(stage, `its ${name} net`, () => net(features, scope));
      for (const [output, value] of Object.entries(outputs ?? {})) {
        if (!(value instanceof tf.Tensor)) {
          throw new StageError(
            stage,
            `returned ${describeValue(value)} as ${name}.${output}; expected a tensor`,
          );
        }
      }
      if (!outputs?.logits) {
        throw new StageError(stage, `returned ${describeValue(outputs)} without ${name}.logits`, {
          hint: hint(
            "network/logits",
            "return { logits, … } from the function of each net",
            stageCode,
          ),
        });
      }
      return outputs;
    };
    return [name, guardedNet];
  });
  return Object.fromEntries(checked);
}

/** Runs the nets on a few rows to find the shapes of their outputs, and the features they read. */
function outputShapes(
  plan: Plan,
  data: PreparedData,
  pair: BuiltNets,
  nets: readonly NetName[],
  variables: DeclaredVariables,
  units: number,
  specs: Readonly<Record<string, ColumnSpec>>,
): { shapes: Record<string, readonly number[]>; distinct: SizedOutput[]; reads: Reads } {
  if (tf.getBackend() === "wasm") refuseBeyondWasm(variables.all, plan.network.reference.place);
  const batch = firstBatch(plan, data, 2);
  const values = initialValues(variables.all, plan.seed);
  const read = new Set<string>();
  try {
    const distinct = new Map<object, SizedOutput>();
    const shapes = tf.tidy(() => {
      const forward = new Forward(pair, {
        values,
        features: noted(batchTensors(batch).features, read),
        training: false,
        seed: () => tf.scalar(0, "int32"),
      });
      return Object.fromEntries(nets.flatMap((net) => {
        let outputs: Outputs;
        try {
          outputs = forward.outputs(net);
        } finally {
          // Ids used as numbers are the cause of whatever the net returned or threw.
          refuseIds(plan, specs, read);
        }
        const expected = [batch.size, units].join();
        if (outputs.logits.shape.join() !== expected) {
          throw new StageError(
            plan.network.reference,
            `returned ${net}.logits of shape [${outputs.logits.shape}]; expected [${expected}]`,
            {
              hint: hint(
                "network/units",
                "a net returns as many logits as `units` in the context of create()",
                stageCode,
              ),
            },
          );
        }
        return Object.entries(outputs).map(([name, tensor]) => {
          const output = { name: `${net}.${name}`, shape: tensor.shape.slice(1) };
          // Outputs that both nets share, or that are reshaped, use the same memory: count it once.
          if (!distinct.has(tensor.dataId)) distinct.set(tensor.dataId, output);
          return [output.name, output.shape];
        });
      }));
    });
    const reads = readsOfNets({ pair, nets, values, names: Object.keys(specs) }, batch);
    return { shapes, distinct: [...distinct.values()], reads };
  } finally {
    tf.dispose(values);
  }
}

/** The nets whose features {@linkcode readsOfNets} finds. */
interface ReadingNets {
  readonly pair: BuiltNets;
  readonly nets: readonly NetName[];
  readonly values: TensorsByName;
  /** The names of all features. */
  readonly names: readonly string[];
}

/**
 * Finds the features that each net reads. Each net runs by itself, because what both nets compute
 * together is computed only once.
 */
function readsOfNets({ pair, nets, values, names }: ReadingNets, batch: Batch): Reads {
  if (names.length === 1) return {};
  return Object.fromEntries(nets.flatMap((net): [NetName, string[]][] => {
    const read = new Set<string>();
    tf.tidy(() => {
      const { features } = batchTensors(batch);
      new Forward(pair, {
        values,
        features: noted(features, read),
        training: false,
        seed: () => tf.scalar(0, "int32"),
      }).outputs(net);
    });
    const own = names.filter((name) => read.has(name));
    return own.length === 0 || own.length === names.length ? [] : [[net, own]];
  }));
}

/** Returns tensors by name that record which of them are read. */
function noted(tensors: TensorsByName, read: Set<string>): TensorsByName {
  return new Proxy(tensors, {
    get(target, name) {
      if (Object.hasOwn(target, name)) read.add(String(name));
      return Reflect.get(target, name);
    },
  });
}

/**
 * Rejects features whose values are not numbers if the nets read them as numbers. Reports all of
 * them together.
 */
function refuseIds(
  { network: { stage, options, reference }, document }: Plan,
  specs: Readonly<Record<string, ColumnSpec>>,
  read: ReadonlySet<string>,
): void {
  const problems = [...read].flatMap((name): Problem[] => {
    const spec = specs[name];
    if (!spec || spec.dtype === "int32" && readsOf(stage, options) === "numbers and ids") return [];
    const no = notNumbers(name, spec);
    return no
      ? [{
        message: `the feature ${name} ${no.holds}, but the network ${reference.name} reads numbers`,
        place: document.place(["data", "features", name]) ?? reference.place,
        hint: no.hint,
      }]
      : [];
  });
  if (problems.length > 0) throw new UserError(problems, { exitCode: 2 });
}

/**
 * Returns the losses of a phase that compare outputs of the given nets only.
 *
 * @param phase The phase.
 * @param nets The nets that are computed.
 */
export function lossesOf({ losses }: PlannedPhase, nets: readonly NetName[]): PlannedLoss[] {
  return losses.filter(({ comparisons }) =>
    comparisons.flat().every((output) => {
      const net = netOf(output);
      return net === OUTSIDE || nets.includes(net);
    })
  );
}

/**
 * Returns the metrics of a plan that can be measured with the given nets.
 *
 * @param plan The plan.
 * @param nets The nets that are computed.
 */
export function metricsOf(
  { metrics }: Pick<Plan, "metrics">,
  nets: readonly NetName[],
): Plan["metrics"][number][] {
  return metrics.filter(({ stage }) =>
    nets.length === 2 || stage.needs === "light" && (stage.per === "net" || nets.includes("light"))
  );
}

/**
 * Calls the `create` function of a loss stage, and makes a term of the total loss from the result.
 *
 * @param loss The planned loss.
 * @param shapes The shapes of the nets' outputs by `NET.OUTPUT`.
 * @param labels The label, or several labels.
 * @param variables Takes the variables of the loss.
 * @throws {UserError} If the loss does not fit the outputs.
 */
export function makeTerm(
  { stage, options, reference, name, comparisons, weight, schedule, gradient, ...loss }:
    PlannedLoss,
  shapes: PreparedNets["shapes"],
  labels: LabelSpec,
  variables: DeclaredVariables,
): Term {
  const { teacher, teacherScale } = loss;
  const part = labelPart(labels, loss.label), label = part?.spec ?? labels;
  const shapeOf = (
    output: string,
    place = reference.place,
    names: readonly string[] = Object.keys(shapes),
  ) => {
    if (names.includes(output)) return shapes[output]!;
    throw new UserError(`the nets have no output ${output}`, {
      place,
      hint: headHint(output, shapes) ?? nameHint("loss/output", {
        written: output,
        names,
        intro: "the outputs are",
        change: () => ({ edit: "the output that the loss reads" }),
      }),
    });
  };
  // A phase may compute only the nets that its losses compare.
  const compared = new Set(comparisons.flat().map(netOf));
  const visible = Object.keys(shapes).filter((output) => compared.has(netOf(output)));
  const policyOf = (outputs: readonly string[], prefix: string): GradientPolicy => {
    const context: GradientContext = {
      label,
      shapes: outputs.map((output) => shapeOf(output)),
      shapeOf: (output) => shapeOf(output, gradient.reference.place, visible),
      variables: variables.ofLoss(`${prefix}/gradient`),
    };
    const policy = callStage(
      gradient.reference,
      "create()",
      () => gradient.stage.create(gradient.options, context),
    );
    if (!Array.isArray(policy) || policy.length === 0) {
      throw new StageError(
        gradient.reference,
        `created ${describeValue(policy)}; expected a list of passes`,
        { hint: hint("gradient/create", "return [{ from, to, shared }] from create()", stageCode) },
      );
    }
    for (const { teacher, student } of policy) {
      [teacher, student].forEach((head) => head?.reads.forEach(context.shapeOf));
    }
    return policy;
  };
  const prefixOf = (index: number) => comparisons.length === 1 ? name : `${name}/${index + 1}`;
  const policy = policyOf(comparisons[0]!, prefixOf(0));
  const hasHeads = policy.some(({ teacher, student }) => teacher || student);
  if (stage.form === "task" && policy.some(({ reversed, loss }) => reversed || loss || hasHeads)) {
    throw new UserError(
      `the gradient policy ${gradient.reference.name} ${
        hasHeads ? "puts a head between the nets" : "sends gradients to the teacher"
      }, so it only works for hint losses: this loss compares with the label, which has no weights to train`,
      {
        place: gradient.reference.place,
        hint: hint(
          "gradient/task",
          "remove `gradient`, or use none, scale, ramp or block-shared",
          [{ remove: ["."] }, { set: { ".": "none" } }],
        ),
      },
    );
  }
  if (teacher && (hasHeads || policy.some(({ reversed, loss }) => reversed || loss))) {
    throw new UserError(
      `the gradient policy ${gradient.reference.name} ${
        hasHeads ? "puts a head in place of a net" : "trains the teacher as well"
      }, but the teacher of this loss is outside the run`,
      {
        place: gradient.reference.place,
        hint: hint("gradient/outside", "remove `gradient`, or use block", [
          { remove: ["."] },
          { set: { ".": "block" } },
        ]),
        exitCode: 2,
      },
    );
  }
  const make = (outputs: readonly string[], prefix: string) => {
    const context = {
      label,
      shapes: outputs.map((output) => shapeOf(output)),
      variables: variables.ofLoss(prefix),
    };
    const compute = naming(
      part,
      () => callStage(reference, "create()", () => stage.create(options, context)),
    );
    if (typeof compute === "function") return compute;
    throw new StageError(reference, `created ${describeValue(compute)}; expected a function`, {
      hint: hint("loss/create", "return a function of two tensors from create()", stageCode),
    });
  };
  const changing = schedule && { schedule: scheduled(1, schedule) };
  const columns = columnsOf(stage, options);
  const base = {
    name,
    stage: reference,
    weight,
    ...changing,
    policy,
    gradient: gradient.reference,
    columns,
    label: part,
  };
  if (stage.form === "task") {
    const [outputs] = comparisons;
    const compute = make(outputs!, name) as TaskLoss;
    const on = parseOutput(outputs![0]!);
    const guess = label.kind !== "number" && /^([^.]+\.)?logits$/.test(on.output)
      ? shapes[outputs![0]!]
      : undefined;
    return { ...base, form: "task", compute, on, guess };
  }
  refuseNoProbability({ reference, comparisons, teacherScale }, shapes, label);
  const makeHint = (outputs: readonly string[], prefix: string): HintLoss => {
    const compute = make(outputs, prefix) as HintLoss;
    return teacherScale === undefined
      ? compute
      : (from, to, scope) => compute(scaledTeacher(from, teacherScale), to, scope);
  };
  if (teacher) {
    const [outputs] = comparisons;
    return {
      ...base,
      form: "hint",
      compute: makeHint(outputs!, name),
      to: parseOutput(outputs![1]!),
      outside: { name: teacher.name, skip: teacher.missing === "skip" },
    };
  }
  const turned = policy.some(({ reversed }) => reversed);
  const pairs = comparisons.map((outputs, index) => {
    const prefix = prefixOf(index);
    const [from, to] = outputs.map(parseOutput);
    return {
      from: from!,
      to: to!,
      compute: makeHint(outputs, prefix),
      // Each pair has heads of its own.
      ...(hasHeads && index > 0 && { policy: policyOf(outputs, prefix) }),
      ...(turned && { reversed: makeHint(outputs.toReversed(), `${prefix}/reversed`) }),
    };
  });
  return { ...base, form: "hint", pairs };
}

/** Rejects a teacher whose output does not have as many numbers as the logits of the nets. */
function refuseOtherUnits(
  { column, from, of, place }: PlannedTeacher,
  { shape }: ColumnSpec,
  label: LabelSpec,
  units: number,
): void {
  if (label.kind === "number" && of === "probabilities") {
    throw new UserError("a label that is a number has no probabilities", {
      place: place("of"),
      hint: hint(
        "teacher/of-number",
        "remove `of`: the column has predicted numbers, like the label",
        { remove: ["."] },
      ),
      exitCode: 2,
    });
  }
  if (shape.length === 1 && shape[0] === units) return;
  const got = shape.join() === "1" ? "one number" : `values of the shape [${shape.join(", ")}]`;
  const wanted = units === 1
    ? label.kind === "number"
      ? "one number per row, as the label"
      : "one number per row: that of the positive class"
    : `a list of ${units} numbers per row, one for each class`;
  const subject = from ? `the ${column}` : `the column ${column}`;
  throw new UserError(`${subject} has ${got} in each row; expected ${wanted}`, {
    place: place("column") ?? place(),
    hint: hint("teacher/units", "name a column with the output of a teacher for the same label", {
      edit: "the column of the teacher",
    }),
    exitCode: 2,
  });
}

/** Returns the hint for a loss that reads the auxiliary head of a pipeline that has none. */
function headHint(output: string, shapes: PreparedNets["shapes"]): HintText | undefined {
  const from = lightOutputs(shapes).at(-1);
  return output === HEAD_OUTPUT && from !== undefined
    ? hint("loss/no-head", `add \`auxiliary: { from: ${from} }\` to \`network\``, {
      set: { "/network/auxiliary": { from } },
    })
    : undefined;
}

/** Rejects a factor of the teacher's probability if an output does not stand for a probability. */
function refuseNoProbability(
  { reference, comparisons, teacherScale }: Pick<
    PlannedLoss,
    "reference" | "comparisons" | "teacherScale"
  >,
  shapes: PreparedNets["shapes"],
  { kind }: LabelSpec,
): void {
  if (typeof teacherScale !== "object") return;
  const { probability } = teacherScale;
  const other = comparisons.map(([from]) => from!).find((from) =>
    kind !== "binary" || (shapes[from] ?? [1]).join() !== "1" || !/\.(logits|auxiliary)$/.test(from)
  );
  if (other === undefined) return;
  throw new UserError(
    `\`teacherScale: { probability: ${probability} }\` requires a binary label and the logits of ` +
      `the teacher; the teacher's output is ${other}, and the label is ${labelText[kind]}`,
    {
      place: reference.place,
      hint: hint(
        "loss/teacher-probability",
        `write \`teacherScale: ${probability}\`, the factor of the output itself`,
        { set: { teacherScale: probability } },
      ),
      exitCode: 2,
    },
  );
}

const labelText = {
  class: "a class",
  binary: "binary",
  number: "a number",
  several: "not named",
} as const;

/**
 * Calls the `create` function of a metric stage, and checks the metric that it returns.
 *
 * @param planned The planned metric.
 * @param labels The label, or several labels.
 * @param nets The nets that are computed.
 * @throws {UserError} If the metric does not support the label.
 */
export function makeMetric(
  { stage, options, reference, name, label: named, by }: Plan["metrics"][number],
  labels: LabelSpec,
  nets: readonly NetName[],
): PlannedMetric {
  const part = labelPart(labels, named), label = part?.spec ?? labels;
  const metric = naming(
    part,
    () => callStage(reference, "create()", () => stage.create(options, { label, nets })),
  );
  if (typeof metric?.start !== "function") {
    throw new StageError(reference, `created ${describeValue(metric)}; expected a metric`, {
      hint: hint(
        "metric/create",
        "return an object with the method start() from create()",
        stageCode,
      ),
    });
  }
  const { per, better, values } = stage;
  return {
    ...{ stage: reference, name, per, better, values },
    metric: by === undefined ? metric : metricByGroup(metric, by),
    ...(part && { label: part }),
  };
}

/** Creates a loss or a metric. If it does not suit one of several labels, the error names the label. */
function naming<T>(part: LabelPart | undefined, create: () => T): T {
  try {
    return create();
  } catch (error) {
    if (!part || !(error instanceof UserError) || error instanceof StageError) throw error;
    const { exitCode, problems } = error;
    throw new UserError(
      problems.map(({ message, ...rest }) => ({
        ...rest,
        message: `for the label ${part.name}: ${message}`,
      })),
      { exitCode, cause: error },
    );
  }
}

/** Returns a value, such as the learning rate, times the factor of a schedule. */
function scheduled(
  value: number,
  { reference, stage, options }: PlannedStage<ScheduleStage>,
): Schedule {
  const factorAt = callStage(reference, "create()", () => stage.create(options, {}));
  return (position: Position) => {
    const factor = callStage(reference, "its schedule", () => factorAt(position));
    if (!Number.isFinite(factor)) {
      throw new StageError(
        reference,
        `returned ${describeValue(factor)} at step ${position.step}; expected a finite number`,
      );
    }
    return value * factor;
  };
}

const netOf = (output: string): NetName | typeof OUTSIDE => parseOutput(output).net;
