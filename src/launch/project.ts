import { join } from "node:path";
import { importMap } from "./import_map.ts";
import { canImport, type CanImportOptions } from "./registry.ts";
import { readStandIns, type StandIn } from "./stand_ins.ts";

/** The content of a project's `deno.json`, as far as the launcher reads it. */
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

/** A project, with the information that Deno needs to find its modules. */
export interface Project {
  /** The project's folder. */
  readonly root: string;
  /** The content of its `deno.json`. */
  readonly config: ProjectConfig;
  /** Whether stand-ins replace the modules of the JSR registry. */
  readonly offline: boolean;
  /** The stand-ins for modules of the registry; empty if the registry is used. */
  readonly standIns: readonly StandIn[];
  /** The arguments with which `deno run`, `test`, `check` and `doc` find the modules. */
  readonly flags: readonly string[];
}

/**
 * Reads a project and determines whether its modules come from the registry or from stand-ins.
 *
 * @param root The project's folder.
 * @param options Whether to try the registry again after an earlier failure.
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
 * Returns the name of a module in the registry, such as `jsr:@std/cli@^1.0.0/parse-args`. In a
 * process with stand-ins, the module's name in the project refers to the stand-in.
 */
function registryName(specifier: string, imports: ProjectConfig["imports"]): string {
  const found = Object.entries(imports).find(([name]) =>
    specifier === name || specifier.startsWith(`${name}/`)
  );
  return found ? found[1] + specifier.slice(found[0].length) : specifier;
}
