import { join } from "node:path";
import type { Build } from "../../../src/engine/native/build.ts";
import { findBuilds } from "../../../src/engine/native/build.ts";
import { cacheFolder } from "../../../src/base/machine/cache_folder.ts";

/** Whether shell scripts can stand in for programs here. */
export const SCRIPTS: boolean = Deno.build.os !== "windows";

/** Runs a function with a folder that is removed afterwards. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs a function with environment variables set, or unset, and puts them back. */
export async function withEnvironment(
  variables: Record<string, string | undefined>,
  body: () => Promise<void>,
): Promise<void> {
  const set = (name: string, value: string | undefined) =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  const before = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
  try {
    for (const [name, value] of Object.entries(variables)) set(name, value);
    await body();
  } finally {
    for (const [name, value] of before) set(name, value);
  }
}

/** Writes a shell script that can be run. */
export async function writeScript(
  folder: string,
  name: string,
  ...lines: string[]
): Promise<string> {
  const path = join(folder, name);
  await Deno.writeTextFile(path, ["#!/bin/sh", ...lines, ""].join("\n"), { mode: 0o755 });
  return path;
}

/** This user's native engine, if it is set up: tests of it are skipped elsewhere. */
export async function userBuild(): Promise<Build | undefined> {
  const build = (await findBuilds(cacheFolder(), undefined))
    .find(({ origin }) => origin === "wheel");
  if (build === undefined) console.error("skipped: the native engine is not set up");
  return build;
}
