/**
 * Finds the stages of a pipeline by the value of `use:`.
 *
 * @module
 */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ROCKET_VERSION } from "../base/package.ts";
import { thrown } from "../base/printable.ts";
import type { AllowedCode } from "./allowed_code.ts";
import { type Place, UserError } from "../base/errors.ts";
import { type Change, hint, nameHint } from "../base/hints.ts";
import { importCustom, importFault, notDownloaded, reportIfSlow } from "./module.ts";
import { containsRocket } from "../stages/rocket_range.ts";
import { StageError } from "../stages/stage_error.ts";
import { type AnyStage, isObjectSchema, type StageKind, stageKinds } from "../stages/stage.ts";

/**
 * Where a pipeline names a stage: the folder that relative paths start from, and the place in the
 * file.
 */
export interface FindContext {
  /** The folder that relative paths start from. */
  readonly folder: string;
  /** The place in the pipeline file that names the stage. */
  readonly place: Place | undefined;
}

/** Finds stages by name. */
export interface Registry {
  /** The folder of the project whose code may be loaded. */
  readonly project: string;
  /** The modules that the command line allows, as the user wrote them. */
  readonly allowPlugins: readonly string[];
  /**
   * Finds a stage.
   *
   * @param kind The expected kind.
   * @param use A built-in name, a file, a package, or the stage object; `#NAME` after a file or a
   * package is the name of its export.
   * @param context The folder and the place of the entry.
   * @returns The stage.
   * @throws {UserError} If the stage does not exist or has another kind; exit code 2.
   */
  find(kind: StageKind, use: string | AnyStage, context: FindContext): Promise<AnyStage>;
}

/**
 * Creates a registry that finds built-in stages and loads stages from files and packages.
 *
 * @param builtins The built-in stages.
 * @param allowed Decides which files and packages may be loaded.
 */
export function createRegistry(
  builtins: readonly AnyStage[],
  allowed: AllowedCode,
): Registry {
  return {
    project: allowed.folder,
    allowPlugins: allowed.given,
    async find(kind, use, context) {
      if (typeof use !== "string") return ofKind(kind, use, undefined, context);
      if (isElsewhere(use)) {
        await allowed.refuse(use, context);
        return ofKind(kind, await load(kind, use, context), use, context);
      }
      return builtins.find((stage) => stage.kind === kind && stage.name === use) ??
        refuseName(kind, use, builtins, context);
    },
  };
}

/**
 * Checks whether `use:` names a file or a package rather than a built-in stage.
 *
 * @param use The value of `use:`.
 */
export function isElsewhere(use: string): boolean {
  return /^\.{0,2}\//.test(use) || /^[A-Za-z]:\\/.test(use) || isUrl(use) ||
    /\.[mc]?[jt]s(#|$)/.test(use);
}

/**
 * Checks whether a text is a URL, such as a `jsr:`, `npm:` or `https:` specifier. A single letter
 * before the colon is a Windows drive.
 *
 * @param text The text.
 */
export function isUrl(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]+:/.test(text);
}

function refuseName(
  kind: StageKind,
  use: string,
  builtins: readonly AnyStage[],
  { place }: FindContext,
): never {
  const names = builtins.filter((stage) => stage.kind === kind).map(({ name }) => name);
  const other = builtins.find(({ name }) => name === use);
  const called = use.length > 60 ? `${use.slice(0, 57)}…` : use;
  const written = /^[\w.@/ -]+$/.test(called) ? `; for a file, write ./${called}.ts` : "";
  throw new UserError(`there is no ${kind} stage called ${JSON.stringify(called)}`, {
    place,
    hint: nameHint("stage/name", { written: use, names, change: useIt }) ??
      hint(
        "stage/names",
        `${other ? `${use} is ${article(other.kind)}; ` : ""}the ${kind} stages are ${
          names.join(", ")
        }${other ? "" : written}`,
        useIt(names[0]!),
      ),
    exitCode: 2,
  });
}

/** The change that sets `use:` to another value. */
const useIt = (use: string): Change => ({ set: { use } });

