import { builtins } from "../plugins/mod.ts";
import type { Pipeline } from "../pipeline/define.ts";
import { type Document, documentOfValue, readDocument } from "../pipeline/document.ts";
import { makePlan, type Plan } from "../pipeline/plan.ts";
import { createRegistry } from "../pipeline/registry.ts";

/**
 * Reads a pipeline and makes the plan of it.
 *
 * @param pipeline The pipeline file, or the pipeline itself.
 * @param set Changes, as `PATH=VALUE`.
 * @throws {UserError} With all that is wrong.
 */
export async function readPlan(
  pipeline: string | Pipeline,
  set: readonly string[] = [],
): Promise<Plan> {
  const document: Document = typeof pipeline === "string"
    ? await readDocument(pipeline, { set })
    : await documentOfValue(pipeline, { set });
  return await makePlan(document, createRegistry(builtins));
}
