import { type Problem, UserError } from "./errors.ts";
import { appendTo } from "./long_lists.ts";

/**
 * Calls a function and collects the problems of a {@linkcode UserError} that it throws, so that all
 * problems can be reported together.
 *
 * @typeParam T The type of the function's result.
 * @param problems The problems so far, to which new ones are added.
 * @param call The function.
 * @returns The result of the function; `undefined` if it has problems.
 */
export async function collect<T>(
  problems: Problem[],
  call: () => T | Promise<T>,
): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    appendTo(problems, error.problems);
    return undefined;
  }
}
