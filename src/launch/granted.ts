import {
  jsrRegistry,
  type Need,
  permissionHost,
  permissionSet,
} from "../base/machine/permissions.ts";
import { importMap } from "./import_map.ts";
import type { Project, ProjectConfig } from "./project.ts";
import { writeTemporary } from "./temporary.ts";

/**
 * Makes the Deno configuration for processes that run modules of the project. They use it instead
 * of the project's `deno.json`. It determines how npm packages are found, and contains no tasks.
 *
 * @param config The content of the project's `deno.json`.
 */
export function configOfRuns(
  { lock, nodeModulesDir, allowScripts, compilerOptions }: ProjectConfig,
): Record<string, unknown> {
  return { lock, nodeModulesDir, allowScripts, compilerOptions };
}

/**
 * Makes arguments for `deno run` that grant exactly the given permissions. The permissions are
 * written to a file, since flags do not support commas in paths, and the length of a command line
 * is limited.
 *
 * @param project The project.
 * @param permissions The permissions to grant.
 * @param file The file to write, in a temporary folder of this process.
 */
export async function grantedArguments(
  { root, config, offline, standIns }: Project,
  permissions: readonly Need[],
  file: string,
): Promise<string[]> {
  // Deno requires this permission even for cached modules. Processes that run other people's code
  // still cannot download anything.
  const registry: Need[] = offline ? [] : [{
    permission: "import",
    of: permissionHost(jsrRegistry()),
    why: "Rocket's own modules from the JSR registry",
  }];
  const granted = { permissions: { default: permissionSet([...permissions, ...registry]) } };
  await writeTemporary(file, JSON.stringify({ ...configOfRuns(config), ...granted }));
  const map = importMap(root, config, standIns);
  return ["--permission-set", "--no-prompt", "--config", file, "--import-map", map];
}
