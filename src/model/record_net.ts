import type * as tf from "@tensorflow/tfjs";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { NoGraph, recordGraph, type SymbolicGraph } from "../engine/symbolic/record.ts";
import type { PlannedTransform } from "../input/transforms.ts";
import type { ColumnSpec } from "../stages/batch.ts";
import type { NetName } from "../stages/network.ts";
import { calledStage, callStage, type StageReference } from "../stages/stage_error.ts";
import { Forward } from "../train/forward.ts";
import type { TensorsByName } from "../train/variables.ts";
import type { ModelNets } from "../run/model/nets.ts";

/** The input of {@linkcode recordNet}: the net to record, its features, and its transforms. */
export interface NetRequest {
  /** The nets of the model. */
  readonly nets: ModelNets;
  /** The net to record. */
  readonly net: NetName;
  /** The features that are the inputs of the graph. */
  readonly features: Readonly<Record<string, Pick<ColumnSpec, "shape" | "dtype">>>;
  /**
   * The transforms of the graph, which have a `graph()`. Those that apply only in training are left
   * out.
   */
  readonly transforms: readonly PlannedTransform[];
}

/**
 * Records the operations of transforms and a net for inference, with running statistics and without
 * dropout, as a graph. Recording computes nothing and needs no weights.
 *
 * @param request The net, the transforms, and the inputs of the graph.
 * @returns The graph; its only output is `logits`.
 * @throws {UserError} If a stage cannot be recorded as a graph.
 */
export function recordNet({ nets, net, features, transforms }: NetRequest): SymbolicGraph {
  const applied = transforms.filter(({ on }) => on === "all");
  let current = nets.stage;
  try {
    return recordGraph(
      features,
      (given, tensors) => {
        let tensorsOf: Readonly<Record<string, tf.Tensor>> = given;
        for (const { stage, transform } of applied) {
          current = stage;
          const before = tensorsOf;
          const after = callStage(
            stage,
            "graph()",
            () => transform.graph!(before, { numbers: numbersOf(tensors.numbers) }),
          );
          tensorsOf = checked(stage, after, transform.features);
        }
        current = nets.stage;
        const numbers = Object.entries(tensorsOf).map(([name, tensor]) => [
          name,
          tensor.dtype === "float32" ? tensors.round(tensor) : tensor,
        ]);
        const forward = new Forward(nets.pair, {
          values: valuesOf(nets, tensors.variable),
          features: Object.fromEntries(numbers),
          training: false,
          seed: () => {
            throw new NoGraph("it draws random numbers", undefined);
          },
        });
        const { logits } = callStage(nets.stage, `its ${net} net`, () => forward.outputs(net));
        return { logits };
      },
      () => {
        const called = calledStage();
        return called && `${called.kind} ${called.name}`;
      },
    );
  } catch (error) {
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      if (cause instanceof NoGraph) throw noGraph(current, cause.message);
    }
    throw error;
  }
}

/**
 * Creates the error for a stage that cannot be part of an exported graph.
 *
 * @param stage The stage.
 * @param why The reason, as the second half of the message.
 */
export function noGraph({ kind, name }: StageReference, why: string): UserError {
  return new UserError(`the ${kind} ${name} cannot be part of an exported graph: ${why}`, {
    hint: hint(
      "export/stage",
      "docs/serving.md lists the operations that a graph can have; predict and loadModel() also " +
        "compute with the engines native and wasm, which support all operations",
      { edit: "the stage" },
    ),
  });
}

/** Creates a symbolic tensor for each variable. */
function valuesOf(
  { variables }: ModelNets,
  make: (name: string, form: { shape: readonly number[]; dtype: "float32" }) => tf.Tensor,
): TensorsByName {
  return Object.fromEntries(
    variables.map(({ name, shape }) => [name, make(name, { shape, dtype: "float32" })]),
  );
}

const numbersOf =
  (make: (values: readonly number[], shape: readonly number[]) => tf.Tensor) =>
  (values: number | readonly number[], shape?: readonly number[]) => {
    const list = [values].flat() as number[];
    return make(list, shape ?? (typeof values === "number" ? [] : [list.length]));
  };

/** Checks that graph() returns the features that the transform declares, and returns only these. */
function checked(
  stage: StageReference,
  tensors: Readonly<Record<string, tf.Tensor>>,
  promised: Readonly<Record<string, ColumnSpec>>,
): Record<string, tf.Tensor> {
  return Object.fromEntries(
    Object.entries(promised).map(([name, { shape, dtype }]) => {
      const tensor = tensors[name];
      const has = tensor && `${tensor.dtype} [${tensor.shape.slice(1)}]`;
      if (has !== `${dtype} [${shape}]`) {
        throw noGraph(
          stage,
          `its graph() returns ${has ?? "nothing"} as ${name}; expected ${dtype} [${shape}]`,
        );
      }
      return [name, tensor!];
    }),
  );
}
