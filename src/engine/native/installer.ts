import { join } from "node:path";
import { UserError } from "../../base/errors.ts";
import { ADDON } from "./addon.ts";
import { runCommand } from "./command.ts";
import { filesUnder, remove } from "./files.ts";
import { TFJS_VERSION } from "./versions.ts";

/**
 * Downloads the addon and a matching TensorFlow with tfjs-node's own installer, like `npm install`.
 * These versions are older but need no compiler.
 *
 * @param folder The folder that receives `lib/` with the addon and `deps/lib/` with the library,
 *   where the addon looks for it.
 * @returns The paths of the addon and of the library.
 * @throws {UserError} If the installer fails.
 */
export async function installAddon(folder: string): Promise<{ addon: string; library: string }> {
  const project = join(folder, "project");
  const specifier = `npm:@tensorflow/tfjs-node@${TFJS_VERSION}`;
  await Deno.mkdir(project);
  await Deno.writeTextFile(
    join(project, "deno.json"),
    JSON.stringify({
      nodeModulesDir: "auto",
      lock: false,
      imports: { "@tensorflow/tfjs-node": specifier },
    }),
  );
  try {
    const { output } = await runCommand(
      [Deno.execPath(), "install", `--allow-scripts=${specifier}`],
      { cwd: project, env: { NO_COLOR: "1" }, abort: AbortSignal.timeout(15 * 60_000) },
    );
    const link = join(project, "node_modules", "@tensorflow", "tfjs-node");
    const installed = await Deno.realPath(link).catch(() => link);
    const addon = (await filesUnder(join(installed, "lib"))).find((path) => path.endsWith(ADDON));
    if (addon === undefined) {
      throw new UserError(`tfjs-node's own installer failed: ${reason(output)}`);
    }
    for (const part of ["lib", "deps"]) {
      await Deno.rename(join(installed, part), join(folder, part));
    }
    const moved = (path: string) => join(folder, path.slice(installed.length));
    const library = (await filesUnder(join(folder, "deps", "lib"))).sort()[0] ?? "";
    return { addon: moved(addon), library };
  } finally {
    await remove(project);
  }
}

/** Extracts the reason for a failure from the installer's output. */
function reason(output: string): string {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|error sending request/.test(output)) {
    return "its download server cannot be reached";
  }
  const lines = output.split("\n").filter((line) => /error/i.test(line));
  return lines.at(-1)?.trim() ?? "it produced no addon";
}
