/**
 * Describes the options of stages and of the sections of a pipeline file, for the command `show`
 * and for the reference pages. Everything follows from the schemas that check the options.
 *
 * @module
 */

import { z } from "zod";
import { inOneLine } from "../base/printable.ts";
import { type AnyStage, type StageKind, stageKinds } from "../stages/stage.ts";
import { commonOptions, pipelineSchema } from "./file_schema.ts";
import { type JsonSchema, pipelineJsonSchema, toJson } from "./generate/json_schema.ts";
import { sweepSchema } from "./sweep_file/schema.ts";

/** An option in the form in which the reference and the command `show` present it. */
export interface OptionRow {
  /**
   * The option's name. The option of a map within an option has the names of both, as `clip.norm`;
   * NAME stands for any name, as in `features.NAME.shape`.
   */
  readonly path: string;
  /** The type and the range of the value, such as `whole number ≥ 1` or `error | drop`. */
  readonly type: string;
  /** Whether the map that contains the option must have it. */
  readonly required: boolean;
  /** The default as YAML; undefined if there is none. */
  readonly default: string | undefined;
  /** What the option does, in one line. */
  readonly description: string;
}

/** The description of a stage in the reference and in the output of `show`. */
export interface StageReference {
  readonly kind: StageKind;
  readonly name: string;
  readonly summary: string;
  /** The stage's own options. */
  readonly options: readonly OptionRow[];
  /** The options that all stages of the kind have, such as `weight` of a loss. */
  readonly common: readonly OptionRow[];
  /** An example entry of a pipeline file, as YAML. */
  readonly example: string | undefined;
}

/**
 * The description of a section of a pipeline file, such as `data` or `losses`, in the reference and
 * in the output of `show`.
 */
export interface SectionReference {
  readonly name: SectionName;
  /** What the section contains, in one line. */
  readonly description: string;
  /** The type of its value, such as `list of loss stages`. */
  readonly type: string;
  readonly required: boolean;
  readonly default: string | undefined;
  /** The options; those of each stage in it if the section consists of stages. */
  readonly options: readonly OptionRow[];
  /** The kind of the stages that the section consists of, if it does. */
  readonly kind: StageKind | undefined;
  /** An example, as YAML. */
  readonly example: string;
}

/** Examples of the sections of a pipeline file. Tests check them with the schema. */
const examples = {
  extends: "extends: base.yaml",
  name: "name: digits",
  seed: "seed: 1",
  data: `data:
  train: { use: csv, path: train.csv }
  test: { use: csv, path: test.csv }
  validation: { use: csv, path: validation.csv }
  features:
    age: {}
    city: { ids: train }
  label: { column: bought, kind: binary }
  transforms:
    - { use: normalize, on: all }`,
  network: "network: { use: mlp, light: [16], booster: [64, 64] }",
  losses: `losses:
  - { use: cross-entropy, on: light }
  - { use: cross-entropy, on: booster }
  - { use: mse-hint, from: booster.logits, to: light.logits, weight: 0.1 }`,
  optimizer: `optimizer:
  use: adamw
  learningRate: 0.001
  schedule: { use: cosine }`,
  phases: `phases:
  - name: booster
    losses: [{ use: cross-entropy, on: booster }]
    epochs: 10
  - name: light
    freeze: [booster]
    losses:
      - { use: cross-entropy, on: light }
      - { use: kl, from: booster.logits, to: light.logits }
    epochs: 5`,
  train: `train:
  epochs: 20
  batch: 64
  baseline: light-alone
  clip: { norm: 1 }
  stop: { patience: 3 }`,
  metrics: "metrics: [accuracy, { use: top-k, k: 5, name: top-5 }]",
  outputs: "outputs: [progress, { use: checkpoint, keep: 3 }, tensorboard]",
} as const;

/** The name of a section of a pipeline file. */
export type SectionName = keyof typeof examples;

