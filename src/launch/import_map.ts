import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ProjectConfig } from "./project.ts";
import type { StandIn } from "./stand_ins.ts";

/**
 * Makes an import map of the project, in which stand-ins replace modules of the JSR registry.
 *
 * The map is a `data:` URL, which Deno accepts like a file. A file could be out of date, be written
 * by two runs at once, or not be writable in a read-only checkout. An import map replaces the
 * imports of `deno.json`, so it contains all of them, and the exports of the package itself.
 *
 * @param root The project's folder.
 * @param config The content of the project's `deno.json`.
 * @param standIns The stand-ins; empty if the registry is used.
 * @returns The URL of the import map.
 */
export function importMap(
  root: string,
  config: ProjectConfig,
  standIns: readonly StandIn[],
): string {
  return mapUrl(projectImports(root, config, standIns));
}

/**
 * Returns the content of the import map that {@linkcode importMap} encodes: a record from names to
 * specifiers and file URLs.
 */
export function projectImports(
  root: string,
  config: ProjectConfig,
  standIns: readonly StandIn[],
): Record<string, string> {
  const imports: Record<string, string> = {};
  const file = (path: string) => pathToFileURL(join(root, path)).href;
  for (const [name, target] of Object.entries(config.imports)) {
    if (target.startsWith("jsr:") && standIns.length > 0) continue;
    imports[name] = target.startsWith("./") ? file(target) : target;
    // In deno.json, the name of a package also covers its paths, unlike in an import map.
    const registry = /^(npm|jsr):/.exec(target)?.[0];
    if (registry && !name.endsWith("/")) {
      imports[`${name}/`] = `${registry}/${target.slice(registry.length)}/`;
    }
  }
  for (const [entry, target] of Object.entries(config.exports)) {
    imports[config.name + entry.slice(1)] = file(target);
  }
  for (const { specifier, path } of standIns) imports[specifier] = pathToFileURL(path).href;
  return imports;
}

/**
 * Converts imports to an import map in a `data:` URL.
 *
 * @param imports The targets of the imports, by name.
 */
export function mapUrl(imports: Readonly<Record<string, string>>): string {
  return `data:application/json,${encodeURIComponent(JSON.stringify({ imports }))}`;
}
