/**
 * Finds the shapes of the outputs of nets, and the features that the nets read.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { type Problem, UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Plan } from "../pipeline/plan.ts";
import { StageError } from "../stages/stage_error.ts";
import type { Batch, ColumnSpec } from "../stages/batch.ts";
import { notNumbers } from "../stages/meaning.ts";
import {
  type BuiltNets,
  type NetName,
  type Outputs,
  readsOf,
  type Variable,
} from "../stages/network.ts";
import { createTables, gatherFrom } from "../engine/tables.ts";
import { Forward, type ForwardInput } from "../train/forward.ts";
import { firstBatch, type PreparedData } from "../input/prepare_data.ts";
import { refuseBeyondWasm, type SizedOutput } from "./sizes.ts";
import { batchTensors } from "../train/tensors.ts";
import { type DeclaredVariables, initialValues, type TensorsByName } from "../train/variables.ts";

/** The names of the features that nets read. */
export type Reads = Readonly<Partial<Record<NetName, readonly string[]>>>;

/**
 * Runs the nets on a few rows to find the shapes of their outputs, and the features they read.
 *
 * @param plan The plan.
 * @param data The rows.
 * @param pair The nets.
 * @param nets The names of the nets to run.
 * @param variables The variables that the nets have declared.
 * @param units The number of logits.
 * @param specs The features.
 * @throws {UserError} If a net returns other logits, or reads ids as numbers.
 */
export function outputShapes(
  plan: Plan,
  data: PreparedData,
  pair: BuiltNets,
  nets: readonly NetName[],
  variables: DeclaredVariables,
  units: number,
  specs: Readonly<Record<string, ColumnSpec>>,
  processes = 1,
): { shapes: Record<string, readonly number[]>; distinct: SizedOutput[]; reads: Reads } {
  if (tf.getBackend() === "wasm") refuseBeyondWasm(variables.all, plan.network.reference.place);
  const batch = firstBatch(plan, data, 2);
  const { values, lookup } = trialValues(variables.all, plan.seed, processes);
  const read = new Set<string>();
  try {
    const distinct = new Map<object, SizedOutput>();
    const shapes = tf.tidy(() => {
      const forward = new Forward(pair, {
        ...{ values, lookup },
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
                { edit: "the stage" },
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
    const reads = readsOfNets({ pair, nets, values, lookup, names: Object.keys(specs) }, batch);
    return { shapes, distinct: [...distinct.values()], reads };
  } finally {
    tf.dispose(values);
  }
}

/**
 * Creates the values with which the nets run. The rows of sharded tables are 0, because all of them
 * may not fit in the memory of this process.
 */
function trialValues(
  all: readonly Variable[],
  seed: number,
  processes: number,
): Required<Pick<ForwardInput, "values">> & Pick<ForwardInput, "lookup"> {
  const isDealt = ({ shard }: Variable) => processes > 1 && shard === true;
  const dealt = all.filter(isDealt);
  const values: TensorsByName = {
    ...initialValues(all.filter((variable) => !isDealt(variable)), seed),
    ...Object.fromEntries(
      dealt.map(({ name, shape }) => [name, createTables([1], shape[1]!)[0]!]),
    ),
  };
  if (dealt.length === 0) return { values };
  const lookup: ForwardInput["lookup"] = (tables, ids) =>
    isDealt(tables[0]!)
      ? tf.zeros([...ids.shape, tables[0]!.shape[1]!])
      : gatherFrom(tables.map(({ name }) => values[name]!), ids).rows;
  return { values, lookup };
}

/** The nets whose features {@linkcode readsOfNets} finds. */
interface ReadingNets extends Pick<ForwardInput, "values" | "lookup"> {
  readonly pair: BuiltNets;
  readonly nets: readonly NetName[];
  /** The names of all features. */
  readonly names: readonly string[];
}

/**
 * Finds the features that each net reads. Each net runs by itself, because what both nets compute
 * together is computed only once.
 */
function readsOfNets(
  { pair, nets, values, lookup, names }: ReadingNets,
  batch: Batch,
): Reads {
  if (names.length === 1) return {};
  return Object.fromEntries(nets.flatMap((net): [NetName, string[]][] => {
    const read = new Set<string>();
    tf.tidy(() => {
      const { features } = batchTensors(batch);
      new Forward(pair, {
        ...{ values, lookup },
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
