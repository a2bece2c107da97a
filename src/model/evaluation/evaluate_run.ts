/**
 * Evaluates a trained net with the metrics of its pipeline.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { runFiles } from "../../base/files/run_files.ts";
import { SafetensorsFile } from "../../base/files/safetensors_stream.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import type { Cluster } from "../../cluster/processes.ts";
import { type DeviceChoice, openEngine } from "../../engine/engine.ts";
import type { ClusterRun } from "../../run/cluster_run.ts";
import type { EvaluatedBatch } from "../../stages/metric.ts";
import { builtins } from "../../../plugins/mod.ts";
import { createRegistry } from "../../pipeline/registry.ts";
import { makePlan } from "../../pipeline/plan/make_plan.ts";
import type { Plan } from "../../pipeline/plan.ts";
import type { EarlierRun } from "../../run/folder/manifest.ts";
import { readRun } from "../../run/folder/read_run.ts";
import { makeMetric, metricsOf } from "../../run/make_metric.ts";
import { byNet } from "../../run/selection.ts";
import type { LabelSpec } from "../../stages/batch.ts";
import { labelParts } from "../../stages/labels.ts";
import type { Metrics } from "../../stages/events.ts";
import { Measures } from "../../train/evaluate.ts";
import { type LabelAnswers, labelAnswers } from "../answers.ts";
import { refuseChanged } from "../../run/folder/found_checkpoint.ts";
import { openRun, type RunPart } from "../../run/model/open_run.ts";
import { startCluster } from "../../run/start_cluster.ts";
import { refuseGpuWithout } from "../load_model.ts";
import { GroupedMeasures, type GroupMetrics, RowGroups } from "./groups.ts";
import { LabelComparison, type LabelErrors } from "./label_errors.ts";
import { type EvaluatedRows, TestRows } from "./rows.ts";
import { onnxScorer, type Scorer, type ScorerRequest, tensorScorer } from "./scorers.ts";
import { type WrongRow, WrongRows } from "./wrong_rows.ts";

/**
 * The options of {@linkcode evaluateRun}, such as the files with rows, the engine, and a column by
 * which rows are grouped.
 */
export interface EvaluateOptions extends RunPart {
  /** The path or glob of files with rows; by default, the test split of the run is used. */
  readonly input?: string;
  /** The engine; `auto` (the default) is ONNX Runtime. */
  readonly engine?: "auto" | "onnx" | "native" | "wasm";
  /** The device of the native engine; `auto` by default. `gpu` requires the engine `native`. */
  readonly device?: DeviceChoice | undefined;
  /** A column: the metrics are also measured for the rows with each of its values. */
  readonly by?: string;
  /** The number of rows with the largest losses to return; none by default. */
  readonly errors?: number;
  /** The file for results, which must not be one of the files with rows. */
  readonly out?: string;
  /** The maximum memory for rows in bytes. If the rows need more, they are read twice. */
  readonly memory?: number;
  /** The environment variables that may be part of an address of data. */
  readonly allowEnv?: readonly string[];
  /** Receives log lines for the user. */
  readonly report?: (line: string) => void;
}

/** The metrics of an evaluation, and the checkpoint and rows that were used. */
export interface Evaluation extends LabelErrors {
  /** The path of the checkpoint. */
  readonly checkpoint: string;
  /** The epoch and step of the checkpoint, if it records them. */
  readonly at: { readonly epoch?: number; readonly step?: number };
  /** A description of the engine. */
  readonly engine: string;
  /** The number of evaluated rows. */
  readonly rows: number;
  /** Whether the rows are the run's test rows and have changed since the run. */
  readonly isChanged: boolean;
  /** The metrics by net. Metrics that belong to no net have the key `run`. */
  readonly metrics: Readonly<Record<string, Metrics>>;
  /** The kind of the label, and its classes. */
  readonly label: LabelAnswers;
  /** The predictions of each label compared with its values, if there are several. */
  readonly labels: Readonly<Record<string, LabelErrors>> | undefined;
  /** The metrics of each group of rows; undefined unless the option `by` is used. */
  readonly groups: readonly GroupMetrics[] | undefined;
  /** The rows with the largest losses. */
  readonly wrong: readonly WrongRow[];
  /** The source, to read the columns of single rows. */
  readonly source: Pick<TestRows, "recordBatches">;
}

/**
 * Measures the metrics of a run's pipeline on its test rows or on other rows.
 *
 * @param folder The run folder.
 * @param options The rows, the net, and the engine.
 * @param use Receives the result, while the rows can still be read. In a cluster, only the first
 *   process calls it.
 * @param cluster The cluster whose processes divide the rows, which requires the engine `native`; by
 *   default, this process evaluates all rows.
 * @returns The result of `use`; undefined in the other processes of a cluster.
 * @throws {UserError} If the folder is not a run folder or is damaged, if rows cannot be read, or
 *   if a stage fails.
 */
