import { homedir } from "node:os";
import { join, resolve } from "node:path";

/**
 * The folder of this user in which Rocket keeps what it set up once.
 *
 * It is the environment variable `ROCKET_CACHE`, else `rocket-launching` in the platform's place
 * for caches: `XDG_CACHE_HOME` or `~/.cache`, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on
 * Windows.
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
