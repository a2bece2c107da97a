/**
 * `model.json` of a run folder: the description of how a row of the source becomes the nets' input,
 * and how their output becomes a prediction. {@linkcode ModelFile} is its content. Only
 * {@linkcode writeModelFile} and {@linkcode readModelFile} know its format on disk.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { z } from "zod";
import { runFiles } from "../../base/files/run_files.ts";
import { readRegularText } from "../../base/files/regular.ts";
import { isSealed, SEAL, sealJson } from "../../base/files/sealed_json.ts";
import { ROCKET_VERSION } from "../../base/package.ts";
import { writeFileWhole } from "../../base/files/write.ts";
import {
  type FeatureOptions,
  featureSchema,
  type LabelOptions,
  labelSchema,
  namedLabelSchema,
  type NullPolicy,
  nullsSchema,
  type SeveralLabelOptions,
} from "../../pipeline/data_options.ts";
import { UserError, type UserErrorOptions } from "../../base/errors.ts";
import { counted } from "../../base/text_table.ts";
import { hint } from "../../base/hints.ts";
import type { ColumnSpec, LabelSpec } from "../../stages/batch.ts";
import { severalLabels, unitsOf } from "../../stages/labels.ts";
import type { NetName, Variable } from "../../stages/network.ts";
import { mapValues } from "../../stages/parts.ts";
import { hashedId } from "../../input/ids.ts";
import type { Fills } from "../../input/nulls.ts";
import { type Family, familySchema } from "./family.ts";
import {
  type KeptVocabulary,
  keptVocabulary,
  readVocabulary,
  Vocabularies,
} from "./vocabularies.ts";

/**
 * The version of the file format. It changes whenever a reader of the old format would misread the
 * new one.
 */
const VERSION = 1;

/** The type of a source's column in the training rows. */
export interface SourceType {
  /** The Arrow type, for messages: `List<Utf8>`. */
  readonly text: string;
  /** The kind of its values. The column must have the same kind in all other rows. */
  readonly family: Family;
}

