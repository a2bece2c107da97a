/**
 * Collects the content of a report about a run: the record in its folder, and the predictions of
 * its nets for the test rows.
 *
 * @module
 */

import type { RecordBatch, Vector } from "apache-arrow";
import { basename, join, resolve } from "node:path";
import { runFiles } from "../base/files/run_files.ts";
import { readTextIfExists } from "../base/files/regular.ts";
import { UserError } from "../base/errors.ts";
import { loadModel, type LoadModelOptions } from "../model/load_model.ts";
import { evaluateRun, type Evaluation } from "../model/evaluation/evaluate_run.ts";
import { cellTexts } from "../base/cell_text.ts";
import type { WrongRow } from "../model/evaluation/wrong_rows.ts";
import { wrongRowBatches } from "../model/evaluation/wrong_columns.ts";
import { isNested } from "../model/csv_rows.ts";
import { openRun } from "../run/model/open_run.ts";
import { sampleRows } from "../model/samples.ts";
import { variablesIn } from "../pipeline/document/environment.ts";
import { type RunSummary, summarizeRun } from "../run/folder/run_state.ts";
import { labelTypes, type ModelFile, readModelFile } from "../run/model/model_file.ts";
import type { NetName } from "../stages/network.ts";
import { bitmapOf, type Pixels } from "./bitmap.ts";
import { readTransfers, type Transfer } from "./transfer.ts";

/** The name of a net in a report: one of the run's nets, or its light net trained alone. */
export type ReportNet = NetName | "light alone";

/** The value of a loss or a metric at the end of an epoch. */
export interface Point {
  readonly epoch: number;
  readonly split: string;
  /** The net; undefined if the number belongs to the whole run. */
  readonly net: ReportNet | undefined;
  readonly metric: string;
  readonly value: number;
}

/** A row with a large loss, as a report shows it. */
export interface ShownRow extends WrongRow {
  /** The values of some columns, as text. */
  readonly values: readonly string[];
  /** The image of the row as a data URL, if the nets read an image. */
  readonly image: string | undefined;
}

/** The evaluation of the nets on the test rows, in the form in which a report shows it. */
export interface ShownEvaluation extends Omit<Evaluation, "source" | "wrong" | "groups"> {
  /** The names of the columns to show. */
  readonly columns: readonly string[];
  /** The rows with the largest losses. */
  readonly wrong: readonly ShownRow[];
}

/** The content of a report about one run. */
export interface ReportRun extends RunSummary {
  /** The run folder, as the user named it. */
  readonly folder: string;
  /** The name of the folder, as a short name of the run. */
  readonly title: string;
  /** The content of `model.json`. */
  readonly model: ModelFile;
  /** The numbers that were measured at the end of epochs. */
  readonly points: readonly Point[];
  /** How much of the gap to the booster the light net closes, for metrics with samples. */
  readonly transfers: readonly Transfer[];
  /** The evaluation of the nets on the test rows, or the reason why it is missing. */
  readonly evaluation: ShownEvaluation | string;
  /** The latency of one row in milliseconds, by net; or the reason why it is missing. */
  readonly latency: Readonly<Partial<Record<NetName, number>>> | string;
}

/** The options for reading a run for a report. */
export interface ReadOptions {
  /** The number of rows with the largest losses to show. */
  readonly errors: number;
  /** The engine. */
  readonly engine: "auto" | "onnx" | "native" | "wasm";
  /** The device of the native engine. */
  readonly device?: LoadModelOptions["device"] | undefined;
  /** Modules from outside the project that the run may load. */
  readonly allowPlugins: readonly string[];
  /** The environment variables that may be part of an address of data. */
  readonly allowEnv: readonly string[];
  /** Receives log lines for the user. */
  readonly report: (line: string) => void;
}

/**
 * Reads a run folder, evaluates the nets on the test rows if these are available, and measures the
 * latency of the nets.
 *
 * @param folder The run folder.
 * @param options The engine, and the rows to show.
 * @throws {UserError} If the folder is not a run folder, or a file in it is damaged.
 */