export function evaluateRun<T>(
  folder: string,
  options: EvaluateOptions,
  use: (evaluation: Evaluation) => T | Promise<T>,
  cluster?: undefined,
): Promise<T>;
export function evaluateRun<T>(
  folder: string,
  options: EvaluateOptions,
  use: (evaluation: Evaluation) => T | Promise<T>,
  cluster: Cluster | undefined,
): Promise<T | undefined>;
export async function evaluateRun<T>(
  folder: string,
  options: EvaluateOptions,
  use: (evaluation: Evaluation) => T | Promise<T>,
  cluster?: Cluster,
): Promise<T | undefined> {
  const { report = () => {}, engine = "auto", device, errors = 0, by } = options;
  refuseGpuWithout(engine, device);
  refuseExport(folder);
  // Rows of the run's test split have all columns, and the same rows are left out for their nulls.
  const own = options.net !== undefined && options.input !== undefined;
  const run = await openRun(folder, options, own ? "net" : "all");
  await refuseChanged(run.checkpoint);
  const { earlier, plan } = await planOf(folder, options);
  const { model, decoder } = run;
  if (errors > 0) refuseErrors(model.label.spec.kind);
  const nets = options.net ? [options.net] : model.network.nets;
  const at = await aboutCheckpoint(run.checkpoint.path);
  const phase = plan.phases.find(({ name }) => name !== undefined && name === at.phase) ??
    plan.phases.at(-1)!;
  const metrics = metricsOf(plan, nets).map((one) => makeMetric(one, model.label.spec, nets));
  const request = { run, plan, nets, phase, part: options, device, report };
  const { input, out, memory } = options;
  const rows = await TestRows.open({
    ...{ plan, model, decoder, input, out, memory, report, testRows: earlier.data.test },
    // The processes of a cluster compare their rows.
    inputOptions: { ...options, fingerprint: cluster !== undefined },
  });
  let together: ClusterRun | undefined;
  try {
    if (cluster) {
      await openEngine("native", report, { device, cluster });
      together = await startCluster(undefined, report, {
        "a command": [folder, input, options.net, by, errors],
        "a checkpoint": [at, run.checkpoint.sha256],
        "rows": [rows.rows, rows.fingerprint],
        "a pipeline": earlier.pipeline,
      });
    }
    const isFirst = together?.isFirst ?? true;
    const groups = by === undefined || !isFirst ? undefined : await groupsOf(rows, by);
    await using scorer = await open(request, engine);
    const label = labelAnswers(model.label), { spec } = model.label, { kind } = spec;
    const measures = new Measures(nets, metrics);
    const grouped = groups && new GroupedMeasures(nets, metrics, groups);
    const compared = new LabelComparison(nets, spec, undefined);
    const parts = labelParts(spec).map((part) =>
      [part.name, new LabelComparison(nets, part.spec, part)] as const
    );
    const wrong = new WrongRows(errors, nets, kind === "number");
    const scoredRows = async ({ batch, rows }: EvaluatedRows): Promise<ScoredRows> => ({
      scored: await scorer.scorer.score(batch),
      rows,
    });
    const add = ({ scored, rows }: ScoredRows) => {
      measures.add(scored);
      grouped?.add(scored, rows);
      compared.add(scored);
      for (const [, part] of parts) part.add(scored);
      wrong.add(scored, rows);
    };
    const batches = rows.batches(together?.part);
    if (!together) { for await (const batch of batches) add(await scoredRows(batch)); }
    await together?.inTurns(
      rows.batchCount,
      async () => await scoredRows((await batches.next()).value!),
      add,
    );
    const result = isFirst
      ? await use({
        checkpoint: nameOf(run.checkpoint.path),
        at,
        engine: scorer.scorer.engine,
        rows: rows.rows,
        isChanged: isChanged(earlier, rows, input),
        metrics: byNet(measures.values()),
        label,
        ...compared.errors(),
        labels: parts.length === 0
          ? undefined
          : Object.fromEntries(parts.map(([name, part]) => [name, part.errors()])),
        groups: grouped?.values(),
        wrong: wrong.rows((index) => rows.rowInSource(index)),
        source: rows,
      })
      : undefined;
    together?.finish();
    return result;
  } catch (error) {
    throw await together?.leave(error) ?? error;
  } finally {
    together?.stop();
    await rows.close();
  }
}

/** The outputs of the nets for a batch of rows. */
interface ScoredRows extends Pick<EvaluatedRows, "rows"> {
  readonly scored: EvaluatedBatch;
}

/** Rejects rows with the largest losses if rows have several labels, or several classes. */
function refuseErrors(kind: LabelSpec["kind"]): void {
  if (kind !== "several" && kind !== "multi-label") return;
  throw new UserError(
    kind === "several"
      ? "--errors needs a single label: the rows with the largest losses differ between labels"
      : "--errors does not support a label of kind multi-label, which has no single class per row",
    {
      hint: hint("evaluate/errors-labels", "remove `--errors` and `--out`", {
        args: { remove: ["--errors", "--out"] },
      }),
      exitCode: 2,
    },
  );
}

/** Throws an error for an export folder, which contains no metrics. */
function refuseExport(folder: string): void {
  const has = (name: string) => existsSync(join(folder, name));
  if (has(runFiles.pipeline) || !has(runFiles.model)) return;
  throw new UserError(
    `${folder} is an export folder, which does not contain the metrics of the pipeline`,
    {
      hint: hint("evaluate/export", "use the run folder from which the net was exported", {
        edit: "the command",
      }),
      exitCode: 2,
    },
  );
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

/** Reads the epoch and step from the JSON file of a checkpoint. */
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
    // The weights are read later, with an error message if they are damaged.
    return {};
  } finally {
    file?.close();
  }
}

const nameOf = (path: string) => basename(path).replace(/\.safetensors$/, "");

const isChanged = ({ data }: EarlierRun, rows: TestRows, input: string | undefined) =>
  input === undefined && data.test !== undefined && data.test.fingerprint !== rows.fingerprint;
