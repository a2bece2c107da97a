import type { Path } from "../document/document.ts";
import type { PlannedLoss, PlannedStage } from "../plan.ts";
import { hint } from "../../base/hints.ts";
import { netName, type PipelineValue } from "../file_schema.ts";
import type { GradientStage } from "../../stages/gradient.ts";
import type { LossStage } from "../../stages/loss.ts";
import type { NetName } from "../../stages/network.ts";
import { each, placed, type Planner } from "./planner.ts";

/** How a loss is written. */
export type LossEntry = NonNullable<PipelineValue["losses"]>[number];

/**
 * Finds the losses of a training.
 *
 * @param planner Finds stages.
 * @param entries How they are written.
 * @param list Where the document has them.
 * @returns Those that nothing is wrong with.
 */
export async function planLosses(
  planner: Planner,
  entries: readonly LossEntry[],
  list: Path,
): Promise<PlannedLoss[]> {
  const losses = await each(entries, async (entry, index) => {
    const path: Path = [...list, index];
    const planned = await planner.stage<LossStage>("loss", entry, path);
    const form = planned?.stage.form;
    const gradient = await planner.stage<GradientStage>(
      "gradient",
      entry.gradient ?? { use: form === "hint" ? "block" : "none" },
      [...path, "gradient"],
    );
    if (!planned || !gradient) return undefined;
    const comparisons = planComparisons(planner, entry, planned, path);
    if (!comparisons) return undefined;
    const name = entry.name ?? `${planned.stage.name}(${comparedText(comparisons)})`;
    return { ...planned, name, comparisons, weight: entry.weight, gradient };
  });
  planner.refuseTwice(placed(losses), "losses");
  return losses;
}

/**
 * What a loss compares.
 *
 * @param planner Is told what is wrong.
 * @param entry How the loss is written.
 * @param planned Its stage.
 * @param path Where the document has it.
 * @returns Undefined if something is wrong.
 */
export function planComparisons(
  planner: Planner,
  entry: LossEntry,
  planned: PlannedStage<LossStage>,
  path: Path,
): string[][] | undefined {
  return planned.stage.form === "task"
    ? taskOutput(planner, entry, planned, path)
    : hintOutputs(planner, entry, planned, path);
}

function taskOutput(
  planner: Planner,
  { on, from, to }: LossEntry,
  { stage }: PlannedStage,
  path: Path,
): string[][] | undefined {
  for (const [key, given] of [["from", from], ["to", to]] as const) {
    if (given === undefined) continue;
    planner.problem(
      `\`${key}\` is for hints; ${stage.name} compares one output with the label`,
      planner.document.keyPlace([...path, key]),
      hint(
        "losses/on-instead",
        `write \`on: light\` or \`on: booster\` instead of \`${key}\``,
        ["light", "booster"].map((net) => ({ set: { "../on": net }, remove: ["."] })),
      ),
    );
    return undefined;
  }
  // In a file whose skeleton is broken it may be anything, of which that check tells.
  if (on !== undefined) return [[String(on).includes(".") ? on : `${on}.logits`]];
  planner.problem(
    `the loss ${stage.name} needs \`on\`: the output that it compares with the label`,
    planner.document.place(path),
    hint(
      "losses/on",
      "write `on: light` or `on: booster`",
      ["light", "booster"].map((net) => ({ set: { on: net } })),
    ),
  );
  return undefined;
}

function hintOutputs(
  planner: Planner,
  { on, from = "booster.logits", to = "light.logits" }: LossEntry,
  { stage }: PlannedStage,
  path: Path,
): string[][] | undefined {
  if (on === undefined) return pairs(planner, [from].flat(), [to].flat(), path);
  planner.problem(
    `\`on\` is for losses with the label; ${stage.name} compares two outputs`,
    planner.document.keyPlace([...path, "on"]),
    hint(
      "losses/from-instead",
      "write `from: booster.logits` and `to: light.logits` instead of `on`",
      { set: { "../from": "booster.logits", "../to": "light.logits" }, remove: ["."] },
    ),
  );
  return undefined;
}

function pairs(planner: Planner, from: string[], to: string[], path: Path): string[][] | undefined {
  if (from.length === to.length) return from.map((teacher, index) => [teacher, to[index]!]);
  planner.problem(
    `\`from\` and \`to\` are compared one by one; there are ${from.length} and ${to.length}`,
    planner.document.place([...path, from.length > 1 ? "from" : "to"]),
    hint("losses/pairs", "name as many outputs in `to` as in `from`, in the same order", {
      set: { "../from": from.slice(0, 1), "../to": to.slice(0, 1) },
    }),
  );
  return undefined;
}

const shortOutput = (output: string) => output.replace(/\.logits$/, "");

/** What a loss compares, for its name: `booster→light`; of several layers, the nets alone. */
function comparedText(comparisons: readonly (readonly string[])[]): string {
  const [first, ...more] = comparisons;
  const short = more.length === 0 ? shortOutput : (output: string) => output.split(".")[0]!;
  return first!.map(short).join("→");
}

/** What a loss compares, as a pipeline file has it. */
function resolvedOutputs(
  form: LossStage["form"],
  comparisons: readonly (readonly string[])[],
): Record<string, unknown> {
  const side = (index: number) => {
    const outputs = comparisons.map((outputs) => outputs[index]!);
    return outputs.length === 1 ? outputs[0] : outputs;
  };
  return form === "task" ? { on: side(0) } : { from: side(0), to: side(1) };
}

/**
 * Losses as plain JSON.
 *
 * @param losses The losses.
 */
export function resolvedLosses(losses: readonly PlannedLoss[]): Record<string, unknown>[] {
  return losses.map(({ resolved, name, stage, comparisons, weight, gradient }) => ({
    ...resolved,
    name,
    ...resolvedOutputs(stage.form, comparisons),
    weight,
    gradient: gradient.resolved,
  }));
}

/**
 * The nets whose outputs some losses read.
 *
 * @param losses The losses.
 */
export function netsOfLosses(losses: readonly PlannedLoss[]): NetName[] {
  const outputs = losses.flatMap(({ comparisons }) => comparisons.flat());
  return netName.options.filter((net) => outputs.some((output) => output.startsWith(`${net}.`)));
}
