import { fileURLToPath } from "node:url";
import { isPublished } from "../base/command_name.ts";
import { launcherOfPackage } from "./published.ts";

/** The launcher's permissions, as in the task that starts it. Its child processes have fewer. */
const FLAGS = [
  ...["read", "write", "env", "sys=homedir", "run"].map((name) => `--allow-${name}`),
  ...["--no-prompt", "--quiet"],
];

/**
 * Returns the arguments with which Deno starts the launcher with another command line.
 *
 * @param args The arguments of the command line.
 */
export function launcherCommand(args: readonly string[]): string[] {
  if (isPublished) return ["run", ...FLAGS, ...launcherOfPackage(args)];
  const launcher = fileURLToPath(new URL("./main.ts", import.meta.url));
  return ["run", ...FLAGS, launcher, "run", "cli.ts", ...args];
}
