import { inFolder } from "../support/command_line.ts";
import { enormousCases } from "./enormous_cases.ts";
import { hold } from "./hold.ts";
import { Runner } from "./outcome.ts";

Deno.test("a million columns, a record batch of 3 GB and lines of 1 GB are refused in bounded time and memory", async () => {
  await using runner = new Runner();
  await inFolder((folder) => hold(enormousCases(folder), runner));
});
