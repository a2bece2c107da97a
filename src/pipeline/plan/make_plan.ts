/**
 * Makes a plan from a document: finds every stage, checks every option and fills in every default.
 *
 * @module
 */

import type { Document } from "../document/document.ts";
import { hint } from "../../base/hints.ts";
import { variableMark, variablesIn } from "../document/environment.ts";
import { type Problem, UserError } from "../../base/errors.ts";
import { withoutRepeated, zodProblems } from "../option_problems.ts";
import type { Plan, PlannedPhase } from "../plan.ts";
import type { Registry } from "../registry.ts";
import { onePhaseSchema, pipelineSchema, type PipelineValue } from "../file_schema.ts";
import type { MetricStage } from "../../stages/metric.ts";
import { type NetworkStage, normalizesBatches } from "../../stages/network.ts";
import type { OutputStage } from "../../stages/output.ts";
import { planData, resolvedData } from "./data.ts";
import { planInitial, resolvedInitial } from "./initial.ts";
import { checkLoose } from "./loose.ts";
import { checkLabel, labelNames } from "./labels.ts";
import { planLosses, teachersOf } from "./losses.ts";
import { checkMetrics, metricsByLabel } from "./metrics.ts";
import { onlyPhase, planOptimizer, planPhases, planPhaseStages, resolvedStages } from "./phases.ts";
import { each, type Entry, placed, Planner } from "./planner.ts";
import { columnsOf, hasOwnBy } from "./stage_options.ts";
import { withTextOptions } from "./text_options.ts";

/**
 * Makes a plan (the checked pipeline with all defaults filled in) from a pipeline file that has
 * been read. All problems are reported together.
 *
 * @param document The pipeline file.
 * @param registry Finds stages.
 * @returns The plan.
 * @throws {UserError} With every problem of the file, each at its place; exit code 2.
 */
export async function makePlan(document: Document, registry: Registry): Promise<Plan> {
  const hasPhases = Object(document.value).phases !== undefined;
  const schema = hasPhases ? pipelineSchema : onePhaseSchema;
  const problems: Problem[] = zodProblems(schema, document.value, { document, path: [] });
  const parsed = pipelineSchema.safeParse(document.value);
  if (!parsed.success || problems.length > 0) {
    // The stages are still checked, so that all mistakes are reported together.
    await checkLoose(new Planner(document, registry, problems), document.value);
    throw new UserError(withoutRepeated(problems), { exitCode: 2 });
  }
  const complete = document.changed(withTextOptions);
  const planner = new Planner(complete, registry, problems);
  const plan = await planAll(planner, pipelineSchema.parse(complete.value));
  if (problems.length > 0 || !plan) throw new UserError(problems, { exitCode: 2 });
  const resolved = complete.asWritten(plan.resolved) as Plan["resolved"];
  const variables = Object.fromEntries(
    variablesIn(resolved).map((name) => [name, variableMark(name)]),
  );
  const { project, allowPlugins } = registry;
  return { ...plan, resolved, variables, project, allowPlugins };
}

