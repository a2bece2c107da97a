import type { Family } from "../run/model/family.ts";
import { emptyValue } from "../model/onnx/columns.ts";
import type { ModelFile, SourceFeature } from "../run/model/model_file.ts";
import { numberTypes } from "./datatypes.ts";

/** A column of the source, as an input of the served model. */
export interface InputColumn {
  /** The name of the column. */
  readonly name: string;
  /** The kind of its values. */
  readonly family: Family;
  /** The datatype, as given in the metadata of the model. */
  readonly datatype: string;
  /** The datatypes that requests may use. */
  readonly accepted: readonly string[];
  /** The shape of a row in the metadata; −1 for a list of any length. */
  readonly shape: readonly number[];
  /**
   * The value of empty positions after the end of a list in binary data; undefined if there are
   * none. In JSON, these positions are null.
   */
  readonly empty: string | bigint | undefined;
  /** The number after the end of a list of numbers; undefined if its length is fixed. */
  readonly pad: number | undefined;
}

/**
 * Describes the inputs of a served model: the columns of the source, with the types of the training
 * rows. An exported graph that reads a column has an input with the same datatype, and marks empty
 * positions with the same value.
 *
 * @param model The model.
 */
export function inputColumns({ features }: Pick<ModelFile, "features">): InputColumn[] {
  const byColumn = Map.groupBy(features, ({ column }) => column);
  return [...byColumn].map(([name, [first]]) => {
    const { type: { family }, spec, options } = first!;
    const datatype = datatypeOf(first!);
    return {
      name,
      family,
      datatype,
      accepted: [datatype, ...others(first!).filter((other) => other !== datatype)],
      shape: shapeOf(first!),
      empty: spec.ids?.padded ? emptyValue(spec.vocabulary ?? [], family === "strings") : undefined,
      pad: options.pad,
    };
  });
}

function datatypeOf({ type: { family, text } }: SourceFeature): string {
  switch (family) {
    case "strings":
      return "BYTES";
    case "booleans":
      return "BOOL";
    case "times":
      return "FP64";
    case "images":
      return "UINT8";
    case "numbers":
      return /Float(?:32|16)/.test(text) ? "FP32" : "FP64";
    case "whole numbers": {
      if (/FixedSizeBinary/.test(text)) return "UINT8";
      // The last type is that of the values: the one before may be that of dictionary indices.
      const [, sign, bits] = [...text.matchAll(/(u?)int(8|16|32|64)/gi)].at(-1) ?? ["", "", "64"];
      return `${sign!.toUpperCase()}INT${bits}`;
    }
  }
}

/** The other datatypes that a column's values may have. */
function others({ type: { family }, spec }: SourceFeature): string[] {
  const ofKind = (whole: boolean) =>
    [...numberTypes].filter(([, type]) => type.whole === whole).map(([name]) => name);
  switch (family) {
    case "strings":
    case "booleans":
      return [];
    case "images":
      // The files of the images, instead of their pixels.
      return ["BYTES"];
    case "times":
      return ofKind(true);
    case "numbers":
      return [...ofKind(false), ...ofKind(true)];
    case "whole numbers":
      return spec.ids ? ofKind(true) : [...ofKind(true), ...ofKind(false)];
  }
}

function shapeOf({ type: { text, family }, spec, options }: SourceFeature): readonly number[] {
  // Requests contain decoded pixels.
  if (family === "images") return spec.shape;
  if (!/List|FixedSizeBinary/.test(text)) return [];
  const varies = spec.ids?.padded || options.pad !== undefined || options.length !== undefined;
  return varies ? [-1] : spec.shape;
}
