import { openProject } from "../src/launch/project.ts";

/** What a process has measured. */
export interface Measured {
  readonly seconds: number;
  readonly bytes: number;
}

/**
 * Runs the main module once more, in a process of its own.
 *
 * @param args Its arguments.
 * @returns What its last line says.
 */
export async function launched(args: readonly string[]): Promise<Measured> {
  const { flags } = await openProject(new URL("../", import.meta.url).pathname);
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", ...flags, Deno.mainModule, ...args],
    stderr: "inherit",
  }).output();
  if (code !== 0) throw new Error(`it ended with the code ${code}`);
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
}
