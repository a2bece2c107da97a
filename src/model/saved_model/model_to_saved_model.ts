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

/** What is written as a SavedModel. */
export interface SavedModelRequest {
  /** The model. */
  readonly model: ModelFile;
  /** Its nets. */
  readonly nets: ModelNets;
  /** The net that is written. */
  readonly net: NetName;
  /** The weights of its variables. */
  readonly weights: ReadonlyMap<string, Float32Array>;
  /** The model's transforms, with what they measured. */
  readonly transforms: readonly PlannedTransform[];
  /** What the graph starts from: the source, or the features as the nets get them. */
  readonly inputs: InputsKind | "features";
}

/** A model as a SavedModel. */
export interface TensorFlowModel {
  /** The graph and the weights. */
  readonly builder: SavedModelBuilder;
  /** What each feature of the source is read from; empty for a graph of features. */
  readonly inputs: readonly FeatureInput[];
}

/**
 * Writes a net as a SavedModel with the signature `serving_default`. Its outputs are `logits`, and
 * for classes and binary labels `probabilities`.
 *
 * @param request What is written.
 * @throws {UserError} If a stage has no form in TensorFlow, or a vocabulary is too large.
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

/** Inputs that are the features as the nets get them. */
function addFeatures(
  builder: SavedModelBuilder,
  { inputs }: ModelFile,
): Record<string, TensorFlowValue> {
  return Object.fromEntries(inputs.map(({ name, spec: { shape, dtype } }) => {
    const type = dtype === "int32" ? DType.int32 : DType.float;
    return [name, { reference: builder.input(name, type, [-1, ...shape]), type }];
  }));
}
