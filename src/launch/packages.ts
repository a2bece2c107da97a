import { logLine } from "./log_line.ts";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ProjectConfig } from "./project.ts";

/**
 * Prints that npm packages are being downloaded, if they do not seem to be in Deno's cache. No
 * other message explains this wait in a first run.
 *
 * @param config The content of the project's `deno.json`.
 */
export async function announceDownload(config: ProjectConfig): Promise<void> {
  const names = Object.values(config.imports)
    .map((target) => /^npm:\/?(@[^/]+\/[^@/]+|[^@/]+)/.exec(target)?.[1])
    .filter((name) => name !== undefined);
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
    stderr: "null",
  }).output();
  if (!success) return;
  const { npmCache }: { npmCache: string } = JSON.parse(new TextDecoder().decode(stdout));
  const registries = Deno.readDirSync.bind(null, npmCache);
  const isThere = (name: string) => {
    try {
      return [...registries()].some(({ name: host }) => existsSync(join(npmCache, host, name)));
    } catch {
      return false;
    }
  };
  if (!names.every(isThere)) logLine("downloading npm packages, which is only needed once …");
}
