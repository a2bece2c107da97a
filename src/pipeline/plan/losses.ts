import { resolve } from "node:path";
import type { Path } from "../document/document.ts";
import type { PlannedLoss, PlannedStage, PlannedTeacher } from "../plan.ts";
import { hint } from "../../base/hints.ts";
import { netName, type PipelineValue } from "../file_schema.ts";
import type { GradientStage } from "../../stages/gradient.ts";
import type { LossStage } from "../../stages/loss.ts";
import type { NetName } from "../../stages/network.ts";
import type { SourceStage } from "../../stages/source.ts";
import type { ScheduleStage } from "../../stages/schedule.ts";
import { outputsOfLabel } from "./labels.ts";
import { each, placed, type Planner } from "./planner.ts";

/** The entry of a loss in a pipeline file. */
export type LossEntry = NonNullable<PipelineValue["losses"]>[number];

/**
 * Plans the losses of a phase.
 *
 * @param planner Finds stages and collects problems.
 * @param entries The entries of the losses.
 * @param list The path of the entries in the document.
 * @returns The losses without problems.
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
    const schedule = entry.schedule &&
      await planner.stage<ScheduleStage>("schedule", entry.schedule, [...path, "schedule"]);
    if (!planned || !gradient || (entry.schedule && !schedule)) return undefined;
    const compared = planComparisons(planner, entry, planned, path);
    if (!compared) return undefined;
    const name = entry.name ?? `${planned.stage.name}(${comparedText(compared.comparisons)})`;
    const teacher = entry.teacher &&
      await planTeacher(planner, entry.teacher, compared.label, [...path, "teacher"]);
    if (entry.teacher && !teacher) return undefined;
    const { weight, teacherScale } = entry;
    return { ...planned, name, ...compared, teacher, teacherScale, weight, schedule, gradient };
  });
  planner.refuseTwice(placed(losses), "losses");
  return losses;
}

/**
 * The first part of the names of outputs of teachers outside the run, as in `teacher.logits`. The
 * names of other outputs start with the name of a net.
 */
export const OUTSIDE = "teacher";

/** Plans a teacher; undefined if there are problems. */
async function planTeacher(
  planner: Planner,
  entry: NonNullable<LossEntry["teacher"]>,
  label: string | undefined,
  path: Path,
): Promise<PlannedTeacher | undefined> {
  const { document } = planner, { missing } = entry;
  const place = (option?: string) =>
    document.place(option === undefined ? path : [...path, option]);
  const about = (options: Record<string, unknown>) => ({
    name: JSON.stringify(options),
    written: JSON.stringify(document.asWritten(options, path)),
    ...{ missing, place },
  });
  if ("column" in entry) {
    const { column, of } = entry;
    return { ...about({ column, of, missing, label }), column, from: undefined, label, of };
  }
  const source = entry.rows &&
    await planner.stage<SourceStage>("source", entry.rows, [...path, "rows"]);
  if (entry.rows && !source) return undefined;
  const { key } = entry;
  const by = key === undefined ? undefined : { key, rows: source };
  const more = {
    ...(by && { key, rows: source?.resolved ?? null }),
    ...(label !== undefined && { label }),
  };
  if ("onnx" in entry) {
    const { output, of, inputs } = entry;
    const onnx = resolve(document.folderOf([...path, "onnx"]), entry.onnx);
    const from = { onnx, output, inputs };
    const own = about({ ...from, of, missing, ...more });
    return { ...own, column: `output ${output} of ${onnx}`, from, by, label, of };
  }
  const { net, checkpoint } = entry;
  const run = resolve(document.folderOf([...path, "run"]), entry.run);
  const from = { run, net, checkpoint };
  const own = about({ ...from, missing, ...more });
  return { ...own, column: `output of ${own.name}`, from, by, label, of: "logits" };
}

/**
 * Lists the teachers outside the run that losses read, each once.
 *
 * @param losses The losses of all phases.
 */
export function teachersOf(losses: readonly PlannedLoss[]): PlannedTeacher[] {
  const teachers = losses.flatMap(({ teacher }) => teacher ?? []);
  return [...new Map(teachers.toReversed().map((one) => [one.name, one])).values()].toReversed();
}

/**
 * Determines which outputs of the nets a loss compares and, in a pipeline with several labels,
 * which label the loss belongs to.
 *
 * @param planner Collects problems.
 * @param entry The entry of the loss.
 * @param planned The stage of the loss.
 * @param path The path of the entry in the document.
 * @returns The label and the comparisons; undefined if there are problems.
 */
export function planComparisons(
  planner: Planner,
  entry: LossEntry,
  planned: PlannedStage<LossStage>,
  path: Path,
): Pick<PlannedLoss, "label" | "comparisons"> | undefined {
  const isTask = planned.stage.form === "task";
  const outputs = isTask
    ? taskOutput(planner, entry, planned, path)
    : hintOutputs(planner, entry, planned, path);
  return outputs && outputsOfLabel(planner, entry.label, outputs, isTask, path);
}

