import { homedir } from "node:os";
import { join, posix, resolve, win32 } from "node:path";
import type { OperatingSystem } from "./end_signals.ts";

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
  const base = Deno.env.get("XDG_CACHE_HOME") || cachesOf(Deno.build.os, homedir());
  return resolve(base, "rocket-launching");
}

/**
 * Returns the folder that an operating system has for a user's caches.
 *
 * @param os The operating system.
 * @param home The user's home folder.
 * @param local The value of the variable `LOCALAPPDATA`, which only Windows has.
 */
export function cachesOf(
  os: OperatingSystem,
  home: string,
  local: string | undefined = os === "windows" ? Deno.env.get("LOCALAPPDATA") : undefined,
): string {
  if (os === "darwin") return posix.join(home, "Library", "Caches");
  if (os === "windows") return local || win32.join(home, "AppData", "Local");
  return posix.join(home, ".cache");
}

/**
 * Returns the folder that records the hashes of nets. When Rocket stores a converted net in a run
 * folder, it also records the hash of the file here. Later, it uses a stored file only if its hash
 * is recorded.
 */
export const keptNetsFolder = (): string => join(cacheFolder(), "nets");

/**
 * Returns the folder that keeps the logits of teachers that are nets of earlier runs, for the
 * training rows for which they were computed.
 */
export const teachersFolder = (): string => join(cacheFolder(), "teachers");