/** How the training rows were read from files. */
export interface ModelSource {
  /** The built-in source. */
  readonly use: string;
  /** Its options without the path, with every default filled in. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** How a feature is read from its column. */
export interface SourceFeature {
  /** The name of the feature. */
  readonly name: string;
  /** The name of the column. */
  readonly column: string;
  /** The column's type in the training rows. */
  readonly type: SourceType;
  /** The feature's options in the pipeline. */
  readonly options: FeatureOptions;
  /** The feature's shape, type, and vocabulary or other facts found in the training rows. */
  readonly spec: ColumnSpec;
}

/** How a single label is read from its column, and the classes of the label. */
export interface SingleLabel {
  /** The column's type in the training rows. */
  readonly type: SourceType;
  /** The label's options in the pipeline. */
  readonly options: LabelOptions;
  /**
   * The label's kind and classes. The vocabulary has the class names in the order of the logits.
   */
  readonly spec: LabelSpec;
}

/** How several labels are read from their columns, and what their logits stand for. */
export interface SeveralSourceLabels {
  /** The types of the columns in the training rows, by the label's name. */
  readonly types: Readonly<Record<string, SourceType>>;
  /** The labels' options in the pipeline. */
  readonly options: SeveralLabelOptions;
  /** The labels, in the order of their logits. */
  readonly spec: LabelSpec;
}

/** How the label, or several labels, are read. */
export type SourceLabel = SingleLabel | SeveralSourceLabels;

/**
 * Lists the columns of the label, or of several labels, with their types.
 *
 * @param label The label in `model.json`.
 */
export function labelTypes(
  label: SourceLabel,
): { readonly column: string; readonly type: SourceType }[] {
  if ("type" in label) return [{ column: label.options.column, type: label.type }];
  const { options: { labels }, types } = label;
  const columns = Object.entries(labels).map(([name, { column }]) => ({
    column,
    type: types[name]!,
  }));
  return [...new Map(columns.map((one) => [one.column, one])).values()];
}

/**
 * A transform of the pipeline with its options and the statistics that it measured on the training
 * rows.
 */
export interface ModelTransform {
  /** A built-in name, an absolute path or a package. */
  readonly use: string;
  /** The transform's options, with every default filled in. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The rows to which the transform is applied. */
  readonly on: "training" | "all";
  /** The statistics that it measured on the training rows; null if it measures nothing. */
  readonly measured: unknown;
}

/** How nulls are handled, except in features with their own option. */
export interface ModelNulls {
  /** The pipeline's option for all features. */
  readonly policy?: NullPolicy | undefined;
  /** The measured values that replace nulls, by feature. */
  readonly fills: Fills;
}

/** A feature as the nets receive it, after transforms. */
export interface ModelInput {
  /** The name of the feature. */
  readonly name: string;
  /** The feature's shape, type and vocabulary. */
  readonly spec: ColumnSpec;
  /** The names of the source's features that it is computed from. */
  readonly of: readonly string[];
}

/** An input of an exported graph that begins after some of the transforms. */
export interface GraphStartInput {
  /** The name of the input. */
  readonly input: string;
  /** The type of its values. */
  readonly type: "float" | "double" | "int32";
  /** The name of the feature. */
  readonly name: string;
  /** The feature's shape, type and vocabulary after these transforms. */
  readonly spec: ColumnSpec;
}

/** The kind of inputs of an exported graph: the columns of the source, or ids and numbers. */
export type InputsKind = "columns" | "ids";

/** The exported net in the same folder as `model.json`. */
export interface ExportedNet {
  /** The inputs of its graph. */
  readonly inputs: InputsKind;
  /** The SHA-256 hashes of its files, by their names in the folder. */
  readonly files: Readonly<Record<string, string>>;
}

/** Where an exported graph begins, if some transforms have to run before it. */
export interface GraphStart {
  /** The number of `transforms` that run before the graph. */
  readonly after: number;
  /** The inputs of the graph: the features after these transforms. */
  readonly inputs: readonly GraphStartInput[];
}

/** The network of a run, as `model.json` describes it. */
export interface ModelNetwork {
  /** A built-in name, an absolute path or a package. */
  readonly use: string;
  /** The network's options, with every default filled in. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The nets that the run trains. */
  readonly nets: readonly NetName[];
  /** The number of logits of each net. */
  readonly units: number;
  /** The shape of each output by `NET.OUTPUT`, without the batch. */
  readonly outputs: Readonly<Record<string, readonly number[]>>;
  /** The inputs that each net reads, by their names; absent for a net that reads all of them. */
  readonly reads?:
    | Readonly<Partial<Record<NetName, readonly string[] | undefined>>>
    | undefined;
}

/** A variable of the nets. A checkpoint contains its value as a tensor with the same name. */
export type ModelVariable = Pick<
  Variable,
  "name" | "owner" | "shape" | "trainable" | "table" | "axes"
>;

/** The content of `model.json`: how a row becomes a prediction, except for the weights. */
export interface ModelFile {
  /** The SHA-256 hash of the file's text, which the run's checkpoints contain as well. */
  readonly sha256: string;
  /** The version of Rocket that wrote the file. */
  readonly rocket: string;
  /**
   * The id of the run: a hash of its pipeline, seed and data. With it, the hashes of two runs differ
   * even if their models have the same description. Absent for a model that no run wrote.
   */
  readonly run?: string | undefined;
  /** The net of an export folder; absent in a run folder, which contains all nets. */
  readonly net?: NetName | undefined;
  /** The exported net of an export folder; absent in a run folder. */
  readonly exported?: ExportedNet | undefined;
  /** Where the graph of an export folder begins; absent if it contains all transforms. */
  readonly graph?: GraphStart | undefined;
  /** How the training rows were read from text files; absent for other sources. */
  readonly source?: ModelSource | undefined;
  /** The features of the source, in the pipeline's order. */
  readonly features: readonly SourceFeature[];
  /** The label, or several labels. */
  readonly label: SourceLabel;
  /** The transforms, in the order in which they are applied. */
  readonly transforms: readonly ModelTransform[];
  /** How nulls are handled. */
  readonly nulls: ModelNulls;
  /** The features as the nets receive them, in order. */
  readonly inputs: readonly ModelInput[];
  /** The network. */
  readonly network: ModelNetwork;
  /** The nets' variables. Variables of losses are omitted, because they are not exported. */
  readonly variables: readonly ModelVariable[];
}

/** The content of `model.json` before the version of Rocket and the hash are added. */
export type ModelContent = Omit<ModelFile, "rocket" | "sha256">;

/** The largest number of ids, which are int32, and of values in a row or a variable. */
const MAX_COUNT = 2 ** 31 - 1;

/** The largest number of classes: a list of their values fits in memory. */
const MAX_CLASSES = 2 ** 24;

const count = z.int().nonnegative().max(MAX_COUNT);
const shape = z.array(count).refine(
  (axes) => axes.reduce((size, axis) => size * axis, 1) <= MAX_COUNT,
  `too large: expected at most ${MAX_COUNT} values`,
);
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
const labelStatistics = z.strictObject({
  rows: count,
  total: z.number().nonnegative(),
  classes: z.array(z.number().nonnegative()),
  mean: z.number(),
});
const labelSpec = spec.extend({
  kind: z.enum(["class", "binary", "number", "multi-label"]),
  classes: count.max(MAX_CLASSES),
  training: labelStatistics.optional(),
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

/** The format on disk: like {@linkcode ModelFile}, but with references to named vocabularies. */
const fileSchema = z.strictObject({
  version: z.literal(VERSION),
  rocket: z.string(),
  run: z.string().optional(),
  net: z.enum(["light", "booster"]).optional(),
  exported: z.strictObject({
    inputs: z.enum(["columns", "ids"]),
    files: z.record(
      z.string().regex(/^\w[\w.-]*(\/\w[\w.-]*)*$/, { error: "expected the name of a file" }),
      z.string(),
    ),
  }).optional(),
  // The specification of hashed ids for other programs: Rocket itself does not read it.
  hash: z.strictObject({
    algorithm: z.string(),
    buckets: count,
    vectors: z.array(z.tuple([z.string(), count])),
  }).optional(),
  source: z.strictObject({ use: z.string(), options }).optional(),
  features: z.array(z.strictObject({
    name: z.string(),
    column: z.string(),
    type,
    // The values of `ids: [...]` are stored as a vocabulary, because there may be many.
    listed: z.boolean(),
    options: featureSchema,
    spec,
  })),
  label: z.strictObject({ type, options: labelSchema, spec: labelSpec }).optional(),
  labels: z.record(
    z.string(),
    z.strictObject({
      type,
      options: namedLabelSchema,
      spec: labelSpec.extend({ masked: z.literal(true).optional() }),
    }),
  ).optional(),
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
  graph: z.strictObject({
    after: count.min(1),
    inputs: z.array(z.strictObject({
      ...{ input: z.string(), type: z.enum(["float", "double", "int32"]), name: z.string(), spec },
    })),
  }).optional(),
  network: z.strictObject({
    use: z.string(),
    options,
    nets: z.array(net),
    units: count,
    outputs: z.record(z.string(), shape),
    reads: z.strictObject({
      light: z.array(z.string()).min(1).optional(),
      booster: z.array(z.string()).min(1).optional(),
    }).optional(),
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
  [SEAL]: z.string(),
});

type FileForm = z.output<typeof fileSchema>;
type SpecForm = z.output<typeof spec>;
type LabelForm = z.output<typeof labelSpec> & { readonly masked?: true | undefined };

/**
 * Writes `model.json`. Vocabularies above 1 MB are written to Arrow files in the same folder.
 *
 * @param folder The run folder.
 * @param content The description of the model.
 * @throws {UserError} If a file cannot be written.
 */
export async function writeModelFile(folder: string, content: ModelContent): Promise<void> {
  const vocabularies = new Vocabularies();
  const form = {
    version: VERSION,
    rocket: ROCKET_VERSION,
    ...(content.run !== undefined && { run: content.run }),
    ...(content.net !== undefined && { net: content.net }),
    ...(content.exported && { exported: content.exported }),
    ...(content.features.some(({ spec }) => spec.ids?.kind === "hash") && { hash: hashForm() }),
    ...(content.source && { source: content.source }),
    features: content.features.map(({ options, spec, ...feature }) => {
      const { ids, ...rest } = options, listed = Array.isArray(ids);
      return {
        ...feature,
        listed,
        options: listed || ids === undefined ? rest : { ...rest, ids },
        spec: specForm(spec, feature.name, vocabularies),
      };
    }),
    ...labelForm(content.label, vocabularies),
    transforms: content.transforms,
    nulls: content.nulls,
    inputs: content.inputs.map((input) => ({
      ...input,
      spec: specForm(input.spec, input.name, vocabularies),
    })),
    ...(content.graph && {
      graph: {
        after: content.graph.after,
        inputs: content.graph.inputs.map((input) => ({
          ...input,
          spec: specForm(input.spec, input.name, vocabularies),
        })),
      },
    }),
    network: content.network,
    variables: content.variables.map(({ name, owner, shape, trainable, table, axes }) => ({
      ...{ name, owner, shape, trainable, table },
      ...(axes && { axes }),
    })),
    vocabularies: await vocabularies.write(folder),
  };
  const text = sealJson(JSON.stringify(form, undefined, 2));
  await writeFileWhole(join(folder, runFiles.model), new TextEncoder().encode(text));
}

/** Encodes the label as `label`, or several labels as `labels`. */
function labelForm(label: SourceLabel, vocabularies: Vocabularies) {
  if ("type" in label) {
    return {
      label: { ...label, spec: specForm(label.spec, label.options.column, vocabularies) },
    };
  }
  const { options: { labels }, types, spec } = label;
  return {
    labels: mapValues(labels, (options, name) => ({
      type: types[name]!,
      options,
      spec: specForm(spec.labels![name]!, name, vocabularies),
    })),
  };
}

/** The values whose hashed ids model.json contains, so that other programs can check theirs. */
const hashedValues = ["", "a", "u7", "Röm", "東京", "12", "-9007199254740993", "x".repeat(40)];

/** Describes hashed ids for other programs. */
function hashForm() {
  const buckets = 1000;
  return {
    algorithm: "the 32-bit FNV-1a hash of the UTF-8 text (of a whole number, its decimal text), " +
      "then the final mixing step of MurmurHash3, modulo the number of ids",
    buckets,
    vectors: hashedValues.map((value) => [value, hashedId(value, buckets)]),
  };
}

/**
 * Encodes the description of a column, without `text`, which is only used in messages while rows
 * are read.
 */
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
 * Reads `model.json` and its vocabularies.
 *
 * @param path The path of `model.json`.
 * @param about The place, hint and exit code of the error if the file cannot be read.
 * @returns The content of the file.
 * @throws {UserError} If the file does not exist, is damaged, or has another version.
 */
export async function readModelFile(
  path: string,
  about: Pick<UserErrorOptions, "place" | "hint" | "exitCode"> = {},
): Promise<ModelFile> {
  const refuse = (cause: unknown) => unreadableModel(path, cause, about);
  let text: string, value: unknown;
  try {
    text = await readRegularText(path);
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(error);
  }
  const version = Object(value).version;
  if (version !== VERSION) {
    throw refuse(
      version === undefined
        ? `it has no version; expected version ${VERSION}`
        : `it has version ${JSON.stringify(version)}; expected ${VERSION}`,
    );
  }
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refuse(`${issue!.path.map(String).join(".")}: ${issue!.message}`);
  }
  const vocabularies = await readVocabularies(parsed.data.vocabularies, dirname(path), refuse);
  const model = modelOf(parsed.data, (name) => {
    const values = vocabularies.get(name);
    if (values) return values;
    throw refuse(`it has no vocabulary ${JSON.stringify(name)}`);
  });
  if (!parsed.data.label === !parsed.data.labels) throw refuse("expected either label or labels");
  const short = shortVocabulary(model);
  if (short !== undefined) throw refuse(short);
  const units = unitsOf(model.label.spec);
  if (units !== model.network.units) {
    throw refuse(`network.units is ${model.network.units}, but the label needs ${units}`);
  }
  const names = new Set(model.inputs.map(({ name }) => name));
  const unknown = Object.values(model.network.reads ?? {}).flat().find((name) => !names.has(name!));
  if (unknown !== undefined && model.net === undefined) {
    throw refuse(`network.reads: there is no input ${JSON.stringify(unknown)}`);
  }
  // The checks above have the more specific messages.
  if (!isSealed(text)) throw changedModel(path, about);
  return model;
}

/** Finds a vocabulary that does not have as many values as there are ids or classes. */
function shortVocabulary({ features, label, inputs, graph }: ModelFile): string | undefined {
  const all = [...features, ...inputs, ...graph?.inputs ?? []];
  const expected = all.map(({ name, spec: { ids, vocabulary } }) => ({
    name,
    vocabulary,
    // One more id stands for all other values.
    count: ids?.kind === "vocabulary" ? ids.count - 1 : vocabulary?.length,
  }));
  const labels = "type" in label
    ? [[label.options.column, label.spec] as const]
    : Object.entries(label.spec.labels ?? {});
  for (const [name, { vocabulary, classes }] of labels) {
    expected.push({ name, vocabulary, count: classes });
  }
  for (const { name, vocabulary, count } of expected) {
    if (!vocabulary || vocabulary.length === count) continue;
    return `the vocabulary of ${name} has ${
      counted(vocabulary.length, "value")
    }; expected ${count}`;
  }
  return undefined;
}

/**
 * Creates the error for a `model.json` that cannot be read.
 *
 * @param path The path of the file.
 * @param cause The reason, or the error that was thrown.
 * @param about The place, hint and exit code of the error.
 */
export function unreadableModel(
  path: string,
  cause: unknown,
  about: Pick<UserErrorOptions, "place" | "hint" | "exitCode"> = {},
): UserError {
  const why = cause instanceof Deno.errors.NotFound
    ? "the file does not exist"
    : cause instanceof Error
    ? cause.message
    : String(cause);
  return new UserError(`${path} cannot be read: ${why}`, {
    hint: hint(
      "model/version",
      "use the folder of a run that was written by this version of Rocket",
      { edit: "the folder" },
    ),
    ...about,
    cause,
  });
}

/** Creates the error for a `model.json` that someone has edited. */
function changedModel(path: string, { place }: Pick<UserErrorOptions, "place">): UserError {
  return new UserError(`${path} was changed after it was written: its hash is different`, {
    hint: hint(
      "model/edited",
      "copy the original file again: the weights only fit its original content",
      { edit: "the folder" },
    ),
    place,
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

/** Decodes the label, or several labels. */
function labelOf(
  { label, labels = {} }: FileForm,
  specOf: (form: LabelForm) => LabelSpec,
): SourceLabel {
  if (label) return { ...label, spec: specOf(label.spec) };
  return {
    types: mapValues(labels, ({ type }) => type),
    options: { labels: mapValues(labels, ({ options }) => options) },
    spec: severalLabels(mapValues(labels, ({ spec }) => specOf(spec))),
  };
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
    sha256: form[SEAL],
    rocket: form.rocket,
    ...(form.run !== undefined && { run: form.run }),
    ...(form.net !== undefined && { net: form.net }),
    ...(form.exported && { exported: form.exported }),
    ...(form.source && { source: form.source }),
    features: form.features.map(({ listed, options, spec, ...feature }) => {
      const read = specOf(spec);
      return {
        ...feature,
        options: listed ? { ...options, ids: read.vocabulary! } : options,
        spec: read,
      };
    }),
    label: labelOf(form, specOf),
    transforms: form.transforms,
    nulls: form.nulls,
    inputs: form.inputs.map(({ spec, ...input }) => ({ ...input, spec: specOf(spec) })),
    ...(form.graph && {
      graph: {
        after: form.graph.after,
        inputs: form.graph.inputs.map(({ spec, ...input }) => ({ ...input, spec: specOf(spec) })),
      },
    }),
    network: form.network,
    variables: form.variables as readonly ModelVariable[],
  };
}
