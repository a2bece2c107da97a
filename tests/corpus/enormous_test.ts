import { assertEquals } from "@std/assert";
import { inFolder } from "../support/command_line.ts";
import { enormousCases } from "./enormous_cases.ts";
import { faultsOf } from "./expectation.ts";
import { Runner } from "./outcome.ts";

Deno.test("a million columns, a record batch of 3 GB and lines of 1 GB are refused in bounded time and memory", async () => {
  const runner = new Runner();
  const faults: string[] = [];
  try {
    await inFolder(async (folder) => {
      for (const one of enormousCases(folder)) {
        const outcome = await runner.run(one).catch((error: Error) => error);
        const found = outcome instanceof Error
          ? [outcome.message]
          : faultsOf(outcome, one.expected);
        const said = outcome instanceof Error ? "" : outcome.stderr.slice(0, 1500);
        if (found.length > 0) faults.push(`${one.name}: ${found.join("; ")}\n${said}`);
      }
    });
  } finally {
    await runner.close();
  }
  assertEquals(faults, []);
});
