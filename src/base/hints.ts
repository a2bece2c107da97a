/**
 * What a person is told to do about a problem, and what doing so changes.
 *
 * @module
 */

import type { Problem } from "./errors.ts";
import { nearest } from "./nearest.ts";

/** The text of a hint that {@linkcode hint} has made: a string, with a mark that only the type checker sees. */
export type HintText = string & { readonly madeByHint: true };

/**
 * What changes when a person does what a hint says.
 *
 * Paths have slashes between their keys. They start at the value that the problem's place names, or at the stage's
 * options where that is a `use:`; `/` at the start stands for the whole file, `..` for the value around, `.` for
 * the value itself, and `-` for a new last item of a list.
 */
export interface Change {
  /** Values of the file, by path. */
  readonly set?: Readonly<Record<string, unknown>> | undefined;
  /** Paths of the values that go. */
  readonly remove?: readonly string[] | undefined;
  /** Another name for the key at the place. */
  readonly rename?: string | undefined;
  /** Arguments of the command line. */
  readonly args?: ArgumentsChange | undefined;
  /** Environment variables. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** What a person writes anew, such as "the data file": only a person can, and a case of the corpus shows it. */
  readonly edit?: string | undefined;
  /** Following it tells more of the problem, which stays. */
  readonly tells?: boolean | undefined;
  /** Why no input changes, such as "the disk has to have room". */
  readonly outside?: string | undefined;
}

/** How a command line changes. */
export interface ArgumentsChange {
  /** Arguments that come last. */
  readonly add?: readonly string[] | undefined;
  /** Other arguments in the place of these; of `--option=value` the option alone may be named. */
  readonly replace?: Readonly<Record<string, string>> | undefined;
  /** Arguments that go. */
  readonly remove?: readonly string[] | undefined;
}

/** A hint, as a test hears of it. */
export interface Hint {
  /** Its name, which no other has. */
  readonly id: string;
  /** What a person reads. */
  readonly text: string;
  /** What following it changes; a change for each thing that it offers. */
  readonly changes: readonly Change[];
}

/** Who hears of hints and problems. */
export interface HintListener {
  /** A hint was made, and may be printed. */
  made(hint: Hint): void;
  /** A problem was put into words, its hint among them. */
  printed(problem: Problem): void;
}

let listener: HintListener | undefined;

/**
 * Has somebody hear of each hint: the test that follows hints.
 *
 * @param listening Who hears from now on; undefined for nobody.
 */
export function listenToHints(listening: HintListener | undefined): void {
  listener = listening;
}

/**
 * Tells who listens that a problem was put into words.
 *
 * @param problem The problem.
 */
export function tellPrinted(problem: Problem): void {
  listener?.printed(problem);
}

/**
 * Makes a hint. A test follows it: it changes the input of a case that prints it as `change` says, and expects that
 * the problem is gone.
 *
 * @param id A short name, written out, that no other hint has.
 * @param text What a person is to do.
 * @param change What changes when they do just that; where the text offers several things, a change for each.
 * @returns The text, for the `hint` of a problem.
 *
 * @example
 * ```ts
 * import { hint, UserError } from "@rocket-launching/rocket";
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
 * Hints of which any may be followed, as one text.
 *
 * @param hints What {@linkcode hint} made.
 */
export function joinHints(...hints: readonly HintText[]): HintText {
  return hints.join("; ") as HintText;
}

/** What {@linkcode nameHint} is told of a name that is none. */
export interface WrongName {
  /** What was written. */
  readonly written: string;
  /** What may be written. */
  readonly names: readonly string[];
  /** What comes before all names where none is near, such as "the kinds are"; without it there is no hint then. */
  readonly intro?: string | undefined;
  /** How a name is shown, where it needs more around it. */
  readonly shown?: ((name: string) => string) | undefined;
  /** What writing one of the names changes. */
  readonly change: (name: string) => Change;
}

/**
 * Makes the hint for a name that is none: the name that was most likely meant, or all names.
 *
 * @param id A short name, written out, that no other hint has.
 * @param wrong What was written, and what may be.
 * @returns The text; undefined if there is nothing to say.
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
