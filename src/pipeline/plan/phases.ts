import type { Document, Path } from "../document/document.ts";
import type { PlannedLoss, PlannedOptimizer, PlannedPhase } from "../plan.ts";
import { hint } from "../../base/hints.ts";
import { netName, type PipelineValue } from "../file_schema.ts";
import type { VariableOwner } from "../../stages/network.ts";
import type { OptimizerStage } from "../../stages/optimizer.ts";
import type { ScheduleStage } from "../../stages/schedule.ts";
import { netsOfLosses, planLosses, resolvedLosses } from "./losses.ts";
import { isMeasured } from "./metrics.ts";
import type { Planner } from "./planner.ts";

/** The entry of a phase in a pipeline file. */
export type PhaseEntry = NonNullable<PipelineValue["phases"]>[number];

/** The losses and the optimizer of one phase, or those that all phases share. */
export interface PhaseStages {
  /** Its losses. */
  readonly losses: readonly PlannedLoss[] | undefined;
  /** Its optimizer. */
  readonly optimizer: PlannedOptimizer | undefined;
}

/**
 * Plans the losses and the optimizer of a phase, if the entry of the phase has them.
 *
 * @param planner Finds stages and collects problems.
 * @param entry The entry of the phase.
 * @param path The path of the entry in the document.
 */
export async function planPhaseStages(
  planner: Planner,
  entry: PhaseEntry,
  path: Path,
): Promise<PhaseStages> {
  const losses = entry.losses && await planLosses(planner, entry.losses, [...path, "losses"]);
  const optimizer = entry.optimizer &&
    await planOptimizer(planner, entry.optimizer, [...path, "optimizer"]);
  return { losses, optimizer };
}

/**
 * Plans the only phase of a pipeline without `phases`.
 *
 * @param planner Collects problems.
 * @param value The value of the document.
 * @param losses The losses.
 * @param optimizer The optimizer.
 */
export function onlyPhase(
  { document }: Planner,
  { train }: PipelineValue,
  losses: readonly PlannedLoss[],
  optimizer: PlannedOptimizer,
): PlannedPhase {
  const { epochs, select, stop, clip, nonFinite, maxSkipped } = train;
  return {
    name: undefined,
    // A light net that trains alone has no booster. A booster always trains with a light net.
    nets: netsOfLosses(losses).includes("booster") ? ["light", "booster"] : ["light"],
    frozen: new Set(),
    from: "last",
    losses,
    optimizer,
    epochs: epochs!,
    ...{ select, clip, nonFinite, maxSkipped },
    stop: stop && { ...stop, metric: stop.metric ?? select },
    place: document.place(["losses"]),
    epochsPlace: document.place(["train", "epochs"]),
    selectPlace: document.place(["train", "select"]),
    stopPlace: stopPlace(document, ["train"]),
  };
}

/**
 * Plans the phases of a pipeline whose file lists `phases`.
 *
 * @param planner Collects problems.
 * @param value The value of the document.
 * @param own The stages that each phase sets itself.
 * @param common The stages that all phases share.
 */
export function planPhases(
  planner: Planner,
  { phases = [], train }: PipelineValue,
  own: readonly PhaseStages[],
  common: PhaseStages,
): PlannedPhase[] {
  planner.refuseTwice(
    phases.map(({ name }, index) => ({
      name,
      place: planner.document.place(["phases", index, "name"]),
    })),
    "phases",
    true,
  );
  return phases.flatMap((entry, index): PlannedPhase[] => {
    const path = ["phases", index];
    const losses = own[index]!.losses ?? common.losses;
    const optimizer = own[index]!.optimizer ?? common.optimizer;
    const epochs = entry.epochs ?? train.epochs;
    for (const [key, value] of Object.entries({ losses, optimizer, epochs })) {
      if (value !== undefined) continue;
      const top = key === "epochs" ? "train.epochs" : key;
      planner.problem(
        `\`${key}\` is set neither for the phase ${entry.name} nor for all phases`,
        planner.document.place(path),
        hint("phases/missing", `set \`${key}\` in the phase, or \`${top}\` for all phases`, [
          { set: { [key]: examples[key] } },
          { set: { [`/${top.replace(".", "/")}`]: examples[key] } },
        ]),
      );
    }
    if (!losses || !optimizer || epochs === undefined) return [];
    const { nets, frozen } = netsOfPhase(planner, entry, losses, path);
    const measured = (key: string | undefined) =>
      key === undefined || isMeasured(key, nets) ? key : undefined;
    const select = entry.select ?? measured(train.select);
    const stop = entry.stop ?? train.stop;
    return [{
      name: entry.name,
      nets,
      frozen,
      from: entry.from,
      losses,
      optimizer,
      epochs,
      select,
      clip: entry.clip ?? train.clip,
      nonFinite: entry.nonFinite ?? train.nonFinite,
      maxSkipped: entry.maxSkipped ?? train.maxSkipped,
      stop: stop && { ...stop, metric: stop.metric ?? select },
      place: planner.document.place([...(own[index]!.losses ? path : []), "losses"]),
      epochsPlace: planner.document.place(
        entry.epochs === undefined ? ["train", "epochs"] : [...path, "epochs"],
      ),
      selectPlace: planner.document.place([...(entry.select ? path : ["train"]), "select"]),
      stopPlace: stopPlace(planner.document, entry.stop ? path : ["train"]),
    }];
  });
}

