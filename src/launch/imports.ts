import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { holdsPath } from "../base/files/holds_path.ts";
import { printable } from "../base/printable.ts";
import { runChild } from "./child.ts";
import { mapUrl, projectImports } from "./import_map.ts";
import { logLine } from "./log_line.ts";
import type { Project } from "./project.ts";

/** The options of {@linkcode importsOf}. */
export interface ImportsOptions {
  /** The absolute paths of the modules. */
  readonly modules: readonly string[];
  /**
   * Whether the modules are not part of Rocket. Their imports of Rocket's exports are then not
   * followed, because what those import is known.
   */
  readonly foreign?: boolean;
  /** Folders whose modules are not followed. */
  readonly without?: readonly string[];
  /** A folder for temporary files. */
  readonly temporary: string;
}

/** The maximum time for analyzing the modules of a project, in milliseconds. */
const PATIENCE = 30_000;

/** The time in milliseconds after which a message names the modules that are still analyzed. */
const QUIET = 3_000;

const EMPTY = "data:application/typescript,export%20%7B%7D";

/**
 * Finds what local modules import from registries and servers, such as `npm:x@1`, including dynamic
 * imports. Deno parses the modules without running them and without network access. Imports of
 * types are left out, because a run does not load them.
 *
 * @param project The project, which determines how imports are resolved.
 * @param options The modules.
 */
export async function importsOf(
  { root, config, standIns }: Project,
  { modules, foreign = false, without = [], temporary }: ImportsOptions,
): Promise<string[]> {
  const imports = projectImports(root, config, standIns);
  for (const [entry, target] of foreign ? Object.entries(config.exports) : []) {
    imports[config.name + entry.slice(1)] = EMPTY;
    imports[pathToFileURL(join(root, target)).href] = EMPTY;
  }
  // Reading a pipe may wait forever. The run rejects such a module.
  const files = modules.filter(isRegularFile);
  const urls = files.map((module) => pathToFileURL(module).href);
  const entry = join(temporary, "imports.ts");
  await Deno.writeTextFile(entry, urls.map((url) => `import ${JSON.stringify(url)};\n`).join(""));
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const quiet = setTimeout(
    () => logLine(printable(`still reading what ${files.join(" and ")} import`)),
    QUIET,
  );
  using _quiet = { [Symbol.dispose]: () => clearTimeout(quiet) };
  const { code } = await runChild(
    [
      ...["info", "--json", "--no-npm", "--no-remote", "--no-config", "--no-lock"],
      ...["--node-modules-dir=none", "--import-map", mapUrl(imports), entry],
    ],
    { onOutput: (chunk) => void chunks.push(chunk), stderr: "null", patience: PATIENCE },
  );
  if (code !== 0) return [];
  return reached(JSON.parse(await new Blob(chunks).text()), pathToFileURL(entry).href, without);
}

function isRegularFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** The output of `deno info`, as far as it is read. */
interface Graph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly { readonly code?: { readonly specifier?: string } }[];
  }[];
  readonly redirects?: Readonly<Record<string, string>>;
}

function reached(
  { modules, redirects = {} }: Graph,
  entry: string,
  without: readonly string[],
): string[] {
  const byName = new Map(modules.map((module) => [module.specifier, module]));
  const specifiers = new Set<string>();
  const seen = new Set([entry]), waiting = [entry];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (name.startsWith("file:")) {
      const file = fileURLToPath(name);
      if (without.some((folder) => holdsPath(folder, file))) continue;
    }
    for (const { code } of byName.get(name)?.dependencies ?? []) {
      if (code?.specifier === undefined) continue;
      const target = redirects[code.specifier] ?? code.specifier;
      if (/^(?:file|data):/i.test(target)) {
        if (!seen.has(target)) waiting.push(target);
        seen.add(target);
      } else if (!/^(?:node|blob):/i.test(target)) specifiers.add(target);
    }
  }
  return [...specifiers].sort();
}
