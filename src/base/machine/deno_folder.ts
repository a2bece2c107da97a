import { homedir } from "node:os";
import { join, resolve } from "node:path";

/**
 * Returns the folder of Deno's downloads: npm packages are in `npm`, other modules in `remote`.
 */
export function denoFolder(): string {
  const own = Deno.env.get("DENO_DIR");
  if (own) return resolve(own);
  const { os } = Deno.build;
  if (os === "darwin") return join(homedir(), "Library", "Caches", "deno");
  if (os === "windows") return join(Deno.env.get("LOCALAPPDATA") ?? homedir(), "deno");
  return join(Deno.env.get("XDG_CACHE_HOME") || join(homedir(), ".cache"), "deno");
}
