/**
 * Finds options with a special meaning: nested stages, columns of the data, and paths.
 *
 * @module
 */

import { resolve } from "node:path";
import type { z } from "zod";
import { isElsewhere, isUrl } from "../registry.ts";
import type { AnyStage, StageKind } from "../../stages/stage.ts";

/**
 * Finds the options of a stage that are stages themselves.
 *
 * @param stage The stage.
 * @returns Pairs of the option's name and the kind of stage it takes.
 */
export function nestedStages(stage: AnyStage): [string, StageKind][] {
  return Object.entries(stage.options.shape).flatMap(([key, schema]) => {
    const kind = nestedKind(schema as z.ZodType);
    return kind ? [[key, kind] as [string, StageKind]] : [];
  });
}

const nestedKind = (schema: z.ZodType) => metaOf(schema, "stage") as StageKind | undefined;

/** Reads a key of a schema's metadata. Optional schemas have it in their inner schema. */
function metaOf(schema: z.ZodType, key: string): unknown {
  const inner = (schema.def as { innerType?: z.ZodType }).innerType;
  return schema.meta()?.[key] ?? (inner && metaOf(inner, key));
}

/**
 * Returns the columns that a stage's options name.
 *
 * @param stage The stage.
 * @param options Its checked options.
 */
export function columnsOf({ options: { shape } }: AnyStage, options: unknown): string[] {
  const checked = options as Readonly<Record<string, unknown>>;
  return Object.keys(shape)
    .filter((key) => metaOf(shape[key] as z.ZodType, "column") && checked[key] !== undefined)
    .map((key) => `${checked[key]}`);
}

/**
 * Checks whether a metric has an option `by` of its own, as `gauc` does. The common option `by` of
 * metrics then does not apply to it.
 *
 * @param stage The stage.
 */
export function hasOwnBy({ kind, options: { shape } }: AnyStage): boolean {
  return kind === "metric" && Object.hasOwn(shape, "by");
}

/**
 * Makes the paths in a stage's options absolute. A relative path starts from the folder of the file
 * that contains it.
 *
 * @param stage The stage.
 * @param options The stage's checked options.
 * @param folderOf Returns the folder that an option's paths are relative to.
 * @returns `absolute`: the absolute paths by option. `from(folder)`: only the options whose paths
 *   are relative to another folder.
 */
export function pathsOf(
  stage: AnyStage,
  options: Readonly<Record<string, unknown>>,
  folderOf: (key: string) => string,
): { absolute: Record<string, unknown>; from: (folder: string) => Record<string, unknown> } {
  const keys = Object.keys(stage.options.shape).filter((key) =>
    metaOf(stage.options.shape[key] as z.ZodType, "path") && options[key] !== undefined
  );
  const absolute = Object.fromEntries(
    keys.map((key) => [key, absolutePaths(options[key], folderOf(key))]),
  );
  return {
    absolute,
    from: (folder) =>
      Object.fromEntries(
        keys.filter((key) => folderOf(key) !== folder).map((key) => [
          key,
          absolute[key],
        ]),
      ),
  };
}

function absolutePaths(value: unknown, folder: string): unknown {
  if (Array.isArray(value)) return value.map((part) => absolutePaths(part, folder));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key, absolutePaths(part, folder)]),
    );
  }
  return typeof value === "string" && !isUrl(value) ? resolve(folder, value) : value;
}

/**
 * Makes the path in the option `use` of a stage absolute. Names of built-in stages and URLs do not
 * change. The name of an export after `#` is kept.
 *
 * @param use The specifier: a built-in name, a path, or a URL.
 * @param folder The folder that relative paths start from.
 */
export function absoluteUse(use: string, folder: string): string {
  if (!isElsewhere(use) || isUrl(use)) return use;
  const [file, ...name] = use.split("#") as [string, ...string[]];
  return [resolve(folder, file), ...name].join("#");
}
