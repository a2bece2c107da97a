import { assert } from "@std/assert";
import { inFolder } from "../support/command_line.ts";
import { holdGroups } from "./hold.ts";
import { Runner } from "./outcome.ts";
import { trainingCases } from "./training_cases.ts";

Deno.test("what goes wrong in the midst of training ends the run, with its place", async (t) => {
  await using runner = new Runner();
  await inFolder(async (folder) => {
    const cases = [...trainingCases(folder)];
    assert(cases.length >= 20, `${cases.length}`);
    await holdGroups(t, cases, runner);
  });
});
