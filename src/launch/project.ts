import { join } from "node:path";
import { importMap } from "./import_map.ts";
import { canImport, type CanImportOptions } from "./registry.ts";
import { readStandIns, type StandIn } from "./stand_ins.ts";

/** What the launcher reads in a project's `deno.json`. */
export interface ProjectConfig {
  readonly name: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly publish: { readonly exclude: readonly string[] };
  readonly lock?: boolean;
  readonly nodeModulesDir?: string;
  readonly allowScripts?: unknown;
  readonly compilerOptions?: unknown;
}

/** A project, and how its modules are found. */
export interface Project {
  /** The project's folder. */
  readonly root: string;
  /** What is in its `deno.json`. */
  readonly config: ProjectConfig;
  /** Whether stand-ins are in the place of the registry's modules. */
  readonly offline: boolean;
  /** The stand-ins for the registry's modules; none where the registry's own are used. */
  readonly standIns: readonly StandIn[];
  /** Arguments for `deno run`, `test`, `check` and `doc` to find the modules by. */
  readonly flags: readonly string[];
}

/**
 * Reads a project and decides where its modules come from.
 *
 * @param root The project's folder.
 * @param options Whether the registry is asked, and anew.
 */
export async function openProject(
  root: string,
  options?: CanImportOptions,
): Promise<Project> {
  const file = join(root, "deno.json");
  const [config, standIns] = await Promise.all([
    Deno.readTextFile(file).then((text): ProjectConfig => JSON.parse(text)),
    readStandIns(root),
  ]);
  const modules = standIns.map(({ specifier }) => registryName(specifier, config.imports));
  const offline = !await canImport(modules, options);
  const flags = ["--config", file];
  if (offline) flags.push("--import-map", importMap(root, config, standIns));
  return { root, config, offline, standIns: offline ? standIns : [], flags };
}

/**
 * The name of a module in the registry, such as `jsr:@std/cli@^1.0.0/parse-args`. In a process that
 * has stand-ins, the name in the project would mean the stand-in.
 */
function registryName(specifier: string, imports: ProjectConfig["imports"]): string {
  const found = Object.entries(imports).find(([name]) =>
    specifier === name || specifier.startsWith(`${name}/`)
  );
  return found ? found[1] + specifier.slice(found[0].length) : specifier;
}
