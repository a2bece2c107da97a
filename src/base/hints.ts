/**
 * Hints: what a user can do about a problem, and what following the hint changes.
 *
 * @module
 */

import type { Problem } from "./errors.ts";
import { nearest } from "./nearest.ts";
import { yamlName } from "./quoted.ts";

/**
 * The text of a hint that {@linkcode hint} made. Where this type is expected, TypeScript rejects
 * other strings.
 */
export type HintText = string & { readonly madeByHint: true };

/**
 * What changes when a user follows a hint: values of the pipeline file, the command line,
 * environment variables, or something else. Tests apply these changes to check the hint.
 *
 * The keys of a path are separated by slashes. A path starts at the value at the problem's place,
 * or at the stage's options if the place is a `use:`. A `/` at the start means the whole file, `..`
 * the parent of the value, `.` the value itself, and `-` a new last item of a list.
 */
export interface Change {
  /** The values of the file to set, by path. */
  readonly set?: Readonly<Record<string, unknown>> | undefined;
  /** The paths of the values to remove. */
  readonly remove?: readonly string[] | undefined;
  /** The new name of the key at the place. */
  readonly rename?: string | undefined;
  /** Changes of the command line. */
  readonly args?: ArgumentsChange | undefined;
  /** The environment variables to set. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /**
   * What the user has to edit by hand, such as "the data file". A case of the test corpus contains
   * the edited version.
   */
  readonly edit?: string | undefined;
  /** Whether following the hint only shows more about the problem, without solving it. */
  readonly tells?: boolean | undefined;
  /** The change that is needed outside of the input, such as "the disk needs free space". */
  readonly outside?: string | undefined;
}

/** How the command line changes when a user follows a hint. */
export interface ArgumentsChange {
  /** The arguments to add at the end. */
  readonly add?: readonly string[] | undefined;
  /**
   * The arguments to replace, with their replacements. For `--option=value`, the option alone
   * suffices.
   */
  readonly replace?: Readonly<Record<string, string>> | undefined;
  /** The arguments to remove. */
  readonly remove?: readonly string[] | undefined;
}

/**
 * A hint with its name and the changes that it suggests, as a {@linkcode HintListener} receives it.
 */
export interface Hint {
  /** The hint's unique name. */
  readonly id: string;
  /** The text that the user reads. */
  readonly text: string;
  /** The changes that the hint suggests, one for each alternative that it offers. */
  readonly changes: readonly Change[];
}

/** Receives all hints and all printed problems. The test that follows hints uses it. */
export interface HintListener {
  /** Called when a hint was made, which may be printed. */
  made(hint: Hint): void;
  /** Called when a problem was formatted, including its hint. */
  printed(problem: Problem): void;
}

let listener: HintListener | undefined;

/**
 * Sets the object that receives all hints and all printed problems. The test that follows hints
 * uses it.
 *
 * @param listening The listener from now on; undefined for none.
 */
export function listenToHints(listening: HintListener | undefined): void {
  listener = listening;
}

/**
 * Notifies the listener that a problem was formatted for printing.
 *
 * @param problem The problem.
 */
export function notifyPrinted(problem: Problem): void {
  listener?.printed(problem);
}

/**
 * Makes a hint, which tells the user how to solve a problem. Rocket's tests follow its hints: they
 * apply `change` to an input for which the hint is printed, and check that the problem no longer
 * occurs.
 *
 * @param id A short, unique name, written as a literal.
 * @param text What the user can do.
 * @param change What changes when the user does exactly that. If the text offers alternatives, one
 *   change for each.
 * @returns The text, for the `hint` of a problem.
 *
 * @example
 * ```ts
 * import { hint, UserError } from "@rocket-launching/rocket/plugin";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new UserError("count is too small", {
 *   hint: hint("one-hot/count", "leave out count", { remove: ["count"] }),
 * });
 * assertEquals(error.problems[0]?.hint, "leave out count");
 * ```
 */
export function hint(id: string, text: string, change: Change | readonly Change[]): HintText {
  listener?.made({ id, text, changes: [change].flat() });
  return text as HintText;
}

/**
 * Joins alternative hints into one text.
 *
 * @param hints Hints from {@linkcode hint}.
 */
export function joinHints(...hints: readonly HintText[]): HintText {
  return hints.join("; ") as HintText;
}

/**
 * Adds an explanation to the text of a hint, such as how to make the change. The change that the
 * hint suggests stays the same.
 *
 * @param text The text of the hint.
 * @param how How to follow it.
 */
export function explained(text: string, how: string): HintText {
  return `${text}; ${how}` as HintText;
}

/** An unknown name and the valid names, for {@linkcode nameHint}. */
export interface WrongName {
  /** The unknown name that was written. */
  readonly written: string;
  /** The valid names. */
  readonly names: readonly string[];
  /**
   * The text before the list of all names, such as "the kinds are", for a name that is similar to
   * none of them. Without it, such a name gets no hint.
   */
  readonly intro?: string | undefined;
  /** Formats a name for the hint; by default, as it can be copied into a pipeline file. */
  readonly shown?: ((name: string) => string) | undefined;
  /** What changes when the user writes one of the names. */
  readonly change: (name: string) => Change;
}

/**
 * Makes the hint for an unknown name: the name that was most likely meant, or all names.
 *
 * @param id A short, unique name, written as a literal.
 * @param wrong The unknown name and the valid names.
 * @returns The text; undefined if no name is similar and there is no `intro`.
 */
export function nameHint(
  id: string,
  { written, names, intro, shown = yamlName, change }: WrongName,
): HintText | undefined {
  const near = nearest(written, names);
  if (near !== undefined) return hint(id, `did you mean ${shown(near)}?`, change(near));
  if (intro === undefined || names.length === 0) return undefined;
  return hint(id, `${intro} ${names.map(shown).join(", ")}`, change(names[0]!));
}
