/**
 * Evaluates a trained net: the metrics of its pipeline on rows.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { runFiles } from "../../base/files/run_files.ts";
import { SafetensorsFile } from "../../base/files/safetensors_stream.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { builtins } from "../../../plugins/mod.ts";
import { createRegistry } from "../../pipeline/registry.ts";
import { makePlan } from "../../pipeline/plan/make_plan.ts";
import type { Plan } from "../../pipeline/plan.ts";
import type { EarlierRun } from "../../run/folder/manifest.ts";
import { readRun } from "../../run/folder/read_run.ts";
import { makeMetric, metricsOf } from "../../run/prepare_nets.ts";
import { byNet } from "../../run/selection.ts";
import type { Metrics } from "../../stages/events.ts";
import type { NetName } from "../../stages/network.ts";
import { Measures } from "../../train/evaluate.ts";
import { type LabelAnswers, labelAnswers } from "../answers.ts";
import { refuseChanged } from "../checkpoint.ts";
import { openRun, type RunPart } from "../open_run.ts";
import { type ConfusionCell, ConfusionCounts } from "./confusion.ts";
import { GroupedMeasures, type GroupMetrics, RowGroups } from "./groups.ts";
import { Reliability, type ReliabilityBin } from "./reliability.ts";
import { TestRows } from "./rows.ts";
import { onnxScorer, type Scorer, type ScorerRequest, tensorScorer } from "./scorers.ts";
import { type WrongRow, WrongRows } from "./wrong_rows.ts";

/** What is evaluated, and how. */
export interface EvaluateOptions extends RunPart {
  /** Files with rows; the test split of the run by default. */
  readonly input?: string;
  /** What computes; ONNX Runtime by default (`auto`). */
  readonly engine?: "auto" | "onnx" | "native" | "wasm";
  /** The column whose values are groups with metrics of their own. */
  readonly by?: string;
  /** How many of the most wrong rows are found; none by default. */
  readonly errors?: number;
  /** The most memory for rows, in bytes; others are read twice. */
  readonly memory?: number;
  /** Variables of the environment that an address of data may contain. */
  readonly allowEnv?: readonly string[];
  /** Receives log lines. */
  readonly report?: (line: string) => void;
}

/** What an evaluation found. */
export interface Evaluation {
  /** The checkpoint. */
  readonly checkpoint: string;
  /** The epoch and step of the checkpoint, if it says so. */
  readonly at: { readonly epoch?: number; readonly step?: number };
  /** What computed. */
  readonly engine: string;
  /** How many rows were evaluated. */
  readonly rows: number;
  /** Whether these are the run's test rows, and they have changed since. */
  readonly isChanged: boolean;
  /** The metrics by net; those of the whole run by `run`. */
  readonly metrics: Readonly<Record<string, Metrics>>;
  /** What the label is, and its classes. */
  readonly label: LabelAnswers;
  /** Which classes are predicted for which; undefined for numbers. */
  readonly confusion: Readonly<Partial<Record<NetName, readonly ConfusionCell[]>>> | undefined;
  /** Probabilities and how often they come true; undefined if the label is not binary. */
  readonly reliability:
    | Readonly<Partial<Record<NetName, readonly ReliabilityBin[]>>>
    | undefined;
  /** The metrics of groups of rows; undefined if there are no groups. */
  readonly groups: readonly GroupMetrics[] | undefined;
  /** The rows that are most wrong. */
  readonly wrong: readonly WrongRow[];
  /** The columns of the source, to read rows again. */
  readonly source: Pick<TestRows, "recordBatches">;
}

/** How many bins probabilities are counted in. */
const BINS = 10;

/**
 * Measures the metrics of a run's pipeline on rows.
 *
 * @param folder The run folder.
 * @param options What is evaluated, and how.
 * @param use Uses the evaluation, while its rows can be read.
 * @returns What `use` returns.
 * @throws {UserError} If the folder is no run folder or is damaged, if rows cannot be read, or if a
 *   stage fails.
 */
