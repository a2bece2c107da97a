import { assert } from "@std/assert";
import { hold, holdGroups } from "./hold.ts";
import { Runner } from "./outcome.ts";
import { pipelineCases } from "./pipeline_cases.ts";
import { specialCases, withSpecialFiles } from "./special_files.ts";

Deno.test("each bad pipeline file of the corpus is refused as it says itself", async (t) => {
  await using runner = new Runner();
  const cases = [...pipelineCases()];
  assert(cases.length >= 300, `${cases.length}`);
  await holdGroups(t, cases, runner);
});

Deno.test("files that are no texts, or no files, are refused as pipelines", async () => {
  await using runner = new Runner();
  await withSpecialFiles((folder) => hold(specialCases(folder), runner));
});
