import { existsSync } from "node:fs";
import { join } from "node:path";
import { hashesIn } from "../base/files/hashes_in.ts";
import { pathInside, refuseLinksOut } from "../base/files/inside.ts";
import { makeFolder } from "../base/files/make_folder.ts";
import { safetensorsChunks, type StreamedTensor } from "../base/files/safetensors_stream.ts";
import { writeChunks } from "../base/files/write_chunks.ts";
import { writeFileWhole } from "../base/files/write.ts";
import { UserError } from "../base/errors.ts";
import { runFiles } from "../base/files/run_files.ts";
import { hint } from "../base/hints.ts";
import { type InputsKind, writeModelFile } from "../run/model/model_file.ts";
import { RowDecoder } from "../run/model/row_decoder.ts";
import type { Values } from "../stages/batch.ts";
import { describeStart, namesBefore } from "./graph_start.ts";
import { ONNX_FILE, tensorsOfRun } from "./load_model.ts";
import { type FeatureInput, inputsOfGraph } from "./onnx/columns.ts";
import { ElementType } from "./onnx/messages.ts";
import { tritonConfig } from "./onnx/triton.ts";
import { type EarlierRun, readEarlierRun } from "../run/folder/manifest.ts";
import { modelToOnnx, type OnnxModel } from "./onnx/model_to_onnx.ts";
import { netsOfRun, openRun, rowsStage, type RunPart } from "../run/model/open_run.ts";
import { readmeOf } from "./export_readme.ts";
import { writeRows } from "./graph_rows.ts";
import { inputArrays, openSession, sourceRunner } from "./runners.ts";
import { SAMPLE_ROWS, sampleRows } from "./samples.ts";
import { canRunSavedModel } from "../engine/saved_model.ts";
import { computeSavedModel } from "./saved_model/compute_saved_model.ts";
import { modelToSavedModel } from "./saved_model/model_to_saved_model.ts";
import {
  SAVED_MODEL_FILE,
  SAVED_MODEL_FILES,
  writeSavedModel,
} from "./saved_model/write_saved_model.ts";
import { graphOutputs } from "./graph_outputs.ts";
import { dataFileOf, onnxHashes, writeOnnxFile } from "./write_onnx.ts";

/** The file format of an exported net. */
export type ExportFormat = "onnx" | "saved-model" | "safetensors";

/** The options of {@linkcode exportModel}, such as the format, the net, and the checkpoint. */
export interface ExportOptions extends RunPart {
  /** The format: an ONNX model (the default), a SavedModel, or only the weights. */
  readonly format?: ExportFormat;
  /**
   * The folders: the files in the export folder itself (the default), or a model repository for
   * Triton, with the files in `NAME/1` and `NAME/config.pbtxt` beside it.
   */
  readonly layout?: "folder" | "repository";
  /** The inputs of the graph: columns of the source (the default), or ids. */
  readonly inputs?: InputsKind;
  /** The engine that the exported graph is compared with; by default, native if it is available. */
  readonly engine?: "auto" | "native" | "wasm";
  /**
   * The maximum size of the weights in the ONNX file, in bytes. Larger weights get their own file.
   */
  readonly mostBytes?: number;
}

/**
 * The files that {@linkcode exportModel} has written, and how much their logits differ from the
 * expected ones.
 */
export interface Exported {
  /** The folder with the files. */
  readonly folder: string;
  /** The name of the file with the net. */
  readonly file: string;
  /** The inputs of the graph. */
  readonly inputs: readonly FeatureInput[];
  /**
   * The transforms that a program must apply before the graph, because the last of them has no
   * `graph()`; empty if the graph contains all transforms.
   */
  readonly outside: readonly string[];
  /**
   * The largest difference between the logits of the exported graph and those of the engine,
   * relative to the largest logit. It is undefined if nothing was compared, because only weights
   * were exported, or because only the native engine can run a SavedModel and it is not available.
   */
  readonly distance: number | undefined;
  /** The size of the net in bytes. */
  readonly bytes: number;
  /** The engine that it was compared with. */
  readonly engine: string;
}

/** The largest allowed difference between logits, relative to the largest logit. */
export const TOLERANCE = 1e-5;

/** The name of the file with sample rows in an export folder. */
export const SAMPLES_FILE = "samples.arrow";

/**
 * Exports a net of a run, together with `model.json`, sample rows with the expected logits, and a
 * README. Before an ONNX model is written, its logits for the sample rows are compared with the
 * logits that the native or wasm engine computes.
 *
 * @param folder The run folder.
 * @param out The export folder, which is created.
 * @param options The net, the checkpoint, and the format.
 * @throws {UserError} If a stage cannot be converted to ONNX, if logits differ, or if files cannot
 *   be read or written.
 */
