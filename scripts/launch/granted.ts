import { type Need, permissionSet } from "../../files/permissions.ts";
import { importMap } from "./import_map.ts";
import type { Project } from "./project.ts";

/**
 * Arguments for `deno run` with which a module of the project has some permissions and no other. They are handed over in
 * a file: flags have no way to write a comma in a path, and a command line has no room for thousands of folders.
 *
 * @param project The project.
 * @param permissions The permissions.
 * @param file A file to write them to, in a folder of this process's own.
 */
export async function grantedArguments(
  { root, config, standIns, offline }: Project,
  permissions: readonly Need[],
  file: string,
): Promise<string[]> {
  const { lock, nodeModulesDir, allowScripts, compilerOptions } = config;
  await Deno.writeTextFile(
    file,
    JSON.stringify({
      ...{ lock, nodeModulesDir, allowScripts, compilerOptions },
      permissions: { default: permissionSet(permissions) },
    }),
  );
  const map = importMap(root, config, offline ? standIns : []);
  return ["--permission-set", "--no-prompt", "--config", file, "--import-map", map];
}