/** The names of all sections of a pipeline file, in the order of the schema. */
export const sectionNames: readonly SectionName[] = [
  "extends",
  ...Object.keys(pipelineSchema.shape).filter((key) => key !== "$schema") as SectionName[],
];

/**
 * Collects what the reference and the command `show` say about a stage: its summary, options, and
 * example.
 *
 * @param stage The stage.
 */
export function stageReference(stage: AnyStage): StageReference {
  return {
    kind: stage.kind,
    name: stage.name,
    summary: stage.summary,
    options: rowsOf(toJson(stage.options)),
    common: commonReference(stage.kind),
    example: stage.example,
  };
}

/**
 * Describes the options that all stages of a kind have in addition to their own.
 *
 * @param kind The kind.
 */
export function commonReference(kind: StageKind): OptionRow[] {
  return rowsOf(toJson(z.object(commonOptions[kind])));
}

/**
 * Describes a section of a pipeline file.
 *
 * @param name The section's name.
 */
export function sectionReference(name: SectionName): SectionReference {
  const { properties, required } = sections();
  const schema = properties[name]!;
  const kind = kindOf(schema) ?? kindOf(schema.items);
  const { path: _, ...row } = rowOf("", schema, required.has(name));
  return {
    ...row,
    name,
    kind,
    options: kind ? commonReference(kind) : inner("", schema),
    example: examples[name],
  };
}

/** Describes the options of a sweep file. */
export function sweepReference(): OptionRow[] {
  return rowsOf(toJson(sweepSchema));
}

let read: { properties: Record<string, Property>; required: Set<string> } | undefined;

/** Returns the JSON Schemas of the sections. */
function sections(): NonNullable<typeof read> {
  if (read) return read;
  const { properties: bases, else: file } = pipelineJsonSchema([]) as unknown as {
    properties: Record<string, Property>;
    else: Property & { else: Property };
  };
  return read = {
    properties: { ...bases, ...file.properties },
    required: new Set([...file.required ?? [], ...file.else.required ?? []]),
  };
}

