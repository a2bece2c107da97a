/**
 * Prints what a command line of Rocket needs, as JSON. The launcher runs it with the right to read and
 * with no other.
 *
 * @module
 */

import { flagsOf, needsOf, permissionsLine } from "../commands/needs.ts";
import { findBuilds } from "../engine/native/build.ts";
import { cacheFolder } from "../engine/native/cache_folder.ts";
import { givenFolder } from "../engine/native/given.ts";
import { formatProblem, UserError } from "../pipeline/errors.ts";
import type { NeedsAnswer } from "./launch/permissions.ts";
import { print, printJson, say } from "../pipeline/terminal.ts";

const [temporary, ...args] = Deno.args as [string, ...string[]];
try {
  const { permissions, engine } = await needsOf(args, temporary);
  const shown = permissions.filter(({ of }) => of !== temporary);
  const answer: NeedsAnswer = {
    flags: flagsOf(permissions),
    line: engine === undefined ? "" : permissionsLine(shown),
    engine,
    built: (await findBuilds(cacheFolder(), givenFolder())).length > 0,
  };
  // What a pipeline in TypeScript prints goes before.
  print("");
  printJson(answer);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  say(error.problems.map(formatProblem).join("\n\n"));
  if (args.includes("--debug")) say(Deno.inspect(error));
  Deno.exit(error.exitCode);
}
