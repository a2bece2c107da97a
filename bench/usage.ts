/**
 * Ends the program of a task because of its arguments.
 *
 * @param message What is wrong.
 */
export function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

/**
 * Makes the function `unknown` of `parseArgs()`, which ends the program of a task.
 *
 * @param usage The usage text of the task.
 *
 * @example
 * ```ts ignore
 * parseArgs(Deno.args, { string: ["only"], unknown: refuseUnknown("usage: deno task gates") });
 * ```
 */
export function refuseUnknown(usage: string): (argument: string) => never {
  return (argument) => fail(`unknown argument ${argument}\n\n${usage}`);
}