/** Example values of a phase's options, for hints. */
const examples: Readonly<Record<string, unknown>> = {
  losses: [{ use: "cross-entropy", on: "light" }],
  optimizer: { use: "sgd", learningRate: 0.1 },
  epochs: 1,
};

/** Returns the place of the metric of early stopping, or of `stop` if it names no metric. */
const stopPlace = (document: Document, path: Path) =>
  document.place([...path, "stop", "metric"]) ?? document.place([...path, "stop"]);

/** Determines which nets a phase computes and whose variables are frozen. */
function netsOfPhase(
  planner: Planner,
  { name, nets, freeze, freezeShared, select, stop }: PhaseEntry,
  losses: readonly PlannedLoss[],
  path: Path,
): Pick<PlannedPhase, "nets" | "frozen"> {
  const read = netsOfLosses(losses);
  const chosen = netName.options.filter((net) => (nets ?? read).includes(net));
  for (const net of read.filter((net) => !chosen.includes(net))) {
    planner.problem(
      `the losses of the phase ${name} read the ${net} net, which its \`nets\` do not include`,
      planner.document.place([...path, "nets"]),
      hint("phases/nets", `add ${net} to \`nets\`, or remove \`nets\``, [
        { set: { "-": net } },
        { remove: ["."] },
      ]),
    );
  }
  if (chosen.every((net) => freeze.includes(net))) {
    planner.problem(
      `the phase ${name} freezes all nets that it computes, so nothing would be trained`,
      planner.document.place([...path, "freeze"]),
      hint("phases/freeze", "remove a net from `freeze`, or remove the phase", [
        { remove: ["0"] },
        { remove: [".."] },
      ]),
    );
  }
  for (const [key, at] of [[select, ["select"]], [stop?.metric, ["stop", "metric"]]] as const) {
    if (key === undefined || isMeasured(key, chosen)) continue;
    planner.problem(
      `the phase ${name} cannot measure ${key}, because it only computes the ${
        chosen.join(" and ")
      } net`,
      planner.document.place([...path, ...at]),
      hint(
        "phases/metric",
        `write ${key.replace(/^[^/]*/, chosen[0] ?? "light")}, which this phase measures`,
        {
          set: { ".": key.replace(/^[^/]*/, chosen[0] ?? "light") },
        },
      ),
    );
  }
  const frozen = new Set<VariableOwner>(freeze);
  if (freezeShared ?? netName.options.some((net) => freeze.includes(net))) frozen.add("shared");
  return { nets: chosen, frozen };
}

/**
 * Plans an optimizer and its schedule.
 *
 * @param planner Finds stages and collects problems.
 * @param entry The entry of the optimizer.
 * @param path The path of the entry in the document.
 * @returns The optimizer; undefined if there are problems.
 */
export async function planOptimizer(
  planner: Planner,
  entry: NonNullable<PipelineValue["optimizer"]>,
  path: Path,
): Promise<PlannedOptimizer | undefined> {
  const planned = await planner.stage<OptimizerStage>("optimizer", entry, path);
  const schedule = await planner.stage<ScheduleStage>("schedule", entry.schedule, [
    ...path,
    "schedule",
  ]);
  const { learningRate, tables, embeddingL2 } = entry;
  return planned && schedule && { ...planned, learningRate, schedule, tables, embeddingL2 };
}

/**
 * Converts the stages of a phase, or those that all phases share, to plain JSON.
 *
 * @param stages The stages.
 */
export function resolvedStages({ losses, optimizer }: PhaseStages): Record<string, unknown> {
  return {
    ...(losses && { losses: resolvedLosses(losses) }),
    ...(optimizer && {
      optimizer: {
        ...optimizer.resolved,
        learningRate: optimizer.learningRate,
        schedule: optimizer.schedule.resolved,
        tables: optimizer.tables,
        ...(optimizer.embeddingL2 !== undefined && { embeddingL2: optimizer.embeddingL2 }),
      },
    }),
  };
}
