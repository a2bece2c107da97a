import {
  jsrRegistry,
  type Need,
  permissionHost,
  permissionSet,
} from "../base/machine/permissions.ts";
import { importMap } from "./import_map.ts";
import type { Project, ProjectConfig } from "./project.ts";

/**
 * What processes that run modules of the project have in the place of its `deno.json`: how packages
 * of npm are found, and nothing of the tasks.
 *
 * @param config What is in the project's `deno.json`.
 */
export function configOfRuns(
  { lock, nodeModulesDir, allowScripts, compilerOptions }: ProjectConfig,
): Record<string, unknown> {
  return { lock, nodeModulesDir, allowScripts, compilerOptions };
}

/**
 * Arguments for `deno run` with which a module of the project has some permissions and no other.
 * They are handed over in a file: flags have no way to write a comma in a path, and a command line
 * has no room for thousands of folders.
 *
 * @param project The project.
 * @param permissions The permissions.
 * @param file A file to write them to, in a folder of this process's own.
 */
export async function grantedArguments(
  { root, config, offline, standIns }: Project,
  permissions: readonly Need[],
  file: string,
): Promise<string[]> {
  // Deno asks for this also where a module comes from its cache. Processes that run foreign code
  // download nothing.
  const registry: Need[] = offline ? [] : [{
    permission: "import",
    of: permissionHost(jsrRegistry()),
    why: "Rocket's own modules from the JSR registry",
  }];
  const granted = { permissions: { default: permissionSet([...permissions, ...registry]) } };
  await Deno.writeTextFile(file, JSON.stringify({ ...configOfRuns(config), ...granted }));
  const map = importMap(root, config, standIns);
  return ["--permission-set", "--no-prompt", "--config", file, "--import-map", map];
}
