/**
 * The command line: `deno task pipeline`, or `deno run -A jsr:@rocket-launching/rocket/cli`.
 *
 * @module
 */

// First, so that it runs before the others.
import "./commands/hear_signals.ts";
import { main } from "./commands/main.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));
