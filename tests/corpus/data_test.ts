import { assert, assertEquals } from "@std/assert";
import { inFolder } from "../support/command_line.ts";
import { dataCases } from "./data_cases.ts";
import { faultsOf } from "./expectation.ts";
import { Runner } from "./outcome.ts";

Deno.test("each bad data file of the corpus is refused, with its name and its place", async (t) => {
  const runner = new Runner();
  try {
    await inFolder(async (folder) => {
      const cases = [...dataCases(folder)];
      assert(cases.length >= 100, `${cases.length}`);
      for (const group of new Set(cases.map(({ name }) => name.split(":")[0]!))) {
        await t.step(group, async () => {
          const faults: string[] = [];
          for (const one of cases.filter(({ name }) => name.startsWith(`${group}:`))) {
            const outcome = await runner.run(one).catch((error: Error) => error);
            const found = outcome instanceof Error
              ? [outcome.message]
              : faultsOf(outcome, one.expected);
            if (found.length === 0) continue;
            const said = outcome instanceof Error ? "" : outcome.stderr;
            faults.push(`${one.name}: ${found.join("; ")}\n${said}`);
          }
          assertEquals(faults, []);
        });
      }
    });
  } finally {
    await runner.close();
  }
});
