/**
 * A document becomes a plan: every stage found, every option checked, every default filled in.
 *
 * @module
 */

import { resolve } from "node:path";
import type { z } from "zod";
import { collect } from "./collect.ts";
import type { FeatureOptions, LabelOptions } from "./data_options.ts";
import type { Document, Path } from "./document.ts";
import { type Place, type Problem, UserError } from "./errors.ts";
import { formatPath } from "./nodes.ts";
import { checkOptions, zodProblems } from "./options.ts";
import { isElsewhere, isStage, isUrl, type Registry } from "./registry.ts";
import { commonKeys, onePhaseSchema, pipelineSchema, type PipelineValue } from "./schema.ts";
import { callStage, type StageReference } from "./stage_error.ts";
import type { GradientStage } from "./stages/gradient.ts";
import type { LossStage } from "./stages/loss.ts";
import type { MetricStage } from "./stages/metric.ts";
import type { NetName, NetworkStage, VariableOwner } from "./stages/network.ts";
import type { OptimizerStage } from "./stages/optimizer.ts";
import type { OutputStage } from "./stages/output.ts";
import type { ScheduleStage } from "./stages/schedule.ts";
import type { SourceStage } from "./stages/source.ts";
import type { AnyStage, StageKind } from "./stages/stage.ts";
import type { TransformStage } from "./stages/transform.ts";

/** A stage with its checked options. */
export interface PlannedStage<S extends AnyStage = AnyStage> {
  /** The stage. */
  readonly stage: S;
  /** Its options, defaults filled in and nested stages made. */
  readonly options: unknown;
  /** Its options as plain JSON, for the run folder. */
  readonly resolved: Readonly<Record<string, unknown>>;
  /** What to call it in messages. */
  readonly reference: StageReference;
  /**
   * What finds the stage from anywhere: a built-in name, an absolute path or a URL; undefined for a stage
   * that the pipeline handed over itself.
   */
  readonly specifier: string | undefined;
  /** The folder that its relative paths start from. */
  readonly folder: string;
}

/** A transform of the plan. */
export interface PlannedTransformStage extends PlannedStage<TransformStage> {
  /** The rows that it is applied to. */
  readonly on: "training" | "all";
}

/** A loss of the plan. */
export interface PlannedLoss extends PlannedStage<LossStage> {
  /** The term's name in metrics. */
  readonly name: string;
  /** What it compares, as `NET.OUTPUT`: `[on]`; or `[from, to]` for each layer, which are summed. */
  readonly comparisons: readonly (readonly string[])[];
  /** The factor in the total loss. */
  readonly weight: number;
  /** What passes to whom. */
  readonly gradient: PlannedStage<GradientStage>;
}

/** A metric of the plan. */
export interface PlannedMetricStage extends PlannedStage<MetricStage> {
  /** Its key in results. */
  readonly name: string;
}

/** When training ends early. */
export interface StopOptions {
  /** The metric's key; that of `select` by default. */
  readonly metric: string | undefined;
  /** The epochs in a row without a better value. */
  readonly patience: number;
  /** By more than how much a value has to be better. */
  readonly minDelta: number;
}

/** An optimizer of the plan. */
export interface PlannedOptimizer extends PlannedStage<OptimizerStage> {
  /** The learning rate, before the schedule's factor. */
  readonly rate: number;
  /** How the rate changes over a phase. */
  readonly schedule: PlannedStage<ScheduleStage>;
}

/** A training of the plan. A pipeline without `phases` has one, without a name. */
export interface PlannedPhase {
  /** The phase's name, if the pipeline has phases. */
  readonly name: string | undefined;
  /** The nets that are computed and measured. */
  readonly nets: readonly NetName[];
  /** Whose variables stay as they are. */
  readonly frozen: ReadonlySet<VariableOwner>;
  /** The weights of the phase before that this one begins with. */
  readonly from: "best" | "last";
  readonly losses: readonly PlannedLoss[];
  readonly optimizer: PlannedOptimizer;
  readonly epochs: number;
  readonly clip: { readonly norm: number; readonly per: "all" | "owner" } | undefined;
  readonly nonFinite: "stop" | "skip" | "back";
  readonly maxSkipped: number;
  readonly select: string | undefined;
  /** When the phase ends early. */
  readonly stop: StopOptions | undefined;
  /** Where the pipeline file has its losses. */
  readonly place: Place | undefined;
  /** Where it has its epochs. */
  readonly epochsPlace: Place | undefined;
}

