/**
 * Leaves out of a model what one of its nets does not read.
 *
 * @module
 */

import { builtins } from "../../../plugins/mod.ts";
import { UserError } from "../../base/errors.ts";
import { runFiles } from "../../base/files/run_files.ts";
import { withVariables } from "../../pipeline/document/environment.ts";
import type { ModelFile, ModelTransform, SourceFeature } from "./model_file.ts";
import type { ColumnSpec } from "../../stages/batch.ts";
import type { NetName } from "../../stages/network.ts";
import type { TransformStage } from "../../stages/transform.ts";

type Specs = Readonly<Record<string, ColumnSpec>>;

/** A built-in transform of a model, with its options as they are used. */
interface Applied {
  readonly written: ModelTransform;
  readonly stage: TransformStage;
  readonly options: Readonly<Record<string, unknown>>;
  /** The features before the transform. */
  readonly before: Specs;
}

/**
 * Leaves out the columns, features, and transforms that a net does not need, such as those that only
 * the booster reads. Built-in transforms change each feature by itself, so the remaining features
 * have the same values as in the run. A custom transform may compute a feature from any others: with
 * one, and for a net that reads all features, the model stays as it is.
 *
 * @param model The content of a run's `model.json`.
 * @param net The net.
 * @returns The model; its `network` and `variables` are still those of all nets.
 */
export function narrowModel(model: ModelFile, net: NetName): ModelFile {
  const reads = model.network.reads?.[net];
  const applied = reads && appliedTransforms(model);
  if (!reads || !applied) return model;
  let wanted: ReadonlySet<string> = new Set(reads);
  const transforms: ModelTransform[] = [];
  for (const transform of applied.toReversed()) {
    const { before, written } = narrowTransform(transform, wanted);
    if (written) transforms.unshift(written);
    wanted = before;
  }
  const { features, nulls: { policy, fills } } = model;
  const isWanted = ([name]: readonly [string, unknown]) => wanted.has(name);
  return {
    ...model,
    features: withOwnIds(features.filter(({ name }) => wanted.has(name)), features),
    transforms,
    nulls: { policy, fills: Object.fromEntries(Object.entries(fills).filter(isWanted)) },
    inputs: model.inputs.filter(({ name }) => reads.includes(name)),
  };
}

/** Finds the built-in transforms of a model; undefined if one of them is a custom transform. */
function appliedTransforms({ features, transforms }: ModelFile): Applied[] | undefined {
  let before: Specs = Object.fromEntries(features.map(({ name, spec }) => [name, spec]));
  const applied: Applied[] = [];
  for (const written of transforms) {
    const stage = builtins.find(({ kind, name }) => kind === "transform" && name === written.use) as
      | TransformStage
      | undefined;
    const parsed = stage?.options.safeParse(withVariables(written.options, runFiles.model));
    if (!stage || !parsed?.success || !isByFeature(stage)) return undefined;
    const options = parsed.data as Applied["options"];
    applied.push({ written, stage, options, before });
    before = stage.create(options, { features: before }).features;
  }
  return applied;
}

/** Whether a built-in transform changes, renames, or selects each feature by itself. */
const isByFeature = ({ name, options: { shape } }: TransformStage) =>
  "feature" in shape || ["rename", "select"].includes(name);

/**
 * Leaves features out of a transform.
 *
 * @param transform The transform.
 * @param wanted The names of the features after it that are needed.
 * @returns The features before it that are needed, and what remains of the transform: undefined if
 *   it changes none of them.
 */
function narrowTransform(
  { written, stage, options, before }: Applied,
  wanted: ReadonlySet<string>,
): { readonly before: ReadonlySet<string>; readonly written: ModelTransform | undefined } {
  const changed = (own: Readonly<Record<string, unknown>>) => ({
    before: wanted,
    written: { ...written, options: { ...written.options, ...own } },
  });
  if (stage.name === "select") {
    return changed({ features: (options.features as string[]).filter((name) => wanted.has(name)) });
  }
  if (stage.name === "rename") {
    const names = options.names as Readonly<Record<string, string>>;
    const renamed = Object.entries(names).filter(([, to]) => wanted.has(to));
    const same = Object.keys(before)
      .filter((name) => !Object.hasOwn(names, name) && wanted.has(name));
    const needed = new Set([...same, ...renamed.map(([from]) => from)]);
    return renamed.length === 0
      ? { before: needed, written: undefined }
      : { ...changed({ names: Object.fromEntries(renamed) }), before: needed };
  }
  const measured = narrowMeasured(written.measured, wanted);
  if (options.feature === undefined) {
    const some = [...wanted].some((name) => suits(stage, options, { [name]: before[name]! }));
    return { before: wanted, written: some ? { ...written, measured } : undefined };
  }
  const feature = [options.feature as string | string[]].flat().filter((name) => wanted.has(name));
  if (feature.length === 0) return { before: wanted, written: undefined };
  return {
    before: wanted,
    written: { ...written, options: { ...written.options, feature }, measured },
  };
}

/** Whether a transform without the option `feature` changes a feature. */
function suits(stage: TransformStage, options: unknown, features: Specs): boolean {
  try {
    stage.create(options, { features });
    return true;
  } catch (error) {
    // The transform was created in the run, so the only reason can be that no feature suits it.
    if (error instanceof UserError) return false;
    throw error;
  }
}

/** Leaves out the statistics of features, which built-in transforms measure by name. */
function narrowMeasured(measured: unknown, wanted: ReadonlySet<string>): unknown {
  if (typeof measured !== "object" || measured === null) return measured;
  return Object.fromEntries(Object.entries(measured).filter(([name]) => wanted.has(name)));
}

/**
 * Gives features ids of their own if they use those of a feature that was left out. The first of
 * them defines the ids, and the others use its ids.
 */
function withOwnIds(
  kept: readonly SourceFeature[],
  all: readonly SourceFeature[],
): SourceFeature[] {
  const names = new Set(kept.map(({ name }) => name));
  const lenders = new Map<string, string>();
  return kept.map((feature) => {
    const { ids } = feature.options;
    if (typeof ids !== "object" || !("of" in ids) || names.has(ids.of)) return feature;
    const first = lenders.get(ids.of);
    if (first === undefined) lenders.set(ids.of, feature.name);
    const own = first === undefined
      ? all.find(({ name }) => name === ids.of)!.options.ids
      : { of: first };
    return { ...feature, options: { ...feature.options, ids: own } };
  });
}
