/**
 * First weights from files: those of another run, or of PyTorch.
 *
 * @module
 */

import { join } from "node:path";
import { hashOf } from "../files/hash_of.ts";
import { type HeaderEntry, sizeOf } from "../files/safetensors_header.ts";
import { SafetensorsFile } from "../files/safetensors_stream.ts";
import { type Problem, UserError } from "../pipeline/errors.ts";
import { didYouMean } from "../pipeline/nearest.ts";
import type { Plan, PlannedInitial } from "../pipeline/plan.ts";
import type { NetName, Variable } from "../pipeline/stages/network.ts";
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

/** A file that weights are taken from. */
type Source = PlannedInitial & { readonly path: string };

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

/** A variable and the tensor that it is read from. */
interface Match {
  readonly variable: Variable;
  readonly tensor: string;
  /** Its values as the variable has them. */
  readonly turned: (values: Float32Array) => Float32Array;
}

/** Which tensor each variable is read from, or all that does not fit. */
function match(
  wanted: readonly Variable[],
  { entries }: SafetensorsFile,
  source: Source,
): { matches: Match[]; problems: Problem[] } {
  const { path, names, place, from } = source;
  const rules = Object.entries(names).map(([theirs, ours]) => ({ theirs, ours, used: false }));
  // What a run keeps of its optimizer and its losses is no weight of a net.
  const theirs = [...entries.keys()].filter((name) => !/^(optimizer|losses)\//.test(name));
  const tensors = new Map<string, string[]>();
  const own: string[] = [];
  for (const name of theirs) {
    const variable = renamed(name, rules);
    if (variable === undefined) own.push(name);
    else tensors.set(variable, [...tensors.get(variable) ?? [], name]);
  }
  // What a rule names comes before what is called so.
  for (const name of own) {
    if (!tensors.has(name)) tensors.set(name, [name]);
  }
  const problems: Problem[] = [], matches: Match[] = [];
  const problem = (message: string, hint: string) => problems.push({ message, place, hint });
  const known = new Set(wanted.map(({ name }) => name));
  const free = [...tensors.keys()].filter((name) => !known.has(name));
  for (const { theirs: name, ours, used } of rules) {
    if (!used) problem(`${path} has no tensor ${name}`, hintOf(name, theirs));
    else if (!ours.includes("*") && !known.has(ours)) {
      problem(`the net has no variable ${ours}, which ${name} is to be`, hintOf(ours, [...known]));
    }
  }
  for (const variable of wanted) {
    const { name, shape } = variable, found = tensors.get(name) ?? [];
    const [tensor] = found;
    if (tensor === undefined) {
      problem(`${path} has no ${name} [${shape}]`, missingHint(name, free));
    } else if (found.length > 1) {
      problem(`${path} has ${found.length} tensors for ${name}: ${found.join(", ")}`, "name one");
    } else {
      const layout = "file" in from ? from.layout : "rocket";
      const turn = turnOf(entries.get(tensor)!, variable, layout);
      if (turn.shape.join() === shape.join()) matches.push({ variable, tensor, turned: turn.turn });
      else {
        const turned = turn.shape === entries.get(tensor)!.shape ? "" : `, as [${turn.shape}]`;
        problem(
          `${path} has ${tensor} with shape [${
            entries.get(tensor)!.shape
          }]${turned}; ${name} is [${shape}]`,
          "the net has to be the one that the weights are of; PyTorch's kernels need `layout: pytorch`",
        );
      }
    }
  }
  return { matches, problems };
}

/** A few names are a hint, a thousand are none. */
const hintOf = (name: string, names: readonly string[]) => {
  const few = names.slice(0, 8).join(", ");
  return `${didYouMean(name, names)}it has ${few}${names.length > 8 ? ", …" : ""}`;
};

const missingHint = (name: string, free: readonly string[]) =>
  free.length === 0
    ? "the file has no other tensors"
    : `${hintOf(name, free)}; say in \`names\` which tensor is which variable`;

/** The variable's name that a tensor of a file has by the first rule that fits. */
function renamed(
  name: string,
  rules: { theirs: string; ours: string; used: boolean }[],
): string | undefined {
  for (const rule of rules) {
    const parts = matchPattern(rule.theirs, name);
    if (!parts) continue;
    rule.used = true;
    return rule.ours.replaceAll("*", () => parts.shift() ?? "*");
  }
  return undefined;
}

/** What the stars of a pattern stand for, if it fits. */
function matchPattern(pattern: string, name: string): string[] | undefined {
  const escaped = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${escaped.join("(.*?)")}$`).exec(name)?.slice(1);
}

/** How a tensor becomes a variable's value. */
function turnOf(
  { shape }: HeaderEntry,
  { table }: Variable,
  layout: "rocket" | "pytorch",
): { shape: readonly number[]; turn: (values: Float32Array) => Float32Array } {
  if (layout === "rocket" || table || (shape.length !== 2 && shape.length !== 4)) {
    return { shape, turn: (values) => values };
  }
  // [out, in, height, width] becomes [height, width, in, out], and [out, in] becomes [in, out].
  const axes = shape.length === 4 ? [2, 3, 1, 0] : [1, 0];
  return {
    shape: axes.map((axis) => shape[axis]!),
    turn: (values) => transposed(values, shape, axes),
  };
}

function transposed(
  values: Float32Array,
  shape: readonly number[],
  axes: readonly number[],
): Float32Array {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const result = new Float32Array(values.length);
  let next = 0;
  const fill = (depth: number, from: number) => {
    const axis = axes[depth];
    if (axis === undefined) {
      result[next++] = values[from]!;
      return;
    }
    for (let index = 0; index < shape[axis]!; index++) {
      fill(depth + 1, from + index * strides[axis]!);
    }
  };
  fill(0, 0);
  return result;
}
