import { join } from "node:path";

/** A module of the JSR registry that Rocket imports, and what stands in for it. */
export interface StandIn {
  /** What is imported, such as `@std/cli/parse-args`. */
  readonly specifier: string;
  /** The stand-in's file, as an absolute path. */
  readonly path: string;
}

/**
 * The stand-ins of a project: each folder in `compat/` stands in for the package that its
 * `deno.json` names.
 *
 * @param root The project's folder.
 * @returns One for each module that is exported.
 */
export async function readStandIns(root: string): Promise<StandIn[]> {
  const standIns: StandIn[] = [], compat = join(root, "src", "launch", "compat");
  // What is published has none.
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
