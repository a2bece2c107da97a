import { fileURLToPath } from "node:url";
import { LAUNCHER_FLAGS, missingFlags } from "./launcher_flags.ts";
import { logLine } from "./log_line.ts";
import { runCommandLine } from "./permissions.ts";
import { isPublished, packageIn } from "./published.ts";
import { run } from "./run_task.ts";
import { hearSignals } from "./signals.ts";

/**
 * Runs the command line in the way in which Rocket was loaded: from a package, or from a checkout of
 * its repository.
 *
 * @param args The arguments of the command line.
 * @returns The exit code.
 */
export async function launch(args: readonly string[]): Promise<number> {
  const missing = await missingFlags();
  if (missing.length > 0) {
    logLine(`error: the launcher has no permission ${missing.join(" ")}`);
    logLine(` hint: start it with deno run ${LAUNCHER_FLAGS}; the command gets fewer permissions`);
    return 2;
  }
  hearSignals();
  if (!isPublished) {
    return await run(fileURLToPath(new URL("../../", import.meta.url)), ["cli.ts", ...args]);
  }
  const cwd = Deno.cwd();
  return await runCommandLine((temporary) => packageIn(cwd, temporary), args, cwd);
}
