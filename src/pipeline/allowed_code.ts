/**
 * The code that a pipeline may load: code in its project's folder, and code that the user has
 * allowed.
 *
 * @module
 */

import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { holdsPath, isInside } from "../base/files/holds_path.ts";
import { readRegularText } from "../base/files/regular.ts";
import { type Place, UserError } from "../base/errors.ts";
import { quoted } from "../base/quoted.ts";
import { hint } from "../base/hints.ts";

/**
 * Where a module is named: the place in the pipeline file, and the folder that relative paths start
 * from.
 */
export interface NamedModule {
  /** The folder that relative paths start from. */
  readonly folder: string;
  /** The place that names the module. */
  readonly place: Place | undefined;
}

/** Decides which modules may be loaded. */
export interface AllowedCode {
  /** The project's folder. */
  readonly folder: string;
  /** All folders whose code may be loaded, including the project's. */
  readonly folders: readonly string[];
  /** The modules that the command line allows, as the user wrote them. */
  readonly given: readonly string[];
  /**
   * Rejects a module that is neither in the project's folder nor allowed.
   *
   * @param specifier A path, a URL, or a specifier such as `npm:x`; `#NAME` after it is ignored.
   * @param named The folder and the place of the specifier.
   * @returns The `deno.json` whose list allows the module; undefined if something else does.
   * @throws {UserError} If the module is not allowed, with a hint on how to allow it; exit code 2.
   */
  refuse(specifier: string, named: NamedModule): Promise<string | undefined>;
}

/**
 * Allows exactly the modules that have been checked already, such as those that a run passes to its
 * worker thread.
 *
 * @param project The folder of the project whose code may be loaded.
 * @param specifiers The specifiers of the checked modules.
 * @returns An object that rejects all other modules.
 */
export function codeThatWasChecked(
  project: string,
  specifiers: readonly string[],
): AllowedCode {
  const checked = new Set(specifiers);
  return {
    folder: project,
    folders: [project],
    given: [],
    refuse(specifier) {
      if (checked.has(specifier)) return Promise.resolve(undefined);
      return Promise.reject(new Error(`${specifier} was not checked before it was loaded`));
    },
  };
}

/** Checks whether a file is a module, so loading it would run code. */
export const isModule = (file: string): boolean => /\.[mc]?[jt]sx?$/i.test(file);

/**
 * Further options of {@linkcode allowedCode}, for a hint and for a folder that contains only data.
 */
export interface AllowedCodeOptions {
  /**
   * A way to load a rejected module other than `--allow-plugin`, for the hint; by default, an entry
   * in the project's `deno.json`.
   */
  readonly otherwise?: string | undefined;
  /** A folder of data, whose files never count as code of the project. */
  readonly without?: string | undefined;
}

/**
 * Determines the code that a pipeline may load. These are modules in its project's folder, which is
 * the folder of the nearest `deno.json` above the pipeline; modules that the command line allows;
 * and modules that this `deno.json` allows in `"rocket": { "allowPlugins": [...] }`. Links are
 * resolved before the location of a file is checked.
 *
 * @param folder The folder of the pipeline file.
 * @param allowed The modules that the command line allows; relative paths start in the current
 *   folder.
 * @param options Further options.
 * @throws {UserError} If `allowPlugins` in `deno.json` is not a list of strings; exit code 2.
 */
export async function allowedCode(
  folder: string,
  allowed: readonly string[] = [],
  { otherwise, without }: AllowedCodeOptions = {},
): Promise<AllowedCode> {
  const project = await projectOf(resolve(folder));
  const own = await Promise.all(allowed.map((one) => identify(one, Deno.cwd())));
  const listed = await Promise.all(project.allowed.map((one) => identify(one, project.folder)));
  const inside = await followed(project.folder);
  const data = without === undefined ? undefined : await followed(resolve(without));
  return {
    folder: project.folder,
    folders: [project.folder],
    given: allowed,
    async refuse(specifier, { folder, place }) {
      const code = await identify(specifier, folder);
      if (own.includes(code)) return undefined;
      if (listed.includes(code)) return join(project.folder, "deno.json");
      if (code.startsWith("/") || /^[A-Za-z]:\\/.test(code)) {
        if (isInside(inside, code) && !(data !== undefined && holdsPath(data, code))) {
          return undefined;
        }
      }
      const [name] = specifier.split("#", 1) as [string];
      const asked = /^\.{0,2}\//.test(name) ? code : name;
      throw new UserError(
        `${name} is code from outside the project's folder and has not been allowed`,
        {
          place,
          hint: hint(
            "code/allow",
            `plugins can use native code with all your permissions: if you trust this code, add --allow-plugin ${
              quoted(asked)
            }, or ${
              otherwise ??
                `"rocket": { "allowPlugins": [${JSON.stringify(asked)}] } in ${
                  join(project.folder, "deno.json")
                }`
            }`,
            { args: { add: ["--allow-plugin", asked] } },
          ),
          exitCode: 2,
        },
      );
    },
  };
}