async function planAll(
  planner: Planner,
  value: PipelineValue,
): Promise<Omit<Plan, "variables" | "project" | "allowPlugins"> | undefined> {
  const data = await planData(planner, value.data);
  const network = await planner.stage<NetworkStage>("network", value.network, ["network"]);
  const initial = planInitial(planner, value.network.initial);
  const losses = value.losses && await planLosses(planner, value.losses, ["losses"]);
  const optimizer = value.optimizer && await planOptimizer(planner, value.optimizer, ["optimizer"]);
  const labels = labelNames(planner);
  const measured = await each(value.metrics, async (entry, index) => {
    const path = ["metrics", index];
    const planned = await planner.stage<MetricStage>("metric", entry, path);
    const isKnown = checkLabel(planner, entry.label, path);
    if (!planned || !isKnown) return undefined;
    const by = hasOwnBy(planned.stage) ? undefined : entry.by;
    return metricsByLabel({ ...planned, by }, entry, labels);
  });
  const metrics = measured.flat();
  planner.refuseTwice(placed(metrics), "metrics");
  const outputs = await each(
    withAlwaysWritten(value.outputs),
    (entry, index) => planner.stage<OutputStage>("output", entry, ["outputs", index]),
  );
  const own = await each(
    value.phases ?? [],
    (entry, index) => planPhaseStages(planner, entry, ["phases", index]),
  );
  // If a metric has problems, the names of all metrics are not known.
  if (measured.length === value.metrics.length) {
    checkMetrics(planner, value.train, ["train"], metrics);
    for (const [index, entry] of (value.phases ?? []).entries()) {
      checkMetrics(planner, entry, ["phases", index], metrics);
    }
  }
  if (data.group && value.train.lastBatch !== undefined) {
    planner.problem(
      "train.lastBatch has no effect with data.group: batches have nearly equal numbers of rows",
      planner.document.place(["train", "lastBatch"]),
      hint("plan/group-last-batch", "remove train.lastBatch, or data.group", [
        { remove: ["."] },
        { remove: ["/data/group"] },
      ]),
    );
  }
  refuseGroupsInParts(planner, value);
  if (!network || planner.problems.length > 0) return undefined;
  const phases = value.phases
    ? planPhases(planner, value, own, { losses, optimizer })
    : [onlyPhase(planner, value, losses!, optimizer!)];
  refuseUnreadHead(planner, value, phases);
  if (planner.problems.length > 0) return undefined;
  const last = value.train.lastBatch ??
    (normalizesBatches(network.stage, network.options) ? "merge" : "keep");
  return {
    document: planner.document,
    name: value.name,
    seed: value.seed,
    ...data,
    columns: [
      ...new Set([
        ...[...metrics, ...phases.flatMap(({ losses }) => losses)]
          .flatMap(({ stage, options }) => columnsOf(stage, options)),
        ...metrics.flatMap(({ by }) => by ?? []),
      ]),
    ],
    teachers: teachersOf(phases.flatMap(({ losses }) => losses)),
    network,
    outputBias: value.network.outputBias ?? "zero",
    auxiliary: value.network.auxiliary,
    initial,
    phases,
    metrics,
    outputs,
    cut: { size: value.train.batch * (value.train.accumulate ?? 1), last },
    part: value.train.batch,
    evaluateEvery: value.train.evaluateEvery,
    baseline: value.train.baseline === "light-alone",
    resolved: {
      name: value.name,
      seed: value.seed,
      data: resolvedData(data),
      network: {
        ...network.resolved,
        ...(value.network.auxiliary && { auxiliary: value.network.auxiliary }),
        ...(value.network.outputBias === "base-rate" && { outputBias: "base-rate" }),
        ...(initial.length > 0 && { initial: resolvedInitial(initial) }),
      },
      ...resolvedStages({ losses, optimizer }),
      ...(value.phases && {
        phases: value.phases.map(({ losses: _losses, optimizer: _optimizer, ...rest }, index) => ({
          ...rest,
          nets: phases[index]!.nets,
          ...resolvedStages(own[index]!),
        })),
      }),
      train: { ...value.train, ...(!data.group && { lastBatch: last }) },
      metrics: metrics.map(({ resolved, name, label, by }) => ({
        ...resolved,
        name,
        ...(label !== undefined && { label }),
        ...(by !== undefined && { by }),
      })),
      outputs: outputs.map(({ resolved }) => resolved),
    },
  };
}

/** Rejects steps in parts if `data.group` keeps groups together, because parts would divide groups. */
function refuseGroupsInParts(planner: Planner, { data, train }: PipelineValue): void {
  const { accumulate = 1, batch } = train;
  if (data.group === undefined || accumulate === 1) return;
  planner.problem(
    "`accumulate` cannot be used with `data.group`: the parts of a step would divide groups",
    planner.document.place(["train", "accumulate"]),
    hint(
      "train/accumulate-groups",
      `remove \`accumulate\`, and write \`batch: ${accumulate * batch}\``,
      {
        set: { "../batch": accumulate * batch },
        remove: ["."],
      },
    ),
  );
}

/** Rejects an auxiliary head that no loss reads, because nothing would train it. */
function refuseUnreadHead(
  planner: Planner,
  { network: { auxiliary } }: PipelineValue,
  phases: readonly PlannedPhase[],
): void {
  const read = phases.flatMap(({ losses }) => losses).flatMap(({ comparisons }) => comparisons);
  if (!auxiliary || read.flat().some((output) => output.endsWith(".auxiliary"))) return;
  planner.problem(
    "no loss reads light.auxiliary, so `auxiliary` has no effect",
    planner.document.place(["network", "auxiliary"]),
    hint(
      "network/unread-head",
      "write `to: light.auxiliary` in a hint loss, or remove `auxiliary`",
      [
        { edit: "the losses" },
        { remove: ["."] },
      ],
    ),
  );
}

/** The outputs that are always added, so that results are always written. */
function withAlwaysWritten(entries: PipelineValue["outputs"]): Entry[] {
  const named = new Set(entries.map(({ use }) => use));
  return [
    ...entries,
    ...["metrics", "result"].filter((use) => !named.has(use)).map((use) => ({ use })),
  ];
}