/** Where a net's first weights come from. */
export interface PlannedInitial {
  /** The net; the booster's brings what both share. */
  readonly net: NetName;
  /** A safetensors file, or a run folder. */
  readonly from:
    | { readonly file: string; readonly layout: "rocket" | "pytorch" }
    | { readonly run: string; readonly checkpoint: string };
  /** Variables by the names that the file has for them, patterns with `*` among them. */
  readonly names: Readonly<Record<string, string>>;
  /** Where the pipeline file says so. */
  readonly place: Place | undefined;
}

/** A pipeline, checked as far as that is possible without its data. */
export interface Plan {
  /** The document it came from. */
  readonly document: Document;
  /** The run's name. */
  readonly name: string;
  /** The run's seed. */
  readonly seed: number;
  /** The sources, by split. */
  readonly train: PlannedStage<SourceStage>;
  readonly test: PlannedStage<SourceStage>;
  readonly validation: PlannedStage<SourceStage> | { readonly holdout: number } | undefined;
  /** How many of the training rows are trained on; undefined for all. */
  readonly rows: number | undefined;
  /** The memory for rows, in bytes; undefined for a part of what the machine has. */
  readonly memory: number | undefined;
  /** The columns. */
  readonly features: Readonly<Record<string, FeatureOptions>>;
  readonly label: LabelOptions;
  /** The column that says how much each row counts in losses. */
  readonly weight: string | undefined;
  /** The columns that metrics read. */
  readonly columns: readonly string[];
  readonly transforms: readonly PlannedTransformStage[];
  readonly network: PlannedStage<NetworkStage>;
  /** What nets begin with instead of random weights. */
  readonly initial: readonly PlannedInitial[];
  /** The trainings, one at least, in order. */
  readonly phases: readonly PlannedPhase[];
  readonly metrics: readonly PlannedMetricStage[];
  readonly outputs: readonly PlannedStage<OutputStage>[];
  readonly batch: number;
  /** After how many epochs the nets are measured. */
  readonly evaluateEvery: number;
  readonly baseline: boolean;
  /** The whole pipeline as plain JSON with every default filled in. */
  readonly resolved: Readonly<Record<string, unknown>>;
}

/** What an entry of the checked skeleton looks like. */
type Entry = { readonly use: string | AnyStage; readonly [option: string]: unknown };

/** How a loss is written. */
type LossEntry = NonNullable<PipelineValue["losses"]>[number];

/** How a phase is written. */
type PhaseEntry = NonNullable<PipelineValue["phases"]>[number];

/**
 * Makes a plan of a document. All that is wrong is reported at once.
 *
 * @param document The pipeline file.
 * @param registry Where stages are found.
 * @returns The plan.
 * @throws {UserError} With every problem of the file, each at its place; exit code 2.
 */
export async function makePlan(document: Document, registry: Registry): Promise<Plan> {
  const hasPhases = Object(document.value).phases !== undefined;
  const schema = hasPhases ? pipelineSchema : onePhaseSchema;
  const problems: Problem[] = zodProblems(schema, document.value, { document, path: [] });
  const parsed = pipelineSchema.safeParse(document.value);
  const planner = new Planner(document, registry, problems);
  if (!parsed.success || problems.length > 0) {
    // Stages are checked all the same, so that one reading shows all mistakes.
    await planner.checkLoose(document.value);
    throw new UserError(problems, { exitCode: 2 });
  }
  const plan = await planner.plan(parsed.data);
  if (problems.length > 0 || !plan) throw new UserError(problems, { exitCode: 2 });
  return plan;
}

