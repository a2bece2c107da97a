/**
 * The command line: `deno task pipeline`, or `deno run -A jsr:@rocket-launching/rocket/cli`.
 *
 * @module
 */

import { main } from "./commands/main.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));
