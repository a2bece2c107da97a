import { assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../plugin.ts";

/**
 * Expects something to be refused with an error that a person can act on.
 *
 * @param body What is refused.
 * @param message Words of the only problem's message.
 * @param hint Words of its hint.
 */
export function assertRefuses(body: () => unknown, message: string, hint: string): void {
  const { problems } = assertThrows(body, UserError, message);
  assertStringIncludes(problems.map((problem) => problem.hint ?? "").join(), hint);
}
