import type { Plan } from "../plan.ts";
import type { PipelineValue } from "../file_schema.ts";
import type { SourceStage } from "../../stages/source.ts";
import type { TransformStage } from "../../stages/transform.ts";
import { each, type Planner } from "./planner.ts";

/** The data of a plan. */
type PlannedData = Pick<
  Plan,
  | "train"
  | "test"
  | "validation"
  | "rows"
  | "memory"
  | "features"
  | "label"
  | "nulls"
  | "weight"
  | "transforms"
>;

/**
 * Plans the data: finds the sources and transforms and checks their options.
 *
 * @param planner Finds stages and collects problems.
 * @param data The value of `data` in the document.
 * @returns The data; undefined if there are problems.
 */
export async function planData(
  planner: Planner,
  data: PipelineValue["data"],
): Promise<PlannedData | undefined> {
  const { rows, memory, features, label, nulls, weight } = data;
  const train = await planner.stage<SourceStage>("source", data.train, ["data", "train"]);
  const test = await planner.stage<SourceStage>("source", data.test, ["data", "test"]);
  const validation = !data.validation || !("use" in data.validation)
    ? data.validation
    : await planner.stage<SourceStage>("source", data.validation, ["data", "validation"]);
  const transforms = await each(data.transforms, async (entry, index) => {
    const path = ["data", "transforms", index];
    const planned = await planner.stage<TransformStage>("transform", entry, path);
    return planned && { ...planned, on: entry.on ?? planned.stage.on };
  });
  if (!train || !test) return undefined;
  return { train, test, validation, rows, memory, features, label, nulls, weight, transforms };
}

/**
 * Converts the planned data to plain JSON.
 *
 * @param data The data of a plan.
 */
export function resolvedData(
  { train, test, validation, rows, memory, features, label, nulls, weight, transforms }:
    PlannedData,
): Record<string, unknown> {
  return {
    train: train.resolved,
    test: test.resolved,
    ...(validation && { validation: "holdout" in validation ? validation : validation.resolved }),
    ...(rows !== undefined && { rows }),
    ...(memory !== undefined && { memory }),
    features,
    label,
    nulls: nulls ?? "error",
    ...(weight !== undefined && { weight }),
    transforms: transforms.map(({ resolved, on }) => ({ ...resolved, on })),
  };
}
