import { hint } from "../../base/hints.ts";
import type { Plan, PlannedSources } from "../plan.ts";
import type { PipelineValue } from "../file_schema.ts";
import type { SourceStage } from "../../stages/source.ts";
import type { TransformStage } from "../../stages/transform.ts";
import { checkSamplingLabel, planLabel } from "./labels.ts";
import { each, type Planner } from "./planner.ts";

/** The data of a plan. */
type PlannedData = Pick<
  Plan,
  | "sources"
  | "split"
  | "rows"
  | "sampling"
  | "memory"
  | "chosen"
  | "prepare"
  | "label"
  | "nulls"
  | "weight"
  | "group"
  | "transforms"
>;

/**
 * Plans the data: finds the sources and transforms and checks their options.
 *
 * @param planner Finds stages and collects problems.
 * @param data The value of `data` in the document.
 * @returns The data; parts of it are missing if there are problems.
 */
export async function planData(
  planner: Planner,
  data: PipelineValue["data"],
): Promise<PlannedData> {
  const { split, rows, sampling, memory, features: chosen, prepare, nulls, weight, group } = data;
  const sources: { -readonly [Name in keyof PlannedSources]: PlannedSources[Name] } = {};
  for (const name of ["all", "train", "validation", "test"] as const) {
    const entry = data[name];
    const planned = entry && await planner.stage<SourceStage>("source", entry, ["data", name]);
    if (planned) sources[name] = planned;
  }
  checkSources(planner, data);
  const label = planLabel(planner, data);
  if (sampling) checkSamplingLabel(planner, sampling.label);
  const transforms = await each(data.transforms, async (entry, index) => {
    const path = ["data", "transforms", index];
    const planned = await planner.stage<TransformStage>("transform", entry, path);
    return planned && { ...planned, on: entry.on ?? planned.stage.on };
  });
  return {
    sources,
    split,
    rows,
    sampling,
    memory,
    chosen,
    prepare,
    label,
    nulls,
    weight,
    group,
    transforms,
  };
}

/** Checks that each split gets its rows from exactly one place. */
function checkSources(planner: Planner, data: PipelineValue["data"]): void {
  const { all, train, test, validation, split } = data;
  const at = (...path: string[]) => planner.document.place(["data", ...path]);
  for (const key of ["types", "nullValues"] as const) {
    const isUsed = [all, train, validation, test].some((entry) => entry?.use === "csv");
    if (data[key] === undefined || isUsed) continue;
    planner.problem(
      `data.${key} has no effect: none of the sources is csv`,
      at(key),
      hint("plan/no-text", `remove data.${key}`, { remove: ["."] }),
    );
  }
  if (!all && (!train || !test)) {
    const missing = train ? "test" : test ? "train" : "train and test";
    planner.problem(
      `data needs a source of its ${missing} rows: ${
        train || test ? missing : "`train` and `test`, or `all`"
      }`,
      at(),
      hint(
        "plan/sources",
        "write `train` and `test` for files with rows of their own, or `all` and `split` to divide " +
          "one, such as all: { use: csv, path: all.csv } and split: { test: 0.2, validation: 0.1 }",
        { edit: "the sources" },
      ),
    );
  }
  for (const name of ["train", "test", "validation"] as const) {
    if (!all || !data[name]) continue;
    planner.problem(
      `data.all has the rows of all splits, so there cannot be data.${name} as well`,
      at(name),
      hint("plan/own-source", `remove data.${name}, or data.all`, { remove: ["."] }),
    );
  }
  if (all && split?.test === undefined) {
    planner.problem(
      "data.all needs data.split.test: the fraction of the rows that are test rows",
      split ? at("split") : at("all"),
      hint("plan/no-test", "write split: { test: 0.2, validation: 0.1 }", {
        set: { "/data/split/test": 0.2 },
      }),
    );
  }
  if (!all && split && split.test === undefined && split.validation === undefined) {
    planner.problem(
      "data.split needs `validation`: the fraction of the training rows that are validation rows",
      at("split"),
      hint("plan/no-validation", "write validation: 0.1, or remove data.split", [
        { set: { validation: 0.1 } },
        { remove: ["."] },
      ]),
    );
  }
  for (const [name, source] of [["test", test], ["validation", validation]] as const) {
    if (all || !source || split?.[name] === undefined) continue;
    const isOnly = Object.keys({ test: 0, validation: 0 }).every((other) =>
      other === name || split[other as typeof name] === undefined
    );
    planner.problem(
      `the ${name} rows have a source of their own, so data.split.${name} cannot take them from data.train`,
      at("split", name),
      hint("plan/own-split", `remove ${isOnly ? "data.split" : `data.split.${name}`}`, {
        remove: [isOnly ? ".." : "."],
      }),
    );
  }
}

/**
 * Converts the planned data to plain JSON.
 *
 * @param data The data of a plan.
 */
export function resolvedData(
  {
    sources,
    split,
    rows,
    sampling,
    memory,
    chosen,
    prepare,
    label,
    nulls,
    weight,
    group,
    transforms,
  }: PlannedData,
): Record<string, unknown> {
  return {
    ...Object.fromEntries(
      Object.entries(sources).map(([name, { resolved }]) => [name, resolved]),
    ),
    ...(split && { split }),
    ...(rows !== undefined && { rows }),
    ...(sampling && { sampling }),
    ...(memory !== undefined && { memory }),
    features: chosen,
    ...(prepare && { prepare }),
    ...("labels" in label ? label : { label }),
    nulls: nulls ?? "error",
    ...(weight !== undefined && { weight }),
    ...(group && { group }),
    transforms: transforms.map(({ resolved, on }) => ({ ...resolved, on })),
  };
}
