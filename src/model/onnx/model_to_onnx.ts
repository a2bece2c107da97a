import { ROCKET_VERSION } from "../../base/package.ts";
import { labelTypes, type ModelContent } from "../../run/model/model_file.ts";
import { convertFor, type GraphRequest, recordModel } from "../model_graph.ts";
import { type DataPlace, OnnxBuilder, type OnnxFile } from "./builder.ts";
import { addColumns, type FeatureInput, inputsOfFeatures, OUTPUTS } from "./columns.ts";
import { convertGraph, type OnnxValue } from "./convert.ts";
import { graphOutputs } from "../graph_outputs.ts";
import { ElementType } from "./messages.ts";

/** The input of {@linkcode modelToOnnx}: the net to convert, and where to store its weights. */
export interface OnnxRequest extends GraphRequest {
  /** Where to store the weights. */
  readonly place: DataPlace;
}

/** An ONNX model, and how its inputs relate to the columns of the data source. */
export interface OnnxModel extends OnnxFile {
  /**
   * The input of each feature at the start of the graph; empty if the inputs are the features after
   * all transforms.
   */
  readonly inputs: readonly FeatureInput[];
  /** The number of transforms that run before the graph because one of them has no `graph()`. */
  readonly before: number;
}

/** The name of the dimension for the number of rows, which the caller chooses. */
const ROWS = "rows";

/**
 * Converts a net to an ONNX model. The outputs are `logits`, and also `probabilities` unless the
 * label is a number.
 *
 * @param request The net and its weights, and the inputs of the graph.
 * @throws {UserError} If a stage cannot be converted to ONNX, or a vocabulary is too large.
 */
export function modelToOnnx(request: OnnxRequest): OnnxModel {
  const { model, nets, net, weights } = request;
  const { graph, inputs, before, steps } = recordModel(request);
  const inputNames = request.inputs === "features"
    ? inputsOfFeatures(model.inputs.map(({ name }) => name))
    : inputs.map(({ input }) => input.name);
  const names = graphOutputs(model, inputNames).map(({ name }) => name);
  const builder = new OnnxBuilder([...new Set([...OUTPUTS, ...names])]);
  const features = request.inputs === "features"
    ? addFeatures(builder, model)
    : addColumns(builder, steps, inputs, ROWS);
  const outputs = convertFor(nets, () =>
    convertGraph(graph, {
      builder,
      inputs: features,
      rows: () =>
        builder.once("rows", () => {
          const [first] = Object.values(features);
          const shape = builder.node("Shape", [first!.name]);
          return builder.node("Slice", [shape, builder.ints([0]), builder.ints([1])]);
        }),
      variable: (name) => weights.get(name)!,
    }));
  for (const { name, label, firstUnit, units, form } of graphOutputs(model, inputNames)) {
    const logits = outputs.logits!.name;
    const own = label === undefined ? logits : builder.once(`logits of ${label}`, () => {
      const [start, end] = [[firstUnit], [firstUnit + units]].map((at) => builder.ints(at));
      return builder.node("Slice", [logits, start!, end!, builder.ints([1])]);
    });
    const computed = form === "logits"
      ? own
      : form === "softmax"
      ? builder.node("Softmax", [own], { axis: { int: -1 } })
      : builder.node("Sigmoid", [own]);
    builder.output(computed, { name, type: ElementType.float, shape: [ROWS, units] });
  }
  const file = builder.finish({
    name: net,
    producer: { name: "rocket-launching", version: ROCKET_VERSION },
    metadata: {
      net,
      label: labelTypes(model.label).map(({ column }) => column).join(", "),
      kind: model.label.spec.kind,
    },
  }, request.place);
  return { ...file, inputs, before };
}

/** Adds the features after all transforms as inputs. */
function addFeatures(builder: OnnxBuilder, { inputs }: ModelContent): Record<string, OnnxValue> {
  const names = inputsOfFeatures(inputs.map(({ name }) => name));
  return Object.fromEntries(inputs.map(({ name: feature, spec: { shape, dtype } }, index) => {
    const type = dtype === "int32" ? ElementType.int32 : ElementType.float;
    const name = builder.input({ name: names[index]!, type, shape: [ROWS, ...shape] });
    return [feature, { name, type }];
  }));
}
