import { openProject } from "../src/launch/project.ts";

/** The measurements of a process. */
export interface Measured {
  readonly seconds: number;
  readonly bytes: number;
}

/**
 * Runs the main module again in a separate process.
 *
 * @param args The arguments of the process.
 * @returns The measurements that the process printed as JSON on its last line.
 */
export async function launched(args: readonly string[]): Promise<Measured> {
  const { flags } = await openProject(new URL("../", import.meta.url).pathname);
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", ...flags, Deno.mainModule, ...args],
    stderr: "inherit",
  }).output();
  if (code !== 0) throw new Error(`the measuring process failed with exit code ${code}`);
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
}
