import type { ModelContent } from "../../run/model/model_file.ts";
import { convertFor, type GraphRequest, recordModel } from "../model_graph.ts";
import type { FeatureInput } from "../onnx/columns.ts";
import { SavedModelBuilder } from "./builder.ts";
import { addColumns } from "./columns.ts";
import { convertToTensorFlow, type TensorFlowValue } from "./convert.ts";
import { graphOutputs } from "../graph_outputs.ts";
import { DType } from "./messages.ts";

/** A SavedModel, and how its inputs relate to the columns of the data source. */
export interface TensorFlowModel {
  /** The graph and the weights. */
  readonly builder: SavedModelBuilder;
  /**
   * The input of each feature at the start of the graph; empty if the inputs are the features after
   * all transforms.
   */
  readonly inputs: readonly FeatureInput[];
  /** The number of transforms that run before the graph because one of them has no `graph()`. */
  readonly before: number;
}

/**
 * Converts a net to a TensorFlow SavedModel with the signature `serving_default`. The outputs are
 * `logits`, and also `probabilities` unless the label is a number.
 *
 * @param request The net and its weights, and the inputs of the graph.
 * @throws {UserError} If a stage cannot be converted to TensorFlow, or a vocabulary is too large.
 */
export function modelToSavedModel(request: GraphRequest): TensorFlowModel {
  const { model, nets, weights } = request;
  const { graph, inputs, before, steps } = recordModel(request);
  const builder = new SavedModelBuilder();
  const columns = request.inputs === "features"
    ? addFeatures(builder, model)
    : addColumns(builder, steps, inputs);
  const T = { type: DType.float };
  const outputs = convertFor(nets, () =>
    convertToTensorFlow(graph, {
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
    }));
  const inputNames = inputs.map(({ input }) => input.name);
  for (const { name, label, firstUnit, units, form } of graphOutputs(model, inputNames)) {
    const logits = outputs.logits!.reference;
    const own = label === undefined ? logits : builder.once(`logits of ${label}`, () => {
      const [begin, size] = [[0, firstUnit], [-1, units]].map((at) => builder.ints(at));
      return builder.op("Slice", [logits, begin!, size!], { T, Index: { type: DType.int32 } });
    });
    const computed = form === "logits"
      ? own
      : builder.op(form === "softmax" ? "Softmax" : "Sigmoid", [own], { T });
    builder.output(name, computed, DType.float, [-1, units]);
  }
  return { builder, inputs, before };
}

/** Adds the features after all transforms as inputs. */
function addFeatures(
  builder: SavedModelBuilder,
  { inputs }: ModelContent,
): Record<string, TensorFlowValue> {
  return Object.fromEntries(inputs.map(({ name, spec: { shape, dtype } }) => {
    const type = dtype === "int32" ? DType.int32 : DType.float;
    return [name, { reference: builder.input(name, type, [-1, ...shape]), type }];
  }));
}
