import { assert, assertEquals } from "@std/assert";
import { inFolder } from "../support/command_line.ts";
import { faultsOf } from "./expectation.ts";
import { Runner } from "./outcome.ts";
import { trainingCases } from "./training_cases.ts";

Deno.test("what goes wrong in the midst of training ends the run, with its place", async (t) => {
  const runner = new Runner();
  try {
    await inFolder(async (folder) => {
      const cases = [...trainingCases(folder)];
      assert(cases.length >= 20, `${cases.length}`);
      for (const group of new Set(cases.map(({ name }) => name.split(":")[0]!))) {
        await t.step(group, async () => {
          const faults: string[] = [];
          for (const one of cases.filter(({ name }) => name.startsWith(`${group}:`))) {
            const outcome = await runner.run(one).catch((error: Error) => error);
            const found = outcome instanceof Error
              ? [outcome.message]
              : faultsOf(outcome, one.expected);
            const said = outcome instanceof Error ? "" : outcome.stderr;
            if (found.length > 0) faults.push(`${one.name}: ${found.join("; ")}\n${said}`);
          }
          assertEquals(faults, []);
        });
      }
    });
  } finally {
    await runner.close();
  }
});
