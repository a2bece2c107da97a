/**
 * The command line: `deno run -RWES --allow-run jsr:@rocket-launching/rocket/cli`.
 *
 * It determines the permissions that a command needs, and runs the command in another process that
 * has only these permissions.
 *
 * @example
 * ```sh
 * deno run -RWES --allow-run jsr:@rocket-launching/rocket/cli --help
 * ```
 *
 * @module
 */

import "./src/launch/refuse_old_deno.ts";
import { launch } from "./src/launch/launch.ts";
import { programOf } from "./src/launch/published.ts";
import { programs } from "./src/launch/rocket.ts";

if (import.meta.main) {
  const program = programOf(Deno.args[0]);
  if (program === undefined) Deno.exit(await launch(Deno.args));
  // Deno would load a module that is named by a literal, and all that it imports, in the launcher.
  await import(new URL(programs[program], import.meta.url).href);
}
