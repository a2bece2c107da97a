/**
 * Computes the logits and losses of a run's nets for an evaluation.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { openPlain } from "../../engine/cpu.ts";
import { type DeviceChoice, openEngine } from "../../engine/engine.ts";
import type { Batch, LabelSpec } from "../../stages/batch.ts";
import type { EvaluatedBatch } from "../../stages/metric.ts";
import type { NetName } from "../../stages/network.ts";
import { captured } from "../../train/captured.ts";
import {
  evaluateBatch,
  type EvaluatedModel,
  type EvaluationInput,
  evaluationStep,
  lossWeightsOf,
  UnknownLosses,
} from "../../train/evaluate.ts";
import { withLabelOutputs } from "../../train/label_outputs.ts";
import { evaluatedTerms, outputsRead, partsRead, type Term } from "../../train/objective.ts";
import { batchTensors, rowsOf } from "../../train/tensors.ts";
import { DeclaredVariables, type TensorsByName } from "../../train/variables.ts";
import { lossesOf, makeTerm } from "../../run/make_term.ts";
import { auxiliaryHead, headShapes } from "../../run/auxiliary_head.ts";
import type { Plan, PlannedPhase } from "../../pipeline/plan.ts";
import { openModel } from "../load_model.ts";
import type { LoadedModel } from "../model.ts";
import { makeNets, readWeights } from "../../run/model/nets.ts";
import type { OpenedRun, RunPart } from "../../run/model/open_run.ts";

/** Computes the logits and losses of nets for batches of rows. */
export interface Scorer {
  /** A description of the engine for messages. */
  readonly engine: string;
  /**
   * Computes the logits of all nets, and the losses, for a batch.
   *
   * @param batch The rows after all transforms.
   */
  score(batch: Batch): Promise<EvaluatedBatch>;
  /** Releases the memory of the nets. */
  close(): Promise<void>;
}

/** The run, the nets, and the losses that a scorer computes. */
export interface ScorerRequest {
  /** The run. */
  readonly run: OpenedRun;
  /** The plan of the run. */
  readonly plan: Plan;
  /** The nets to compute. */
  readonly nets: readonly NetName[];
  /** The phase whose losses to compute. */
  readonly phase: PlannedPhase;
  /** The checkpoint, and the modules that may be loaded. */
  readonly part: RunPart;
  /** The device of the native engine. */
  readonly device?: DeviceChoice | undefined;
  /** Receives log lines for the user. */
  readonly report: (line: string) => void;
}

/**
 * Creates a scorer that uses a training engine in the same way as the run's own evaluation, so the
 * results are exactly equal.
 *
 * @param request The nets and losses to compute.
 * @param choice The engine.
 * @throws {UserError} If the weights are damaged, or the engine cannot be used.
 */
export async function tensorScorer(
  { run, plan, nets, phase, device, report }: ScorerRequest,
  choice: "native" | "wasm",
): Promise<Scorer> {
  const { whole, checkpoint, registry } = run;
  const { pair: plain, variables } = await makeNets(whole, registry);
  const pair = withLabelOutputs(plain, whole.label.spec);
  const { terms, head, variables: ofLosses } = makeTerms(run, { plan, nets, phase });
  const read = [...variables, ...ofLosses];
  const weights = await readWeights(checkpoint, read);
  const { detail } = await openEngine(choice, report, { device });
  const values = tensors(read, weights);
  const evaluated: EvaluatedModel = { pair: { ...pair, head }, nets, terms };
  const compute = captured(
    "evaluation",
    { report, debug: false },
    (input: EvaluationInput) => evaluationStep(evaluated, input),
    ({ batch }) => rowsOf(batch),
  );
  return {
    engine: detail,
    score: (batch) => evaluateBatch(evaluated, compute, values, batch),
    close() {
      compute.dispose();
      tf.dispose(values);
      return Promise.resolve();
    },
  };
}

/**
 * Creates a scorer that uses ONNX Runtime. It computes only logits. If a loss compares other
 * outputs of the nets, such as hidden layers, the losses are unknown, and reading them throws
 * {@linkcode UnknownLosses}.
 *
 * @param request The nets and losses to compute.
 * @throws {UserError} If a net cannot be converted to ONNX, or ONNX Runtime cannot be loaded.
 */