export async function exportModel(
  folder: string,
  out: string,
  options: ExportOptions = {},
): Promise<Exported> {
  const { format = "onnx" } = options;
  const kind = options.inputs ?? (format === "safetensors" ? "ids" : "columns");
  const run = await openRun(folder, options);
  const { model, net, decoder } = run;
  const name = options.layout === "repository" ? repositoryName(await readEarlierRun(folder)) : "";
  const own = pathInside(out, name), to = name === "" ? out : join(out, name, "1");
  if (existsSync(join(to, runFiles.pipeline))) {
    throw new UserError(`${to} is a run folder, whose model.json would be replaced`, {
      hint: hint("export/run", "give --out another folder", { edit: "the command" }),
      exitCode: 2,
    });
  }
  // Other models of a repository may be links.
  if (existsSync(own)) await refuseLinksOut(own);
  const { nets, weights } = await netsOfRun(run);
  const request = { model, nets, net, weights, transforms: decoder.transforms, inputs: kind };
  const place = { dataFile: dataFileOf(ONNX_FILE), mostBytes: options.mostBytes };
  const onnx = format === "onnx" ? modelToOnnx({ ...request, place }) : undefined;
  const saved = format === "saved-model" ? modelToSavedModel(request) : undefined;
  const { inputs, before } = onnx ?? saved ?? { inputs: inputsOfGraph(model, kind), before: 0 };
  // Decodes the rows up to the start of the graph.
  const first = { ...model, transforms: model.transforms.slice(0, before) };
  const source = await RowDecoder.create(first, run.registry, rowsStage, {
    goesOn: model.transforms.slice(before).some(({ on }) => on === "all"),
  });
  const { rows, batch } = sampleRows(model, decoder);
  const { batch: read } = source.open(rows.schema)(rows);
  // A GPU rounds to fewer bits, and the comparison would measure that.
  const runner = await tensorsOfRun(run, options.engine ?? "auto", { device: "cpu" });
  const expected = await runner.run(batch.size, valuesOf(batch.features));
  const { engine } = runner;
  await runner.close();
  const values = valuesOf(read.features);
  const actual = onnx
    ? await logitsOfOnnx(onnx, values)
    : saved && canRunSavedModel()
    ? await computeSavedModel(saved.builder, batch.size, inputArrays(inputs, values))
    : undefined;
  const distance = actual && distanceOf(actual, expected);
  if (distance !== undefined && !(distance <= TOLERANCE)) {
    throw new UserError(
      `the logits of the exported graph differ from those of ${engine} by ${
        distance.toExponential(1)
      } of the largest ` +
        `logit; at most ${TOLERANCE.toExponential(0)} is allowed`,
      {
        hint: hint(
          "export/differs",
          "the graph() of a stage computes other values than the stage itself: find the stage with checkStage()",
          { edit: "the stage" },
        ),
      },
    );
  }
  await makeFolder(to);
  const graph = before === 0 ? undefined : describeStart(before, inputs);
  writeRows(join(to, SAMPLES_FILE), inputs, { rows: SAMPLE_ROWS, values, logits: expected });
  const outside = namesBefore(model, before);
  const readme = readmeOf({ model, net, inputs, format, outside });
  await writeFileWhole(join(to, "README.md"), new TextEncoder().encode(readme));
  const done = { folder: to, inputs, outside, distance, engine };
  // A folder is complete once it has this file, whose hashes tie it to the others.
  const describe = (files: Readonly<Record<string, string>>) =>
    writeModelFile(to, { ...model, net, exported: { inputs: kind, files }, graph });
  if (onnx) {
    await writeOnnxFile(join(to, ONNX_FILE), onnx);
    await describe(await onnxHashes(join(to, ONNX_FILE)));
    if (name !== "") {
      const outputs = graphOutputs(model, inputs.map(({ input }) => input.name));
      const config = tritonConfig(
        name,
        [...new Set(inputs.map(({ input }) => input))],
        outputs.map(({ name, units }) => ({ name, type: ElementType.float, shape: [units] })),
      );
      await writeFileWhole(join(out, name, "config.pbtxt"), new TextEncoder().encode(config));
    }
    const bytes = onnx.bytes.length + onnx.data.reduce((sum, { bytes }) => sum + bytes.length, 0);
    return { ...done, file: ONNX_FILE, bytes };
  }
  if (saved) {
    const bytes = await writeSavedModel(to, saved.builder.finish());
    await describe(await hashesIn(to, SAVED_MODEL_FILES));
    return { ...done, file: SAVED_MODEL_FILE, bytes };
  }
  const shapes = new Map(model.variables.map(({ name, shape }) => [name, shape]));
  const tensors = new Map(
    [...weights].map(([name, values]): [string, StreamedTensor] => [name, {
      ...{ dtype: "F32", shape: shapes.get(name)! },
      async *parts() {
        yield values;
      },
    }]),
  );
  const file = `${net}.safetensors`;
  await writeChunks(join(to, file), safetensorsChunks(tensors, { net }));
  await describe(await hashesIn(to, [file]));
  return { ...done, file, bytes: (await Deno.stat(join(to, file))).size };
}

const valuesOf = (features: Readonly<Record<string, { readonly values: Values }>>) =>
  Object.fromEntries(Object.entries(features).map(([name, { values }]) => [name, values]));

/** Returns the name of a model in a repository: the name of the pipeline, which is a folder's. */
function repositoryName({ pipeline }: EarlierRun): string {
  const { name } = pipeline;
  return typeof name === "string" && /^[\w.-]*\w[\w.-]*$/.test(name) ? name : "model";
}

/**
 * Computes the logits of the sample rows with ONNX Runtime. The graph is written to a file first
 * because it may be large.
 */
async function logitsOfOnnx(
  file: OnnxModel,
  values: Readonly<Record<string, Values>>,
): Promise<Float32Array> {
  const folder = await Deno.makeTempDir({ prefix: "rocket-export-" });
  try {
    const path = join(folder, ONNX_FILE);
    await writeOnnxFile(path, file);
    const runner = sourceRunner(await openSession(path), file.inputs);
    try {
      return await runner.run(SAMPLE_ROWS, values);
    } finally {
      await runner.close();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Returns the largest difference from the expected logits, relative to the largest of these. */
function distanceOf(actual: Float32Array, expected: Float32Array): number {
  let top = 0, far = 0;
  expected.forEach((logit, index) => {
    top = Math.max(top, Math.abs(logit));
    const distance = Math.abs(logit - actual[index]!);
    // A missing logit, or NaN, is not close to any number.
    far = distance <= far ? far : distance;
  });
  return far === 0 ? 0 : far / top;
}
