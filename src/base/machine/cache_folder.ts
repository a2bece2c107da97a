import { homedir } from "node:os";
import { join, resolve } from "node:path";

/**
 * Returns this user's folder for files that Rocket downloads or builds once.
 *
 * It is the value of `ROCKET_CACHE` if this environment variable is set. Otherwise, it is
 * `rocket-launching` in the platform's cache folder: `XDG_CACHE_HOME` or `~/.cache`,
 * `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows.
 *
 * @returns An absolute path; the folder may not exist yet.
 */
export function cacheFolder(): string {
  const own = Deno.env.get("ROCKET_CACHE");
  if (own) return resolve(own);
  const base = Deno.env.get("XDG_CACHE_HOME") || {
    darwin: join(homedir(), "Library", "Caches"),
    windows: Deno.env.get("LOCALAPPDATA") || join(homedir(), "AppData", "Local"),
  }[Deno.build.os as string] || join(homedir(), ".cache");
  return resolve(base, "rocket-launching");
}

/**
 * Returns the folder with the hashes of the nets that this user's Rocket converted and stored in run
 * folders.
 */
export const keptNetsFolder = (): string => join(cacheFolder(), "nets");