export async function onnxScorer({ run, plan, nets, phase, part }: ScorerRequest): Promise<Scorer> {
  const { model, checkpoint } = run;
  const opened: { readonly net: NetName; readonly loaded: LoadedModel }[] = [];
  for (const net of nets) {
    const { loaded } = await openModel(run.folder, { ...part, net, engine: "onnx" });
    opened.push({ net, loaded });
  }
  const { terms, variables } = makeTerms(run, { plan, nets, phase });
  const [known, unknown] = [true, false].map((wanted) =>
    evaluatedTerms(terms).filter((term) => readsOnlyLogits(term) === wanted)
  ) as [Term[], Term[]];
  const weights = variables.length > 0 ? await readWeights(checkpoint, variables) : new Map();
  const { units } = model.network;
  // Losses of logits need little computation and no engine.
  await openPlain();
  return {
    engine: opened[0]!.loaded.engine,
    async score(batch) {
      const values = Object.fromEntries(
        Object.entries(batch.features).map(([name, { values }]) => [
          name,
          // ONNX Runtime does not accept shared memory, which may contain the rows.
          values.buffer instanceof SharedArrayBuffer ? values.slice() : values,
        ]),
      );
      const scored: Partial<
        Record<NetName, { logits: { values: Float32Array; shape: number[] } }>
      > = {};
      for (const { net, loaded } of opened) {
        const { logits } = await loaded.predict(values);
        scored[net] = { logits: { values: logits, shape: [units] } };
      }
      let losses: Record<string, number> | undefined;
      return {
        size: batch.size,
        outputs: scored[nets[0]!]!,
        nets: scored,
        label: batch.label.values,
        weight: batch.weight?.values,
        columns: columnsOf(batch),
        lossWeights: lossWeightsOf(terms, batch),
        get losses() {
          if (unknown.length > 0) throw new UnknownLosses("--engine native computes it");
          return losses ??= lossesOfLogits(known, nets, batch, model.label.spec, {
            logits: (net) => tf.tensor2d(scored[net]!.logits.values, [batch.size, units]),
            values: () => tensors(variables, weights),
          });
        },
      };
    },
    async close() {
      for (const { loaded } of opened) await loaded.close();
    },
  };
}

/** Selects the losses that compare only logits. */
function lossesOfLogits(
  terms: readonly Term[],
  nets: readonly NetName[],
  batch: Batch,
  label: LabelSpec,
  { logits, values }: {
    readonly logits: (net: NetName) => tf.Tensor;
    readonly values: () => TensorsByName;
  },
): Record<string, number> {
  const losses = tf.tidy(() => {
    const given = Object.fromEntries(nets.map((net) => [net, logits(net)]));
    const pair = withLabelOutputs(
      Object.fromEntries(nets.map((net) => [net, () => ({ logits: given[net]! })])),
      label,
    );
    const rows = batchTensors({ ...batch, features: {} }, partsRead(terms));
    return evaluationStep({ pair, nets, terms }, { values: values(), batch: rows }).losses
      .dataSync();
  });
  return Object.fromEntries(terms.map(({ name }, index) => [name, losses[index]!]));
}

const columnsOf = ({ columns = {} }: Batch) =>
  Object.fromEntries(Object.entries(columns).map(([name, { values }]) => [name, values]));

const readsOnlyLogits = (term: Term) =>
  outputsRead(term).every(({ output }) => output === "logits" || output.endsWith(".logits"));

/**
 * Creates the losses, and the auxiliary head that they read, with their variables. Evaluations leave
 * out the losses that read a teacher outside the run.
 */
function makeTerms(
  { model }: OpenedRun,
  { plan, nets, phase }: Pick<ScorerRequest, "plan" | "nets" | "phase">,
) {
  const { network: { outputs }, label: { spec: label } } = model;
  const variables = new DeclaredVariables(),
    losses = lossesOf(phase, nets).filter(({ teacher }) => !teacher);
  const head = auxiliaryHead(plan, { losses, shapes: outputs, label, variables });
  const shapes = head ? { ...outputs, ...headShapes(label) } : outputs;
  const terms = losses.map((loss) => makeTerm(loss, shapes, label, variables));
  return { terms, head, variables: variables.all };
}

function tensors(
  variables: readonly { readonly name: string; readonly shape: readonly number[] }[],
  weights: ReadonlyMap<string, Float32Array>,
): TensorsByName {
  return Object.fromEntries(
    variables.map(({ name, shape }) => [name, tf.tensor(weights.get(name)!, [...shape])]),
  );
}
