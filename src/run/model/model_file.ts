/**
 * `model.json` of a run folder: all that turns a row of the source into the nets' input, and their
 * output into an answer. {@linkcode ModelFile} is what it says; {@linkcode writeModelFile} and
 * {@linkcode readModelFile} are the only code that knows its form on disk.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { z } from "zod";
import { readRegularText } from "../../base/files/regular.ts";
import { ROCKET_VERSION } from "../../base/package.ts";
import { writeFileWhole } from "../../base/files/write.ts";
import {
  type FeatureOptions,
  featureSchema,
  type LabelOptions,
  labelSchema,
  type NullPolicy,
  nullsSchema,
} from "../../pipeline/data_options.ts";
import { UserError, type UserErrorOptions } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import type { ColumnSpec, LabelSpec } from "../../stages/batch.ts";
import type { NetName, Variable } from "../../stages/network.ts";
import type { Fills } from "../../input/nulls.ts";
import { type Family, familySchema } from "./family.ts";
import {
  type KeptVocabulary,
  keptVocabulary,
  readVocabulary,
  Vocabularies,
} from "./vocabularies.ts";

/** The name of the file in a run folder. */
export const MODEL_FILE = "model.json";

/**
 * The version of the form. It changes whenever a reader of the old one would misread the new one.
 */
const VERSION = 1;

/** The type of a column of the source. */
export interface SourceType {
  /** The Arrow type, for people: `List<Utf8>`. */
  readonly text: string;
  /** What its values are; the same column of any other rows has to hold the same. */
  readonly family: Family;
}

/** How a feature is read from its column. */
export interface SourceFeature {
  /** The feature. */
  readonly name: string;
  /** The column. */
  readonly column: string;
  /** The column's type in the training rows. */
  readonly type: SourceType;
  /** How the pipeline has it read. */
  readonly options: FeatureOptions;
  /** What it became: shape, type, and all that was found in the training rows. */
  readonly spec: ColumnSpec;
}

/** How the label is read, and what the classes are. */
export interface SourceLabel {
  /** The column's type in the training rows. */
  readonly type: SourceType;
  /** How the pipeline has it read. */
  readonly options: LabelOptions;
  /** What it became; the vocabulary has the classes' names in the order of the logits. */
  readonly spec: LabelSpec;
}

/** A transform, with what it measured. */
export interface ModelTransform {
  /** A built-in name, an absolute path or a package. */
  readonly use: string;
  /** Its options, with every default filled in. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The rows that it is applied to. */
  readonly on: "training" | "all";
  /** What it measured in the training rows; null for one that measures nothing. */
  readonly measured: unknown;
}

/** What becomes of nulls, where features do not say it themselves. */
export interface ModelNulls {
  /** What the pipeline says for all features. */
  readonly policy?: NullPolicy | undefined;
  /** What takes the place of nulls in features that the training rows were measured for. */
  readonly fills: Fills;
}

/** A feature as the nets get it. */
export interface ModelInput {
  /** Its name. */
  readonly name: string;
  /** What it is. */
  readonly spec: ColumnSpec;
  /** The features of the source that its values depend on. */
  readonly of: readonly string[];
}

/** The network. */
export interface ModelNetwork {
  /** A built-in name, an absolute path or a package. */
  readonly use: string;
  /** Its options, with every default filled in. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The nets that the run trains. */
  readonly nets: readonly NetName[];
  /** How many logits each net has. */
  readonly units: number;
  /** The shape of each output by `NET.OUTPUT`, without the batch. */
  readonly outputs: Readonly<Record<string, readonly number[]>>;
}

/** A variable of the nets: the tensor of its name in the run's checkpoints. */
export type ModelVariable = Pick<
  Variable,
  "name" | "owner" | "shape" | "trainable" | "table" | "axes"
>;

/** All that turns a row into an answer, but for the weights. */
export interface ModelFile {
  /** The version of Rocket that wrote it. */
  readonly rocket: string;
  /** The features of the source, in the pipeline's order. */
  readonly features: readonly SourceFeature[];
  /** The label. */
  readonly label: SourceLabel;
  /** The transforms, in their order. */
  readonly transforms: readonly ModelTransform[];
  /** What becomes of nulls. */
  readonly nulls: ModelNulls;
  /** The features as the nets get them, in their order. */
  readonly inputs: readonly ModelInput[];
  /** The network. */
  readonly network: ModelNetwork;
  /** The nets' variables. Those of losses do not ship and are not here. */
  readonly variables: readonly ModelVariable[];
}

