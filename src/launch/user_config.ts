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
  const { size } = statSync(path);
  if (size > mostBytes[kind]) {
    throw new Refusal(`${path} has ${size} bytes; at most ${mostBytes[kind]} are read`);
  }
  return readFileSync(path, "utf8");
}

/** The parts of a `deno.json` that determine what modules import. */
interface Importing {
  readonly imports?: Readonly<Record<string, unknown>> | undefined;
  readonly scopes?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
  readonly importMap?: unknown;
  readonly compilerOptions?: unknown;
}

/**
 * Returns the part of a `deno.json` that determines what modules import, as the content of a
 * configuration in another folder. Everything else is left out: unstable features could start
 * programs, for example, and `vendor` writes files.
 *
 * @param path The path of the `deno.json`.
 * @param text Its text.
 * @throws {Refusal} If it is not valid.
 */
export function importsOfUser(path: string, text: string): Record<string, unknown> {
  const { imports, scopes, importMap, compilerOptions } = parsed<Importing>(path, text);
  if (typeof importMap === "string" && imports === undefined && scopes === undefined) {
    if (/^[a-z][a-z0-9+.-]+:/i.test(importMap)) {
      throw new Refusal(
        `${path} names an import map on a server, ${importMap}: copy it to \`imports\``,
      );
    }
    const file = resolve(dirname(path), importMap);
    const map = parsed<Importing>(file, readOfUser(file, "config"));
    return { ...moved(file, map), compilerOptions };
  }
  return { ...moved(path, { imports, scopes }), compilerOptions };
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
