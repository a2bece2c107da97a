import { commandName } from "../base/command_name.ts";
import { dirname } from "node:path";
import { builtins } from "../../plugins/mod.ts";
import { allowedCode } from "../pipeline/allowed_code.ts";
import type { Pipeline } from "../pipeline/define.ts";
import { type Document, documentOfValue, readDocument } from "../pipeline/document/document.ts";
import { UserError } from "../base/errors.ts";
import { quoted } from "../base/quoted.ts";
import { hint } from "../base/hints.ts";
import type { Plan } from "../pipeline/plan.ts";
import { makePlan } from "../pipeline/plan/make_plan.ts";
import { createRegistry } from "../pipeline/registry.ts";

/**
 * Reads a pipeline and makes its plan.
 *
 * @param pipeline The pipeline file, or the pipeline itself.
 * @param set Changes to the pipeline in the form `PATH=VALUE`.
 * @param allowPlugins Code outside the project's folder that may be loaded.
 * @param allowEnv The environment variables that may be part of an address; all by default.
 * @throws {UserError} With all problems of the pipeline.
 */
export async function readPlan(
  pipeline: string | Pipeline,
  set: readonly string[] = [],
  allowPlugins: readonly string[] = [],
  allowEnv?: readonly string[],
): Promise<Plan> {
  const folder = typeof pipeline === "string" ? dirname(pipeline) : Deno.cwd();
  const allowed = await allowedCode(folder, allowPlugins);
  const document: Document = typeof pipeline === "string"
    ? await readDocument(pipeline, { set, allowed, allowEnv })
    : await documentOfValue(pipeline, { set, allowed, allowEnv });
  refuseSweep(document);
  return await makePlan(document, createRegistry(builtins, allowed));
}

/** Rejects a sweep file, which would otherwise only be reported as a pipeline without sections. */
function refuseSweep({ file, value }: Document): void {
  const has = (key: string) => Object.hasOwn(Object(value), key);
  if (!has("base") || !has("settings") || has("network")) return;
  throw new UserError(`${file} is a sweep file, not a pipeline file`, {
    hint: hint("command/sweep", `run it with: ${commandName()} sweep ${quoted(file)}`, {
      outside: "another command reads the file",
    }),
    exitCode: 2,
  });
}
