/**
 * The one place where text goes to a terminal. Names in it may come from files and plugins, so that text is taken line by
 * line: line breaks and control characters within a line are escaped.
 *
 * @module
 */

import { unwritable } from "./files/unwritable.ts";
import { printable, UNPRINTABLE } from "./printable.ts";

/** What stays below all that is said, such as a progress bar. */
export interface StatusLine {
  /** Takes it away, and leaves the cursor at the start of its line. */
  clear(): void;
  /** Draws it at the start of a line. */
  draw(): void;
}

let status: StatusLine | undefined;

/**
 * Says which line stays below all that is said from now on; `undefined` for none, which leaves what was drawn last.
 *
 * @example
 * ```ts
 * import { say, showStatus } from "@rocket-launching/rocket";
 *
 * const encoder = new TextEncoder();
 * const write = (text: string) => Deno.stderr.writeSync(encoder.encode(text));
 * showStatus({ clear: () => void write("\r\x1b[K"), draw: () => void write("half done") });
 * say("this stands above");
 * showStatus(undefined);
 * ```
 *
 * @param line The line, which is drawn already.
 */
export function showStatus(line: StatusLine | undefined): void {
  status = line;
}

/** Writes text where the status line was, and that below it again. */
function aboveStatus(write: () => void): void {
  if (!status) return write();
  status.clear();
  try {
    write();
  } finally {
    status.draw();
  }
}

/** A line, or several. A line break within a line is shown and breaks none. */
export type Lines = string | readonly string[];

const printed = (lines: readonly Lines[]) => lines.flat().map(printable).join("\n");

/**
 * Says something in a line of its own where the terminal may have echoed a key, such as `^C`.
 *
 * @param lines The lines.
 */
export function sayAfterKey(...lines: readonly Lines[]): void {
  // The status line's is cleared, with what was echoed.
  say(...(status || !Deno.stderr.isTerminal() ? [] : [""]), ...lines);
}

/**
 * Says something to a person, on standard error. That nobody can be told, as a file for it is full or
 * closed, is no reason to end a training.
 *
 * @example
 * ```ts
 * import { say } from "@rocket-launching/rocket";
 *
 * say("epoch 1 is done", "and this is a line of its own");
 * ```
 *
 * @param lines The lines; a line break within one is escaped, as a name may have it.
 */
export function say(...lines: readonly Lines[]): void {
  try {
    aboveStatus(() => console.error(printed(lines)));
  } catch {
    // There is no other place to say so.
  }
}

/**
 * Prints a result, on standard output. A pipe that nobody reads any more takes it without a word.
 *
 * @param lines The lines; a line break within one is escaped, as a name may have it.
 * @throws {UserError} If it cannot be written.
 */
export function print(...lines: readonly Lines[]): void {
  toOutput(printed(lines));
}

/**
 * Prints a value as a line of JSON, on standard output.
 *
 * @param value The value.
 * @throws {UserError} If it cannot be written.
 */
export function printJson(value: unknown): void {
  // JSON itself escapes some of them alone, and has an escape of its own.
  toOutput(
    JSON.stringify(value).replace(
      UNPRINTABLE,
      (character) =>
        Array.from(
          { length: character.length },
          (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`,
        ).join(""),
    ),
  );
}

function toOutput(text: string): void {
  try {
    aboveStatus(() => console.log(text));
  } catch (error) {
    throw unwritable("standard output", error);
  }
}