async function load(kind: StageKind, use: string, context: FindContext): Promise<unknown> {
  const { place } = context;
  const [specifier, name = "default"] = use.split("#", 2) as [string, string?];
  let url = specifier;
  if (!isUrl(specifier)) {
    const path = resolve(context.folder, specifier);
    await refuseMissing(use, path, context);
    url = pathToFileURL(path).href;
  }
  const loading = importCustom(use, url, place);
  let module: Record<string, unknown>;
  try {
    module = await reportIfSlow(use, loading);
  } catch (what) {
    const error = thrown(what);
    const missing = notDownloaded(error);
    const why = missing ? `${missing.specifier} is not downloaded` : importFault(error);
    throw new StageError({ kind, name: use, place }, `cannot be loaded: ${why}`, {
      cause: error,
      hint: missing?.hint ??
        hint("stage/debug-loading", "run again with --debug to see the stack trace", {
          args: { add: ["--debug"] },
          tells: true,
        }),
      exitCode: 2,
    });
  }
  if (module[name] !== undefined) return module[name];
  const stages = Object.keys(module).filter((key) => isStage(module[key]));
  throw new UserError(
    name === "default"
      ? `${use} has no default export`
      : `${specifier} has no export ${JSON.stringify(name)}`,
    {
      place,
      hint: nameHint("stage/export", {
        written: name,
        names: stages,
        intro: "it exports the stages",
        shown: (stage) => `${specifier}#${stage}`,
        change: (stage) => useIt(`${specifier}#${stage}`),
      }) ?? hint(
        "stage/no-export",
        "export a stage as the default: `export default defineLoss({ … })`, or another define… function",
        { edit: "the stage's file" },
      ),
      exitCode: 2,
    },
  );
}

async function refuseMissing(use: string, path: string, { place }: FindContext): Promise<void> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    const folder = resolve(path, "..");
    const names: string[] = [];
    try {
      for await (const { name } of Deno.readDir(folder)) names.push(name);
    } catch {
      // The folder does not exist either.
    }
    throw new UserError(`there is no file ${use}`, {
      place,
      hint: nameHint("stage/file", {
        written: path.slice(folder.length + 1),
        names,
        shown: (near) => `${use.slice(0, use.lastIndexOf("/") + 1)}${near}`,
        change: (near) => useIt(`${use.slice(0, use.lastIndexOf("/") + 1)}${near}`),
      }) ?? hint(
        "stage/path",
        `write a path relative to the folder of the pipeline file; this path leads to ${path}`,
        { edit: "the path" },
      ),
      cause: error,
      exitCode: 2,
    });
  }
  if (info.isFile) return;
  throw new UserError(`${use} is ${info.isDirectory ? "a folder" : "not a regular file"}`, {
    place,
    hint: hint("stage/folder", "name a file that exports a stage", { edit: "the path" }),
    exitCode: 2,
  });
}

function ofKind(
  kind: StageKind,
  found: unknown,
  use: string | undefined,
  { place }: FindContext,
): AnyStage {
  if (!isStage(found)) {
    const what = use === undefined ? "the value of `use`" : `the export of ${use}`;
    throw new UserError(`${what} is not a stage`, {
      place,
      hint: hint("stage/define", "use the value that a function such as defineLoss() returns", {
        edit: "the stage's file",
      }),
      exitCode: 2,
    });
  }
  refuseOtherVersion(found, use, place);
  if (found.kind === kind) return found;
  throw new UserError(`${use ?? found.name} is ${article(found.kind)}; expected ${article(kind)}`, {
    place,
    exitCode: 2,
  });
}

/** Rejects a stage whose property `rocket` excludes this version of Rocket. */
function refuseOtherVersion(
  { kind, name, rocket }: AnyStage,
  use: string | undefined,
  place: Place | undefined,
): void {
  if (rocket === undefined || containsRocket(rocket)) {
    return;
  }
  const from = use === undefined ? "" : ` of ${use}`;
  throw new UserError(
    `the ${kind} stage ${name}${from} works with Rocket ${rocket}, but this is Rocket ${ROCKET_VERSION}`,
    {
      place,
      hint: hint(
        "stage/rocket",
        `use a version of the stage that works with Rocket ${ROCKET_VERSION}, or a version of Rocket in the range ${rocket}`,
        { edit: "the version of the stage or of Rocket" },
      ),
      exitCode: 2,
    },
  );
}

/**
 * Checks whether a value is a stage from one of the `define…` functions.
 *
 * @param value The value.
 */
export function isStage(value: unknown): value is AnyStage {
  const stage = value as Partial<AnyStage> | null | undefined;
  return typeof stage === "object" && stage !== null && typeof stage.name === "string" &&
    typeof stage.summary === "string" && stageKinds.includes(stage.kind as StageKind) &&
    typeof stage.create === "function" && isObjectSchema(stage.options);
}

const article = (kind: StageKind) => `${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind} stage`;
