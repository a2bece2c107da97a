/**
 * Which tensors of a file are which variables, how they are turned, and which of their places are
 * which.
 *
 * @module
 */

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

/** A file that weights are taken from. */
export type Source = PlannedInitial & { readonly path: string };

/** A variable and the tensor that it is read from. */
export interface Match extends Pick<GivenValue, "shape" | "from"> {
  readonly variable: Variable;
  readonly tensor: string;
  /** What was matched by value. */
  readonly counts: readonly MatchCount[];
  /** Its values as the variable has them. */
  readonly turned: (values: Float32Array) => Float32Array;
}

/**
 * Which tensor each variable is read from.
 *
 * @param wanted The variables.
 * @param file What the file has.
 * @param source What the plan says of it.
 * @param meanings What places stand for here, and in the file.
 * @returns The tensors, and all that does not fit.
 */
export function match(
  wanted: readonly Variable[],
  { entries }: Pick<SafetensorsFile, "entries">,
  source: Source,
  meanings: Meanings,
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
  const problem = (message: string, hint: HintText) => problems.push({ message, place, hint });
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
      problem(
        `${path} has ${found.length} tensors for ${name}: ${found.join(", ")}`,
        hint("initial/one-name", "name one of them in `names`, and none of the others", {
          edit: "the names",
        }),
      );
    } else {
      const layout = "file" in from ? from.layout : "rocket";
      const entry = entries.get(tensor)!;
      const { shape: turned, turn } = turnOf(entry, variable, layout);
      const as = turned === entry.shape ? "" : `, as [${turned}]`;
      try {
        const axes = matchAxes(variable, tensor, turned, meanings);
        const from = axes.map(({ from }) => from), counts = axes.flatMap(({ counts }) => counts);
        matches.push({ variable, tensor, shape: turned, from, counts, turned: turn });
      } catch (error) {
        if (!(error instanceof Mismatch)) throw error;
        const shapes =
          `${path} has ${tensor} with shape [${entry.shape}]${as}; ${name} is [${shape}]`;
        problem(
          error.hint
            ? `${path} has ${tensor}, which cannot become ${name}: ${error.message}`
            : shapes,
          error.hint ?? otherNetHint(layout, from),
        );
      }
    }
  }
  return { matches, problems };
}

/** What to do where a tensor is of another net. */
function otherNetHint(layout: "rocket" | "pytorch", from: Source["from"]): HintText {
  const net = "the net has to be the one that the weights are of", edit = "the network";
  return "file" in from && layout === "rocket"
    ? hint("initial/layout", `${net}; PyTorch's kernels need \`layout: pytorch\``, [
      { set: { layout: "pytorch" } },
      { edit },
    ])
    : hint("initial/net", net, { edit });
}

/**
 * The name that was most likely meant, or what there is: a few names are a hint, a thousand are
 * none.
 */
function hintOf(name: string, names: readonly string[], more = ""): HintText {
  const near = nearest(name, names), edit = "the names";
  if (near !== undefined) {
    return hint("initial/near-name", `did you mean ${near}?${more}`, { edit });
  }
  const few = names.slice(0, 8).join(", ");
  return hint("initial/names", `it has ${few}${names.length > 8 ? ", …" : ""}${more}`, { edit });
}

const missingHint = (name: string, free: readonly string[]) =>
  free.length === 0
    ? hint("initial/whole", "the file has no other tensors: take one of the whole net", {
      edit: "the file",
    })
    : hintOf(name, free, "; say in `names` which tensor is which variable");

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
