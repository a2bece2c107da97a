import { join } from "node:path";

/** A local replacement for a module of the JSR registry. */
export interface StandIn {
  /** The specifier of the replaced module, such as `@std/cli/parse-args`. */
  readonly specifier: string;
  /** The absolute path of the replacement. */
  readonly path: string;
}

/**
 * Lists the stand-ins of a project: local modules that replace packages of the JSR registry. Each
 * folder in `src/launch/compat/` contains the stand-in for the package that the folder's
 * `deno.json` names.
 *
 * @param root The project's folder.
 * @returns The stand-ins, one for each exported module.
 */
export async function readStandIns(root: string): Promise<StandIn[]> {
  const standIns: StandIn[] = [], compat = join(root, "src", "launch", "compat");
  // The published package has no stand-ins.
  if (!await Deno.stat(compat).then(() => true, () => false)) return [];
  for await (const { name: folder, isDirectory } of Deno.readDir(compat)) {
    if (!isDirectory) continue;
    const { name, exports }: { name: string; exports: Record<string, string> } = JSON.parse(
      await Deno.readTextFile(join(compat, folder, "deno.json")),
    );
    for (const [entry, file] of Object.entries(exports)) {
      standIns.push({
        specifier: name + entry.slice(1),
        path: join(compat, folder, file),
      });
    }
  }
  return standIns;
}