/**
 * Determines the code that the pipeline of an earlier run may load. This is the code that a
 * pipeline in the current folder may load, and, if the run folder is inside the project that wrote
 * it, the modules of that project.
 *
 * The run folder may come from another person, together with other files. Therefore:
 * - The project that `pipeline.json` names is accepted only if the nearest `deno.json` above the
 *   run folder belongs to it.
 * - Modules inside the run folder are never allowed as code of a project.
 * - If the run folder lies in the current project, but was written by another one, modules in the
 *   top-level folder that contains it are not allowed either. They may have been copied together
 *   with the run folder.
 *
 * @param run The run folder.
 * @param project The project's folder, as in `pipeline.json`: an absolute path without links.
 * @param allowed The modules that the command line allows; relative paths start in the current
 *   folder.
 * @throws {UserError} If `allowPlugins` in a `deno.json` is not a list of strings; exit code 2.
 */
export async function allowedCodeOfRun(
  run: string,
  project: string | undefined,
  allowed: readonly string[] = [],
): Promise<AllowedCode> {
  const above = await allowedCode(dirname(resolve(run)), allowed, { without: run });
  // The path is not resolved: a sender can write a relative path, or one through a link such as
  // /proc/self/cwd, without knowing where the folder will be.
  const isOwn = project !== undefined && project === await followed(above.folder) &&
    await isFile(join(above.folder, "deno.json"));
  const elsewhere = project !== undefined && !isOwn
    ? `resume the run from its project: cd ${quoted(project)}`
    : undefined;
  const here = await allowedCode(Deno.cwd(), allowed, {
    otherwise: elsewhere,
    without: await companyOf(run),
  });
  if (isOwn) {
    return {
      folder: above.folder,
      folders: [above.folder, here.folder],
      given: allowed,
      async refuse(specifier, named) {
        try {
          return await above.refuse(specifier, named);
        } catch (error) {
          // The first error names the pipeline's own project.
          return await here.refuse(specifier, named).catch(() => {
            throw error;
          });
        }
      },
    };
  }
  return here;
}

/**
 * Returns the folder whose files may have come from another person together with a run folder: the
 * folder in the current project that contains the run folder, or the run folder itself.
 */
async function companyOf(run: string): Promise<string> {
  const folder = await followed(resolve(run));
  const project = await followed((await projectOf(Deno.cwd())).folder);
  if (!isInside(project, folder) || folder === project) return folder;
  return join(project, relative(project, folder).split(/[/\\]/, 1)[0]!);
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}

/** The canonical name of a module: its absolute path without links, or its specifier. */
async function identify(specifier: string, folder: string): Promise<string> {
  const [name] = specifier.split("#", 1) as [string];
  if (/^file:/i.test(name)) {
    const path = pathOfUrl(name);
    return path === undefined ? name : await followed(path);
  }
  if (/^[A-Za-z][A-Za-z0-9+.-]+:/.test(name)) return name;
  return await followed(resolve(folder, name));
}

/** The path of a `file:` URL; undefined if it has no local path, as a URL with a host. */
function pathOfUrl(url: string): string | undefined {
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}

/** The path without links; a path that does not exist is returned unchanged. */
async function followed(path: string): Promise<string> {
  return await Deno.realPath(path).catch(() => path);
}

/**
 * The nearest folder with a `deno.json`, and the modules that it allows; if there is none, the
 * folder itself.
 */
async function projectOf(
  folder: string,
): Promise<{ folder: string; allowed: readonly string[] }> {
  for (let at = folder;; at = dirname(at)) {
    const file = join(at, "deno.json");
    const text = await readRegularText(file).catch(() => undefined);
    if (text !== undefined) return { folder: at, allowed: allowedIn(text, file) };
    if (at === dirname(at)) return { folder, allowed: [] };
  }
}

function allowedIn(text: string, file: string): readonly string[] {
  let config: { rocket?: { allowPlugins?: unknown } } | null;
  try {
    config = JSON.parse(text);
  } catch {
    // Deno also accepts comments in this file. Users of comments allow plugins on the command line.
    return [];
  }
  const list = config?.rocket?.allowPlugins ?? [];
  if (Array.isArray(list) && list.every((one) => typeof one === "string")) return list;
  throw new UserError("rocket.allowPlugins must be a list of strings that name modules", {
    place: { file },
    hint: hint("code/list", 'write it as "rocket": { "allowPlugins": ["npm:their-stage@1"] }', {
      edit: "deno.json",
    }),
    exitCode: 2,
  });
}
