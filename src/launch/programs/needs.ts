/**
 * Prints as JSON what a command line of Rocket needs. The launcher runs this program with the
 * permissions to read files and environment variables. It only runs Rocket's code: if it needs the
 * value of a pipeline in TypeScript, it asks the launcher to evaluate the pipeline.
 *
 * @module
 */

import { programArguments } from "../program_arguments.ts";
import { parseArguments } from "../command_line/arguments.ts";
import { helpAnswer } from "../command_line/help.ts";
import { readOptions } from "../command_line/options.ts";
import { endedEarly, evaluationNeeds, needsOf, permissionsText } from "../command_line/needs.ts";
import { findBuilds } from "../../engine/native/build.ts";
import { cacheFolder } from "../../base/machine/cache_folder.ts";
import { givenFolder } from "../../engine/native/given.ts";
import { type Evaluate, Unevaluated } from "../../pipeline/document/document.ts";
import { problemsLines, UserError } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { printJson, say } from "../../base/terminal.ts";
import type { Evaluated, NeedsAnswer } from "../ask_needs.ts";

const [temporary, evaluatedFile, ...args] = programArguments as [string, string, ...string[]];
const evaluated: Record<string, Evaluated> = JSON.parse(await Deno.readTextFile(evaluatedFile));
const evaluate: Evaluate = (path) => {
  const known = Object.hasOwn(evaluated, path) ? evaluated[path] : undefined;
  if (!known) throw new Unevaluated(path);
  if ("ended" in known) throw endedEarly(path);
  if ("problems" in known) throw new UserError(known.problems, { exitCode: 2 });
  return Promise.resolve({ default: known.value });
};
try {
  printJson(await answer());
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  say(problemsLines(error.problems));
  if (args.includes("--debug")) say(Deno.inspect(error).split("\n").map((line) => `  ${line}`));
  Deno.exit(error.exitCode);
}

async function answer(): Promise<NeedsAnswer> {
  try {
    const needs = await needsOf(args, temporary, evaluate);
    const parsed = parseArguments(args);
    // Help is printed at once, since loading the commands takes longer than everything before.
    const lines = helpAnswer(parsed) ??
      (parsed.permissions && parsed.unknown.length === 0 && parsed.words.length > 0
        ? permissionsText(needs)
        : undefined);
    return {
      ...needs,
      built: needs.usesGpu || (await findBuilds(cacheFolder(), givenFolder())).length > 0,
      ...(lines && { text: lines.map(printable).join("\n") }),
    };
  } catch (error) {
    if (!(error instanceof Unevaluated)) throw error;
    const { memory } = readOptions(parseArguments(args));
    return { evaluate: error.path, permissions: await evaluationNeeds(error.path), memory };
  }
}