/** What is written of a model before the version of Rocket is added. */
export type ModelContent = Omit<ModelFile, "rocket">;

const count = z.int().nonnegative();
const shape = z.array(count);
const dtype = z.enum(["float32", "int32"]);
const keys = z.strictObject({
  kind: z.enum(["vocabulary", "hash", "count"]),
  name: z.string(),
  count,
  vocabulary: z.string().optional(),
});
const spec = z.strictObject({
  shape,
  dtype,
  vocabulary: z.string().optional(),
  ids: z.strictObject({
    kind: z.enum(["vocabulary", "hash", "count"]),
    count,
    name: z.string(),
    padded: z.boolean(),
  }).optional(),
  unit: z.literal("seconds since 1970").optional(),
  missing: z.enum(["mean", "median"]).optional(),
  places: z.array(z.strictObject({ size: count, ids: keys.optional() })).optional(),
});
const type = z.strictObject({ text: z.string(), family: familySchema });
const options = z.record(z.string(), z.unknown());
const part = z.union([
  z.string(),
  z.strictObject({ feature: z.string().optional(), units: count }),
]);
const axis = z.union([
  z.enum(["units", "classes"]),
  z.strictObject({ ids: z.string(), before: count.optional() }),
  z.strictObject({ features: z.array(part) }),
  z.strictObject({ channels: z.string() }),
]);
const net = z.enum(["light", "booster"]);

/** The form on disk: as {@linkcode ModelFile}, with vocabularies by name. */
const fileSchema = z.strictObject({
  version: z.literal(VERSION),
  rocket: z.string(),
  features: z.array(z.strictObject({
    name: z.string(),
    column: z.string(),
    type,
    // A list of values stands among the vocabularies, where it may be long.
    listed: z.boolean(),
    options: featureSchema,
    spec,
  })),
  label: z.strictObject({
    type,
    options: labelSchema,
    spec: spec.extend({ kind: z.enum(["class", "binary", "number"]), classes: count }),
  }),
  transforms: z.array(z.strictObject({
    use: z.string(),
    options,
    on: z.enum(["training", "all"]),
    measured: z.json(),
  })),
  nulls: z.strictObject({
    policy: nullsSchema.optional(),
    fills: z.record(z.string(), z.array(z.number())),
  }),
  inputs: z.array(z.strictObject({ name: z.string(), spec, of: z.array(z.string()) })),
  network: z.strictObject({
    use: z.string(),
    options,
    nets: z.array(net),
    units: count,
    outputs: z.record(z.string(), shape),
  }),
  variables: z.array(z.strictObject({
    name: z.string(),
    owner: z.enum(["light", "booster", "shared"]),
    shape,
    trainable: z.boolean(),
    table: z.boolean(),
    axes: z.array(axis).optional(),
  })),
  vocabularies: z.record(z.string(), keptVocabulary),
});

type FileForm = z.output<typeof fileSchema>;
type SpecForm = z.output<typeof spec>;

/**
 * Writes `model.json`. Vocabularies above 1 MB stand in Arrow files beside it.
 *
 * @param folder The run folder.
 * @param content What the model is.
 * @throws {UserError} If a file cannot be written.
 */
export async function writeModelFile(folder: string, content: ModelContent): Promise<void> {
  const vocabularies = new Vocabularies();
  const form = {
    version: VERSION,
    rocket: ROCKET_VERSION,
    features: content.features.map(({ options, spec, ...feature }) => {
      const { ids, ...rest } = options, listed = Array.isArray(ids);
      return {
        ...feature,
        listed,
        options: listed || ids === undefined ? rest : { ...rest, ids },
        spec: specForm(spec, feature.name, vocabularies),
      };
    }),
    label: {
      ...content.label,
      spec: specForm(content.label.spec, content.label.options.column, vocabularies),
    },
    transforms: content.transforms,
    nulls: content.nulls,
    inputs: content.inputs.map((input) => ({
      ...input,
      spec: specForm(input.spec, input.name, vocabularies),
    })),
    network: content.network,
    variables: content.variables.map(({ name, owner, shape, trainable, table, axes }) => ({
      ...{ name, owner, shape, trainable, table },
      ...(axes && { axes }),
    })),
    vocabularies: await vocabularies.write(folder),
  };
  const text = JSON.stringify(form, undefined, 2) + "\n";
  await writeFileWhole(join(folder, MODEL_FILE), new TextEncoder().encode(text));
}

