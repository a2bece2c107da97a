import { tell } from "./tell.ts";
import { join } from "node:path";
import type { ProjectConfig } from "./project.ts";

/**
 * Says that a project's npm packages are downloaded, if it seems that they have not been: the one
 * wait in a first run that nothing else tells of.
 *
 * @param config What is in the project's `deno.json`.
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
      return [...registries()].some(({ name: host }) => exists(join(npmCache, host, name)));
    } catch {
      return false;
    }
  };
  if (!names.every(isThere)) tell("downloading npm packages, this once …");
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