function taskOutput(
  planner: Planner,
  { on, from, to, teacher, teacherScale }: LossEntry,
  { stage }: PlannedStage,
  path: Path,
): string[][] | undefined {
  if (teacher !== undefined) {
    planner.problem(
      `\`teacher\` is only for hint losses; ${stage.name} compares one output with the label`,
      planner.document.keyPlace([...path, "teacher"]),
      hint(
        "losses/teacher-of-task",
        "remove `teacher`, and add a hint loss such as kl with this teacher",
        { remove: ["."] },
      ),
    );
    return undefined;
  }
  for (const [key, given] of [["from", from], ["to", to]] as const) {
    if (given === undefined) continue;
    planner.problem(
      `\`${key}\` is only for hint losses; ${stage.name} compares one output with the label`,
      planner.document.keyPlace([...path, key]),
      hint(
        "losses/on-instead",
        `write \`on: light\` or \`on: booster\` instead of \`${key}\``,
        ["light", "booster"].map((net) => ({ set: { "../on": net }, remove: ["."] })),
      ),
    );
    return undefined;
  }
  if (teacherScale !== undefined) {
    planner.problem(
      `\`teacherScale\` is only for hint losses; ${stage.name} compares an output with the label`,
      planner.document.keyPlace([...path, "teacherScale"]),
      hint("losses/teacher-scale", "remove `teacherScale`", { remove: ["."] }),
    );
    return undefined;
  }
  if (on !== undefined) return [[on.includes(".") ? on : `${on}.logits`]];
  planner.problem(
    `the loss ${stage.name} requires \`on\`, the output to compare with the label`,
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
  entry: LossEntry,
  { stage }: PlannedStage,
  path: Path,
): string[][] | undefined {
  const { on, from = "booster.logits", to = "light.logits" } = entry;
  if (on === undefined) {
    return entry.teacher === undefined
      ? pairs(planner, [from].flat(), [to].flat(), path)
      : outsideOutputs(planner, entry, path);
  }
  planner.problem(
    `\`on\` is only for losses on the label; ${stage.name} compares two outputs`,
    planner.document.keyPlace([...path, "on"]),
    hint(
      "losses/from-instead",
      "write `from: booster.logits` and `to: light.logits` instead of `on`",
      { set: { "../from": "booster.logits", "../to": "light.logits" }, remove: ["."] },
    ),
  );
  return undefined;
}

/** Determines the outputs of a hint from a teacher outside the run. */
function outsideOutputs(
  planner: Planner,
  { from, to = "light.logits" }: LossEntry,
  path: Path,
): string[][] | undefined {
  if (from !== undefined) {
    planner.problem(
      "`from` names an output of a net of this run, but the hint reads an outside `teacher`",
      planner.document.keyPlace([...path, "from"]),
      hint("losses/from-or-teacher", "remove `from` or `teacher`", [
        { remove: ["."] },
        { remove: ["../teacher"] },
      ]),
    );
    return undefined;
  }
  const [output, ...more] = [to].flat();
  const isLogits = /\.(logits|auxiliary)$/.test(output!);
  if (more.length === 0 && isLogits) return [[`${OUTSIDE}.logits`, output!]];
  planner.problem(
    "an outside `teacher` has logits only, so the hint compares them with the logits of one net",
    planner.document.place([...path, "to"]),
    hint("losses/teacher-to", "write `to: light.logits`, or remove `to`", [
      { set: { ".": "light.logits" } },
      { remove: ["."] },
    ]),
  );
  return undefined;
}

function pairs(planner: Planner, from: string[], to: string[], path: Path): string[][] | undefined {
  if (from.length === to.length) return from.map((teacher, index) => [teacher, to[index]!]);
  planner.problem(
    `\`from\` and \`to\` must list the same number of outputs; got ${from.length} and ${to.length}`,
    planner.document.place([...path, from.length > 1 ? "from" : "to"]),
    hint("losses/pairs", "list as many outputs in `to` as in `from`, in the same order", {
      set: { "../from": from.slice(0, 1), "../to": to.slice(0, 1) },
    }),
  );
  return undefined;
}

const shortOutput = (output: string) => output.replace(/\.logits$/, "");

/**
 * Formats the compared outputs for the default name of a loss, such as `booster→light`. For several
 * layers, only the nets are named.
 */
function comparedText(comparisons: readonly (readonly string[])[]): string {
  const [first, ...more] = comparisons;
  const short = more.length === 0 ? shortOutput : (output: string) => output.split(".")[0]!;
  return first!.map(short).join("→");
}

/** Converts the compared outputs to the options `on`, or `from` and `to`. */
function resolvedOutputs(
  { stage: { form }, comparisons, teacher }: PlannedLoss,
): Record<string, unknown> {
  const side = (index: number) => {
    const outputs = comparisons.map((outputs) => outputs[index]!);
    return outputs.length === 1 ? outputs[0] : outputs;
  };
  if (form === "task") return { on: side(0) };
  if (!teacher) return { from: side(0), to: side(1) };
  const { column, from, by, of, missing } = teacher;
  const read = from && "onnx" in from
    ? { ...from, of }
    : from
    ? { run: from.run, ...(from.net && { net: from.net }), checkpoint: from.checkpoint }
    : { column, ...(of && { of }) };
  const joined = by && { key: by.key, ...(by.rows && { rows: by.rows.resolved }) };
  return { teacher: { ...read, ...joined, missing }, to: side(1) };
}

/**
 * Converts the losses of a plan to plain JSON, with all defaults filled in.
 *
 * @param losses The losses.
 */
export function resolvedLosses(losses: readonly PlannedLoss[]): Record<string, unknown>[] {
  return losses.map((loss) => ({
    ...loss.resolved,
    name: loss.name,
    ...(loss.label !== undefined && { label: loss.label }),
    ...resolvedOutputs(loss),
    ...(loss.teacherScale !== undefined && { teacherScale: loss.teacherScale }),
    weight: loss.weight,
    ...(loss.schedule && { schedule: loss.schedule.resolved }),
    gradient: loss.gradient.resolved,
  }));
}

/**
 * Returns the nets whose outputs the losses read.
 *
 * @param losses The losses.
 */
export function netsOfLosses(losses: readonly PlannedLoss[]): NetName[] {
  const outputs = losses.flatMap(({ comparisons }) => comparisons.flat());
  return netName.options.filter((net) => outputs.some((output) => output.startsWith(`${net}.`)));
}
