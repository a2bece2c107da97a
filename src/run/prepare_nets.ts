/**
 * Builds the nets of a plan for its data.
 *
 * @module
 */

import { WASM_BYTES } from "../engine/limits.ts";
import { describeValue } from "../base/describe_value.ts";
import * as tf from "@tensorflow/tfjs";
import { type Problem, UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { appendTo } from "../base/long_lists.ts";
import { OUTSIDE } from "../pipeline/plan/losses.ts";
import type { Plan, PlannedLoss, PlannedPhase } from "../pipeline/plan.ts";
import { labelPart, unitsOf } from "../stages/labels.ts";
import { callStage, StageError, type StageReference } from "../stages/stage_error.ts";
import type { BuiltNets, NetName, Variable } from "../stages/network.ts";
import type { Optimizer } from "../stages/optimizer.ts";
import type { Schedule } from "../stages/schedule.ts";
import type { PlannedMetric } from "../train/evaluate.ts";
import { withLabelOutputs } from "../train/label_outputs.ts";
import type { PreparedData } from "../input/prepare_data.ts";
import { inputsOf } from "./model/describe.ts";
import { axisProblem, type Meaning } from "./model/axes.ts";
import { auxiliaryHead, headShapes } from "./auxiliary_head.ts";
import { forLabel } from "./for_label.ts";
import { makeMetric, metricsOf } from "./make_metric.ts";
import { lossesOf, makeTerm, type OutputShapes, refuseOtherUnits } from "./make_term.ts";
import { baseRateBias } from "./output_bias.ts";
import { outputShapes, type Reads } from "./output_shapes.ts";
import { scheduled } from "./scheduled.ts";
import { refuseLargeLayers, refuseLargeNets, refuseLargeOutputs } from "./sizes.ts";
import { type Model, slotVariables } from "../train/step.ts";
import { DeclaredVariables } from "../train/variables.ts";

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
  readonly shapes: OutputShapes;
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
 * @param processes The number of processes over which the rows of sharded tables are dealt.
 * @returns The nets.
 * @throws {UserError} If the plan's stages do not fit the data or one another.
 */
export function prepareNets(
  plan: Plan,
  data: PreparedData,
  nets: readonly NetName[],
  phase: PlannedPhase = plan.phases[0]!,
  processes = 1,
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
    const held = variables.all.map((variable) => heldBy(processes, variable));
    const model = { variables: held, frozen: phase.frozen };
    const { name } = phase.optimizer.reference, slots = Object.keys(optimizer.slots).length;
    const moved = slotVariables(model);
    refuseLargeNets(
      { variables: held, moved, optimizer: { name, slots } },
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
    ...[plan, data, pair, nets, variables, units, features, processes] as const,
  );
  refuseLargeOutputs(distinct, rows, engineBytes, reference.place);
  const problems: Problem[] = [];
  let exitCode: 1 | 2 = 2;
  const collect = <T>(make: () => T): T[] => {
    try {
      return [make()];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      appendTo(problems, error.problems);
      if (error instanceof StageError) exitCode = 1;
      return [];
    }
  };
  const losses = lossesOf(phase, computed);
  const head = auxiliaryHead(plan, { losses, shapes: own, label, variables });
  const shapes = head ? { ...own, ...headShapes(label) } : own;
  const outside = data.splits.train.specs.teachers ?? {};
  const shapesOf = ({ teacher }: PlannedLoss) => {
    if (!teacher) return shapes;
    const spec = outside[teacher.name], part = labelPart(label, teacher.label);
    const own = part?.units ?? units;
    if (spec) forLabel(part, () => refuseOtherUnits(teacher, spec, part?.spec ?? label, own));
    return { ...shapes, [`${OUTSIDE}.logits`]: [own] };
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

/** Returns a variable with as many rows as each process holds. */
function heldBy(processes: number, variable: Variable): Variable {
  const [rows, ...shape] = variable.shape;
  return variable.shard
    ? { ...variable, shape: [Math.ceil(rows! / processes), ...shape] }
    : variable;
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
