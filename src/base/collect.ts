import { type Problem, UserError } from "./errors.ts";

/**
 * What a call returns. If a person can mend what goes wrong, its problems join others, so that all are told at once.
 *
 * @typeParam T What the call returns.
 * @param problems Those so far.
 * @param call The call.
 * @returns `undefined` if there are problems.
 */
export async function collect<T>(
  problems: Problem[],
  call: () => T | Promise<T>,
): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}