/** A JSON Schema, as far as the reference reads it. */
interface Property {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Property[];
  readonly allOf?: readonly Property[];
  readonly items?: Property;
  readonly prefixItems?: readonly Property[];
  readonly properties?: Readonly<Record<string, Property>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Property;
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

function rowsOf(schema: JsonSchema): OptionRow[] {
  return inner("", schema as Property);
}

function rowOf(path: string, schema: Property, required: boolean): OptionRow {
  return {
    path,
    type: typeText(schema),
    required,
    default: schema.default === undefined ? undefined : yamlText(schema.default),
    description: inOneLine(schema.description ?? ""),
  };
}

/** Returns the options within a value: those of a map, of the maps in a list, or in another map. */
function inner(path: string, schema: Property): OptionRow[] {
  const maps = alternatives(schema).flatMap((one) =>
    one.type === "array" ? alternatives(one.items ?? {}) : [one]
  );
  const known = new Set<string>();
  const named = maps.filter(({ properties }) => properties);
  const rows = named.flatMap(({ properties = {}, required = [] }) =>
    Object.entries(properties).filter(([key]) => !known.has(key)).flatMap(([key, part]) => {
      known.add(key);
      // With several kinds of maps, the type shows what each needs.
      const isNeeded = named.length === 1 && required.includes(key) && part.default === undefined;
      const full = join(path, key);
      return [rowOf(full, part, isNeeded), ...inner(full, part)];
    })
  );
  const ofAnyName = maps.flatMap(({ additionalProperties: any }) =>
    typeof any === "object" ? [any] : []
  );
  return [...rows, ...ofAnyName.flatMap((any) => inner(join(path, "NAME"), any))];
}

const join = (path: string, key: string) => path === "" ? key : `${path}.${key}`;

/** Returns the alternatives of a value, without `null`. */
function alternatives(schema: Property): Property[] {
  const parts = schema.anyOf ?? schema.allOf;
  return parts ? parts.flatMap(alternatives) : schema.type === "null" ? [] : [schema];
}

function kindOf(schema: Property | undefined): StageKind | undefined {
  const name = schema?.$ref?.slice(schema.$ref.lastIndexOf("/") + 1);
  return stageKinds.find((kind) => kind === name);
}

/** Names that a type has as one value and as several. */
const TYPES: Readonly<Record<string, readonly [one: string, several: string]>> = {
  string: ["text", "texts"],
  number: ["number", "numbers"],
  integer: ["whole number", "whole numbers"],
  boolean: ["true | false", "booleans"],
};

function typeText(schema: Property): string {
  const all = alternatives(schema);
  const texts = all.map((one) => hasKeys(one) && all.length > 1 ? keysText(one) : plainType(one));
  return [...new Set(texts)].join(" | ") || "any value";
}

const hasKeys = ({ properties = {} }: Property) => Object.keys(properties).length > 0;

/** Formats the keys of a map that is one of several alternatives: `{ train, minCount? }`. */
function keysText({ properties = {}, required = [] }: Property): string {
  const keys = Object.keys(properties).map((key) => required.includes(key) ? key : `${key}?`);
  return `{ ${keys.join(", ")} }`;
}

/** Formats the type of a value that is not a union; with `several`, for items of a list. */
function plainType(schema: Property, several = false): string {
  const { type, items, prefixItems, additionalProperties } = schema;
  const kind = kindOf(schema);
  if (kind) return `${kind} stage${several ? "s" : ""}`;
  if (schema.enum) return schema.enum.join(several ? " or " : " | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const).replace(/^"(.*)"$/, "$1");
  if (prefixItems) return `[${prefixItems.map(typeText).join(", ")}]`;
  if (type === "array") return `list${several ? "s" : ""} of ${itemsType(items ?? {})}`;
  if (schema.properties) return several ? "maps" : "map";
  if (type === "object") {
    const of = typeof additionalProperties === "object"
      ? ` from names to ${itemsType(additionalProperties)}`
      : "";
    return `map${several ? "s" : ""}${of}`;
  }
  const names = [type ?? []].flat().map((one) => TYPES[one]?.[several ? 1 : 0] ?? one);
  return [
    names.join(several ? " or " : " | ") || (several ? "any values" : "any value"),
    range(schema),
  ].filter(
    Boolean,
  ).join(" ");
}

function itemsType(items: Property): string {
  const all = alternatives(items);
  return [...new Set(all.map((one) => plainType(one, true)))].join(" or ") || "any values";
}

/** Formats the range of a number, without the bounds of safe integers that zod always adds. */
function range(property: Property): string {
  const safe = Number.MAX_SAFE_INTEGER;
  const { exclusiveMinimum: above, exclusiveMaximum: below } = property;
  const isWhole = property.type === "integer" && above !== undefined && Number.isInteger(above);
  const least = isWhole ? above + 1 : property.minimum === -safe ? undefined : property.minimum;
  const most = property.maximum === safe ? undefined : property.maximum;
  return [
    above !== undefined && !isWhole && `> ${above}`,
    least !== undefined && `≥ ${least}`,
    below !== undefined && `< ${below}`,
    most !== undefined && `≤ ${most}`,
  ].filter(Boolean).join(", ");
}

/** Formats a default as YAML in one line. An entry that only names a stage is its name. */
function yamlText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(yamlText).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value);
    const [first] = entries;
    if (entries.length === 1 && first![0] === "use") return String(first![1]);
    return entries.length === 0
      ? "{}"
      : `{ ${entries.map(([key, part]) => `${key}: ${yamlText(part)}`).join(", ")} }`;
  }
  return typeof value === "string" && !/^[\w./-]*[a-zA-Z][\w./-]*$/.test(value)
    ? JSON.stringify(value)
    : String(value);
}
