import { NoGraph, type SymbolicGraph } from "../engine/symbolic/record.ts";
import type { PlannedTransform } from "../input/transforms.ts";
import type { ModelFile } from "../run/model/model_file.ts";
import type { NetName } from "../stages/network.ts";
import type { ModelNets } from "./nets.ts";
import { type FeatureInput, type InputsKind, inputsOfGraph } from "./onnx/columns.ts";
import { noGraph, recordNet } from "./record_net.ts";

/** A net to convert to the graph of another program. */
export interface GraphRequest {
  /** The content of `model.json`. */
  readonly model: ModelFile;
  /** The nets of the model. */
  readonly nets: ModelNets;
  /** The net to convert. */
  readonly net: NetName;
  /** The values of the net's variables, by name. */
  readonly weights: ReadonlyMap<string, Float32Array>;
  /** The transforms of the model, with their measured statistics. */
  readonly transforms: readonly PlannedTransform[];
  /**
   * The inputs of the graph: columns or ids of the source, or the features after all transforms.
   */
  readonly inputs: InputsKind | "features";
}

/** The recorded graph of a net, and its inputs. */
export interface ModelGraph {
  /** The recorded graph. */
  readonly graph: SymbolicGraph;
  /** The input of each feature of the source; empty if the inputs are the transformed features. */
  readonly inputs: readonly FeatureInput[];
}

/**
 * Records the graph of a net, with its transforms if the inputs are those of the source.
 *
 * @param request The net and its weights, and the inputs of the graph.
 * @throws {UserError} If a stage cannot be recorded as a graph, or a vocabulary is too large.
 */
export function recordModel(
  { model, nets, net, transforms, inputs }: GraphRequest,
): ModelGraph {
  const fromSource = inputs !== "features";
  const all = fromSource ? model.features : model.inputs;
  return {
    graph: recordNet({
      nets,
      net,
      features: Object.fromEntries(all.map(({ name, spec }) => [name, spec])),
      transforms: fromSource ? transforms : [],
    }),
    inputs: fromSource ? inputsOfGraph(model, inputs) : [],
  };
}

/**
 * Converts a recorded graph. If an operation cannot be converted, the error names the network stage.
 *
 * @param nets The nets of the model.
 * @param convert Converts the graph.
 * @throws {UserError} If an operation cannot be converted.
 */
export function convertFor<T>({ stage }: ModelNets, convert: () => T): T {
  try {
    return convert();
  } catch (error) {
    if (error instanceof NoGraph) throw noGraph(stage, error.message);
    throw error;
  }
}
