/**
 * All output to the terminal goes through this module. Text may contain names from files and
 * plugins, so each line is passed separately, and line breaks and control characters within it are
 * escaped.
 *
 * @module
 */

import { unwritable } from "./files/unwritable.ts";
import { paint } from "./paint.ts";
import { printable, UNPRINTABLE } from "./printable.ts";

/** A status line below all other output, such as a progress bar. */
export interface StatusLine {
  /** Clears the line and leaves the cursor at its start. */
  clear(): void;
  /** Draws the status line, with the cursor at the start of a line. */
  draw(): void;
}

let status: StatusLine | undefined;

/**
 * Sets the status line below all further output. `undefined` removes it and leaves its last text on
 * the screen.
 *
 * @example
 * ```ts
 * import { say, showStatus } from "@rocket-launching/rocket/plugin";
 *
 * const encoder = new TextEncoder();
 * const write = (text: string) => Deno.stderr.writeSync(encoder.encode(text));
 * showStatus({ clear: () => void write("\r\x1b[K"), draw: () => void write("half done") });
 * say("this stands above");
 * showStatus(undefined);
 * ```
 *
 * @param line The status line, which has already been drawn.
 */
export function showStatus(line: StatusLine | undefined): void {
  status = line;
}

/** Writes text in place of the status line and draws the status line again below it. */
function aboveStatus(write: () => void): void {
  if (!status) return write();
  status.clear();
  try {
    write();
  } finally {
    status.draw();
  }
}

/** A line, or several lines, to print. Line breaks within a line are escaped. */
export type Lines = string | readonly string[];

/** Joins lines for an output, with colors if it is a terminal and NO_COLOR is not set. */
function printed(lines: readonly Lines[], to: { isTerminal(): boolean }): string {
  const safe = lines.flat().map(printable);
  return (!Deno.noColor && to.isTerminal() ? safe.map(paint) : safe).join("\n");
}

/**
 * Prints lines, starting on a new line because the terminal may have echoed a key, such as `^C`.
 *
 * @param lines The lines.
 */
export function sayAfterKey(...lines: readonly Lines[]): void {
  // Clearing the status line also clears the echo.
  say(...(status || !Deno.stderr.isTerminal() ? [] : [""]), ...lines);
}

/**
 * Prints lines for the user on standard error. If that fails, for example because the disk is full
 * or a pipe is closed, the error is ignored, because it must not end a training run.
 *
 * @example
 * ```ts
 * import { say } from "@rocket-launching/rocket/plugin";
 *
 * say("epoch 1 is done", "and this is a line of its own");
 * ```
 *
 * @param lines The lines; line breaks within a line are escaped.
 */
export function say(...lines: readonly Lines[]): void {
  try {
    aboveStatus(() => console.error(printed(lines, Deno.stderr)));
  } catch {
    // There is nowhere else to report it.
  }
}

/**
 * Prints a result on standard output. If standard output is a pipe whose reader has closed it, the
 * text is dropped without an error.
 *
 * @param lines The lines; line breaks within a line are escaped.
 * @throws {UserError} If it cannot be written.
 */
export function print(...lines: readonly Lines[]): void {
  toOutput(printed(lines, Deno.stdout));
}

/**
 * Prints a value as a line of JSON on standard output.
 *
 * @param value The value.
 * @throws {UserError} If it cannot be written.
 */
export function printJson(value: unknown): void {
  // JSON escapes only some of these characters, and needs its own escape sequences.
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
