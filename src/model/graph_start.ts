import type { PlannedTransform } from "../input/transforms.ts";
import type { GraphStart, ModelFile, SourceFeature } from "../run/model/model_file.ts";
import { type FeatureInput, inputsOfGraph } from "./onnx/columns.ts";
import { ElementType } from "./onnx/messages.ts";

/**
 * Counts the transforms that run before an exported graph. A transform without `graph()` cannot be
 * part of a graph, so the graph begins after the last such transform. Transforms that apply only in
 * training are ignored.
 *
 * @param transforms The transforms of the model, in order.
 * @returns The number of transforms before the graph, with those that apply only in training.
 */
export function transformsBefore(transforms: readonly PlannedTransform[]): number {
  return transforms.findLastIndex(({ on, transform }) => on === "all" && !transform.graph) + 1;
}

/**
 * Determines the inputs of a graph that begins after some of the transforms: the features at that
 * point. Numbers are float64 if transforms in the graph compute with them, as in training.
 *
 * @param transforms The transforms of the model, in order.
 * @param before The number of transforms before the graph, at least 1.
 */
export function inputsAfter(
  transforms: readonly PlannedTransform[],
  before: number,
): FeatureInput[] {
  const text = transforms.slice(before).some(({ on }) => on === "all") ? "Float64" : "Float32";
  const features = Object.entries(transforms[before - 1]!.transform.features).map(
    ([name, spec]): SourceFeature => ({
      name,
      column: name,
      type: { text, family: "numbers" },
      options: {},
      spec,
    }),
  );
  return inputsOfGraph({ features, nulls: { fills: {} } }, "ids");
}

/**
 * Creates the part of `model.json` that says after which transforms an exported graph begins, and
 * what its inputs are.
 *
 * @param before The number of transforms before the graph.
 * @param inputs The inputs of the graph.
 */
export function describeStart(before: number, inputs: readonly FeatureInput[]): GraphStart {
  return {
    after: before,
    inputs: inputs.map(({ feature: { name, spec }, input }) => ({
      input: input.name,
      type: typeNames[input.type]!,
      name,
      spec,
    })),
  };
}

const typeNames: Readonly<Record<number, "float" | "double" | "int32">> = {
  [ElementType.float]: "float",
  [ElementType.double]: "double",
  [ElementType.int32]: "int32",
};

/**
 * Returns the transforms that a program must apply before the graph, by their names in
 * `model.json`.
 *
 * @param model The content of `model.json`.
 * @param before The number of transforms before the graph.
 */
export function namesBefore(
  { transforms }: Pick<ModelFile, "transforms">,
  before: number,
): string[] {
  return transforms.slice(0, before).filter(({ on }) => on === "all").map(({ use }) => use);
}
