import { assertRejects, assertStringIncludes } from "@std/assert";
import type { AnyStage } from "../../plugin.ts";
import { checkStage, type StageChecks } from "../../testing.ts";

/**
 * Expects the kit to find fault with a stage.
 *
 * @param stage The stage.
 * @param words Words of the promises that it breaks.
 * @param checks What it is checked with.
 */
export async function assertBroken(
  stage: AnyStage,
  words: readonly string[],
  checks: StageChecks = {},
): Promise<void> {
  const error = await assertRejects(
    () => checkStage(stage, { engines: ["wasm"], ...checks }),
    Error,
    `the ${stage.kind} stage ${JSON.stringify(stage.name)} breaks`,
  );
  for (const word of words) assertStringIncludes((error as Error).message, word);
}

/** What all stages of a test have. */
export const named = { name: "tried", summary: "Is tried." } as const;
