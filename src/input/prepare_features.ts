/**
 * What `data.prepare: auto` stands for: strings become ids and numbers are normalized. Whole numbers
 * stay numbers, however few values they have, unless their feature has `ids`.
 *
 * @module
 */

import type { Schema } from "apache-arrow";
import { stringify } from "yaml";
import normalize from "../../plugins/transforms/normalize.ts";
import oneHot from "../../plugins/transforms/one_hot.ts";
import type { FeatureOptions } from "../pipeline/data_options.ts";
import type { CompletePlan, PlannedTransformStage } from "../pipeline/plan.ts";
import type { ColumnSpec } from "../stages/batch.ts";
import { readsOf } from "../stages/network.ts";
import { mapValues } from "../stages/parts.ts";
import type { TransformStage } from "../stages/transform.ts";
import { escapedName } from "./choose_features.ts";
import { isMeasured } from "./columns.ts";
import { type IdCounts, isTrainingIds } from "./ids.ts";
import { layoutOf } from "./layout.ts";

/**
 * Adds the option `ids` to the features with strings if the plan has `prepare: auto`. The
 * vocabularies are the values that occur more than once in the training rows, or all values if none
 * does.
 *
 * @param plan The plan.
 * @param schema The columns of the training rows.
 * @returns The plan with the options of its features.
 */
export function withIds(plan: CompletePlan, schema: Schema): CompletePlan {
  if (!plan.prepare) return plan;
  const isText = (column: string) => {
    const field = schema.fields.find(({ name }) => name === column);
    const layout = field && layoutOf(field.type);
    return layout?.family === "strings" && layout.lists.length === 0;
  };
  const { nulls } = plan;
  // Strings have no mean, so an empty text replaces their nulls, which gets an id of its own.
  const isOfNumbers = nulls !== undefined &&
    (isMeasured(nulls) || typeof nulls === "object" && typeof nulls.fill === "number");
  const features = mapValues(plan.features, (options, name): FeatureOptions => {
    const isOwn = options.ids !== undefined || options.dtype !== undefined;
    if (isOwn || !isText(options.column ?? name)) return options;
    return {
      ...options,
      ids: { train: true, minCount: 2, orAll: true },
      ...(isOfNumbers && !options.nulls && { nulls: { fill: "" } }),
    };
  });
  return { ...plan, features };
}

/**
 * Replaces the provisional options `ids` of features in a plan with `data.prepare: auto` by those
 * that a user could write in the pipeline file.
 *
 * @param plan The plan.
 * @param counts The counts of the values in the training rows, by feature.
 */
export function withCounts(
  plan: CompletePlan,
  counts: Readonly<Record<string, IdCounts>>,
): CompletePlan {
  if (!plan.prepare) return plan;
  const features = mapValues(plan.features, (options, name): FeatureOptions => {
    const { ids } = options;
    if (ids === undefined || !isTrainingIds(ids) || !ids.orAll) return options;
    // Without a value that occurs twice, all values of the vocabulary occur once.
    const { minCount } = ids, isAll = (counts[name]?.once ?? 0) > 0;
    return { ...options, ids: isAll ? "train" : { train: true, minCount } };
  });
  return { ...plan, features };
}

/**
 * Adds transforms to a plan whose pipeline contains `data.prepare: auto`. They follow the
 * transforms of the pipeline: `normalize` for numbers and, if the network reads only numbers,
 * `one-hot` for ids.
 *
 * @param plan The plan.
 * @param features The features after the transforms of the pipeline.
 */
export function withTransforms(
  plan: CompletePlan,
  features: Readonly<Record<string, ColumnSpec>>,
): CompletePlan {
  if (!plan.prepare) return plan;
  const specs = Object.values(features);
  const added: PlannedTransformStage[] = [];
  if (specs.some(({ dtype }) => dtype === "float32")) added.push(planned(plan, normalize));
  const { stage, options } = plan.network;
  if (specs.some(({ dtype }) => dtype === "int32") && readsOf(stage, options) === "numbers") {
    added.push(planned(plan, oneHot));
  }
  return { ...plan, transforms: [...plan.transforms, ...added] };
}

function planned({ document }: CompletePlan, stage: TransformStage): PlannedTransformStage {
  const place = document.place(["data", "prepare"]), options = stage.options.parse({});
  return {
    stage,
    options,
    resolved: { use: stage.name, ...options as Readonly<Record<string, unknown>> },
    reference: { kind: "transform", name: stage.name, place },
    specifier: stage.name,
    folder: document.folderOf(["data"]),
    on: stage.on,
  };
}

/**
 * Writes the part of a pipeline file that has the same effect as `data.prepare: auto`: the options
 * `features` and `transforms` of `data`.
 *
 * @param plan The plan, with its features and transforms.
 */
export function preparedYaml({ document, features, transforms }: CompletePlan): string {
  const { data } = Object(document.value) as { readonly data: { readonly transforms?: unknown } };
  const written = document.asWritten(data.transforms ?? [], ["data", "transforms"]) as unknown[];
  const added = transforms.slice(written.length).map(({ stage }) => stage.name);
  const line = (value: unknown) =>
    stringify(value, { collectionStyle: "flow", lineWidth: 0 }).trimEnd();
  const lines = Object.entries(features).map(([name, options]) =>
    `    ${line(options.column === undefined ? escapedName(name) : name)}: ${line(options)}`
  );
  const all = [...written, ...added].map((entry) => `    - ${line(entry)}`);
  return ["data:", "  features:", ...lines, "  transforms:", ...all].join("\n");
}
