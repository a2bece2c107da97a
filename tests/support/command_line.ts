import { fileURLToPath } from "node:url";
import { openProject } from "../../scripts/launch/project.ts";

/** The project's folder. */
export const root: string = fileURLToPath(new URL("../../", import.meta.url));

/** How Deno finds the project's modules here. */
export const { flags }: { readonly flags: readonly string[] } = await openProject(root);

/** Arguments by which Deno runs the command line as `deno task pipeline` does. */
export const launcher: readonly string[] = [
  ...["run", "--allow-read", "--allow-write", "--allow-env", "--allow-sys=homedir", "--allow-run"],
  ...["--no-prompt", "--quiet", `${root}scripts/launch.ts`, "run", "cli.ts"],
];

/** What a program left. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where and with what a program runs. */
export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs Deno to its end.
 *
 * @param args Its arguments.
 * @param options The folder and more of the environment.
 */
export async function deno(args: readonly string[], options: ProgramOptions = {}): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: options.cwd ?? root,
    env: { NO_COLOR: "1", ...options.env },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/**
 * Runs the command line of Rocket, as `deno task pipeline` does.
 *
 * @param args The arguments after `pipeline`.
 * @param options The folder and more of the environment.
 */
export function rocket(args: readonly string[], options?: ProgramOptions): Promise<Ended> {
  return deno(["run", "-A", "--quiet", ...flags, `${root}cli.ts`, ...args], options);
}

/**
 * Gives a test a folder of its own.
 *
 * @param test What is done in it; the folder is removed afterwards.
 */
export async function inFolder<T>(test: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "rocket-test-" });
  try {
    return await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
