import { statSync } from "node:fs";
import { join } from "node:path";
import { checkoutOf } from "./checkout.ts";
import { runDeno } from "./child.ts";
import { usualLimit } from "./memory_limit.ts";
import { announceDownload } from "./packages.ts";
import { runCommandLine, scriptFlags } from "./permissions.ts";
import { openProject } from "./project.ts";
import { Refusal } from "./rocket.ts";

/**
 * Runs a module of Rocket's repository in the user's current folder, since paths in the arguments
 * are relative to it.
 *
 * @param root The project's folder.
 * @param args The path of the module in the project, followed by its arguments.
 * @returns The exit code of the module.
 */
export async function run(root: string, args: readonly string[]): Promise<number> {
  const [file, ...rest] = args as [string, ...string[]];
  const cwd = userFolder(root);
  const project = await openProject(root);
  if (file === "cli.ts") {
    const open = (temporary: string) => Promise.resolve(checkoutOf(project, temporary));
    return await runCommandLine(open, rest, cwd);
  }
  await announceDownload(project.config);
  return await runDeno(
    ["run", ...scriptFlags(file), "--quiet", ...project.flags, join(root, file), ...rest],
    { cwd, memory: usualLimit() },
  );
}

/**
 * Returns the user's current folder. `deno task` changes to the project's folder and passes the
 * original one in `INIT_CWD`. If this process runs in another folder, the variable is not from the
 * `deno task` that started it: npm, for example, sets it for all programs that its scripts start.
 *
 * @param root The project's folder.
 * @throws {Refusal} If the variable names no folder.
 */
export function userFolder(root: string): string {
  const here = Deno.cwd(), from = Deno.env.get("INIT_CWD");
  if (from === undefined || Deno.realPathSync(here) !== Deno.realPathSync(root)) return here;
  if (statSync(from, { throwIfNoEntry: false })?.isDirectory()) return from;
  throw new Refusal(
    `the environment variable INIT_CWD names the folder to run in, but ${from} is not a folder: ` +
      "unset it",
  );
}