/** The stages that a phase has of its own, or that all share. */
interface PhaseStages {
  readonly losses: readonly PlannedLoss[] | undefined;
  readonly optimizer: PlannedOptimizer | undefined;
}

class Planner {
  readonly #document: Document;
  readonly #registry: Registry;
  readonly #problems: Problem[];

  constructor(document: Document, registry: Registry, problems: Problem[]) {
    this.#document = document;
    this.#registry = registry;
    this.#problems = problems;
  }

  async plan(value: PipelineValue): Promise<Plan | undefined> {
    const { data } = value;
    const train = await this.#stage<SourceStage>("source", data.train, ["data", "train"]);
    const test = await this.#stage<SourceStage>("source", data.test, ["data", "test"]);
    const validation = !data.validation || !("use" in data.validation)
      ? data.validation
      : await this.#stage<SourceStage>("source", data.validation, ["data", "validation"]);
    const transforms = await this.#each(data.transforms, async (entry, index) => {
      const path = ["data", "transforms", index];
      const planned = await this.#stage<TransformStage>("transform", entry, path);
      return planned && { ...planned, on: entry.on ?? planned.stage.on };
    });
    const network = await this.#stage<NetworkStage>("network", value.network, ["network"]);
    const initial = this.#initial(value.network.initial);
    const losses = value.losses && await this.#losses(value.losses, ["losses"]);
    const optimizer = value.optimizer && await this.#optimizer(value.optimizer, ["optimizer"]);
    const metrics = await this.#each(value.metrics, async (entry, index) => {
      const planned = await this.#stage<MetricStage>("metric", entry, ["metrics", index]);
      return planned && { ...planned, name: entry.name ?? planned.stage.name };
    });
    this.#refuseTwice(placed(metrics), "metrics");
    const outputs = await this.#each(
      withAlwaysWritten(value.outputs),
      (entry, index) => this.#stage<OutputStage>("output", entry, ["outputs", index]),
    );
    const own = await this.#each(
      value.phases ?? [],
      (entry, index) => this.#phaseStages(entry, ["phases", index]),
    );
    // Which names there are is not known if a metric is wrong.
    if (metrics.length === value.metrics.length) {
      this.#checkMetrics(value.train, ["train"], metrics);
      for (const [index, entry] of (value.phases ?? []).entries()) {
        this.#checkMetrics(entry, ["phases", index], metrics);
      }
    }
    if (!train || !test || !network || this.#problems.length > 0) return undefined;
    const phases = value.phases
      ? this.#phases(value, own, { losses, optimizer })
      : [this.#onlyPhase(value, losses!, optimizer!)];
    if (this.#problems.length > 0) return undefined;
    return {
      document: this.#document,
      name: value.name,
      seed: value.seed,
      train,
      test,
      validation,
      rows: data.rows,
      memory: data.memory,
      features: data.features,
      label: data.label,
      weight: data.weight,
      columns: [...new Set(metrics.flatMap(({ stage, options }) => columnsOf(stage, options)))],
      transforms,
      network,
      initial,
      phases,
      metrics,
      outputs,
      batch: value.train.batch,
      evaluateEvery: value.train.evaluateEvery,
      baseline: value.train.baseline === "light-alone",
      resolved: {
        name: value.name,
        seed: value.seed,
        data: {
          train: train.resolved,
          test: test.resolved,
          ...(validation &&
            { validation: "holdout" in validation ? validation : validation.resolved }),
          ...(data.rows !== undefined && { rows: data.rows }),
          ...(data.memory !== undefined && { memory: data.memory }),
          features: data.features,
          label: data.label,
          ...(data.weight !== undefined && { weight: data.weight }),
          transforms: transforms.map(({ resolved, on }) => ({ ...resolved, on })),
        },
        network: {
          ...network.resolved,
          ...(initial.length > 0 && { initial: resolvedInitial(initial) }),
        },
        ...(losses && { losses: resolvedLosses(losses) }),
        ...(optimizer && { optimizer: resolvedOptimizer(optimizer) }),
        ...(value.phases && {
          phases: value.phases.map((
            { losses: _losses, optimizer: _optimizer, ...rest },
            index,
          ) => ({
            ...rest,
            nets: phases[index]!.nets,
            ...(own[index]!.losses && { losses: resolvedLosses(own[index]!.losses) }),
            ...(own[index]!.optimizer && { optimizer: resolvedOptimizer(own[index]!.optimizer) }),
          })),
        }),
        train: value.train,
        metrics: metrics.map(({ resolved, name }) => ({ ...resolved, name })),
        outputs: outputs.map(({ resolved }) => resolved),
      },
    };
  }

  /** Checks the stages of a file whose skeleton is broken, as far as entries can be made out. */
  async checkLoose(value: unknown): Promise<void> {
    const at = (path: Path) =>
      path.reduce<unknown>(
        (inner, key) => (inner as Record<string | number, unknown> | null | undefined)?.[key],
        value,
      );
    const one = async <S extends AnyStage>(kind: S["kind"], path: Path) => {
      const raw = at(path);
      const entry = typeof raw === "string" ? { use: raw } : raw;
      return isEntry(entry) ? await this.#stage<S>(kind, entry, path) : undefined;
    };
    const list = async (path: Path, check: (path: Path) => Promise<unknown>) => {
      const entries = at(path);
      if (!Array.isArray(entries)) return;
      for (const index of entries.keys()) await check([...path, index]);
    };
    for (const split of ["train", "test", "validation"]) await one("source", ["data", split]);
    await list(["data", "transforms"], (path) => one("transform", path));
    await one("network", ["network"]);
    const training = async (path: Path) => {
      await list([...path, "losses"], async (path) => {
        const planned = await one<LossStage>("loss", path);
        await one("gradient", [...path, "gradient"]);
        if (planned) this.#comparisons(at(path) as LossEntry, planned, path);
      });
      await one("optimizer", [...path, "optimizer"]);
      await one("schedule", [...path, "optimizer", "schedule"]);
    };
    await training([]);
    await list(["phases"], training);
    await list(["metrics"], (path) => one("metric", path));
    await list(["outputs"], (path) => one("output", path));
  }

  /** The stages that a phase has of its own. */
  async #phaseStages(entry: PhaseEntry, path: Path): Promise<PhaseStages> {
    const losses = entry.losses && await this.#losses(entry.losses, [...path, "losses"]);
    const optimizer = entry.optimizer &&
      await this.#optimizer(entry.optimizer, [...path, "optimizer"]);
    return { losses, optimizer };
  }

  /** The one training of a pipeline without phases. */
  #onlyPhase(
    { train }: PipelineValue,
    losses: readonly PlannedLoss[],
    optimizer: PlannedOptimizer,
  ): PlannedPhase {
    const { epochs, select, stop, clip, nonFinite, maxSkipped } = train;
    return {
      name: undefined,
      // A light net alone has no booster's weights to carry; a booster always has a light net beside it.
      nets: netsOfLosses(losses).includes("booster") ? ["light", "booster"] : ["light"],
      frozen: new Set(),
      from: "last",
      losses,
      optimizer,
      epochs: epochs!,
      ...{ select, clip, nonFinite, maxSkipped },
      stop: stop && { ...stop, metric: stop.metric ?? select },
      place: this.#document.place(["losses"]),
      epochsPlace: this.#document.place(["train", "epochs"]),
    };
  }

  #phases(
    { phases = [], train }: PipelineValue,
    own: readonly PhaseStages[],
    common: PhaseStages,
  ): PlannedPhase[] {
    this.#refuseTwice(
      phases.map(({ name }, index) => ({
        name,
        place: this.#document.place(["phases", index, "name"]),
      })),
      "phases",
    );
    return phases.flatMap((entry, index): PlannedPhase[] => {
      const path = ["phases", index];
      const losses = own[index]!.losses ?? common.losses;
      const optimizer = own[index]!.optimizer ?? common.optimizer;
      const epochs = entry.epochs ?? train.epochs;
      for (const [key, value] of Object.entries({ losses, optimizer, epochs })) {
        if (value !== undefined) continue;
        const top = key === "epochs" ? "train.epochs" : key;
        this.#problem(
          `the phase ${entry.name} has no \`${key}\`, and the pipeline has none for all phases`,
          this.#document.place(path),
          `say \`${key}\` there, or \`${top}\` for all`,
        );
      }
      if (!losses || !optimizer || epochs === undefined) return [];
      const { nets, frozen } = this.#netsOfPhase(entry, losses, path);
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
        place: this.#document.place([...(own[index]!.losses ? path : []), "losses"]),
        epochsPlace: this.#document.place(
          entry.epochs === undefined ? ["train", "epochs"] : [...path, "epochs"],
        ),
      }];
    });
  }

  /** Which nets a phase computes, and whose variables it leaves as they are. */
  #netsOfPhase(
    { name, nets, freeze, freezeShared, select, stop }: PhaseEntry,
    losses: readonly PlannedLoss[],
    path: Path,
  ): Pick<PlannedPhase, "nets" | "frozen"> {
    const read = netsOfLosses(losses);
    const chosen = netNames.filter((net) => (nets ?? read).includes(net));
    for (const net of read.filter((net) => !chosen.includes(net))) {
      this.#problem(
        `the phase ${name} does not compute the ${net} net, which its losses read`,
        this.#document.place([...path, "nets"]),
        `add ${net} to its \`nets\`, or leave \`nets\` out`,
      );
    }
    if (chosen.every((net) => freeze.includes(net))) {
      this.#problem(
        `the phase ${name} freezes all nets that it computes`,
        this.#document.place([...path, "freeze"]),
        "leave a net out of `freeze`, or leave the phase out",
      );
    }
    for (const [key, at] of [[select, ["select"]], [stop?.metric, ["stop", "metric"]]] as const) {
      if (key === undefined || isMeasured(key, chosen)) continue;
      this.#problem(
        `the phase ${name} does not measure ${key}: it computes the ${
          chosen.join(" and ")
        } net alone`,
        this.#document.place([...path, ...at]),
        "choose a metric of a net that it computes",
      );
    }
    const frozen = new Set<VariableOwner>(freeze);
    if (freezeShared ?? netNames.some((net) => freeze.includes(net))) frozen.add("shared");
    return { nets: chosen, frozen };
  }

  #initial(initial: PipelineValue["network"]["initial"]): PlannedInitial[] {
    return netNames.flatMap((net): PlannedInitial[] => {
      const entry = initial?.[net];
      if (!entry) return [];
      const path = ["network", "initial", net];
      const at = (key: string, given: string) =>
        resolve(this.#document.folderOf([...path, key]), given);
      return [{
        net,
        from: "file" in entry
          ? { file: at("file", entry.file), layout: entry.layout }
          : { run: at("run", entry.run), checkpoint: entry.checkpoint },
        names: entry.names,
        place: this.#document.place(path),
      }];
    });
  }

  async #optimizer(
    entry: NonNullable<PipelineValue["optimizer"]>,
    path: Path,
  ): Promise<PlannedOptimizer | undefined> {
    const planned = await this.#stage<OptimizerStage>("optimizer", entry, path);
    const schedule = await this.#stage<ScheduleStage>("schedule", entry.schedule, [
      ...path,
      "schedule",
    ]);
    return planned && schedule && { ...planned, rate: entry.rate, schedule };
  }

  async #losses(entries: readonly LossEntry[], list: Path): Promise<PlannedLoss[]> {
    const losses = await this.#each(entries, async (entry, index) => {
      const path: Path = [...list, index];
      const planned = await this.#stage<LossStage>("loss", entry, path);
      const form = planned?.stage.form;
      const gradient = await this.#stage<GradientStage>(
        "gradient",
        entry.gradient ?? { use: form === "hint" ? "block" : "none" },
        [...path, "gradient"],
      );
      if (!planned || !gradient) return undefined;
      const comparisons = this.#comparisons(entry, planned, path);
      if (!comparisons) return undefined;
      const name = entry.name ?? `${planned.stage.name}(${comparedText(comparisons)})`;
      return { ...planned, name, comparisons, weight: entry.weight, gradient };
    });
    this.#refuseTwice(placed(losses), "losses");
    return losses;
  }

  #comparisons(
    entry: LossEntry,
    planned: PlannedStage<LossStage>,
    path: Path,
  ): string[][] | undefined {
    return planned.stage.form === "task"
      ? this.#taskOutput(entry, planned, path)
      : this.#hintOutputs(entry, planned, path);
  }

  #taskOutput(
    { on, from, to }: LossEntry,
    { stage }: PlannedStage,
    path: Path,
  ): string[][] | undefined {
    for (const [key, given] of [["from", from], ["to", to]] as const) {
      if (given === undefined) continue;
      this.#problem(
        `\`${key}\` is for hints; ${stage.name} compares one output with the label`,
        this.#document.keyPlace([...path, key]),
        "write `on: light` or `on: booster`",
      );
      return undefined;
    }
    // In a file whose skeleton is broken it may be anything, of which that check tells.
    if (on !== undefined) return [[String(on).includes(".") ? on : `${on}.logits`]];
    this.#problem(
      `the loss ${stage.name} needs \`on\`: the output that it compares with the label`,
      this.#document.place(path),
      "write `on: light` or `on: booster`",
    );
    return undefined;
  }

  #hintOutputs(
    { on, from = "booster.logits", to = "light.logits" }: LossEntry,
    { stage }: PlannedStage,
    path: Path,
  ): string[][] | undefined {
    if (on === undefined) return this.#pairs([from].flat(), [to].flat(), path);
    this.#problem(
      `\`on\` is for losses with the label; ${stage.name} compares two outputs`,
      this.#document.keyPlace([...path, "on"]),
      "write `from: booster.logits` and `to: light.logits`",
    );
    return undefined;
  }

  #pairs(from: string[], to: string[], path: Path): string[][] | undefined {
    if (from.length === to.length) return from.map((guide, index) => [guide, to[index]!]);
    this.#problem(
      `\`from\` and \`to\` are compared one by one; there are ${from.length} and ${to.length}`,
      this.#document.place([...path, from.length > 1 ? "from" : "to"]),
      "name as many outputs in `to` as in `from`, in the same order",
    );
    return undefined;
  }

  #checkMetrics(
    { select, stop }: Pick<PipelineValue["train"], "select" | "stop">,
    path: Path,
    metrics: readonly PlannedMetricStage[],
  ): void {
    this.#checkMetric(select, [...path, "select"], metrics);
    this.#checkMetric(stop?.metric, [...path, "stop", "metric"], metrics);
    if (!stop || metrics.length > 0) return;
    this.#problem(
      `${formatPath([...path, "stop"])} needs a metric, and this pipeline has none`,
      this.#document.place([...path, "stop"]),
      "add one to `metrics:`",
    );
  }

  #checkMetric(
    key: string | undefined,
    path: Path,
    metrics: readonly PlannedMetricStage[],
  ): void {
    if (key === undefined) return;
    const keys = metrics.flatMap(({ name, stage }) =>
      stage.per === "net" ? [`light/${name}`, `booster/${name}`] : [name]
    );
    if (keys.includes(key)) return;
    this.#problem(
      `${formatPath(path)} names no metric of this pipeline: ${JSON.stringify(key)}`,
      this.#document.place(path),
      keys.length > 0 ? `the metrics are ${keys.join(", ")}` : "add one to `metrics:`",
    );
  }

  #refuseTwice(
    entries: readonly { name: string; place: Place | undefined }[],
    list: string,
  ) {
    const seen = new Set<string>();
    for (const { name, place } of entries) {
      if (seen.has(name)) {
        this.#problem(
          `two ${list} are called ${JSON.stringify(name)}`,
          place,
          "give one of them a `name:` of its own",
        );
      }
      seen.add(name);
    }
  }

  async #stage<S extends AnyStage>(
    kind: S["kind"],
    entry: Entry,
    path: Path,
  ): Promise<PlannedStage<S> | undefined> {
    const document = this.#document;
    const place = document.place([...path, "use"]);
    const folder = document.folderOf([...path, "use"]);
    const stage = await collect(
      this.#problems,
      () => this.#registry.find(kind, entry.use, { folder, place }) as Promise<S>,
    );
    if (!stage) return undefined;
    const ignore: readonly string[] = commonKeys(kind);
    const raw = Object.fromEntries(Object.entries(entry).filter(([key]) => !ignore.includes(key)));
    const reference = { kind, name: nameOf(entry.use, stage), place };
    const nested = await this.#nested(stage, raw, path);
    const given = { ...raw, ...nested.made };
    const result = await collect(this.#problems, () =>
      callStage(
        reference,
        "the check of its options",
        () => checkOptions(stage, given, { document, path, ignore }),
      ));
    this.#problems.push(...result?.problems ?? []);
    if (!result || result.problems.length > 0) return undefined;
    const { options } = result;
    const checked = options as Readonly<Record<string, unknown>>;
    const paths = pathsOf(stage, checked, (key) => document.folderOf([...path, key]));
    const use = absoluteUse(reference.name, folder);
    return {
      stage,
      options: { ...checked, ...paths.from(folder) },
      resolved: { use, ...checked, ...paths.absolute, ...nested.resolved },
      reference,
      specifier: typeof entry.use === "string" ? use : undefined,
      folder,
    };
  }

  /** Makes the stages that stand among a stage's options, such as the schedule after a warm-up. */
  async #nested(
    stage: AnyStage,
    raw: Readonly<Record<string, unknown>>,
    path: Path,
  ): Promise<{ made: Record<string, unknown>; resolved: Record<string, unknown> }> {
    const made: Record<string, unknown> = {}, resolved: Record<string, unknown> = {};
    for (const [key, kind] of nestedStages(stage)) {
      const value = raw[key];
      const entry = typeof value === "string" ? { use: value } : value;
      if (!isEntry(entry)) continue;
      const inner = await this.#stage(kind, entry, [...path, key]);
      const product = inner &&
        await collect(
          this.#problems,
          () => callStage(inner.reference, "create()", () => inner.stage.create(inner.options, {})),
        );
      // What is wrong with it has been said; the stage around it is checked all the same.
      made[key] = product ?? (() => NaN);
      if (inner) resolved[key] = inner.resolved;
    }
    return { made, resolved };
  }

  async #each<T, R>(
    entries: readonly T[],
    plan: (entry: T, index: number) => Promise<R | undefined>,
  ): Promise<R[]> {
    const planned: R[] = [];
    for (const [index, entry] of entries.entries()) {
      const one = await plan(entry, index);
      if (one !== undefined) planned.push(one);
    }
    return planned;
  }

  #problem(message: string, place: Place | undefined, hint: string): void {
    this.#problems.push({ message, place, hint });
  }
}