export async function readReportRun(folder: string, options: ReadOptions): Promise<ReportRun> {
  const summary = await summarizeRun(folder);
  const model = await readModelFile(join(folder, runFiles.model));
  const points = await readPoints(folder);
  return {
    ...summary,
    folder,
    title: basename(resolve(folder)),
    model,
    points,
    transfers: summary.result ? await readTransfers(folder, summary.result) : [],
    evaluation: await orWhy(
      () => evaluated(folder, model, options),
      // A page is passed on, and the message may contain the value of a variable.
      variablesIn(summary.earlier.pipeline).length > 0
        ? "the pipeline uses environment variables, and their values could be in the message; `evaluate` shows it"
        : undefined,
    ),
    latency: await orWhy(() => latencyOf(folder, model, options)),
  };
}

/**
 * Reads the numbers that a run measured at the end of epochs.
 *
 * @param folder The run folder.
 */
export async function readPoints(folder: string): Promise<Point[]> {
  return [
    ...await pointsOf(join(folder, runFiles.metrics.rocket), false),
    ...await pointsOf(join(folder, runFiles.metrics["light-alone"]), true),
  ];
}

/** Returns the result of a function, or the message of the error that it throws, or another one. */
async function orWhy<T>(make: () => Promise<T>, instead?: string): Promise<T | string> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof UserError) return instead ?? error.message;
    throw error;
  }
}

async function pointsOf(file: string, isAlone: boolean): Promise<Point[]> {
  const text = await readTextIfExists(file) ?? "";
  return text.split("\n").flatMap((line) => {
    try {
      const { epoch, split, step: _, seconds: __, ...values } = Object(JSON.parse(line));
      if (!Number.isInteger(epoch) || typeof split !== "string") return [];
      return Object.entries(values).flatMap(([key, value]): Point[] => {
        if (typeof value !== "number") return [];
        return [{ epoch, split, value, ...keyOf(key, isAlone) }];
      });
    } catch {
      // A killed run may have left an incomplete line.
      return [];
    }
  });
}

/**
 * Splits the key of a metric into its net and its name. Both `light/accuracy` and
 * `loss/cross-entropy(light)` are metrics of the light net.
 */
function keyOf(key: string, isAlone: boolean): Pick<Point, "net" | "metric"> {
  const [, first, ofNet] = /^(light|booster)\/(.+)$/.exec(key) ?? [];
  const [, loss, last] = /^(loss\/.+)\((light|booster)\)$/.exec(key) ?? [];
  const net = first ?? last, metric = ofNet ?? loss ?? key;
  if (net === undefined) return { net: isAlone ? "light alone" : undefined, metric };
  return { net: isAlone ? "light alone" : net as NetName, metric };
}

/** The maximum numbers of columns of a row, and of characters of a value, in a report. */
const SHOWN_COLUMNS = 5, SHOWN_CHARACTERS = 32;

/** Whether each row has a single label, which is one class or one number. */
const hasWrongRows = ({ label }: ModelFile) => "type" in label && label.spec.kind !== "multi-label";

async function evaluated(
  folder: string,
  model: ModelFile,
  { errors, engine, device, allowPlugins, allowEnv, report }: ReadOptions,
): Promise<ShownEvaluation> {
  return await evaluateRun(
    folder,
    { errors: hasWrongRows(model) ? errors : 0, engine, device, allowPlugins, allowEnv, report },
    async ({ source, wrong, groups: _, ...evaluation }) => {
      const { kept, batches } = await wrongRowBatches(
        { wrong, source, label: evaluation.label },
        () => true,
      );
      const labels = labelTypes(model.label).map(({ column }) => column);
      const read = new Set(model.features.map(({ column }) => column));
      // A column may have another name in the record batches.
      const vectorOf = (batch: RecordBatch, column: string) =>
        batch.getChildAt(kept.findIndex(({ name }) => name === column))!;
      const columns = kept
        .filter((field) => !isNested(field) && !labels.includes(field.name))
        .toSorted((a, b) => Number(read.has(b.name)) - Number(read.has(a.name)))
        .slice(0, SHOWN_COLUMNS).map(({ name }) => name);
      const images = imagesOf(
        model,
        (column) =>
          kept.some(({ name }) => name === column)
            ? batches.map((batch) => vectorOf(batch, column).get(0))
            : undefined,
      );
      return {
        ...evaluation,
        columns,
        wrong: wrong.map((row, index) => ({
          ...row,
          values: columns.map((name) => {
            const vector = vectorOf(batches[index]!, name);
            const text = cellTexts(vector.data[0]!)(0) ?? "null";
            return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
          }),
          image: images?.[index],
        })),
      };
    },
  );
}

