import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";

/**
 * Reads a whole number of an environment variable.
 *
 * @param text The value.
 * @param of The variable, for messages, and the number that the value must be below.
 * @throws {UserError} If it is not such a number; exit code 2.
 */
export function indexOf(
  text: string,
  { variable, below }: { readonly variable: string; readonly below: number },
): number {
  if (/^\d{1,9}$/.test(text) && Number(text) < below) return Number(text);
  throw new UserError(
    `${variable} must be a whole number from 0 to ${below - 1}, got ${JSON.stringify(text)}`,
    {
      place: { file: variable },
      hint: hint("cluster/index", `without ${variable}, the run is one process`, {
        variables: { [variable]: "" },
      }),
      exitCode: 2,
    },
  );
}
