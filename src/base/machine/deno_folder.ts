import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { cachesOf } from "./cache_folder.ts";

/**
 * Returns the folder of Deno's downloads: npm packages are in `npm`, other modules in `remote`.
 */
export function denoFolder(): string {
  const own = Deno.env.get("DENO_DIR");
  if (own) return resolve(own);
  const { os } = Deno.build;
  const usesVariable = os !== "darwin" && os !== "windows";
  const base = usesVariable && Deno.env.get("XDG_CACHE_HOME") || cachesOf(os, homedir());
  return join(base, "deno");
}
