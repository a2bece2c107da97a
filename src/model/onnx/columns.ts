/**
 * Builds the first part of an exported graph, which converts columns of the source to features.
 *
 * @module
 */

import { UserError } from "../../base/errors.ts";
import { hint, type HintText } from "../../base/hints.ts";
import { indexesOf } from "../../base/large_map.ts";
import type { ColumnSpec } from "../../stages/batch.ts";
import type { InputsKind, ModelFile, SourceFeature } from "../../run/model/model_file.ts";
import { ML_DOMAIN, type Name, type OnnxBuilder } from "./builder.ts";
import type { OnnxValue } from "./convert.ts";
import { ElementType } from "./messages.ts";

/** An input of an exported graph, with its name, type, and shape. */
export interface GraphInput {
  /** The name of the input. */
  readonly name: string;
  /** The type of the values. */
  readonly type: ElementType;
  /** The shape of one row. */
  readonly shape: readonly number[];
  /** The value at empty positions of a list; undefined if the input is not a padded list. */
  readonly empty?: string | bigint | undefined;
  /** A description of the values, for people. */
  readonly description: string;
}

/** A feature, and the input of an exported graph from which the graph computes it. */
export interface FeatureInput {
  /** The feature. */
  readonly feature: SourceFeature;
  /** The input. Features that read the same column may share it. */
  readonly input: GraphInput;
  /** Whether the input has the values of the column, which the graph maps to ids. */
  readonly encoded: boolean;
}

/** The maximum number of values in a vocabulary that is part of a graph. */
const MOST_VALUES = 1e6;

/** The names of a graph's outputs, which inputs and other values cannot use. */
export const OUTPUTS: readonly string[] = ["logits", "probabilities"];

/** The smallest 64-bit integer. It marks empty positions if the vocabulary contains −1. */
const LEAST = -(2n ** 63n);

const { float, double, int32, int64, string, bool } = ElementType;

/**
 * Determines the inputs of an exported graph.
 *
 * @param model The content of `model.json`.
 * @param kind Whether the inputs are columns or ids.
 * @returns The input of each feature.
 * @throws {UserError} If a vocabulary is too large for a graph.
 */
export function inputsOfGraph(
  { features, nulls }: Pick<ModelFile, "features" | "nulls">,
  kind: InputsKind,
): FeatureInput[] {
  const made = features.map((feature) => {
    const input = kind === "ids" || !ofVocabulary(feature)
      ? plainInput(feature, kind, nulls.policy !== undefined)
      : encodedInput(feature);
    const isColumn = input.encoded || kind === "columns" && feature.spec.dtype === "float32";
    return { ...input, isColumn, wanted: isColumn ? feature.column : feature.name };
  });
  // No input gets a made-up name that another one has by right.
  const reserved = new Set(made.map(({ wanted }) => wanted)), taken = new Set(OUTPUTS);
  const known: { readonly input: GraphInput; readonly column: string }[] = [];
  return made.map(({ feature, input: { name: _, ...form }, encoded, isColumn, wanted }) => {
    // Features that read a column in the same way share an input.
    const shared = known.find(({ input, column }) =>
      isColumn && column === feature.column && input.type === form.type &&
      `${input.shape}` === `${form.shape}` && input.empty === form.empty
    );
    if (shared) return { feature, input: shared.input, encoded };
    let name = wanted;
    for (let number = 1; taken.has(name) || name !== wanted && reserved.has(name); number++) {
      name = number === 1 ? feature.name : `${wanted}_${number}`;
    }
    taken.add(name);
    const input = { name, ...form };
    if (isColumn) known.push({ input, column: feature.column });
    return { feature, input, encoded };
  });
}

/**
 * Returns the names of a graph's inputs that are the features after all transforms: the names of the
 * features, except for those that are names of outputs.
 *
 * @param features The names of the features.
 * @returns The names of the inputs, in the same order.
 */
export function inputsOfFeatures(features: readonly string[]): string[] {
  const taken = new Set([...OUTPUTS, ...features]);
  return features.map((name) => {
    if (!OUTPUTS.includes(name)) return name;
    let free = name;
    for (let number = 1; taken.has(free); number++) free = `${name}_${number}`;
    taken.add(free);
    return free;
  });
}

const ofVocabulary = ({ spec }: SourceFeature) =>
  spec.dtype === "int32" && spec.vocabulary !== undefined;

