/**
 * Initial weights from files: from another run, or from PyTorch.
 *
 * @module
 */

import { runFiles } from "../base/files/run_files.ts";
import { thrownMessage } from "../base/printable.ts";
import type { InitialHashes } from "./folder/manifest.ts";
import { join } from "node:path";
import { hashOf } from "../base/files/hash_of.ts";
import { SafetensorsFile } from "../base/files/safetensors_stream.ts";
import { type Problem, UserError } from "../base/errors.ts";
import { counted } from "../base/text_table.ts";
import { type Change, hint } from "../base/hints.ts";
import { appendTo } from "../base/long_lists.ts";
import type { Plan, PlannedInitial } from "../pipeline/plan.ts";
import { type Match, match, type Source } from "./initial_match.ts";
import { checkpointPath, type CheckpointSubject } from "./folder/checkpoint_names.ts";
import { findCheckpoint, refuseChanged } from "./folder/found_checkpoint.ts";
import { type EarlierMeaning, earlierMeaning, unreadableVocabulary } from "./initial_meaning.ts";
import { unreadableModel } from "./model/model_file.ts";
import type { PreparedNets } from "./prepare_nets.ts";
import { type Model, slotVariables } from "../train/step.ts";
import type { GivenState, GivenValue } from "../train/variables.ts";
import { nothingKept } from "./warnings/nothing_kept.ts";

/**
 * Reads the initial weights of a job from the files that the plan names.
 *
 * @param plan The plan.
 * @param nets The job's nets, in its first phase.
 * @param report Receives log lines about the variables that were read and matched.
 * @param warn Receives warnings about weights that cannot be reused.
 * @returns Values by the name of the variable, shared variables included, and the optimizer's state
 *   if the plan asks for it.
 * @throws {UserError} If a file cannot be read, or if tensors do not fit, with all of them; exit
 *   code 2.
 */
export async function readInitial(
  { initial }: Pick<Plan, "initial">,
  { model, meaning }: Pick<PreparedNets, "model" | "meaning">,
  report: (line: string) => void = () => {},
  warn: (warning: Problem) => void = () => {},
): Promise<GivenState> {
  const { variables, optimizer } = model;
  const values = new Map<string, GivenValue>(), problems: Problem[] = [];
  const slots = new Map<string, Map<string, GivenValue>>();
  let steps = 0;
  for (const planned of initial) {
    // The light net alone has no booster. If both nets have initial weights, shared variables are
    // read from the booster's file.
    const own = (nets: readonly string[]) => variables.some(({ owner }) => nets.includes(owner));
    if (!own(planned.nets)) continue;
    const alone = !initial.some((other) => other !== planned && own(other.nets));
    const bringsShared = planned.nets.includes("booster") || alone;
    const wanted = variables.filter(({ owner }) =>
      planned.nets.some((net) => net === owner) || owner === "shared" && bringsShared
    );
    const before = await earlierMeaning(planned, meaning);
    const { path, refuseExchanged } = await weightsOf(planned, before);
    const source = { ...planned, path };
    const file = await open(path, planned);
    try {
      const found = match(wanted, file, source, { now: meaning, before });
      appendTo(problems, found.problems);
      if (found.problems.length > 0) continue;
      const read = async (tensor: string, { shape, from, turned }: Match) => {
        const values = turned(await readFinite(file, tensor, source));
        return { values, shape, from };
      };
      for (const one of found.matches) values.set(one.variable.name, await read(one.tensor, one));
      report(`initial weights: ${path} (${found.matches.length} variables)`);
      for (const line of matchLines(found.matches)) report(`initial weights: ${line}`);
      nothingKept(found.matches, source).forEach(warn);
      if (!planned.optimizer) continue;
      const ofOptimizer = optimizerProblems(model, file, found.matches, source);
      appendTo(problems, ofOptimizer);
      if (ofOptimizer.length > 0) continue;
      const kept = new Set(slotVariables(model).map(({ name }) => name));
      for (const slot of Object.keys(optimizer.slots)) {
        const given = new Map<string, GivenValue>();
        for (const one of found.matches) {
          const { variable: { name }, tensor } = one;
          if (kept.has(name)) given.set(name, await read(slotName(slot, tensor), one));
        }
        slots.set(slot, given);
      }
      steps = Number(file.metadata.optimizerSteps);
      report(`initial weights: the optimizer continues after ${counted(steps, "step")}`);
    } finally {
      file.close();
      // The values were read after the first hash.
      await refuseExchanged();
    }
  }
  if (problems.length > 0) throw new UserError(problems, { exitCode: 2 });
  return { values, slots, steps };
}

