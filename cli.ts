/**
 * The command line: `deno task pipeline`, or `deno run -A jsr:@rocket-launching/rocket/cli`.
 *
 * @module
 */

// Imported first, so that it handles signals while the other modules load.
import "./src/commands/hear_signals.ts";
import { takeEnd, watchEnd } from "./src/commands/ending.ts";
import { main, report } from "./src/commands/main.ts";

if (import.meta.main) {
  const endProcess = takeEnd();
  watchEnd((error) => report(error, Deno.args.includes("--debug")));
  endProcess(await main(Deno.args));
}
