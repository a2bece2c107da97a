import { createRequire } from "node:module";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";

/**
 * Returns the folder of a loaded npm package, in Deno's cache or in a `node_modules` folder.
 *
 * For a package with an `npm:` specifier, the table of loaded CommonJS modules is the only source
 * of its path. At least one CommonJS module of the package must therefore have been imported
 * before.
 *
 * @param name The package's name, such as `@tensorflow/tfjs-node`.
 * @returns The absolute path.
 * @throws {Error} If no module of the package is loaded.
 */
export function packageFolder(name: string): string {
  // All modules share one table of loaded modules, so any absolute path works here.
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