/** Without `text`, which is a hint for messages while rows are read. */
function specForm<Spec extends ColumnSpec>(
  { vocabulary, places, text: _, ...spec }: Spec,
  name: string,
  vocabularies: Vocabularies,
) {
  const named = (values: readonly string[] | undefined) =>
    values && { vocabulary: vocabularies.nameOf(values, name) };
  return {
    ...spec,
    ...named(vocabulary),
    ...(places && {
      places: places.map(({ size, ids }) => {
        if (!ids) return { size };
        const { vocabulary, ...keys } = ids;
        return { size, ids: { ...keys, ...named(vocabulary) } };
      }),
    }),
  };
}

/**
 * Reads `model.json`, with the vocabularies beside it.
 *
 * @param path The file.
 * @param about Where the pipeline file names it, and what to do if it cannot be read.
 * @returns What it says.
 * @throws {UserError} If it is not there, is damaged, or is of another version.
 */
export async function readModelFile(
  path: string,
  about: Pick<UserErrorOptions, "place" | "hint" | "exitCode"> = {},
): Promise<ModelFile> {
  const refuse = (cause: unknown) => unreadableModel(path, cause, about);
  let value: unknown;
  try {
    value = JSON.parse(await readRegularText(path));
  } catch (error) {
    throw refuse(error);
  }
  const version = Object(value).version;
  if (version !== VERSION) {
    throw refuse(`it has version ${JSON.stringify(version) ?? "none"}; expected ${VERSION}`);
  }
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refuse(`${issue!.path.map(String).join(".")}: ${issue!.message}`);
  }
  const vocabularies = await readVocabularies(parsed.data.vocabularies, dirname(path), refuse);
  return modelOf(parsed.data, (name) => {
    const values = vocabularies.get(name);
    if (values) return values;
    throw refuse(`it has no vocabulary ${JSON.stringify(name)}`);
  });
}

/**
 * Says why a model cannot be read.
 *
 * @param path Its file.
 * @param cause Why, or what was thrown.
 * @param about Where the pipeline file names it, and what to do about it.
 */
export function unreadableModel(
  path: string,
  cause: unknown,
  about: Pick<UserErrorOptions, "place" | "hint" | "exitCode"> = {},
): UserError {
  const why = cause instanceof Deno.errors.NotFound
    ? "there is no such file"
    : cause instanceof Error
    ? cause.message
    : String(cause);
  return new UserError(`${path} cannot be read: ${why}`, {
    hint: hint(
      "model/version",
      "take the folder of a run that this version of Rocket has written",
      { edit: "the folder" },
    ),
    ...about,
    cause,
  });
}

async function readVocabularies(
  kept: Readonly<Record<string, KeptVocabulary>>,
  folder: string,
  refuse: (cause: unknown) => UserError,
): Promise<Map<string, readonly string[]>> {
  const read = new Map<string, readonly string[]>();
  for (const [name, form] of Object.entries(kept)) {
    try {
      read.set(name, await readVocabulary(form, folder));
    } catch (error) {
      throw refuse(error);
    }
  }
  return read;
}

function modelOf(form: FileForm, vocabulary: (name: string) => readonly string[]): ModelFile {
  const specOf = <Form extends SpecForm>({ vocabulary: name, ids, places, ...rest }: Form) => ({
    ...rest,
    ...(name !== undefined && { vocabulary: vocabulary(name) }),
    ...(ids && { ids }),
    ...(places && {
      places: places.map(({ size, ids }) => {
        if (!ids) return { size };
        const { vocabulary: name, ...keys } = ids;
        return {
          size,
          ids: { ...keys, ...(name !== undefined && { vocabulary: vocabulary(name) }) },
        };
      }),
    }),
  });
  return {
    rocket: form.rocket,
    features: form.features.map(({ listed, options, spec, ...feature }) => {
      const read = specOf(spec);
      return {
        ...feature,
        options: listed ? { ...options, ids: read.vocabulary! } : options,
        spec: read,
      };
    }),
    label: { ...form.label, spec: specOf(form.label.spec) },
    transforms: form.transforms,
    nulls: form.nulls,
    inputs: form.inputs.map(({ spec, ...input }) => ({ ...input, spec: specOf(spec) })),
    network: form.network,
    variables: form.variables as readonly ModelVariable[],
  };
}
