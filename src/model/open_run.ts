import { join } from "node:path";
import { runFiles } from "../base/files/run_files.ts";
import { builtins } from "../../plugins/mod.ts";
import { refuseLinksOut } from "../base/files/inside.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { allowedCodeOfRun } from "../pipeline/allowed_code.ts";
import { createRegistry, type Registry } from "../pipeline/registry.ts";
import { readEarlierRun } from "../run/folder/manifest.ts";
import { type ModelFile, readModelFile } from "../run/model/model_file.ts";
import { RowDecoder } from "../run/model/row_decoder.ts";
import type { NetName } from "../stages/network.ts";
import type { StageReference } from "../stages/stage_error.ts";
import { type CheckpointOfRun, findCheckpoint, refuseChanged } from "./checkpoint.ts";
import { makeNets, type ModelNets, readWeights, variablesOf } from "./nets.ts";

/** Which part of a run is wanted. */
export interface RunPart {
  /** Which net; `light` by default. */
  readonly net?: NetName;
  /** Which checkpoint: `best` (the default), `last`, or its name. */
  readonly checkpoint?: string;
  /** Code outside of the project that the run may name, such as `npm:their-stage@1`. */
  readonly allowPlugins?: readonly string[];
}

/** What rows come from, in messages. */
export const rowsStage: StageReference = { kind: "source", name: "rows" };

/** What is known of a run before its weights are read. */
export interface OpenedRun {
  /** The folder. */
  readonly folder: string;
  /** What `model.json` says. */
  readonly model: ModelFile;
  /** The net. */
  readonly net: NetName;
  /** Its weights. */
  readonly checkpoint: CheckpointOfRun;
  /** Finds its stages. */
  readonly registry: Registry;
  /** Makes features of rows. */
  readonly decoder: RowDecoder;
}

/**
 * Reads a run folder, but for the weights.
 *
 * @param folder The folder.
 * @param options Which net and checkpoint, and which code may be loaded.
 * @throws {UserError} If it is no run folder, or is damaged, or has no such net or checkpoint.
 */
export async function openRun(
  folder: string,
  { net = "light", checkpoint = "best", allowPlugins = [] }: RunPart,
): Promise<OpenedRun> {
  const { project } = await readEarlierRun(folder);
  // The folder may come from someone else, and a net in another form is written into it.
  await refuseLinksOut(folder, { isOut: false });
  const model = await readModelFile(join(folder, runFiles.model));
  if (!model.network.nets.includes(net)) {
    throw new UserError(`the run ${folder} has no ${net}`, {
      hint: hint("model/net", `remove \`--net\`: the run trained only ${model.network.nets[0]}`, {
        args: { remove: ["--net"] },
      }),
      exitCode: 2,
    });
  }
  const found = await findCheckpoint(folder, checkpoint);
  const allowed = await allowedCodeOfRun(folder, project, allowPlugins);
  const registry = createRegistry(builtins, allowed);
  const decoder = await RowDecoder.create(model, registry, rowsStage);
  return { folder, model, net, checkpoint: found, registry, decoder };
}

/**
 * Reads the nets and weights of a run.
 *
 * @param run The run.
 * @throws {UserError} If the weights are damaged, or are not the run's.
 */
export async function netsOfRun(
  { model, net, checkpoint, registry }: OpenedRun,
): Promise<{ nets: ModelNets; weights: Map<string, Float32Array> }> {
  const nets = await makeNets(model, registry);
  await refuseChanged(checkpoint);
  const weights = await readWeights(checkpoint.path, variablesOf(model.variables, net));
  return { nets, weights };
}
