import { join } from "node:path";
import { runDeno } from "./child.ts";
import { announceDownload } from "./packages.ts";
import { runCommandLine, scriptFlags } from "./permissions.ts";
import { openProject } from "./project.ts";

/**
 * Runs a module of the project where the user stands, so that paths in its arguments mean what the
 * user meant.
 *
 * @param root The project's folder.
 * @param args The module's path in the project, and its arguments.
 * @returns The exit code of the module.
 */
export async function run(root: string, args: readonly string[]): Promise<number> {
  const [file, ...rest] = args as [string, ...string[]];
  const cwd = userFolder();
  const project = await openProject(root);
  if (file === "cli.ts") return await runCommandLine(project, rest, cwd);
  await announceDownload(project.config);
  return await runDeno(
    ["run", ...scriptFlags(file), "--quiet", ...project.flags, join(root, file), ...rest],
    { cwd },
  );
}

/**
 * Where the user stands: `deno task` itself stands in the project's folder, and says where from.
 */
export function userFolder(): string {
  return Deno.env.get("INIT_CWD") ?? Deno.cwd();
}
