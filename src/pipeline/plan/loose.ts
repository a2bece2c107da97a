import type { Path } from "../document/document.ts";
import { asPair } from "../pair.ts";
import type { LossStage } from "../../stages/loss.ts";
import type { AnyStage } from "../../stages/stage.ts";
import { type LossEntry, planComparisons } from "./losses.ts";
import { isEntry, type Planner } from "./planner.ts";

/**
 * Checks the stages of a pipeline file that violates the schema of pipelines, so that all mistakes
 * are reported together. Values that are not recognizable as stages are skipped.
 *
 * @param planner Finds stages and collects problems.
 * @param value The document's value.
 */
export async function checkLoose(planner: Planner, value: unknown): Promise<void> {
  const at = (path: Path) =>
    path.reduce<unknown>(
      (inner, key) => (inner as Record<string | number, unknown> | null | undefined)?.[key],
      value,
    );
  const one = async <S extends AnyStage>(kind: S["kind"], path: Path) => {
    const raw = at(path);
    const entry = typeof raw === "string" ? { use: raw } : kind === "network" ? asPair(raw) : raw;
    return isEntry(entry) ? await planner.stage<S>(kind, entry, path) : undefined;
  };
  const list = async (path: Path, check: (path: Path) => Promise<unknown>) => {
    const entries = at(path);
    if (!Array.isArray(entries)) return;
    for (const index of entries.keys()) await check([...path, index]);
  };
  for (const split of ["all", "train", "test", "validation"]) await one("source", ["data", split]);
  await list(["data", "transforms"], (path) => one("transform", path));
  await one("network", ["network"]);
  const training = async (path: Path) => {
    await list([...path, "losses"], async (path) => {
      const planned = await one<LossStage>("loss", path);
      await one("gradient", [...path, "gradient"]);
      await one("schedule", [...path, "schedule"]);
      const entry = at(path);
      if (planned && namesOutputs(entry)) planComparisons(planner, entry, planned, path);
    });
    await one("optimizer", [...path, "optimizer"]);
    await one("schedule", [...path, "optimizer", "schedule"]);
  };
  await training([]);
  await list(["phases"], training);
  await list(["metrics"], (path) => one("metric", path));
  await list(["outputs"], (path) => one("output", path));
}

/**
 * Whether the values of an entry that name outputs and a label are texts. Otherwise the schema
 * reports them.
 */
function namesOutputs(entry: unknown): entry is LossEntry {
  const { label = "", on = "", from = [], to = [] } = entry as Record<string, unknown>;
  return [label, on, from, to].flat().every((value) => typeof value === "string");
}
