import { ROCKET_VERSION } from "../../base/package.ts";
import type { PlannedTransform } from "../../input/transforms.ts";
import type { ModelFile } from "../../run/model/model_file.ts";
import type { NetName } from "../../stages/network.ts";
import type { ModelNets } from "../nets.ts";
import { noGraph, recordNet } from "../record_net.ts";
import { NoGraph } from "../../engine/symbolic/record.ts";
import { type DataPlace, OnnxBuilder, type OnnxFile } from "./builder.ts";
import { addColumns, type FeatureInput, type InputsKind, inputsOfGraph } from "./columns.ts";
import { convertGraph, type OnnxValue } from "./convert.ts";
import { ElementType } from "./messages.ts";

/** What is written as ONNX. */
export interface OnnxRequest {
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
  /** Where the weights stand. */
  readonly place: DataPlace;
}

/** A model as ONNX. */
export interface OnnxModel extends OnnxFile {
  /** What each feature of the source is read from; empty for a graph of features. */
  readonly inputs: readonly FeatureInput[];
}

/** The name of the size that the caller chooses. */
const ROWS = "rows";

/**
 * Writes a net as an ONNX model. Its outputs are `logits`, and for classes and binary labels
 * `probabilities`.
 *
 * @param request What is written.
 * @throws {UserError} If a stage has no form in ONNX, or a vocabulary is too large.
 */
export function modelToOnnx(request: OnnxRequest): OnnxModel {
  const { model, nets, net, transforms, weights } = request;
  const fromSource = request.inputs !== "features";
  const all = fromSource ? model.features : model.inputs;
  const graph = recordNet({
    nets,
    net,
    features: Object.fromEntries(all.map(({ name, spec }) => [name, spec])),
    transforms: fromSource ? transforms : [],
  });
  const builder = new OnnxBuilder();
  const inputs = request.inputs === "features" ? [] : inputsOfGraph(model, request.inputs);
  const features = fromSource
    ? addColumns(builder, model, inputs, ROWS)
    : addFeatures(builder, model);
  let outputs: Record<string, OnnxValue>;
  try {
    outputs = convertGraph(graph, {
      builder,
      inputs: features,
      rows: () =>
        builder.once("rows", () => {
          const [first] = Object.values(features);
          const shape = builder.node("Shape", [first!.name]);
          return builder.node("Slice", [shape, builder.ints([0]), builder.ints([1])]);
        }),
      variable: (name) => weights.get(name)!,
    });
  } catch (error) {
    if (error instanceof NoGraph) throw noGraph(nets.stage, error.message);
    throw error;
  }
  const { kind } = model.label.spec, { units } = model.network;
  const output = { type: ElementType.float, shape: [ROWS, units] };
  const logits = outputs.logits!.name;
  builder.output(logits, { name: "logits", ...output });
  if (kind !== "number") {
    const probabilities = kind === "class"
      ? builder.node("Softmax", [logits], { axis: { int: -1 } })
      : builder.node("Sigmoid", [logits]);
    builder.output(probabilities, { name: "probabilities", ...output });
  }
  const file = builder.finish({
    name: net,
    producer: { name: "rocket-launching", version: ROCKET_VERSION },
    metadata: { net, label: model.label.options.column, kind },
  }, request.place);
  return { ...file, inputs };
}

/** Inputs that are the features as the nets get them. */
function addFeatures(builder: OnnxBuilder, { inputs }: ModelFile): Record<string, OnnxValue> {
  return Object.fromEntries(inputs.map(({ name, spec: { shape, dtype } }) => {
    const type = dtype === "int32" ? ElementType.int32 : ElementType.float;
    return [name, { name: builder.input({ name, type, shape: [ROWS, ...shape] }), type }];
  }));
}
