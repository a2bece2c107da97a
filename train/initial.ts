/**
 * First weights from files: those of another run, or of PyTorch.
 *
 * @module
 */

import { join } from "node:path";
import { hashOf } from "../files/hash_of.ts";
import { SafetensorsFile } from "../files/safetensors_stream.ts";
import { type Problem, UserError } from "../pipeline/errors.ts";
import { didYouMean } from "../pipeline/nearest.ts";
import type { Plan, PlannedInitial } from "../pipeline/plan.ts";
import type { NetName } from "../pipeline/stages/network.ts";
import { match, type Source } from "./initial_match.ts";
import type { PreparedNets } from "./prepare_nets.ts";
import type { GivenValues } from "./variables.ts";

/**
 * Reads what the nets of a job begin with where the plan says so.
 *
 * @param plan The plan.
 * @param nets The job's nets, in its first phase.
 * @returns Values by the variable's name: those of the net and those that it shares.
 * @throws {UserError} If a file cannot be read, with all of its tensors that do not fit; exit code 2.
 */
export async function readInitial(
  { initial }: Plan,
  { model: { variables } }: Pick<PreparedNets, "model">,
): Promise<GivenValues> {
  const given = new Map<string, Float32Array>(), problems: Problem[] = [];
  for (const planned of initial) {
    // The light net alone has no booster; where both are given, the booster brings what they share.
    const own = (net: string) => variables.some(({ owner }) => owner === net);
    if (!own(planned.net)) continue;
    const alone = !initial.some(({ net }) => net !== planned.net && own(net));
    const bringsShared = planned.net === "booster" || alone;
    const wanted = variables.filter(({ owner }) =>
      owner === planned.net || owner === "shared" && bringsShared
    );
    const path = await pathOf(planned);
    const file = await open(path, planned);
    try {
      const found = match(wanted, file, { ...planned, path });
      problems.push(...found.problems);
      if (found.problems.length > 0) continue;
      for (const { variable, tensor, turned } of found.matches) {
        given.set(variable.name, turned(await readFinite(file, tensor, { ...planned, path })));
      }
    } finally {
      file.close();
    }
  }
  if (problems.length > 0) throw new UserError(problems, { exitCode: 2 });
  return given;
}

/** The hashes of the files that nets begin with, by net. */
export type InitialHashes = Readonly<Partial<Record<NetName, string>>>;

/**
 * The hashes of the files that a plan's nets begin with.
 *
 * @param plan The plan.
 * @throws {UserError} If a file cannot be read; exit code 2.
 */
export async function hashInitial({ initial }: Pick<Plan, "initial">): Promise<InitialHashes> {
  const hashes: Partial<Record<NetName, string>> = {};
  for (const planned of initial) {
    const path = await pathOf(planned);
    try {
      hashes[planned.net] = (await hashOf(path)).sha256;
    } catch (cause) {
      throw unreadable(path, cause, planned.place);
    }
  }
  return hashes;
}

/**
 * Refuses files that are not those that a run began with.
 *
 * @param plan The plan.
 * @param before The hashes when the run began.
 * @throws {UserError} With each file that has changed.
 */
export async function refuseOtherInitial(
  { initial }: Pick<Plan, "initial">,
  before: InitialHashes,
): Promise<void> {
  const now = await hashInitial({ initial });
  const problems = initial.filter(({ net }) => now[net] !== before[net]).map(({ net, place }) => ({
    message: `the first weights of the ${net} are not those that the run began with`,
    place,
    hint: "bring the file back as it was, or start a new run",
  }));
  if (problems.length > 0) throw new UserError(problems);
}

/** The safetensors file of a run folder, or the one that is named. */
async function pathOf({ from, place }: PlannedInitial): Promise<string> {
  if ("file" in from) return from.file;
  const folder = join(from.run, "checkpoints");
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (/^[^.].*\.safetensors$/.test(name)) names.push(name);
    }
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
  }
  const step = (name: string) => Number(/^rocket-(\d+)(?:-unmeasured)?\./.exec(name)?.[1] ?? -1);
  const last = names.filter((name) => step(name) >= 0).sort((a, b) => step(b) - step(a))[0];
  const wanted = from.checkpoint.replace(/\.safetensors$/, "");
  const chosen = wanted === "last" ? last : `${wanted}.safetensors`;
  if (chosen !== undefined && names.includes(chosen)) return join(folder, chosen);
  const choices = names.map((name) => name.replace(/\.safetensors$/, ""));
  throw new UserError(`the run ${from.run} has no checkpoint ${wanted}`, {
    place,
    hint: choices.length > 0
      ? `${didYouMean(wanted, choices)}it has ${choices.sort().join(", ")}`
      : "a run folder holds checkpoints/, if the run had the output checkpoint",
    exitCode: 2,
  });
}

async function open(path: string, { place }: PlannedInitial): Promise<SafetensorsFile> {
  try {
    return await SafetensorsFile.open(path);
  } catch (cause) {
    throw unreadable(path, cause, place);
  }
}

function unreadable(path: string, cause: unknown, place: PlannedInitial["place"]): UserError {
  const why = cause instanceof Deno.errors.NotFound ? "there is no such file" : said(cause);
  return new UserError(`the weights in ${path} cannot be read: ${why}`, {
    place,
    hint: "name a safetensors file, as `safetensors.torch.save_file()` and runs write them",
    cause,
    exitCode: 2,
  });
}

const said = (error: unknown) => error instanceof Error ? error.message : String(error);

async function readFinite(
  file: SafetensorsFile,
  tensor: string,
  { path, place }: Source,
): Promise<Float32Array> {
  let values: Float32Array;
  try {
    values = await file.floats(tensor);
  } catch (cause) {
    throw unreadable(path, cause, place);
  }
  const broken = values.find((value) => !Number.isFinite(value));
  if (broken === undefined) return values;
  throw new UserError(`${path} has ${broken} in the tensor ${tensor}`, {
    place,
    hint: "nothing can be learnt from weights that are not finite: take an earlier file",
    exitCode: 2,
  });
}
