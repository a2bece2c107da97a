import { join } from "node:path";
import { runFiles } from "../../base/files/run_files.ts";
import { builtins } from "../../../plugins/mod.ts";
import { refuseLinksOut } from "../../base/files/inside.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { allowedCodeOfRun } from "../../pipeline/allowed_code.ts";
import { createRegistry, type Registry } from "../../pipeline/registry.ts";
import { findCheckpoint, type FoundCheckpoint } from "../folder/found_checkpoint.ts";
import { readEarlierRun } from "../folder/manifest.ts";
import { type ModelFile, readModelFile, unreadableModel } from "./model_file.ts";
import { RowDecoder } from "./row_decoder.ts";
import type { ColumnSpec } from "../../stages/batch.ts";
import type { NetName } from "../../stages/network.ts";
import type { StageReference } from "../../stages/stage_error.ts";
import { narrowModel } from "./narrow_model.ts";
import { makeNets, type ModelNets, readWeights, variablesOf } from "./nets.ts";

/** Identifies weights of a run: the net, and the checkpoint that contains it. */
export interface RunPart {
  /** The net; `light` by default. */
  readonly net?: NetName;
  /** The checkpoint: `best` (the default), `last`, or the name of a file in `checkpoints/`. */
  readonly checkpoint?: string;
  /** Modules from outside the project that the run may load, such as `npm:their-stage@1`. */
  readonly allowPlugins?: readonly string[];
}

/**
 * The name of the data source in error messages about rows that do not come from the pipeline's own
 * source.
 */
export const rowsStage: StageReference = { kind: "source", name: "rows" };

/** A run whose description has been read, but not its weights. */
export interface OpenedRun {
  /** The run folder. */
  readonly folder: string;
  /** The content of `model.json`, as far as the columns that were asked for need it. */
  readonly model: ModelFile;
  /** The content of `model.json`, with all columns. */
  readonly whole: ModelFile;
  /** The net to load. */
  readonly net: NetName;
  /** The checkpoint with the net's weights. */
  readonly checkpoint: FoundCheckpoint;
  /** Finds the stages of the run. */
  readonly registry: Registry;
  /** Decodes rows into features. */
  readonly decoder: RowDecoder;
}

/**
 * Reads the description of a trained net from its run folder, without the weights.
 *
 * @param folder The run folder.
 * @param options The net, the checkpoint, and the modules that may be loaded.
 * @param columns The columns that rows must have: those that the net reads (`net`, the default), or
 *   those of all nets of the run (`all`).
 * @throws {UserError} If the folder is not a run folder, is damaged, or lacks the net or
 *   checkpoint.
 */
export async function openRun(
  folder: string,
  { net = "light", checkpoint = "best", allowPlugins = [] }: RunPart,
  columns: "net" | "all" = "net",
): Promise<OpenedRun> {
  const { project } = await readEarlierRun(folder);
  // The folder may come from another person, and an ONNX file is written into it.
  await refuseLinksOut(folder, { isOut: false });
  const whole = await readModelFile(join(folder, runFiles.model));
  const model = columns === "net" ? narrowModel(whole, net) : whole;
  if (!model.network.nets.includes(net)) {
    throw new UserError(`the run ${folder} has no ${net} net`, {
      hint: hint("model/net", `remove \`--net\`: the run trained only ${model.network.nets[0]}`, {
        args: { remove: ["--net"] },
      }),
      exitCode: 2,
    });
  }
  const found = await findCheckpoint(folder, checkpoint, model.sha256, {
    change: (name) => ({ args: { replace: { [checkpoint]: name } } }),
  });
  const allowed = await allowedCodeOfRun(folder, project, allowPlugins);
  const registry = createRegistry(builtins, allowed);
  const decoder = await RowDecoder.create(model, registry, rowsStage);
  refuseOtherInputs(model, decoder, join(folder, runFiles.model));
  return { folder, model, whole, net, checkpoint: found, registry, decoder };
}

/** Rejects a `model.json` in which the nets receive other features than the transforms return. */
function refuseOtherInputs({ inputs }: ModelFile, { chain }: RowDecoder, path: string): void {
  const features = chain.features ?? chain.entry;
  const formOf = (name: string, { shape, dtype }: ColumnSpec) =>
    `${JSON.stringify(name)} (${dtype}, shape [${shape}])`;
  const expected = new Set(inputs.map(({ name, spec }) => formOf(name, spec)));
  const missing = Object.entries(features).map(([name, spec]) => formOf(name, spec))
    .find((form) => !expected.delete(form));
  const [other] = expected;
  if (missing === undefined && other === undefined) return;
  throw unreadableModel(
    path,
    missing === undefined
      ? `inputs: ${other} is not a feature after all transforms`
      : `inputs: the feature ${missing} is missing`,
  );
}

/**
 * Builds the nets of a run and reads the weights of the chosen one.
 *
 * @param run The run.
 * @throws {UserError} If the weights are damaged or belong to another run.
 */
export async function netsOfRun(
  { whole, net, checkpoint, registry }: OpenedRun,
): Promise<{ nets: ModelNets; weights: Map<string, Float32Array> }> {
  const nets = await makeNets(whole, registry);
  const weights = await readWeights(checkpoint, variablesOf(whole.variables, net));
  return { nets, weights };
}
