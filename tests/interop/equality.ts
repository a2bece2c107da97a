/**
 * The rows of the equality table that other programs compute: exported nets of all runs of
 * `tests/support/equality.ts` in Python.
 *
 * @module
 */

import { join } from "node:path";
import { readModelFile } from "../../src/run/model/model_file.ts";
import { RowDecoder } from "../../src/run/model/row_decoder.ts";
import { exportModel } from "../../src/model/export_model.ts";
import { writeRows } from "../../src/model/graph_rows.ts";
import { rowsStage } from "../../src/run/model/open_run.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { subjects, type TrainedRun, trainedRuns } from "../support/equality.ts";
import { type Comparison, distancesInPython, distanceText } from "./comparisons.ts";
import type { Programs } from "./programs.ts";

/** The name of the file with the test rows of a run. */
const ROWS_FILE = "rows.arrow";

const formats = [["onnx", "onnxruntime in Python"], [
  "saved-model",
  "TensorFlow in Python",
]] as const;

/**
 * Trains all networks in all kinds of runs, exports both nets with both kinds of inputs, and returns
 * the comparisons of their logits for the test rows with the run's own evaluation.
 *
 * @param folder The folder for runs and exports.
 * @param engines The available engines.
 * @param options The other programs, and what receives a line before each training.
 */
export async function equalityComparisons(
  folder: string,
  engines: readonly ("native" | "wasm")[],
  { programs, report }: {
    readonly programs: Programs;
    readonly report: (line: string) => void;
  },
): Promise<Comparison[]> {
  const folders: Record<string, string[]> = { "onnx": [], "saved-model": [] };
  const names: string[] = [];
  for (const engine of engines) {
    for (const subject of subjects.filter(({ isQuick }) => !isQuick || engine === "wasm")) {
      report(`training ${subject.name} in all kinds of runs, ${engine}`);
      await openEngine(engine);
      const parent = join(folder, `${subject.name} ${engine}`);
      await Deno.mkdir(parent);
      for await (const run of trainedRuns(parent, subject, engine)) {
        names.push(`${run.name} [${engine}]`);
        for (const [format] of formats) folders[format]!.push(...await exported(run, format));
        await openEngine(engine);
      }
    }
  }
  return formats.flatMap(([format, what]) => {
    const own = folders[format]!, perRun = own.length / names.length;
    let all: Promise<number[]> | undefined;
    return names.map((name, index): Comparison => ({
      name: `${what}, test rows: ${name}`,
      needs: ["python"],
      async run() {
        all ??= distancesInPython(programs, format, ROWS_FILE, own);
        const far = (await all).slice(index * perRun, (index + 1) * perRun);
        return distanceText(Math.max(...far));
      },
    }));
  });
}

/** Exports the nets of a run, and writes the test rows beside each. */
async function exported(run: TrainedRun, format: "onnx" | "saved-model"): Promise<string[]> {
  const folders: string[] = [];
  const model = await readModelFile(join(run.out, "model.json"));
  const find = () => Promise.reject(new Error("no transform is needed"));
  const decoder = await RowDecoder.create({ ...model, transforms: [] }, { find }, rowsStage);
  const [rows] = run.table.batches, { batch } = decoder.open(rows!.schema)(rows!);
  const values = Object.fromEntries(
    Object.entries(batch.features).map(([name, { values }]) => [name, values]),
  );
  for (const net of ["light", "booster"] as const) {
    for (const inputs of ["columns", "ids"] as const) {
      const to = join(run.out, `${format}-${net}-${inputs}`);
      const options = { format, net, inputs, checkpoint: "last", engine: "wasm" } as const;
      const { inputs: ofGraph } = await exportModel(run.out, to, options);
      const logits = run.logits[net]!;
      writeRows(join(to, ROWS_FILE), ofGraph, { rows: batch.size, values, logits });
      folders.push(to);
    }
  }
  return folders;
}
