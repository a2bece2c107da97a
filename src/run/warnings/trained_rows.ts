import type { Problem } from "../../base/errors.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import type { SplitOptions } from "../../pipeline/data_options.ts";
import { type EarlierRun, readEarlierRun } from "../folder/manifest.ts";
import type { Facts } from "./facts.ts";

/** The splits on which nets are measured. */
const measured = ["test", "validation"] as const;

/**
 * Warns if the initial weights were trained on rows of the validation or test split, because the
 * run that they come from divided the same rows differently. The metrics on these rows say too
 * little about new rows.
 *
 * @param facts Facts about the run.
 */
export async function trainedRows(facts: Facts): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const { from, place } of facts.plan.initial) {
    if (!("run" in from)) continue;
    const earlier = await earlierRun(from.run);
    if (earlier === undefined) continue;
    const { run } = from;
    const found = measured.filter((name) => isTrained(name, earlier, facts));
    if (found.length === 0) continue;
    const splits = found.join(" and ");
    const before = divisionOf(earlier.pipeline, earlier.seed);
    const isDivided = before !== undefined &&
      found.every((name) => facts.fingerprints[name] !== earlier.data.train!.fingerprint) &&
      textOf(before) !== textOf(divisionOf(facts.plan.resolved, facts.plan.seed));
    problems.push(
      isDivided
        ? {
          message:
            `the initial weights come from ${run}, which divided the same rows differently: ` +
            `its training rows include ${splits} rows of this run, whose metrics will be too good`,
          place,
          hint: hint(
            "warning/other-division",
            `divide the rows as that run does: in data, write \`split: ${shown(before)}\``,
            { set: { "/data/split": before } },
          ),
        }
        : {
          message:
            `the initial weights come from ${run}, whose training rows include ${splits} rows of ` +
            "this run, whose metrics will be too good",
          place,
          hint: hint(
            "warning/trained-rows",
            "measure the nets on rows that neither run trains on",
            { edit: "the data" },
          ),
        },
    );
  }
  return problems;
}

/** Reads the description of an earlier run. If it is damaged, there is nothing to compare. */
async function earlierRun(folder: string): Promise<EarlierRun | undefined> {
  try {
    return await readEarlierRun(folder);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Checks whether rows of a split were training rows of the earlier run. */
function isTrained(
  name: typeof measured[number],
  earlier: EarlierRun,
  { plan, fingerprints }: Facts,
): boolean {
  const own = fingerprints[name];
  if (own === undefined || earlier.data.train === undefined) return false;
  if (own === earlier.data.train.fingerprint) return true;
  const source = plan.sources.all ? "all" : "train";
  const sourceIn = (pipeline: Readonly<Record<string, unknown>>) =>
    JSON.stringify(Object(pipeline.data)[source]);
  if (plan.split?.[name] === undefined) return false;
  if (sourceIn(plan.resolved) !== sourceIn(earlier.pipeline)) return false;
  if (own === earlier.data[name]?.fingerprint) return false;
  const now = divisionOf(plan.resolved, plan.seed)!;
  const before = divisionOf(earlier.pipeline, earlier.seed);
  if (before === undefined) return true;
  // Where rows were added since then, the same options move no earlier row of a group, and the
  // latest rows are new ones.
  const by = Object(now.by), isSame = textOf(now) === textOf(before);
  if (isSame && "group" in by) return false;
  if (!("time" in by) || JSON.stringify(by) !== JSON.stringify(before.by)) return true;
  return heldBack(now) > heldBack(before);
}

const heldBack = ({ test = 0, validation = 0 }: SplitOptions) => test + validation;

/** The options by which a run divides its rows, with the seed that it uses. */
function divisionOf(
  pipeline: Readonly<Record<string, unknown>>,
  seed: number,
): SplitOptions | undefined {
  const { split } = Object(pipeline.data);
  return split && { ...split, seed: split.seed ?? seed };
}

/** A text that is equal for equal options. */
const textOf = (split: SplitOptions | undefined) =>
  JSON.stringify(Object.entries(split ?? {}).toSorted(([a], [b]) => a < b ? -1 : 1));

/** Shows the options as they are written in a pipeline file. */
const shown = (split: SplitOptions) =>
  JSON.stringify(split).replaceAll(/"(\w+)":/g, "$1: ").replaceAll(",", ", ")
    .replaceAll("{", "{ ").replaceAll("}", " }");
