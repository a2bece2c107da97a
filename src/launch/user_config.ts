/**
 * Reads the `deno.json` of a user's project, for the launcher that is a package.
 *
 * @module
 */

import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Refusal } from "./rocket.ts";

/** The maximum size of a `deno.json`, as of a pipeline, and of a `deno.lock`, in bytes. */
const mostBytes = { config: 524_288, lock: 33_554_432 } as const;

/**
 * Reads a `deno.json` or a `deno.lock`. Nothing limits the memory of the launcher, so the size of
 * the file is limited.
 *
 * @param path The file.
 * @param kind What it is.
 * @throws {Refusal} If it is too large, or cannot be read.
 */
export function readOfUser(path: string, kind: keyof typeof mostBytes): string {
  const { size, isFile } = infoOf(path);
  // Reading a pipe blocks the launcher, which then notices no signal, and a device has no size.
  if (!isFile) throw new Refusal(`${path} is not a regular file`);
  if (size > mostBytes[kind]) {
    throw new Refusal(`${path} has ${size} bytes; at most ${mostBytes[kind]} are read`);
  }
  return readFileSync(path, "utf8");
}

function infoOf(path: string): { readonly size: number; readonly isFile: boolean } {
  try {
    const info = statSync(path);
    return { size: info.size, isFile: info.isFile() };
  } catch (error) {
    throw new Refusal(`${path} cannot be read: ${(error as Error).message}`);
  }
}

/** The parts of a `deno.json` that determine what modules import. */
export interface Importing {
  readonly imports?: Readonly<Record<string, unknown>> | undefined;
  readonly scopes?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
  readonly importMap?: unknown;
  readonly compilerOptions?: unknown;
}

/**
 * Returns the part of a `deno.json` that determines what modules import, as the content of a
 * configuration in another folder. Everything else is left out: unstable features could start
 * programs, for example, and `vendor` writes files. The imports apply only to modules that are
 * files, and so not to modules of Rocket or of packages, which are loaded before the permissions of
 * custom code are restricted.
 *
 * @param path The path of the `deno.json`.
 * @param text Its text.
 * @param unwritten Returns undefined for a file that must not be used, because plugins may have
 *   written it.
 * @throws {Refusal} If it is not valid.
 */
export async function importsOfUser(
  path: string,
  text: string,
  unwritten: (file: string) => Promise<string | undefined>,
): Promise<Record<string, unknown>> {
  const { imports, scopes, importMap, compilerOptions } = parsed<Importing>(path, text);
  if (typeof importMap === "string" && imports === undefined && scopes === undefined) {
    if (/^[a-z][a-z0-9+.-]+:/i.test(importMap)) {
      throw new Refusal(
        `${path} names an import map on a server, ${importMap}: copy it to \`imports\``,
      );
    }
    const file = await unwritten(resolve(dirname(path), importMap));
    if (file === undefined) return { compilerOptions };
    const map = parsed<Importing>(file, readOfUser(file, "config"));
    return { ...importsOfFiles(file, map), compilerOptions };
  }
  return { ...importsOfFiles(path, { imports, scopes }), compilerOptions };
}

/** Makes imports apply only to files: imports of all modules become a scope. */
export function importsOfFiles(path: string, map: Importing): Pick<Importing, "scopes"> {
  const { imports = {}, scopes = {} } = moved(path, map);
  const ofFiles = Object.entries(scopes).filter(([scope]) => scope.startsWith(FILES));
  return {
    scopes: Object.fromEntries(
      [...ofFiles, [FILES, { ...imports, ...scopes[FILES] }] as const]
        .map(([scope, names]) => [scope, withParts(names)]),
    ),
  };
}

const FILES = "file:///";

/** Adds the modules of packages to their names, as Deno does for imports without a scope. */
function withParts(names: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const parts = Object.entries(names).flatMap(([name, target]) => {
    const [, registry, rest] = /^(npm|jsr):\/?(.*[^/])$/.exec(String(target)) ?? [];
    return registry === undefined || name.endsWith("/") || Object.hasOwn(names, `${name}/`)
      ? []
      : [[`${name}/`, `${registry}:/${rest}/`]];
  });
  return { ...names, ...Object.fromEntries(parts) };
}

/** Reads JSON that may contain comments and trailing commas, as Deno does. */
function parsed<Content>(path: string, text: string): Content {
  // The launcher imports no packages, because these would get into the lock file of the project.
  const blank = (found: string, string?: string) => string ?? found.replaceAll(/[^\n]/g, " ");
  const plain = text.replace(/^\uFEFF/, "")
    .replaceAll(/("(?:\\.|[^"\\])*")|\/\/.*|\/\*[^]*?\*\//g, blank)
    .replaceAll(/("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g, blank);
  try {
    return Object(JSON.parse(plain));
  } catch (error) {
    throw new Refusal(`${path} is not valid JSON: ${(error as Error).message}`);
  }
}

/** Makes the relative paths of an import map absolute. */
function moved(
  file: string,
  { imports, scopes }: Importing,
): Pick<Importing, "imports" | "scopes"> {
  const base = pathToFileURL(file);
  const place = (text: string) => /^\.{0,2}\//.test(text) ? new URL(text, base).href : text;
  const targets = (map: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(
      Object.entries(map).map(([name, target]) => [
        place(name),
        typeof target === "string" ? place(target) : target,
      ]),
    );
  return {
    ...imports && { imports: targets(imports) },
    ...scopes && {
      scopes: Object.fromEntries(
        Object.entries(scopes).map(([scope, map]) => [place(scope), targets(Object(map))]),
      ),
    },
  };
}