/** How to export a net whose vocabulary cannot be part of a graph. */
const AS_IDS = "export a net that takes ids instead of values: add `--inputs ids`";
const asIds = { args: { add: ["--inputs", "ids"] } };

/** Creates the error for a vocabulary that cannot be part of a graph. */
const unfit = (feature: string, why: string, hint: HintText) =>
  new UserError(`the vocabulary of the feature ${feature} ${why}`, { hint, exitCode: 2 });

/** Creates the input for a feature whose values the graph maps to ids. */
function encodedInput(feature: SourceFeature): FeatureInput {
  const { name, spec, type } = feature, vocabulary = spec.vocabulary!;
  if (vocabulary.length > MOST_VALUES) {
    throw unfit(
      name,
      `has ${
        vocabulary.length.toLocaleString("en")
      } values; an exported graph can contain at most ${MOST_VALUES.toLocaleString("en")}`,
      hint("export/vocabulary", AS_IDS, asIds),
    );
  }
  const texts = type.family === "strings";
  // ONNX Runtime in JavaScript cuts off a text at its first NUL.
  const cut = texts ? vocabulary.find((value) => value.includes("\0")) : undefined;
  if (cut !== undefined) {
    throw unfit(
      name,
      `contains ${
        JSON.stringify(cut)
      }; an exported graph cannot compare texts that contain the character U+0000`,
      hint("export/nul", AS_IDS, asIds),
    );
  }
  const odd = texts ? undefined : vocabulary.find((value) => wholeValue(value) === undefined);
  if (odd !== undefined) {
    throw unfit(
      name,
      `contains ${JSON.stringify(odd)}, but the input of an exported graph has int64 numbers`,
      hint("export/odd-value", AS_IDS, asIds),
    );
  }
  const what = texts ? "texts" : type.family === "booleans" ? "0 or 1" : "whole numbers";
  const input = {
    name,
    type: texts ? string : int64,
    shape: spec.shape,
    empty: spec.ids?.padded ? emptyValue(vocabulary, texts) : undefined,
    description: what,
  };
  return { feature, input: described(input), encoded: true };
}

/**
 * Returns the number that stands for a value of a vocabulary in an exported graph: 0 or 1 for a
 * boolean.
 *
 * @param value A value of a vocabulary without texts.
 * @returns The number; undefined if the value is not an int64 number.
 */
export function wholeValue(value: string): bigint | undefined {
  if (value === "false" || value === "true") return value === "true" ? 1n : 0n;
  if (!/^-?\d+$/.test(value)) return undefined;
  const number = BigInt(value);
  return BigInt.asIntN(64, number) === number ? number : undefined;
}

/**
 * Returns a value that a vocabulary does not contain. It marks the empty positions of lists.
 *
 * @param vocabulary The vocabulary; empty for hashes.
 * @param texts Whether the values are texts, or whole numbers.
 */
export function emptyValue(vocabulary: readonly string[], texts: boolean): string | bigint {
  if (!texts) {
    const taken = indexesOf(vocabulary.map(wholeValue));
    let empty = taken.has(-1n) ? LEAST : -1n;
    while (taken.has(empty)) empty++;
    return empty;
  }
  let empty = "";
  while (vocabulary.includes(empty)) empty += "\u0001";
  return empty;
}

/** Creates the input for a feature of numbers, or of ids that are computed outside the graph. */
function plainInput(feature: SourceFeature, kind: InputsKind, filled: boolean): FeatureInput {
  const { name, spec } = feature;
  const isId = spec.dtype === "int32";
  const type = !isId ? numberType(feature, filled) : kind === "ids" ? int32 : int64;
  const what = spec.ids?.kind === "hash"
    ? `hashes below ${spec.ids.count}`
    : isId
    ? `ids${spec.ids ? ` below ${spec.ids.count}` : ""}`
    : timeUnit(feature.type.text) ?? "numbers";
  const empty = spec.ids?.padded ? -1n : undefined;
  const input = { name, type, shape: spec.shape, empty, description: what };
  return { feature, input: described(input), encoded: false };
}

/** Returns the unit of numbers that are times, from the name of the column's type. */
function timeUnit(type: string): string | undefined {
  if (/Timestamp|Date/.test(type)) return "seconds since 1970";
  if (/Time/.test(type)) return "seconds since midnight";
  return /Duration/.test(type) ? "seconds" : undefined;
}

function described(input: GraphInput): GraphInput {
  const { empty, description } = input;
  if (empty === undefined) return input;
  const written = typeof empty === "bigint" ? String(empty) : JSON.stringify(empty);
  return { ...input, description: `${description}; ${written} for padding` };
}

