import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import { cacheFolder } from "../base/machine/cache_folder.ts";
import { denoFolder } from "../base/machine/deno_folder.ts";

/** A record of downloaded packages and modules. */
export interface Fetched {
  /** The specifiers of the packages and modules, such as `npm:x@1`. */
  readonly specifiers: readonly string[];
  /** The absolute paths of their files and folders. */
  readonly paths: readonly string[];
  /** The content of the lock file after the download, if there is one. */
  readonly lock?: string;
}

/**
 * Returns the record of an earlier download if all its files still exist. If Deno itself checked
 * this, it would take ten times as long.
 *
 * @param key The key of the record.
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
 * Stores a record of a download for later runs. If it cannot be written, later runs ask Deno
 * whether everything has been downloaded, which takes longer.
 *
 * @param key The key of the record.
 * @param fetched The record.
 */
export async function remember(key: readonly string[], fetched: Fetched): Promise<void> {
  try {
    const file = memory(key);
    await Deno.mkdir(join(file, ".."), { recursive: true });
    await Deno.writeTextFile(file, JSON.stringify(fetched));
  } catch {
    // The record only saves time.
  }
}

/** Returns the file of a record. It depends on Deno's version, its cache, and the registries. */
function memory(key: readonly string[]): string {
  const variables = ["NPM_CONFIG_REGISTRY", "JSR_URL"].map((name) => Deno.env.get(name) ?? "");
  const all = JSON.stringify([Deno.version.deno, denoFolder(), ...variables, registries(), key]);
  const hash = createHash("sha256").update(all).digest("hex").slice(0, 32);
  return join(cacheFolder(), "fetched", `${hash}.json`);
}

/** Reads the user's configuration of npm registries. */
function registries(): string {
  try {
    return Deno.readTextFileSync(join(homedir(), ".npmrc"));
  } catch {
    return "";
  }
}
