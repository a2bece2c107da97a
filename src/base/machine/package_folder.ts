import { createRequire } from "node:module";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";

/**
 * The folder on this disk that a loaded npm package lives in: in Deno's cache, or in a node_modules
 * folder where there is one.
 *
 * A path can be had in no other way for a package that came by an `npm:` specifier, so at least one
 * CommonJS module of it must have been imported before.
 *
 * @param name The package's name, such as `@tensorflow/tfjs-node`.
 * @returns The absolute path.
 * @throws {Error} If no module of the package is loaded.
 */
export function packageFolder(name: string): string {
  // Any absolute path will do: the table of loaded modules is one for all of them.
  const loaded = Object.keys(createRequire(process.execPath).cache);
  for (const file of loaded) {
    if (!file.replaceAll("\\", "/").includes(`/${name}/`)) continue;
    for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
      const manifest = join(folder, "package.json");
      if (!existsSync(manifest)) continue;
      if (JSON.parse(readFileSync(manifest, "utf8")).name === name) return folder;
    }
  }
  throw new Error(`the package ${name} is not loaded from a folder on this disk`);
}
