/**
 * Which code a pipeline may name: what is in its project's folder, and what the person has allowed.
 *
 * @module
 */

import { dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { holdsPath, isInside } from "../base/files/holds_path.ts";
import { readRegularText } from "../base/files/regular.ts";
import { type Place, UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";

/** Who names a module. */
export interface NamedModule {
  /** The folder that relative paths start from. */
  readonly folder: string;
  /** Where it is named. */
  readonly place: Place | undefined;
}

/** Decides which modules may be loaded. */
export interface AllowedCode {
  /** The project's folder. */
  readonly folder: string;
  /** All folders whose code may be loaded; the project's is one. */
  readonly folders: readonly string[];
  /**
   * Refuses a module that is neither in the project's folder nor allowed.
   *
   * @param specifier A path, a URL, or a specifier such as `npm:x`; `#NAME` behind it is not looked at.
   * @param named Who names it.
   * @throws {UserError} With what would allow it; exit code 2.
   */
  refuse(specifier: string, named: NamedModule): Promise<void>;
}

/**
 * Exactly the modules that somebody has checked already, such as those that a run hands over to its thread.
 *
 * @param project The folder of the project whose code may be loaded.
 * @param specifiers The modules, as they are asked for.
 * @returns What refuses all others.
 */
export function codeThatWasChecked(
  project: string,
  specifiers: readonly string[],
): AllowedCode {
  const checked = new Set(specifiers);
  return {
    folder: project,
    folders: [project],
    refuse(specifier) {
      if (checked.has(specifier)) return Promise.resolve();
      return Promise.reject(new Error(`${specifier} was not checked before it is loaded`));
    },
  };
}

/** Whether a file is a module, whose reading runs it. */
export const isModule = (file: string): boolean => /\.[mc]?[jt]sx?$/i.test(file);

/** What is known beside the project and what is allowed. */
export interface AllowedCodeOptions {
  /** What else a person can do where a module is refused; by default, to allow it in the `deno.json`. */
  readonly otherwise?: string | undefined;
  /** A folder of data, in which nothing is code of the project. */
  readonly without?: string | undefined;
}

/**
 * What a pipeline may load: modules in its project's folder, that is the folder of the nearest
 * `deno.json` above the pipeline; what the command line allows; and what that `deno.json` allows in
 * `"rocket": { "allowPlugins": [...] }`. Links are followed before it is decided where a file is.
 *
 * @param folder The folder of the pipeline file.
 * @param allowed What the command line allows; relative paths start where the person stands.
 * @param options What else is known.
 * @throws {UserError} If the line of `deno.json` is no list of texts; exit code 2.
 */
export async function allowedCode(
  folder: string,
  allowed: readonly string[] = [],
  { otherwise, without }: AllowedCodeOptions = {},
): Promise<AllowedCode> {
  const project = await projectOf(resolve(folder));
  const list = new Set([
    ...await Promise.all(allowed.map((one) => identify(one, Deno.cwd()))),
    ...await Promise.all(project.allowed.map((one) => identify(one, project.folder))),
  ]);
  const inside = await followed(project.folder);
  const data = without === undefined ? undefined : await followed(resolve(without));
  return {
    folder: project.folder,
    folders: [project.folder],
    async refuse(specifier, { folder, place }) {
      const code = await identify(specifier, folder);
      if (list.has(code)) return;
      if (code.startsWith("/") || /^[A-Za-z]:\\/.test(code)) {
        if (isInside(inside, code) && !(data !== undefined && holdsPath(data, code))) return;
      }
      const [name] = specifier.split("#", 1) as [string];
      const asked = /^\.{0,2}\//.test(name) ? code : name;
      throw new UserError(
        `${name} is code from outside of the project's folder, which nobody has allowed`,
        {
          place,
          hint: hint(
            "code/allow",
            `if you trust it with all that you may do, as native code knows no permissions: --allow-plugin ${
              quote(asked)
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
 * What the pipeline of an earlier run may load: what a pipeline of the current folder may, and modules of its own
 * project where the run folder is in that. The folder may come from somebody else, so that what `pipeline.json` says of
 * its project is not enough: the nearest `deno.json` above the run folder has to be of the same. A run folder is data:
 * no module in it is of a project.
 *
 * @param run The run folder.
 * @param project The project, as `pipeline.json` names it.
 * @param allowed What the command line allows; relative paths start where the person stands.
 * @throws {UserError} If a line of `deno.json` is no list of texts; exit code 2.
 */
export async function allowedCodeOfRun(
  run: string,
  project: string | undefined,
  allowed: readonly string[] = [],
): Promise<AllowedCode> {
  const above = await allowedCode(dirname(resolve(run)), allowed, { without: run });
  // A relative path would be of where one stands, which a run writes nothing about.
  const isOwn = project !== undefined && isAbsolute(project) &&
    await followed(project) === await followed(above.folder) &&
    await isFile(join(above.folder, "deno.json"));
  const elsewhere = project !== undefined && !isOwn
    ? `resume the run from its project: cd ${quote(project)}`
    : undefined;
  const here = await allowedCode(Deno.cwd(), allowed, { otherwise: elsewhere, without: run });
  if (isOwn) {
    return {
      folder: above.folder,
      folders: [above.folder, here.folder],
      async refuse(specifier, named) {
        try {
          await above.refuse(specifier, named);
        } catch (error) {
          // The first error names the project that the pipeline is of.
          await here.refuse(specifier, named).catch(() => {
            throw error;
          });
        }
      },
    };
  }
  return here;
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}

const quote = (text: string) =>
  /^[\w@:./^~+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** One text for one module: an absolute path without links, or the specifier. */
async function identify(specifier: string, folder: string): Promise<string> {
  const [name] = specifier.split("#", 1) as [string];
  if (/^file:/i.test(name)) {
    const path = pathOfUrl(name);
    return path === undefined ? name : await followed(path);
  }
  if (/^[A-Za-z][A-Za-z0-9+.-]+:/.test(name)) return name;
  return await followed(resolve(folder, name));
}

/** The path of a `file:` URL; undefined where it has none, as one with a host. */
function pathOfUrl(url: string): string | undefined {
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}

/** The path without links; a path that is not there leads nowhere else. */
async function followed(path: string): Promise<string> {
  return await Deno.realPath(path).catch(() => path);
}

/** The nearest folder with a `deno.json`, and what that allows; else the folder itself. */
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
    // Deno reads comments there too. Who has some says it on the command line.
    return [];
  }
  const list = config?.rocket?.allowPlugins ?? [];
  if (Array.isArray(list) && list.every((one) => typeof one === "string")) return list;
  throw new UserError("rocket.allowPlugins is no list of modules", {
    place: { file },
    hint: hint("code/list", 'write it as "rocket": { "allowPlugins": ["npm:their-stage@1"] }', {
      edit: "deno.json",
    }),
    exitCode: 2,
  });
}