/**
 * The options of a stage that are stages themselves.
 *
 * @param stage The stage.
 * @returns Pairs of the option's name and the kind of stage it takes.
 */
export function nestedStages(stage: AnyStage): [string, StageKind][] {
  return Object.entries(stage.options.shape).flatMap(([key, schema]) => {
    const kind = nestedKind(schema as z.ZodType);
    return kind ? [[key, kind] as [string, StageKind]] : [];
  });
}

const nestedKind = (schema: z.ZodType) => metaOf(schema, "stage") as StageKind | undefined;

/** What a schema, or the one within an optional one, says of itself. */
function metaOf(schema: z.ZodType, key: string): unknown {
  const inner = (schema.def as { innerType?: z.ZodType }).innerType;
  return schema.meta()?.[key] ?? (inner && metaOf(inner, key));
}

/**
 * The columns that a stage's options name.
 *
 * @param stage The stage.
 * @param options Its checked options.
 */
export function columnsOf({ options: { shape } }: AnyStage, options: unknown): string[] {
  const checked = options as Readonly<Record<string, unknown>>;
  return Object.keys(shape)
    .filter((key) => metaOf(shape[key] as z.ZodType, "column") && checked[key] !== undefined)
    .map((key) => `${checked[key]}`);
}

/** The options that are paths: each starts from the folder of the file that wrote it. */
function pathsOf(
  stage: AnyStage,
  options: Readonly<Record<string, unknown>>,
  folderOf: (key: string) => string,
): { absolute: Record<string, unknown>; from: (folder: string) => Record<string, unknown> } {
  const keys = Object.keys(stage.options.shape).filter((key) =>
    metaOf(stage.options.shape[key] as z.ZodType, "path") && options[key] !== undefined
  );
  const absolute = Object.fromEntries(
    keys.map((key) => [key, absolutePaths(options[key], folderOf(key))]),
  );
  return {
    absolute,
    from: (folder) =>
      Object.fromEntries(
        keys.filter((key) => folderOf(key) !== folder).map((key) => [
          key,
          absolute[key],
        ]),
      ),
  };
}