/** The maximum number of pixels of an image in a report. */
const SHOWN_PIXELS = 2 ** 14;

/** Returns the images of rows, if a feature is an image that `valuesOf` finds by its column. */
function imagesOf(
  { features, inputs }: ModelFile,
  valuesOf: (column: string) => readonly unknown[] | undefined,
): string[] | undefined {
  const isImage = (shape: readonly number[]) =>
    (shape.length === 2 || shape.length === 3 && [1, 3].includes(shape[2]!)) &&
    shape[0]! > 1 && shape[1]! > 1;
  const feature = features.find(({ spec }) => spec.dtype === "float32" && isImage(spec.shape));
  // The feature may only become an image by a transform, such as `reshape`.
  const shape = feature?.spec.shape ??
    inputs.find(({ spec }) => spec.dtype === "float32" && isImage(spec.shape))?.spec.shape;
  const column = feature?.column ?? (features.length === 1 ? features[0]!.column : undefined);
  const values = column === undefined ? undefined : valuesOf(column);
  if (!shape || !values) return undefined;
  const [height, width, channels = 1] = shape as [number, number, number?];
  const size = height * width * channels;
  if (height * width > SHOWN_PIXELS) return undefined;
  const all = values.map(flatNumbers);
  if (all.some(({ length }) => length !== size)) return undefined;
  let least = Infinity, most = -Infinity;
  for (const values of all) {
    for (const value of values) {
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
  }
  const scale = 255 / (most - least || 1);
  return all.map((values): string => {
    const pixels: Pixels = {
      height,
      width,
      channels,
      values: values.map((value) => Math.round((value - least) * scale)),
    };
    return bitmapOf(pixels);
  });
}

/** Returns the numbers of a value without the lists around them. */
function flatNumbers(value: unknown): number[] {
  if (typeof value === "number") return [value];
  if (typeof value === "bigint") return [Number(value)];
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return Array.from(value as unknown as Iterable<number | bigint>, Number);
  }
  if (typeof value !== "object" || value === null || !(Symbol.iterator in value)) return [];
  return Array.from(value as Vector).flatMap(flatNumbers);
}

/** The numbers of warm-up calls and of measured calls. */
const WARM_UP = 20, CALLS = 200;

/** Measures the median time of a call with one generated row. The nets take turns. */
async function latencyOf(
  folder: string,
  { network: { nets } }: ModelFile,
  { engine, allowPlugins }: ReadOptions,
): Promise<Partial<Record<NetName, number>>> {
  if (engine === "native" || engine === "wasm") {
    throw new UserError(
      `a report measures latencies with ONNX Runtime, which is not used with --engine ${engine}`,
    );
  }
  const run = await openRun(folder, { allowPlugins }, "all");
  const { batch } = sampleRows(run.model, run.decoder);
  const row = Object.fromEntries(
    Object.entries(batch.features).map(([name, { values, shape }]) => [
      name,
      values.slice(0, shape.reduce((size, axis) => size * axis, 1)),
    ]),
  );
  const timed = [];
  try {
    for (const net of nets) {
      const model = await loadModel(folder, { net, threads: 1, engine: "onnx", allowPlugins });
      timed.push({ net, model, times: [] as number[] });
    }
    for (let call = -WARM_UP; call < CALLS; call++) {
      for (const { model, times } of timed) {
        const started = performance.now();
        await model.predict(row);
        if (call >= 0) times.push(performance.now() - started);
      }
    }
    return Object.fromEntries(timed.map(({ net, times }) => {
      const sorted = times.sort((a, b) => a - b);
      return [net, sorted[sorted.length >> 1]!];
    }));
  } finally {
    for (const { model } of timed) await model.close();
  }
}
