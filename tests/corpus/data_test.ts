import { assert } from "@std/assert";
import { inFolder } from "../support/command_line.ts";
import { dataCases } from "./data_cases.ts";
import { holdGroups } from "./hold.ts";
import { Runner } from "./outcome.ts";

Deno.test("each bad data file of the corpus is refused, with its name and its place", async (t) => {
  await using runner = new Runner();
  await inFolder(async (folder) => {
    const cases = [...dataCases(folder)];
    assert(cases.length >= 100, `${cases.length}`);
    await holdGroups(t, cases, runner);
  });
});
