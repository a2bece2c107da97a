import { assert, assertEquals } from "@std/assert";
import { faultsOf } from "./expectation.ts";
import { Runner } from "./outcome.ts";
import { pipelineCases } from "./pipeline_cases.ts";
import { specialCases, withSpecialFiles } from "./special_files.ts";

Deno.test("each bad pipeline file of the corpus is refused as it says itself", async (t) => {
  const runner = new Runner();
  const cases = [...pipelineCases()];
  assert(cases.length >= 300, `${cases.length}`);
  try {
    for (const group of new Set(cases.map(({ name }) => name.split("/")[0]!))) {
      await t.step(group, async () => {
        const faults: string[] = [];
        for (const one of cases.filter(({ name }) => name.startsWith(`${group}/`))) {
          const outcome = await runner.run(one);
          const found = faultsOf(outcome, one.expected);
          if (found.length > 0) faults.push(`${one.name}: ${found.join("; ")}\n${outcome.stderr}`);
        }
        assertEquals(faults, []);
      });
    }
  } finally {
    await runner.close();
  }
});

Deno.test("files that are no texts, or no files, are refused as pipelines", async () => {
  const runner = new Runner();
  const faults: string[] = [];
  try {
    await withSpecialFiles(async (folder) => {
      for (const one of specialCases(folder)) {
        const outcome = await runner.run(one);
        const found = faultsOf(outcome, one.expected);
        if (found.length > 0) faults.push(`${one.name}: ${found.join("; ")}\n${outcome.stderr}`);
      }
    });
    assertEquals(faults, []);
  } finally {
    await runner.close();
  }
});