const slotName = (slot: string, variable: string) => `optimizer/${slot}/${variable}`;

/** Returns the reasons why the optimizer's state in a file cannot be used. */
function optimizerProblems(
  model: Model,
  { entries, metadata }: SafetensorsFile,
  matches: readonly Match[],
  { path, place }: Source,
): Problem[] {
  const { optimizer, optimizerStage: { name } } = model;
  const words = "remove `optimizer: true` to start from the weights alone";
  const leaveOut: Change = { remove: ["optimizer"] };
  const earlier = metadata.optimizer;
  if (earlier === undefined || !/^\d{1,15}$/.test(metadata.optimizerSteps ?? "")) {
    return [{
      message:
        `\`optimizer: true\` needs the state of an optimizer, which ${path} does not contain`,
      place,
      hint: hint("initial/no-optimizer", `name a checkpoint of a run, or ${words}`, leaveOut),
    }];
  }
  if (earlier !== name) {
    return [{
      message: `the optimizer is ${name}, but the optimizer state in ${path} is from ${earlier}`,
      place,
      hint: hint(
        "initial/other-optimizer",
        `write \`use: ${earlier}\` in optimizer, or ${words}`,
        [
          { set: { "/optimizer/use": earlier } },
          leaveOut,
        ],
      ),
    }];
  }
  const kept = new Set(slotVariables(model).map(({ name }) => name));
  const own = matches.filter(({ variable }) => kept.has(variable.name));
  return Object.keys(optimizer.slots).flatMap((slot): Problem[] => {
    const missing = own.filter(({ tensor }) => !entries.has(slotName(slot, tensor)));
    if (missing.length === 0) return [];
    const [{ tensor }] = missing as [Match];
    const others = missing.length > 1 ? ` and ${missing.length - 1} more` : "";
    return [{
      message: `${path} has no tensor ${
        slotName(slot, tensor)
      }${others}: it contains no optimizer state for ${
        others ? "these variables" : "this variable"
      }`,
      place,
      hint: hint(
        "initial/optimizer-kept",
        `use a checkpoint of a run or phase that has the same optimizer options and does not freeze these variables, or ${words}`,
        leaveOut,
      ),
    }];
  });
}

/** Returns log lines about matched values; variables with the same counts share a line. */
function matchLines(matches: readonly Match[]): string[] {
  const names = new Map<string, string[]>();
  for (const { variable: { name }, counts } of matches) {
    for (const { what, kept, added, gone } of counts) {
      const text = kept === 0 && added + gone === 1 && what.startsWith("the feature ")
        ? `${what} is ${added ? "new" : "removed"}`
        : `${what}: ${count(kept)} kept, ${count(added)} new, ${count(gone)} removed`;
      names.set(text, [...names.get(text) ?? [], name]);
    }
  }
  return [...names].map(([text, names]) => `${names.join(", ")}: ${text}`);
}

const count = (number: number) => number.toLocaleString("en");

/**
 * Computes the hashes of the files that initial weights are read from.
 *
 * @param plan The plan.
 * @throws {UserError} If a file cannot be read; exit code 2.
 */