function absolutePaths(value: unknown, folder: string): unknown {
  if (Array.isArray(value)) return value.map((part) => absolutePaths(part, folder));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key, absolutePaths(part, folder)]),
    );
  }
  return typeof value === "string" && !isUrl(value) ? resolve(folder, value) : value;
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== "object" || value === null || !("use" in value)) return false;
  const { use } = value;
  return typeof use === "string" ? use !== "" : isStage(use);
}

/** Results are kept whatever else listens. */
function withAlwaysWritten(entries: PipelineValue["outputs"]): Entry[] {
  const named = new Set(entries.map(({ use }) => use));
  return [
    ...entries,
    ...["metrics", "result"].filter((use) => !named.has(use)).map((use) => ({ use })),
  ];
}

/** A file of a stage is found from anywhere; its specifier may name an export behind `#`. */
function absoluteUse(use: string, folder: string): string {
  if (!isElsewhere(use) || isUrl(use)) return use;
  const [file, ...name] = use.split("#") as [string, ...string[]];
  return [resolve(folder, file), ...name].join("#");
}

const nameOf = (use: unknown, stage: AnyStage) => typeof use === "string" ? use : stage.name;

const shortOutput = (output: string) => output.replace(/\.logits$/, "");

const netNames = ["light", "booster"] as const;

