import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ProjectConfig } from "./project.ts";
import type { StandIn } from "./stand_ins.ts";

/**
 * The project's imports with stand-ins in the place of what comes from the JSR registry.
 *
 * It is a `data:` URL, which Deno takes as it takes a file: so there is none to go stale, to be
 * written by two runs at once, or that a read-only checkout lacks. An import map replaces the
 * imports of `deno.json`, so it has all of them, and the package's own name.
 *
 * @param root The project's folder.
 * @param config What is in its `deno.json`.
 * @param standIns The stand-ins; none where the registry is there.
 * @returns The URL of the import map.
 */
export function importMap(
  root: string,
  config: ProjectConfig,
  standIns: readonly StandIn[],
): string {
  return mapUrl(projectImports(root, config, standIns));
}

/** As {@linkcode importMap}: what each name stands for. */
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
    // In deno.json, a package's name stands for its paths as well.
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
 * An import map as a URL.
 *
 * @param imports What each name stands for.
 */
export function mapUrl(imports: Readonly<Record<string, string>>): string {
  return `data:application/json,${encodeURIComponent(JSON.stringify({ imports }))}`;
}
