/**
 * Ends the program if the version of Deno is too old. A program imports this module first, so that
 * the check comes before anything that an old version may not know.
 *
 * @module
 */

import { denoProblem } from "./deno_version.ts";

const problem = denoProblem(Deno.version.deno);
if (problem !== undefined) {
  console.error(`error: ${problem}`);
  Deno.exit(1);
}
