/**
 * The one place where text goes to a terminal. Names in it may come from files and plugins, so that control
 * characters are escaped.
 *
 * @module
 */

import { unwritable } from "../files/unwritable.ts";
import { CONTROL, printable } from "./errors.ts";

/**
 * Says something to a person, on standard error. That nobody can be told, as a file for it is full or
 * closed, is no reason to end a training.
 *
 * @example
 * ```ts
 * import { say } from "@rocket-launching/rocket";
 *
 * say("epoch 1 is done");
 * ```
 *
 * @param text A line, or several.
 */
export function say(text: string): void {
  try {
    console.error(printable(text));
  } catch {
    // There is no other place to say so.
  }
}

/**
 * Prints a result, on standard output. A pipe that nobody reads any more takes it without a word.
 *
 * @param text A line, or several.
 * @throws {UserError} If it cannot be written.
 */
export function print(text: string): void {
  toOutput(printable(text));
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
      CONTROL,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
    ),
  );
}

function toOutput(text: string): void {
  try {
    console.log(text);
  } catch (error) {
    throw unwritable("standard output", error);
  }
}