export async function evaluateRun<T>(
  folder: string,
  options: EvaluateOptions,
  use: (evaluation: Evaluation) => T | Promise<T>,
): Promise<T> {
  const { report = () => {}, engine = "auto", errors = 0, by } = options;
  refuseExport(folder);
  const run = await openRun(folder, options);
  await refuseChanged(run.checkpoint);
  const { earlier, plan } = await planOf(folder, options);
  const { model, decoder } = run;
  const nets = options.net ? [options.net] : model.network.nets;
  const at = await aboutCheckpoint(run.checkpoint.path);
  const phase = plan.phases.find(({ name }) => name !== undefined && name === at.phase) ??
    plan.phases.at(-1)!;
  const metrics = metricsOf(plan, nets).map((one) => makeMetric(one, model.label.spec, nets));
  const request = { run, nets, phase, part: options, report };
  const { input, memory } = options;
  const rows = await TestRows.open({ plan, model, decoder, input, memory, report });
  try {
    const groups = by === undefined ? undefined : await groupsOf(rows, by);
    await using scorer = await open(request, engine);
    const label = labelAnswers(model.label), { kind, classes } = model.label.spec;
    const measures = new Measures(nets, metrics);
    const grouped = groups && new GroupedMeasures(nets, metrics, groups);
    const confusion = kind === "number" ? undefined : new ConfusionCounts(nets, classes);
    const reliability = kind === "binary" ? new Reliability(nets) : undefined;
    const wrong = new WrongRows(errors, nets, kind === "number");
    for await (const { batch, rows: numbers } of rows.batches()) {
      const scored = await scorer.scorer.score(batch);
      measures.add(scored);
      grouped?.add(scored, numbers);
      confusion?.add(scored);
      reliability?.add(scored);
      wrong.add(scored, numbers);
    }
    return await use({
      checkpoint: nameOf(run.checkpoint.path),
      at,
      engine: scorer.scorer.engine,
      rows: rows.rows,
      isChanged: isChanged(earlier, rows, input),
      metrics: byNet(measures.values()),
      label,
      confusion: confusion?.cells(),
      reliability: reliability?.bins(BINS),
      groups: grouped?.values(),
      wrong: wrong.rows(),
      source: rows,
    });
  } finally {
    await rows.close();
  }
}

/** Refuses an export folder, which has no metrics. */
function refuseExport(folder: string): void {
  const has = (name: string) => existsSync(join(folder, name));
  if (has(runFiles.pipeline) || !has(runFiles.model)) return;
  throw new UserError(`${folder} is an export folder, which has no metrics`, {
    hint: hint("evaluate/export", "name the folder of the run that was exported", {
      edit: "the command",
    }),
    exitCode: 2,
  });
}

async function planOf(
  folder: string,
  { allowPlugins, allowEnv }: EvaluateOptions,
): Promise<{ earlier: EarlierRun; plan: Plan }> {
  const { earlier, allowed, document } = await readRun(folder, {
    ...(allowPlugins && { allowPlugins }),
    ...(allowEnv && { allowEnv }),
  });
  return { earlier, plan: await makePlan(document, createRegistry(builtins, allowed)) };
}

async function groupsOf(rows: TestRows, column: string): Promise<RowGroups> {
  const groups = new RowGroups(column);
  for await (const batch of rows.recordBatches(column)) groups.add(batch);
  return groups;
}

async function open(
  request: ScorerRequest,
  engine: NonNullable<EvaluateOptions["engine"]>,
): Promise<AsyncDisposable & { readonly scorer: Scorer }> {
  const scorer = engine === "native" || engine === "wasm"
    ? await tensorScorer(request, engine)
    : await onnxScorer(request);
  return { scorer, [Symbol.asyncDispose]: () => scorer.close() };
}

/** What a checkpoint says of itself. */
async function aboutCheckpoint(
  path: string,
): Promise<{ readonly epoch?: number; readonly step?: number; readonly phase?: string }> {
  let file: SafetensorsFile | undefined;
  try {
    file = await SafetensorsFile.open(path);
    const { epoch, step, phase } = file.metadata;
    return {
      ...(epoch !== undefined && { epoch: Number(epoch) }),
      ...(step !== undefined && { step: Number(step) }),
      ...(phase !== undefined && { phase }),
    };
  } catch {
    // The weights are read later, with a message that says what is wrong.
    return {};
  } finally {
    file?.close();
  }
}

const nameOf = (path: string) => basename(path).replace(/\.safetensors$/, "");

const isChanged = ({ data }: EarlierRun, rows: TestRows, input: string | undefined) =>
  input === undefined && data.test !== undefined && data.test.fingerprint !== rows.fingerprint;
