/**
 * Matches the tensors of a file with variables: by name, layout (transposed or not), and the
 * positions along their axes.
 *
 * @module
 */

import { matchStars } from "../base/wildcard.ts";
import { type HeaderEntry, sizeOf } from "../base/files/safetensors_header.ts";
import type { SafetensorsFile } from "../base/files/safetensors_stream.ts";
import type { Problem } from "../base/errors.ts";
import { hint, type HintText } from "../base/hints.ts";
import { nearest } from "../base/nearest.ts";
import type { PlannedInitial } from "../pipeline/plan.ts";
import type { Variable } from "../stages/network.ts";
import { matchAxes, type Meanings } from "./initial_meaning.ts";
import { type MatchCount, Mismatch } from "./model/axes.ts";
import type { GivenValue } from "../train/variables.ts";

/** A file that initial weights are read from, with the pipeline's entry that names the file. */
export type Source = PlannedInitial & { readonly path: string };

/** A variable, and the tensor in a file of initial weights that provides its values. */
export interface Match extends Pick<GivenValue, "shape" | "from"> {
  readonly variable: Variable;
  readonly tensor: string;
  /** The counts of values that were matched along its axes. */
  readonly counts: readonly MatchCount[];
  /** Transposes the tensor's values into the variable's layout, if the layouts differ. */
  readonly turned: (values: Float32Array) => Float32Array;
}

/**
 * Finds the tensor in a file of initial weights that provides the values of each variable.
 *
 * @param wanted The variables.
 * @param file The file's tensors.
 * @param source The file, as the plan names it.
 * @param meanings The features and classes that positions represent, in the run and in the
 *   file.
 * @returns The matches, and the problems of variables without a match.
 */
export function match(
  wanted: readonly Variable[],
  { entries }: Pick<SafetensorsFile, "entries">,
  source: Source,
  meanings: Meanings,
): { matches: Match[]; problems: Problem[] } {
  const { path, names, place, from } = source;
  const rules = Object.entries(names).map(([theirs, ours]) => ({ theirs, ours, used: false }));
  // Tensors of the optimizer and of losses are not weights of a net.
  const theirs = [...entries.keys()].filter((name) => !/^(optimizer|losses)\//.test(name));
  const tensors = new Map<string, string[]>();
  const own: string[] = [];
  for (const name of theirs) {
    const variable = renamed(name, rules);
    if (variable === undefined) own.push(name);
    else tensors.set(variable, [...tensors.get(variable) ?? [], name]);
  }
  // A tensor that a rule renames has priority over a tensor that has the name itself.
  for (const name of own) {
    if (!tensors.has(name)) tensors.set(name, [name]);
  }
  const problems: Problem[] = [], matches: Match[] = [];
  const problem = (message: string, hint: HintText) => problems.push({ message, place, hint });
  const known = new Set(wanted.map(({ name }) => name));
  const free = [...tensors.keys()].filter((name) => !known.has(name));
  for (const { theirs: name, ours, used } of rules) {
    if (!used) problem(`${path} has no tensor ${name}`, hintOf(name, theirs));
    else if (!ours.includes("*") && !known.has(ours)) {
      problem(
        `the net has no variable ${ours}, to which \`names\` maps the tensor ${name}`,
        hintOf(ours, [...known]),
      );
    }
  }
  for (const variable of wanted) {
    const { name, shape } = variable, found = tensors.get(name) ?? [];
    const [tensor] = found;
    if (tensor === undefined) {
      problem(`${path} has no tensor ${name} of shape [${shape}]`, missingHint(name, free));
    } else if (found.length > 1) {
      problem(
        `${path} has ${found.length} tensors for the variable ${name}: ${found.join(", ")}`,
        hint("initial/one-name", "map only one of these tensors to the variable in `names`", {
          edit: "the names",
        }),
      );
    } else {
      const layout = "file" in from ? from.layout : "rocket";
      const entry = entries.get(tensor)!;
      const { shape: turned, turn } = turnOf(entry, variable, layout);
      const as = turned === entry.shape ? "" : `, transposed to [${turned}]`;
      try {
        const axes = matchAxes(variable, tensor, turned, meanings);
        const from = axes.map(({ from }) => from), counts = axes.flatMap(({ counts }) => counts);
        matches.push({ variable, tensor, shape: turned, from, counts, turned: turn });
      } catch (error) {
        if (!(error instanceof Mismatch)) throw error;
        const shapes =
          `${path} has the tensor ${tensor} with shape [${entry.shape}]${as}; the variable ${name} has shape [${shape}]`;
        problem(
          error.hint
            ? `the tensor ${tensor} in ${path} cannot become the variable ${name}: ${error.message}`
            : shapes,
          error.hint ?? otherNetHint(layout, from),
        );
      }
    }
  }
  return { matches, problems };
}

/** Returns the hint for a tensor that belongs to a different net. */
function otherNetHint(layout: "rocket" | "pytorch", from: Source["from"]): HintText {
  const net = "use the network that the weights were trained with", edit = "the network";
  return "file" in from && layout === "rocket"
    ? hint("initial/layout", `${net}; weights from PyTorch need \`layout: pytorch\``, [
      { set: { layout: "pytorch" } },
      { edit },
    ])
    : hint("initial/net", net, { edit });
}

/**
 * Returns a hint with the name that was most likely meant, or with the first names of the list: a
 * thousand names would not help.
 */
function hintOf(name: string, names: readonly string[], more = ""): HintText {
  const near = nearest(name, names), edit = "the names";
  if (near !== undefined) {
    return hint("initial/near-name", `did you mean ${near}?${more}`, { edit });
  }
  const few = names.slice(0, 8).join(", ");
  return hint("initial/names", `the names are ${few}${names.length > 8 ? ", …" : ""}${more}`, {
    edit,
  });
}

const missingHint = (name: string, free: readonly string[]) =>
  free.length === 0
    ? hint("initial/whole", "the file has no other tensors: use a file of the whole net", {
      edit: "the file",
    })
    : hintOf(name, free, "; map tensors to variables in `names`");

/** Returns the name of the variable that the first matching rule maps a tensor to. */
function renamed(
  name: string,
  rules: { theirs: string; ours: string; used: boolean }[],
): string | undefined {
  for (const rule of rules) {
    const parts = matchStars(rule.theirs.split("*"), name);
    if (!parts) continue;
    rule.used = true;
    return rule.ours.replaceAll("*", () => parts.shift() ?? "*");
  }
  return undefined;
}

/** Returns how a tensor is transposed to become a variable's value. */
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
