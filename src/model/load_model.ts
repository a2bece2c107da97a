import { existsSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as tf from "@tensorflow/tfjs";
import { refuseLinksOut } from "../base/files/inside.ts";
import { runFiles } from "../base/files/run_files.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Cluster } from "../cluster/processes.ts";
import { type DeviceChoice, type EngineChoice, openEngine } from "../engine/engine.ts";
import type { FoundCheckpoint } from "../run/folder/found_checkpoint.ts";
import { type ModelFile, readModelFile } from "../run/model/model_file.ts";
import { RowDecoder } from "../run/model/row_decoder.ts";
import { captureInference } from "../train/inference.ts";
import { batchTensors } from "../train/tensors.ts";
import { onnxOfRun } from "./kept_net.ts";
import { LoadedModel, type Model } from "./model.ts";
import { inputsOfGraph } from "./onnx/columns.ts";
import {
  netsOfRun,
  type OpenedRun,
  openRun,
  rowsStage,
  type RunPart,
} from "../run/model/open_run.ts";
import {
  featureRunner,
  type NetRunner,
  openSession,
  type RunnerOptions,
  sourceRunner,
  tensorRunner,
} from "./runners.ts";
import { onnxHashes } from "./write_onnx.ts";

export type { RunPart };

/** The options of {@linkcode loadModel}, such as the net, the checkpoint, and the engine. */
export interface LoadModelOptions extends RunPart {
  /** The engine; `auto` (the default) is ONNX Runtime. An export folder requires ONNX Runtime. */
  readonly engine?: "auto" | "onnx" | "native" | "wasm";
  /**
   * The device of the native engine; `auto` by default, which is a GPU if the GPU build is set up.
   * `gpu` requires the engine `native`.
   */
  readonly device?: "auto" | "cpu" | "gpu";
  /** The number of threads of ONNX Runtime; by default, one per core. */
  readonly threads?: number;
  /**
   * The number of rows to compute at a time; by default, as many as fit into the processor's
   * caches.
   */
  readonly batch?: number;
}

/**
 * Loads a trained net from a run folder or from a folder that `export` wrote. The training data is
 * not needed. When a net of a run folder is loaded for the first time, it is converted to an ONNX
 * file, which is stored in that folder for later calls.
 *
 * @example
 * ```ts ignore
 * import { loadModel } from "@rocket-launching/rocket/model";
 *
 * await using model = await loadModel("runs/quickstart");
 * const { answers } = await model.predict([{ pixels: new Array(64).fill(0) }]);
 * console.log(answers[0]?.prediction, answers[0]?.score);
 * ```
 *
 * @param folder The run folder or export folder.
 * @param options The net, the checkpoint, and the engine.
 * @returns The model.
 * @throws {UserError} If the folder contains no model or is damaged.
 * @throws {RangeError} If the device is `gpu` and the engine is not `native`.
 */
export async function loadModel(folder: string, options: LoadModelOptions = {}): Promise<Model> {
  return (await openModel(folder, options)).loaded;
}

/** The options of the native engine. */
export interface NativeOptions {
  /** The device; `auto` by default. */
  readonly device?: DeviceChoice | undefined;
  /** The cluster that the native engine joins; none by default. */
  readonly cluster?: Cluster;
  /** Receives log lines for the user; by default, they are printed. */
  readonly report?: (line: string) => void;
}

/** A loaded model and its description. */
export interface OpenedModel {
  /** The model. */
  readonly loaded: LoadedModel;
  /** The content of `model.json`. */
  readonly model: ModelFile;
  /** The checkpoint with the weights; undefined for an export folder. */
  readonly checkpoint?: FoundCheckpoint;
}

/**
 * Loads a net like {@linkcode loadModel}, and also returns the content of its `model.json`.
 *
 * @param folder The run folder or export folder.
 * @param options The net, the checkpoint, and the engine.
 * @returns The model and its description.
 */
export async function openModel(
  folder: string,
  options: LoadModelOptions & Pick<RunnerOptions, "manyRows"> & NativeOptions,
): Promise<OpenedModel> {
  const { engine = "auto", device } = options;
  refuseGpuWithout(engine, device);
  if (isExport(folder)) return await loadExport(folder, options);
  const opening = openRun(folder, options);
  const runner = engine === "native" || engine === "wasm"
    ? await tensorsOfRun(await opening, engine, options)
    : await runnerOfRun(opening, options);
  const run = await opening;
  const inputs = run.model.inputs.map(({ name, spec: { shape, dtype } }) => ({
    ...{ name, shape, dtype },
  }));
  const loaded = new LoadedModel({ ...run, runner, inputs, batch: options.batch });
  return { loaded, model: run.model, checkpoint: run.checkpoint };
}

/**
 * Rejects a GPU for an engine that cannot use it.
 *
 * @param engine The engine.
 * @param device The device.
 * @throws {RangeError} If the device is `gpu` and the engine is not `native`.
 */
export function refuseGpuWithout(
  engine: NonNullable<LoadModelOptions["engine"]>,
  device: DeviceChoice | undefined,
): void {
  if (device !== "gpu" || engine === "native") return;
  throw new RangeError(`the device "gpu" needs the engine "native", not "${engine}"`);
}

/**
 * Checks whether a folder is one that `export` wrote, and not a run folder.
 *
 * @param folder The folder.
 */
export function isExport(folder: string): boolean {
  const has = (name: string) => existsSync(join(folder, name));
  return !has(runFiles.pipeline) && has(ONNX_FILE);
}

/** Loads a run's net in the form of ONNX Runtime. */
async function runnerOfRun(
  opening: Promise<OpenedRun>,
  options: RunnerOptions,
): Promise<NetRunner> {
  const kept = opening.then(onnxOfRun);
  const session = await openSession(kept.then(({ model }) => model), options);
  const runner = featureRunner(session, (await opening).model.inputs);
  try {
    await (await kept).refuseExchanged();
  } catch (error) {
    await runner.close();
    throw error;
  }
  return runner;
}

/** The file name of the ONNX model in an export folder. */
export const ONNX_FILE = "model.onnx";

/**
 * Loads the weights of a run's net into tensors of the native or wasm engine, which then computes
 * its predictions.
 *
 * @param run The run.
 * @param choice The engine, `native` or `wasm`, or `auto` for the best available one.
 * @param options The device of the native engine, and the cluster that it joins.
 */
export async function tensorsOfRun(
  run: OpenedRun,
  choice: EngineChoice,
  { device, cluster, report }: NativeOptions = {},
): Promise<NetRunner> {
  const { nets, weights } = await netsOfRun(run);
  const { detail } = await openEngine(choice, report, { device, cluster });
  const values = Object.fromEntries(
    nets.variables.filter(({ name }) => weights.has(name)).map(({ name, shape }) => [
      name,
      tf.tensor(weights.get(name)!, [...shape]),
    ]),
  );
  const captured = captureInference(nets.pair, run.net, values);
  return tensorRunner({
    engine: detail,
    call: (features) => captured.call({ features }).logits,
    upload: (batch) => batchTensors(batch).features,
    dispose: () => {
      captured.dispose();
      tf.dispose(values);
    },
  }, run.model.inputs);
}

/** Loads a net from an export folder. */
async function loadExport(
  folder: string,
  options: LoadModelOptions & RunnerOptions,
): Promise<OpenedModel> {
  const path = join(folder, ONNX_FILE), reading = readExport(folder, path, options);
  const session = await openSession(reading.then(() => path), options);
  const { model, exported, decoder } = await reading;
  const runner = sourceRunner(session, inputsOfGraph(model, exported.inputs));
  try {
    // The file could have been exchanged after its hash was computed and before it was loaded.
    await refuseOtherExport(path, exported);
  } catch (error) {
    await runner.close();
    throw error;
  }
  const loaded = new LoadedModel({
    model,
    net: model.net,
    decoder,
    runner,
    inputs: model.features.map(({ name, spec: { shape, dtype } }) => ({ name, shape, dtype })),
    batch: options.batch,
  });
  return { loaded, model };
}

/** Reads the description of an export folder, and checks that it belongs to the ONNX file. */
async function readExport(
  folder: string,
  path: string,
  options: LoadModelOptions,
): Promise<{
  readonly model: ModelFile;
  readonly exported: NonNullable<ModelFile["exported"]>;
  readonly decoder: RowDecoder;
}> {
  const { engine = "auto" } = options;
  const refused = (["net", "checkpoint"] as const).find((name) => options[name] !== undefined);
  if (refused !== undefined || engine === "native" || engine === "wasm") {
    const option = refused ?? (options.device === "gpu" ? "device" : "engine");
    throw new UserError(`--${option} needs a run folder, but ${folder} is an export folder`, {
      hint: hint(
        "model/export-option",
        `remove \`--${option}\`: an export folder contains a single net for ONNX Runtime`,
        {
          args: { remove: [`--${option}`] },
        },
      ),
      exitCode: 2,
    });
  }
  await refuseLinksOut(folder, { isOut: false });
  const model = await readModelFile(join(folder, runFiles.model));
  if (model.graph) {
    const { after } = model.graph, use = model.transforms[after - 1]?.use ?? `number ${after}`;
    throw new UserError(
      `the graph in ${folder} begins after the transform ${use}, whose code an export folder does ` +
        "not contain",
      {
        hint: hint(
          "model/transform-outside",
          "use the run folder, or apply the transforms in your own program, and run " +
            `${ONNX_FILE} with ONNX Runtime: README.md in the folder describes the inputs`,
          { edit: "the folder" },
        ),
        exitCode: 2,
      },
    );
  }
  const exported = await refuseOtherExport(path, model.exported);
  const decoder = await RowDecoder.create(
    { ...model, transforms: [] },
    { find: () => Promise.reject(new Error("an export has no stages")) },
    rowsStage,
  );
  return { model, exported, decoder };
}

/** Rejects an ONNX file with other hashes than `model.json` contains, and returns what that says. */
async function refuseOtherExport(
  path: string,
  exported: ModelFile["exported"],
): Promise<NonNullable<ModelFile["exported"]>> {
  if (exported && isDeepStrictEqual(await onnxHashes(path), exported.files)) return exported;
  throw new UserError(
    `${path} and ${runFiles.model} come from different exports, or a file was changed`,
    {
      hint: hint("model/export", "export the run again", { edit: "the folder" }),
    },
  );
}
