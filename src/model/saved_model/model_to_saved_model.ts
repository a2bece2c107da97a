import { NoGraph } from "../../engine/symbolic/record.ts";
import type { PlannedTransform } from "../../input/transforms.ts";
import type { ModelFile } from "../../run/model/model_file.ts";
import type { NetName } from "../../stages/network.ts";
import type { ModelNets } from "../nets.ts";
import { type FeatureInput, type InputsKind, inputsOfGraph } from "../onnx/columns.ts";
import { noGraph, recordNet } from "../record_net.ts";
import { SavedModelBuilder } from "./builder.ts";
import { addColumns } from "./columns.ts";
import { convertToTensorFlow, type TensorFlowValue } from "./convert.ts";
import { DType } from "./messages.ts";

/** The input of {@linkcode modelToSavedModel}. */
export interface SavedModelRequest {
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

/** A SavedModel, and how its inputs relate to the source. */
export interface TensorFlowModel {
  /** The graph and the weights. */
  readonly builder: SavedModelBuilder;
  /** The input of each feature of the source; empty if the inputs are the transformed features. */
  readonly inputs: readonly FeatureInput[];
}

/**
 * Converts a net to a TensorFlow SavedModel with the signature `serving_default`. The outputs are
 * `logits`, and also `probabilities` unless the label is a number.
 *
 * @param request The net and its weights, and the inputs of the graph.
 * @throws {UserError} If a stage cannot be converted to TensorFlow, or a vocabulary is too large.
 */
export function modelToSavedModel(request: SavedModelRequest): TensorFlowModel {
  const { model, nets, net, transforms, weights } = request;
  const fromSource = request.inputs !== "features";
  const all = fromSource ? model.features : model.inputs;
  const graph = recordNet({
    nets,
    net,
    features: Object.fromEntries(all.map(({ name, spec }) => [name, spec])),
    transforms: fromSource ? transforms : [],
  });
  const builder = new SavedModelBuilder();
  const inputs = request.inputs === "features" ? [] : inputsOfGraph(model, request.inputs);
  const columns = fromSource ? addColumns(builder, model, inputs) : addFeatures(builder, model);
  const T = { type: DType.float };
  let outputs: Record<string, TensorFlowValue>;
  try {
    outputs = convertToTensorFlow(graph, {
      builder,
      inputs: columns,
      rows: () =>
        builder.once("rows", () => {
          const { reference, type } = Object.values(columns)[0]!, int32 = { type: DType.int32 };
          const shape = builder.op("Shape", [reference], { T: { type }, out_type: int32 });
          return builder.op("GatherV2", [shape, builder.int(0), builder.int(0)], {
            ...{ Tparams: int32, Tindices: int32, Taxis: int32, batch_dims: { int: 0 } },
          });
        }),
      variable: (name) => weights.get(name)!,
    });
  } catch (error) {
    if (error instanceof NoGraph) throw noGraph(nets.stage, error.message);
    throw error;
  }
  const { kind } = model.label.spec, shape = [-1, model.network.units];
  const logits = outputs.logits!.reference;
  builder.output("logits", logits, DType.float, shape);
  if (kind !== "number") {
    const probabilities = builder.op(kind === "class" ? "Softmax" : "Sigmoid", [logits], { T });
    builder.output("probabilities", probabilities, DType.float, shape);
  }
  return { builder, inputs };
}

/** Adds the features after all transforms as inputs. */
function addFeatures(
  builder: SavedModelBuilder,
  { inputs }: ModelFile,
): Record<string, TensorFlowValue> {
  return Object.fromEntries(inputs.map(({ name, spec: { shape, dtype } }) => {
    const type = dtype === "int32" ? DType.int32 : DType.float;
    return [name, { reference: builder.input(name, type, [-1, ...shape]), type }];
  }));
}