/** The nets whose outputs some losses read. */
function netsOfLosses(losses: readonly PlannedLoss[]): NetName[] {
  const outputs = losses.flatMap(({ comparisons }) => comparisons.flat());
  return netNames.filter((net) => outputs.some((output) => output.startsWith(`${net}.`)));
}

/** Whether a metric is measured where some nets are computed. */
const isMeasured = (key: string, nets: readonly NetName[]) =>
  !key.includes("/") || nets.some((net) => key.startsWith(`${net}/`));

const placed = (entries: readonly { name: string; reference: StageReference }[]) =>
  entries.map(({ name, reference: { place } }) => ({ name, place }));

function resolvedLosses(losses: readonly PlannedLoss[]): Record<string, unknown>[] {
  return losses.map(({ resolved, name, stage, comparisons, weight, gradient }) => ({
    ...resolved,
    name,
    ...resolvedOutputs(stage.form, comparisons),
    weight,
    gradient: gradient.resolved,
  }));
}

function resolvedOptimizer({ resolved, rate, schedule }: PlannedOptimizer) {
  return { ...resolved, rate, schedule: schedule.resolved };
}

function resolvedInitial(initial: readonly PlannedInitial[]): Record<string, unknown> {
  return Object.fromEntries(initial.map(({ net, from, names }) => [net, { ...from, names }]));
}

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
