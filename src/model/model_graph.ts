import { NoGraph, type SymbolicGraph } from "../engine/symbolic/record.ts";
import type { PlannedTransform } from "../input/transforms.ts";
import type { InputsKind, ModelContent, ModelFile } from "../run/model/model_file.ts";
import type { ColumnSpec } from "../stages/batch.ts";
import type { NetName } from "../stages/network.ts";
import { inputsAfter, transformsBefore } from "./graph_start.ts";
import type { ModelNets } from "../run/model/nets.ts";
import { type FeatureInput, inputsOfGraph } from "./onnx/columns.ts";
import { noGraph, recordNet } from "./record_net.ts";

/** A net to convert to an ONNX model or a SavedModel. */
export interface GraphRequest {
  /** The content of `model.json`. */
  readonly model: ModelContent;
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
   * If a transform has no `graph()`, the graph begins after it instead of at the source.
   */
  readonly inputs: InputsKind | "features";
}

/** The net as a recorded graph, and the inputs of the graph. */
export interface ModelGraph {
  /** The recorded graph. */
  readonly graph: SymbolicGraph;
  /**
   * The input of each feature at the start of the graph; empty if the inputs are the features after
   * all transforms.
   */
  readonly inputs: readonly FeatureInput[];
  /** The number of transforms that run before the graph because one of them has no `graph()`. */
  readonly before: number;
  /** The nulls that the graph fills, and its transforms. */
  readonly steps: Pick<ModelFile, "nulls" | "transforms">;
}

/**
 * Records a net as a graph. The graph also contains the transforms if its inputs are columns or ids
 * of the data source.
 *
 * @param request The net and its weights, and the inputs of the graph.
 * @throws {UserError} If a stage cannot be recorded as a graph, or a vocabulary is too large.
 */
export function recordModel(
  { model, nets, net, transforms, inputs }: GraphRequest,
): ModelGraph {
  if (inputs === "features") {
    const features = specsOf(model.inputs);
    const graph = recordNet({ nets, net, features, transforms: [] });
    return { graph, inputs: [], before: 0, steps: { nulls: { fills: {} }, transforms: [] } };
  }
  const before = transformsBefore(transforms);
  const read = before === 0 ? inputsOfGraph(model, inputs) : inputsAfter(transforms, before);
  const graph = recordNet({
    ...{ nets, net, features: specsOf(read.map(({ feature }) => feature)) },
    transforms: transforms.slice(before),
  });
  // Nulls are filled before the first transform.
  const nulls = before === 0 ? model.nulls : { fills: {} };
  return {
    ...{ graph, inputs: read, before },
    steps: { nulls, transforms: model.transforms.slice(before) },
  };
}

const specsOf = (features: readonly { readonly name: string; readonly spec: ColumnSpec }[]) =>
  Object.fromEntries(features.map(({ name, spec }) => [name, spec]));

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
