import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { holdsPath } from "../base/files/holds_path.ts";
import { runChild } from "./child.ts";
import { mapUrl, projectImports } from "./import_map.ts";
import type { Project } from "./project.ts";

/** Which modules are looked at. */
export interface ImportsOptions {
  /** The modules, as absolute paths. */
  readonly modules: readonly string[];
  /**
   * Whether they are not Rocket's: what they import of its exports is known, and is not looked
   * into.
   */
  readonly foreign?: boolean;
  /** Folders whose modules are not looked into. */
  readonly without?: readonly string[];
  /** A folder for temporary files. */
  readonly temporary: string;
}

/** How long the modules of a project may take to be looked at, in milliseconds. */
const PATIENCE = 60_000;

const EMPTY = "data:application/typescript,export%20%7B%7D";

/**
 * What local modules import from registries and servers, such as `npm:x@1`, also what they import
 * only if they come to it. Deno parses the modules, runs nothing of them, and connects to nothing.
 * Types are not loaded by a run, so that they are no imports.
 *
 * @param project How imports are resolved.
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
  const urls = modules.map((module) => pathToFileURL(module).href);
  const entry = join(temporary, "imports.ts");
  await Deno.writeTextFile(entry, urls.map((url) => `import ${JSON.stringify(url)};\n`).join(""));
  const chunks: Uint8Array<ArrayBuffer>[] = [];
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

/** What `deno info` prints, as far as it is read. */
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
