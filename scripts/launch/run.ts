import { join } from "node:path";
import { runDeno } from "./child.ts";
import { announceDownload } from "./packages.ts";
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
  const { config, flags } = await openProject(root);
  await announceDownload(config);
  return await runDeno(["run", "-A", "--quiet", ...flags, join(root, file), ...rest], {
    cwd: userFolder(),
  });
}

/** Where the user stands: `deno task` itself stands in the project's folder, and says where from. */
export function userFolder(): string {
  return Deno.env.get("INIT_CWD") ?? Deno.cwd();
}
