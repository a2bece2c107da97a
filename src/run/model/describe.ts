import csv from "../../../plugins/sources/csv.ts";
import type { Path } from "../../pipeline/document/document.ts";
import type { Plan } from "../../pipeline/plan.ts";
import type { LabelSpec } from "../../stages/batch.ts";
import type { NetName } from "../../stages/network.ts";
import type { PreparedData } from "../../input/prepare_data.ts";
import { headShapes } from "../auxiliary_head.ts";
import type { PreparedNets } from "../prepare_nets.ts";
import { sourceTypeOf } from "./family.ts";
import { lineageOf } from "./lineage.ts";
import { unitsOf } from "../../stages/labels.ts";
import { mapValues } from "../../stages/parts.ts";
import type { ModelContent, ModelInput, SourceLabel, SourceType } from "./model_file.ts";

/** The properties of the data that describe a model. */
type DescribedData = Pick<PreparedData, "plan" | "splits" | "transforms" | "measured" | "label">;

/**
 * Returns the features as the nets receive them.
 *
 * @param data The rows and transforms.
 */
export function inputsOf(
  { splits: { train }, transforms }: Pick<DescribedData, "splits" | "transforms">,
): ModelInput[] {
  const lineage = lineageOf(transforms.entry, transforms.planned);
  const features = transforms.features ?? train.features;
  return Object.entries(features).map(([name, spec]) => ({
    name,
    spec,
    of: lineage[name] ?? [name],
  }));
}

/**
 * Creates the content of `model.json`: how a run turns a row into a prediction, except for the
 * weights.
 *
 * @param plan The plan.
 * @param data The plan's rows.
 * @param names The names of the run's nets.
 * @param nets The nets of the first phase.
 */
export function describeModel(
  plan: Plan,
  data: DescribedData,
  names: readonly NetName[],
  { model, shapes, reads }: Pick<PreparedNets, "model" | "shapes" | "reads">,
): ModelContent {
  const { train } = data.splits, { features, transforms } = data.plan;
  const typeOf = (column: string) =>
    sourceTypeOf(train.schema.fields.find(({ name }) => name === column)!);
  return {
    ...sourceOf(plan),
    features: Object.entries(features).map(([name, options]) => {
      const column = options.column ?? name;
      return { name, column, type: typeOf(column), options, spec: train.features[name]! };
    }),
    label: labelOf(plan.label, data.label, typeOf),
    transforms: transforms.map(({ resolved, on }, index) => ({
      use: String(resolved.use),
      options: writtenOptions(plan, resolved, ["data", "transforms", index]),
      on,
      measured: data.measured.transforms[index] ?? null,
    })),
    nulls: { policy: plan.nulls, fills: data.measured.nulls },
    inputs: inputsOf(data),
    network: {
      use: String(plan.network.resolved.use),
      options: writtenOptions(plan, plan.network.resolved, ["network"]),
      nets: names,
      units: unitsOf(train.label),
      outputs: plan.auxiliary ? withoutHead(shapes, train.label) : shapes,
      ...(Object.keys(reads).length > 0 && { reads }),
    },
    variables: model.variables.filter(({ owner }) => owner !== "loss"),
  };
}

/** Returns the outputs of the nets that are deployed, without that of the auxiliary head. */
function withoutHead(shapes: PreparedNets["shapes"], label: LabelSpec): PreparedNets["shapes"] {
  const outputs = Object.keys(headShapes(label));
  return Object.fromEntries(Object.entries(shapes).filter(([name]) => !outputs.includes(name)));
}

function labelOf(
  options: Plan["label"],
  spec: LabelSpec,
  typeOf: (column: string) => SourceType,
): SourceLabel {
  if (!("labels" in options)) return { type: typeOf(options.column), options, spec };
  const types = mapValues(options.labels, ({ column }) => typeOf(column));
  return { types, options, spec };
}

/** Describes how text files were read. Other formats need no options to be read in the same way. */
function sourceOf(plan: Plan): Pick<ModelContent, "source"> {
  const { all, train } = plan.sources, { resolved, stage } = all ?? train!;
  if (stage !== csv) return {};
  const { path: _, ...options } = writtenOptions(plan, resolved, ["data", all ? "all" : "train"]);
  return { source: { use: stage.name, options } };
}

/** Returns a stage's options without the values of environment variables. */
function writtenOptions(
  { document }: Plan,
  resolved: Readonly<Record<string, unknown>>,
  path: Path,
): Record<string, unknown> {
  const { use: _, ...options } = document.asWritten(resolved, path) as Record<string, unknown>;
  return options;
}
