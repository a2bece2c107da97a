/**
 * Builds the first part of a SavedModel, which converts columns of the source to features.
 *
 * @module
 */

import type { ModelFile } from "../../run/model/model_file.ts";
import type { ColumnSpec } from "../../stages/batch.ts";
import { type FeatureInput, fillOf, type GraphInput, wholeValue } from "../onnx/columns.ts";
import { ElementType } from "../onnx/messages.ts";
import type { Reference, SavedModelBuilder } from "./builder.ts";
import type { TensorFlowValue } from "./convert.ts";
import { DType } from "./messages.ts";

/** The TensorFlow types of inputs, by the ONNX types. */
const tensorFlowTypes: Readonly<Record<number, DType>> = {
  [ElementType.float]: DType.float,
  [ElementType.double]: DType.double,
  [ElementType.int8]: DType.int8,
  [ElementType.uint8]: DType.uint8,
  [ElementType.int16]: DType.int16,
  [ElementType.uint16]: DType.uint16,
  [ElementType.int32]: DType.int32,
  [ElementType.uint32]: DType.uint32,
  [ElementType.int64]: DType.int64,
  [ElementType.uint64]: DType.uint64,
  [ElementType.bool]: DType.bool,
  [ElementType.string]: DType.string,
};

const { float, double, int32 } = DType;

/**
 * Adds the inputs of a graph, and the operations that compute features from them.
 *
 * @param builder The builder of the graph.
 * @param model The content of `model.json`.
 * @param inputs The input of each feature.
 * @returns The features by name: ids as int32, numbers as float32, or as float64 where transforms
 *   compute with them.
 */
export function addColumns(
  builder: SavedModelBuilder,
  model: Pick<ModelFile, "nulls" | "transforms">,
  inputs: readonly FeatureInput[],
): Record<string, TensorFlowValue> {
  const given = new Map<string, TensorFlowValue>();
  for (const { name, type: element, shape } of new Set(inputs.map(({ input }) => input))) {
    const type = tensorFlowTypes[element]!;
    given.set(name, { reference: builder.input(name, type, [-1, ...shape]), type });
  }
  // Transforms compute in float64 in training, too.
  const numbers = model.transforms.some(({ on }) => on === "all") ? double : float;
  return Object.fromEntries(inputs.map(({ feature, input, encoded }) => {
    const { name, spec } = feature, column = given.get(input.name)!;
    if (spec.dtype === "int32") {
      const reference = encoded
        ? encode(builder, input, column, spec, name)
        : cast(builder, column, int32);
      return [name, { reference, type: int32 }];
    }
    const known = fillOf(feature, model.nulls);
    const wide = known ? (column.type === float ? float : double) : numbers;
    let reference = cast(builder, column, wide);
    if (known && (column.type === float || column.type === double)) {
      const shape = known.length === 1 ? [] : spec.shape;
      const array = wide === float ? Float32Array.from(known) : Float64Array.from(known);
      const T = { type: wide };
      const isNull = builder.op("IsNan", [reference], { T });
      const fill = builder.constant(wide, shape, array);
      reference = builder.op("SelectV2", [isNull, fill, reference], { T });
    }
    return [name, { reference: cast(builder, { reference, type: wide }, numbers), type: numbers }];
  }));
}

/** Adds a lookup of values in a table that is filled when the model is loaded. */
function encode(
  builder: SavedModelBuilder,
  { empty }: GraphInput,
  { reference, type }: TensorFlowValue,
  spec: ColumnSpec,
  name: string,
): Reference {
  const vocabulary = spec.vocabulary!, padding = empty === undefined ? [] : [-1];
  const ids = Int32Array.from([...vocabulary.keys(), ...padding]);
  const values = [...vocabulary, ...empty === undefined ? [] : [String(empty)]];
  const keys = type === DType.string
    ? values
    : BigInt64Array.from(values, (value) => wholeValue(value)!);
  const table = builder.table(type, keys, ids, name);
  return builder.op("LookupTableFindV2", [table, reference, builder.int(vocabulary.length)], {
    ...{ Tin: { type }, Tout: { type: int32 } },
  });
}

function cast(builder: SavedModelBuilder, from: TensorFlowValue, to: DType): Reference {
  if (from.type === to) return from.reference;
  const types = { SrcT: { type: from.type }, DstT: { type: to } };
  return builder.op("Cast", [from.reference], types);
}
