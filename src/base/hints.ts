/**
 * Hints: what a user can do about a problem, and what following the hint changes.
 *
 * @module
 */

import type { Problem } from "./errors.ts";
import { nearest } from "./nearest.ts";

/** The text of a hint from {@linkcode hint}: a string with a brand that exists only in its type. */
export type HintText = string & { readonly madeByHint: true };

/**
 * The changes to the input when a user follows a hint.
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
  /** Environment variables. */
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

/** The changes of a command line when a user follows a hint. */
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

/** A hint in the form that listeners receive. */
export interface Hint {
  /** The hint's unique name. */
  readonly id: string;
  /** The text that the user reads. */
  readonly text: string;
  /** The changes that the hint suggests, one for each alternative that it offers. */
  readonly changes: readonly Change[];
}

/** A listener to hints and problems. */
export interface HintListener {
  /** Called when a hint was made, which may be printed. */
  made(hint: Hint): void;
  /** Called when a problem was formatted, including its hint. */
  printed(problem: Problem): void;
}

let listener: HintListener | undefined;

/**
 * Sets the listener to hints and problems, for the test that follows hints.
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
 * Makes a hint. A test follows each hint: it applies `change` to the input of a case that prints
 * the hint, and checks that the problem no longer occurs.
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

/** The options of {@linkcode nameHint}. */
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
  /** Formats a name for the hint; by default, the name itself. */
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
  { written, names, intro, shown = (name) => name, change }: WrongName,
): HintText | undefined {
  const near = nearest(written, names);
  if (near !== undefined) return hint(id, `did you mean ${shown(near)}?`, change(near));
  if (intro === undefined || names.length === 0) return undefined;
  return hint(id, `${intro} ${names.map(shown).join(", ")}`, change(names[0]!));
}
