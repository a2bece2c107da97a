/**
 * Teachers that are trained models: their outputs for the training rows.
 *
 * @module
 */

import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import type { RecordBatch } from "apache-arrow";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { teachersFolder } from "../base/machine/cache_folder.ts";
import { ROCKET_VERSION } from "../base/package.ts";
import type { Engine } from "../engine/engine.ts";
import { formatCount } from "../base/text_table.ts";
import { evaluationRows } from "../input/prepare_data.ts";
import type { ComputeTeacher, TeacherRows } from "../input/outside_outputs.ts";
import { recordBatches, rowsOf } from "../input/split.ts";
import { variablesIn } from "../pipeline/document/environment.ts";
import type { Plan, PlannedTeacher, TeacherRun } from "../pipeline/plan.ts";
import { isElsewhere } from "../pipeline/registry.ts";
import { captured, type CaptureListener } from "../train/captured.ts";
import { evaluateBatch, type EvaluationInput, evaluationStep } from "../train/evaluate.ts";
import { outputsOfOnnx } from "./onnx_teacher.ts";
import { joined, keptOrComputed, sha256 } from "./teacher_cache.ts";
import { rowsOf as tensorsOfRows } from "../train/tensors.ts";
import { refuseChanged } from "./folder/found_checkpoint.ts";
import { readEarlierRun } from "./folder/manifest.ts";
import { inTypesOf } from "./model/in_types.ts";
import { readModelFile } from "./model/model_file.ts";
import { netsOfRun, type OpenedRun, openRun, rowsStage } from "./model/open_run.ts";
import type { RowHash } from "./row_hash.ts";
import { runFiles } from "../base/files/run_files.ts";

/** The parts of a run that are needed to compute the outputs of its teachers. */
export interface TeacherContext {
  /** Opens the engine of the run. */
  readonly engine: () => Promise<Engine>;
  /** Receives log lines. */
  readonly listener: CaptureListener;
  /** The folder of the cache; the user's by default. */
  readonly folder?: string;
}

/**
 * Creates a function that computes the outputs of teachers. It keeps them in the user's cache, and
 * uses them again if the teacher, the training rows, and the engine are the same.
 *
 * @param plan The plan.
 * @param context The engine and the listener.
 */
export function teachersOfRuns(
  { allowPlugins }: Pick<Plan, "allowPlugins">,
  { engine: open, listener, folder: given }: TeacherContext,
): ComputeTeacher {
  return async (teacher, rows) => {
    // Only a run with such a teacher needs the permission to find the folder.
    const folder = given ?? teachersFolder();
    const { from } = teacher;
    if (from && "onnx" in from) {
      return await outputsOfOnnx(teacher, from, rows, { report: listener.report, folder });
    }
    const run = await openTeacher(teacher, allowPlugins);
    const engine = await open();
    const which = rows.name === undefined ? "rows with keys" : "training rows";
    const about = `the logits of the teacher ${run.folder} (${run.net})`;
    const { label, network: { units } } = run.model;
    const identity = sha256([run.net, run.checkpoint.sha256, run.model.sha256]);
    const { values, isKept } = await keptOrComputed({
      ...{ folder, about: aboutOf(run, engine), units, open: () => openRows(run, rows) },
      compute: async (hash) => ({
        values: await computed(run, teacher, rows, { listener, hash }),
        units,
      }),
    });
    listener.report(
      isKept
        ? `teacher: ${about} for the ${which} are in the cache`
        : `teacher: ${about} were computed for ${formatCount(values.length / units)} ${which}`,
    );
    return { values, units, label: label.spec, identity };
  };
}

async function openTeacher(
  { from, place }: PlannedTeacher,
  allowPlugins: readonly string[],
): Promise<OpenedRun> {
  const { run, net, checkpoint } = from as TeacherRun;
  try {
    await readEarlierRun(run);
    const { network: { nets } } = await readModelFile(join(run, runFiles.model));
    const own = net ?? (nets.includes("booster") ? "booster" : "light");
    if (!nets.includes(own)) {
      throw new UserError(`the run ${run} has no ${own} net`, {
        place: place("net"),
        hint: hint("teacher/net", "remove `net`: the run trained only one net", {
          remove: ["."],
        }),
        exitCode: 2,
      });
    }
    const opened = await openRun(run, { net: own, checkpoint, allowPlugins });
    // Its logits may be in the cache, so that nothing else reads the weights.
    await refuseChanged(opened.checkpoint);
    return opened;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // Their hints are about command lines; the places are those of the pipeline.
    const problems = error.problems.map((one) =>
      one.place ? one : {
        message: one.message,
        place: place("run"),
        hint: hint("teacher/run", "name the folder of a finished run, and one of its checkpoints", {
          edit: "the run of the teacher",
        }),
      }
    );
    throw new UserError(problems, { exitCode: 2, cause: error });
  }
}

