import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import { cacheFolder } from "../base/machine/cache_folder.ts";
import { denoFolder } from "../base/machine/deno_folder.ts";

/** What has been downloaded. */
export interface Fetched {
  /** What it was asked for by, such as `npm:x@1`. */
  readonly specifiers: readonly string[];
  /** The files and folders that it consists of, as absolute paths. */
  readonly paths: readonly string[];
}

/**
 * What is remembered to have been downloaded, if it is there still. Deno itself takes ten times as
 * long to look.
 *
 * @param key What it was remembered by.
 */
export async function recall(key: readonly string[]): Promise<Fetched | undefined> {
  try {
    const fetched: Fetched = JSON.parse(await Deno.readTextFile(memory(key)));
    for (const path of fetched.paths) Deno.statSync(path);
    return fetched;
  } catch {
    return undefined;
  }
}

/**
 * Remembers what has been downloaded. Where nothing can be written, each run asks Deno again.
 *
 * @param key What it is remembered by.
 * @param fetched What it is.
 */
export async function remember(key: readonly string[], fetched: Fetched): Promise<void> {
  try {
    const file = memory(key);
    await Deno.mkdir(join(file, ".."), { recursive: true });
    await Deno.writeTextFile(file, JSON.stringify(fetched));
  } catch {
    // It is only sooner known.
  }
}

/** Versions of Deno, its caches and registries have a memory each. */
function memory(key: readonly string[]): string {
  const variables = ["NPM_CONFIG_REGISTRY", "JSR_URL"].map((name) => Deno.env.get(name) ?? "");
  const all = JSON.stringify([Deno.version.deno, denoFolder(), ...variables, registries(), key]);
  const hash = createHash("sha256").update(all).digest("hex").slice(0, 32);
  return join(cacheFolder(), "fetched", `${hash}.json`);
}

/** What this user says of the registries of npm. */
function registries(): string {
  try {
    return Deno.readTextFileSync(join(homedir(), ".npmrc"));
  } catch {
    return "";
  }
}