/**
 * Returns the type of an input of numbers: the column's type, or a float if NaN must represent
 * nulls that are filled.
 */
function numberType({ type: { family, text }, options, spec }: SourceFeature, filled: boolean) {
  const nulls = spec.missing !== undefined || options.nulls !== undefined || filled;
  if (family === "numbers") return /Float(?:32|16)/.test(text) ? float : double;
  if (family === "times" || nulls) return double;
  if (family === "booleans") return bool;
  const [, sign, width] = /(u?)int(8|16|32|64)/i.exec(text) ?? ["", "u", "8"];
  return ElementType[`${sign!.toLowerCase()}int${width}` as "int8"];
}

/**
 * Adds the inputs of a graph, and the operations that compute features from them.
 *
 * @param builder The builder of the graph.
 * @param model The content of `model.json`.
 * @param inputs The input of each feature.
 * @param rows The name of the dimension for the number of rows.
 * @returns The features by name: ids as int32, numbers as float32, or as float64 where transforms
 *   compute with them.
 */
export function addColumns(
  builder: OnnxBuilder,
  model: Pick<ModelFile, "nulls" | "transforms">,
  inputs: readonly FeatureInput[],
  rows: string,
): Record<string, OnnxValue> {
  for (const input of new Set(inputs.map(({ input }) => input))) {
    const { name, type, shape, description } = input;
    builder.input({ name, type, shape: [rows, ...shape], description });
  }
  // Transforms compute in float64 in training, too.
  const numbers = model.transforms.some(({ on }) => on === "all") ? double : float;
  return Object.fromEntries(inputs.map(({ feature, input, encoded }) => {
    const { name, spec } = feature;
    if (spec.dtype === "int32") {
      const ids = encoded ? encode(builder, input, spec) : input.name;
      return [name, { name: cast(builder, ids, encoded ? int64 : input.type, int32), type: int32 }];
    }
    const known = fillOf(feature, model.nulls);
    const wide = known ? (input.type === float ? float : double) : numbers;
    let value = cast(builder, input.name, input.type, wide);
    if (known && (input.type === float || input.type === double)) {
      const shape = known.length === 1 ? [] : spec.shape;
      const array = wide === float ? Float32Array.from(known) : Float64Array.from(known);
      const fill = builder.tensor(wide, shape, array);
      value = builder.node("Where", [builder.node("IsNaN", [value]), fill, value]);
    }
    return [name, { name: cast(builder, value, wide, numbers), type: numbers }];
  }));
}

/**
 * Returns the values that replace nulls in a numeric feature. The result is undefined if nulls are
 * not replaced.
 *
 * @param feature The feature.
 * @param nulls How the model treats nulls.
 */
export function fillOf(
  { name, options }: SourceFeature,
  { policy, fills }: ModelFile["nulls"],
): readonly number[] | undefined {
  const measured = Object.hasOwn(fills, name) ? fills[name] : undefined;
  if (measured) return measured;
  const nulls = options.nulls ?? policy;
  if (typeof nulls !== "object" || typeof nulls.fill !== "number") return undefined;
  return [nulls.fill];
}

function encode(builder: OnnxBuilder, { name, type, empty }: GraphInput, spec: ColumnSpec): Name {
  const vocabulary = spec.vocabulary!, attributes = { default_int64: { int: vocabulary.length } };
  const padding = empty === undefined ? [] : [-1];
  if (type === string) {
    const keys = empty === undefined ? vocabulary : [...vocabulary, String(empty)];
    const ids = BigInt64Array.from([...vocabulary.keys(), ...padding], BigInt);
    return builder.node(
      "LabelEncoder",
      [name],
      { keys_strings: { strings: keys }, values_int64s: { ints: ids }, ...attributes },
      ML_DOMAIN,
    );
  }
  const keys = [...vocabulary.map(wholeValue), ...empty === undefined ? [] : [empty]];
  const ids = [...vocabulary.keys(), ...padding];
  return builder.node(
    "LabelEncoder",
    [name],
    {
      keys_int64s: { ints: keys as bigint[] },
      values_int64s: { ints: ids },
      ...attributes,
    },
    ML_DOMAIN,
  );
}

function cast(builder: OnnxBuilder, name: Name, from: ElementType, to: ElementType): Name {
  return from === to ? name : builder.node("Cast", [name], { to: { int: to } });
}