/** Opens the rows with the columns that the net reads, in the types that it reads. */
const openRows = ({ decoder, model }: OpenedRun, { open }: TeacherRows) =>
  open(decoder.columns, (opened) => inTypesOf(opened, model.features));

/** Computes the logits for all rows. */
async function computed(
  run: OpenedRun,
  { missing, place }: PlannedTeacher,
  given: TeacherRows,
  { listener, hash }: { readonly listener: CaptureListener; readonly hash: RowHash },
): Promise<Float32Array> {
  const { decoder, model: { network: { units } }, net } = run;
  const { nets, weights } = await netsOfRun(run);
  const values = Object.fromEntries(
    nets.variables.filter(({ name }) => weights.has(name)).map(({ name, shape }) => [
      name,
      tf.tensor(weights.get(name)!, [...shape]),
    ]),
  );
  const evaluated = { pair: nets.pair, nets: [net], terms: [] };
  const compute = captured(
    "teacher",
    listener,
    (input: EvaluationInput) => evaluationStep(evaluated, input),
    ({ batch }) => tensorsOfRows(batch),
  );
  const dataset = await openRows(run, given);
  const where = rowsOf(dataset, { name: given.name });
  const parts: Float32Array[] = [];
  let before = 0;
  try {
    const decode = decoder.open(dataset.schema as Parameters<typeof decoder.open>[0], where);
    for await (const { batch } of recordBatches(dataset, rowsStage)) {
      hash.add(batch);
      for (let start = 0; start < batch.numRows; start += evaluationRows) {
        const part: RecordBatch = batch.slice(start, start + evaluationRows);
        const { batch: rows, kept } = decode(part);
        const logits = rows.size === 0
          ? new Float32Array()
          : (await evaluateBatch(evaluated, compute, values, rows)).nets[net]!.logits.values;
        const own = new Float32Array(part.numRows * units).fill(NaN);
        if (!kept) own.set(logits);
        else {
          kept.forEach((row, index) => {
            own.set(logits.subarray(index * units, (index + 1) * units), row * units);
          });
        }
        const bad = own.findIndex((value) => !Number.isFinite(value));
        if (bad >= 0 && missing === "error") {
          const row = before + Math.floor(bad / units);
          throw new UserError(
            `${where(row)}: the teacher ${run.folder} predicts ` +
              "nothing for this row, because one of its features is null, or its logits are not " +
              "finite (rows count from 0)",
            {
              place: place("run"),
              hint: hint(
                "teacher/no-output",
                "write `missing: skip` in `teacher`, so that the loss of such rows is 0",
                { set: { "../missing": "skip" } },
              ),
            },
          );
        }
        parts.push(own);
        before += part.numRows;
      }
    }
  } finally {
    compute.dispose();
    tf.dispose(values);
    await dataset.close?.();
  }
  return joined(parts);
}

/**
 * Returns what the logits of rows depend on: the teacher, the engine, and the version of Rocket.
 * Logits of custom stages, whose code could change unnoticed, and of options with environment
 * variables are not kept.
 */
function aboutOf(
  { model, net, checkpoint }: OpenedRun,
  { name, detail }: Engine,
): readonly unknown[] | undefined {
  const stages = [model.network, ...model.transforms];
  if (variablesIn(stages).length > 0 || usesIn(stages).some(isElsewhere)) return undefined;
  return ["logits", ROCKET_VERSION, net, checkpoint.sha256, model.sha256, name, detail];
}

/** Finds the stages that a value names, also those within the options of others. */
function usesIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "use" && typeof inner === "string" ? [inner] : usesIn(inner)
  );
}
