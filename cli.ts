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

if (import.meta.main) {
  switch (programOf(Deno.args[0])) {
    case "command":
      await import("./src/commands/program.ts");
      break;
    case "needs":
      await import("./src/launch/programs/needs.ts");
      break;
    case "evaluate":
      await import("./src/launch/programs/evaluate.ts");
      break;
    case "setUp":
      await import("./src/launch/programs/set_up.ts");
      break;
    case undefined:
      Deno.exit(await launch(Deno.args));
  }
}
