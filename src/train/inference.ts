import * as tf from "@tensorflow/tfjs";
import { CapturedFunction, type CaptureReport } from "../engine/capture/capture.ts";
import { foldBatchNorms } from "../engine/capture/fold.ts";
import type { BuiltNets, NetName } from "../stages/network.ts";
import { Forward } from "./forward.ts";
import type { TensorsByName } from "./variables.ts";

/** The input of a net when it computes predictions. */
export interface InferenceInput {
  /** The features, `[rows, ...shape]`. */
  readonly features: TensorsByName;
}

/** The logits that a net computes for inference. */
export interface InferenceOutput {
  /** The logits, `[rows, ...shape]`; the caller disposes of them. */
  readonly logits: tf.Tensor;
}

/**
 * A function that computes a net's logits from features. The native engine captures it as a graph.
 */
export type CapturedInference = Pick<
  CapturedFunction<InferenceInput, InferenceOutput>,
  "call" | "dispose"
>;

/**
 * Weights with more numbers than this (embedding tables) are inputs of the graph, not constants.
 */
const LARGEST_CONSTANT = 2 ** 24;

/**
 * Returns one net of a pair as a function of its features, for inference. The weights are constants
 * and batch norms use their running statistics. On the native engine, each number of rows gets its
 * own graph, in which batch norms are folded into convolutions.
 *
 * @example
 * ```ts
 * import { captureInference } from "./inference.ts";
 * import type { Net, Variable } from "../../plugin.ts";
 * import * as tf from "@tensorflow/tfjs";
 * import { assertEquals } from "@std/assert";
 *
 * await tf.setBackend("cpu");
 * const factor: Variable = {
 *   name: "factor",
 *   owner: "light",
 *   shape: [],
 *   trainable: true,
 *   table: false,
 *   initializer: { kind: "constant", value: 1 },
 * };
 * const light: Net = ({ x }, scope) => ({ logits: tf.mul(x!, scope.read(factor)) });
 * const twice = captureInference({ light }, "light", { factor: tf.scalar(2) });
 * const { logits } = twice.call({ features: { x: tf.tensor2d([[3]]) } });
 * assertEquals([...logits.dataSync()], [6]);
 * twice.dispose();
 * ```
 *
 * @param pair The nets.
 * @param net The net of the pair to use.
 * @param values The values of the net's variables. They must not change, and must exist as long as
 *   the function is called with new numbers of rows.
 * @param report Receives a report about each graph.
 * @returns The function. Its `dispose()` frees the graphs but not the values.
 * @throws {Error} When called, if the pair has no such net.
 */
export function captureInference(
  pair: BuiltNets,
  net: NetName,
  values: TensorsByName,
  report?: (report: CaptureReport) => void,
): CapturedInference {
  const [tables, constants] = [true, false].map((large) =>
    Object.fromEntries(
      Object.entries(values).filter(([, { size }]) => (size > LARGEST_CONSTANT) === large),
    )
  );
  const captured = new CapturedFunction(
    ({ features, tables }: InferenceInput & { tables: TensorsByName }) => {
      const forward = new Forward(pair, {
        values: { ...constants, ...tables },
        features,
        training: false,
        seed: () => tf.scalar(0, "int32"),
      });
      return { logits: forward.outputs(net).logits };
    },
    {
      rows: ({ features }) => Object.values(features),
      rewrite: foldBatchNorms,
      report,
    },
  );
  return {
    call: ({ features }) => captured.call({ features, tables: tables! }),
    dispose: () => captured.dispose(),
  };
}