export async function hashInitial({ initial }: Pick<Plan, "initial">): Promise<InitialHashes> {
  const hashes: Record<string, readonly string[]> = {};
  for (const planned of initial) {
    const { from, place } = planned;
    const all: string[] = [];
    const add = async (path: string, refuse: (cause: unknown) => UserError) => {
      try {
        all.push((await hashOf(path)).sha256);
      } catch (cause) {
        throw refuse(cause);
      }
    };
    const weights = await pathOf(planned);
    await add(weights, (cause) => unreadable(weights, cause, place));
    if ("run" in from) {
      const path = join(from.run, runFiles.model);
      await add(path, (cause) => unreadableModel(path, cause, { place, exitCode: 2 }));
    } else {
      for (const path of Object.values(from.vocabularies)) {
        await add(path, (cause) => unreadableVocabulary(path, cause, place));
      }
    }
    hashes[keyOf(planned)] = all;
  }
  return hashes;
}

const keyOf = ({ nets }: PlannedInitial) => nets.join(" and ");

/**
 * Refuses to resume a run if a file of its initial weights has changed.
 *
 * @param plan The plan.
 * @param before The hashes of the files when the run began.
 * @throws {UserError} With each file that has changed.
 */
export async function refuseOtherInitial(
  { initial }: Pick<Plan, "initial">,
  before: InitialHashes,
): Promise<void> {
  const now = await hashInitial({ initial });
  const problems = initial
    .filter((planned) => now[keyOf(planned)]?.join() !== before[keyOf(planned)]?.join())
    .map((planned) => ({
      message: `the file with the initial weights of the ${
        keyOf(planned)
      } net has changed since the run began`,
      place: planned.place,
      hint: hint("initial/changed", "restore the original file, or start a new run", {
        edit: "the file, or the command",
      }),
    }));
  if (problems.length > 0) throw new UserError(problems);
}

/** Returns the path of the safetensors file that the plan names, directly or by its run. */
async function pathOf({ from, place }: PlannedInitial): Promise<string> {
  if ("file" in from) return from.file;
  return await checkpointPath(from.run, from.checkpoint, subjectOf(place));
}

/** Finds the safetensors file, and rejects one that does not belong to the run's `model.json`. */
async function weightsOf(
  { from, place }: PlannedInitial,
  { modelSha256 }: EarlierMeaning,
): Promise<{ readonly path: string; readonly refuseExchanged: () => Promise<void> }> {
  if ("file" in from) return { path: from.file, refuseExchanged: () => Promise.resolve() };
  const found = await findCheckpoint(from.run, from.checkpoint, modelSha256!, subjectOf(place));
  const refuseExchanged = () => refuseChanged(found, place);
  await refuseExchanged();
  return { path: found.path, refuseExchanged };
}

const subjectOf = (place: PlannedInitial["place"]): CheckpointSubject => ({
  place,
  change: (checkpoint) => ({ set: { checkpoint } }),
});

async function open(path: string, { place }: PlannedInitial): Promise<SafetensorsFile> {
  try {
    return await SafetensorsFile.open(path);
  } catch (cause) {
    throw unreadable(path, cause, place);
  }
}

function unreadable(path: string, cause: unknown, place: PlannedInitial["place"]): UserError {
  const why = cause instanceof Deno.errors.NotFound
    ? "the file does not exist"
    : thrownMessage(cause);
  return new UserError(`the initial weights in ${path} cannot be read: ${why}`, {
    place,
    hint: hint(
      "initial/file",
      "name a safetensors file, as written by `safetensors.torch.save_file()` or by a run",
      { edit: "the file" },
    ),
    cause,
    exitCode: 2,
  });
}

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
  throw new UserError(`the tensor ${tensor} in ${path} contains ${broken}`, {
    place,
    hint: hint(
      "initial/finite",
      "weights must be finite numbers: use another file, such as an earlier checkpoint",
      { edit: "the file" },
    ),
    exitCode: 2,
  });
}
