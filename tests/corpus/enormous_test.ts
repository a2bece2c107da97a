import { inFolder } from "../support/command_line.ts";
import { enormousCases } from "./enormous_cases.ts";
import { hold } from "./hold.ts";
import { Runner } from "./outcome.ts";

Deno.test("files with a million columns, a record batch of 3 GB and lines of 1 GB are refused in bounded time and memory", async () => {
  await inFolder(async (folder) => {
    const cases = [...enormousCases(folder)];
    await using runner = new Runner(cases);
    await hold(cases, runner);
  });
});
