import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { holdsPath, isOfSystem } from "../base/files/holds_path.ts";
import { printable } from "../base/printable.ts";
import { runChild } from "./child.ts";
import { usualLimit } from "./memory_limit.ts";
import { logLine } from "./log_line.ts";
import { writeTemporary } from "./temporary.ts";

/** The options of {@linkcode importsOf}, such as Deno's flags and the folders to leave out. */
export interface ImportsOptions {
  /** Deno's arguments that determine how imports are resolved. */
  readonly flags: readonly string[];
  /** Folders whose modules are not followed. */
  readonly without?: readonly string[];
  /** A folder for temporary files. */
  readonly temporary: string;
}

/** The maximum time for analyzing the modules of a project, in milliseconds. */
const PATIENCE = 30_000;

/** The time in milliseconds after which a message names the modules that are still analyzed. */
const QUIET = 3_000;

/**
 * Finds what local modules import from registries and servers, such as `npm:x@1`, including dynamic
 * imports. Deno parses the modules without running them and without network access. Imports of
 * types are left out, because a run does not load them.
 *
 * @param modules The absolute paths of the modules.
 * @param options How imports are resolved, and what is left out.
 */
export async function importsOf(
  modules: readonly string[],
  { flags, without = [], temporary }: ImportsOptions,
): Promise<string[]> {
  // Reading a pipe may wait forever. The run rejects such a module.
  const files = modules.filter(isRegularFile);
  const urls = files.map((module) => pathToFileURL(module).href);
  const entry = join(temporary, "imports.js");
  await writeTemporary(entry, urls.map((url) => `import ${JSON.stringify(url)};\n`).join(""));
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const quiet = setTimeout(
    () => logLine(printable(`still reading what ${files.join(" and ")} import`)),
    QUIET,
  );
  using _quiet = { [Symbol.dispose]: () => clearTimeout(quiet) };
  const { code } = await runChild(
    ["info", "--json", "--no-npm", "--no-remote", ...flags, entry],
    {
      onOutput: (chunk) => void chunks.push(chunk),
      stderr: "null",
      patience: PATIENCE,
      memory: usualLimit(),
    },
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

/**
 * Checks whether the imports of a module are followed. Code chooses the address, so it may be none
 * of a file. Deno does not let the launcher follow links in the folders of the system, through which a
 * module may be in any folder.
 */
function isFollowed(url: string, without: readonly string[]): boolean {
  let file: string;
  try {
    file = fileURLToPath(url);
  } catch {
    return false;
  }
  return !isOfSystem(file) && !without.some((folder) => holdsPath(folder, file));
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
    if (name.startsWith("file:") && !isFollowed(name, without)) continue;
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
