import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "../../src/base/machine/cache_folder.ts";
import { denoFolder } from "../../src/base/machine/deno_folder.ts";
import { openProject } from "../../src/launch/project.ts";

/** The project's folder. */
export const root: string = fileURLToPath(new URL("../../", import.meta.url));

/** How Deno finds the project's modules here. */
export const { flags }: { readonly flags: readonly string[] } = await openProject(root);

/** What a program left. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a program of the project left. */
export interface Launched extends Ended {
  /** The lines of standard error about what takes long, which `stderr` leaves out. */
  readonly waiting: readonly string[];
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

/** Deno's options for the launcher, as in the tasks of `deno.json`. */
const launching: readonly string[] = launchingFrom(root);

/**
 * Returns the arguments by which Deno starts the launcher of a checkout; the name of a program and
 * its arguments follow.
 *
 * @param folder The checkout.
 */
export function launchingFrom(folder: string): string[] {
  return [
    ...["run", "--allow-read", "--allow-write", "--allow-env", "--allow-sys=homedir"],
    ...["--allow-run", "--no-prompt", "--quiet", join(folder, "src", "launch", "main.ts"), "run"],
  ];
}

/** Arguments by which Deno runs the command line as `deno task pipeline` does. */
export const launcher: readonly string[] = [...launching, "cli.ts"];

let home: string | undefined;

/**
 * The folder of a user who has nothing in it: neither the repository nor caches. It is there until
 * the tests of a file have ended.
 */
export function emptyHome(): string {
  if (home === undefined) {
    const made = home = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "rocket-home-" }));
    addEventListener("unload", () => Deno.removeSync(made, { recursive: true }));
  }
  return home;
}

/**
 * The environment of a user with an empty home folder. The caches are those of these tests, so that
 * nothing is downloaded and built again.
 *
 * @param more What is different.
 */
export function userEnvironment(
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const { INIT_CWD: _, XDG_CACHE_HOME: __, ...own } = Deno.env.toObject();
  const caches = { DENO_DIR: denoFolder(), ROCKET_CACHE: cacheFolder() };
  return { ...own, NO_COLOR: "1", HOME: emptyHome(), ...caches, ...more };
}

/** How a program of the project is started. */
export interface LaunchOptions extends ProgramOptions {
  /** Whether it is in a group of processes of its own, with what it starts. */
  readonly detached?: boolean;
}

/**
 * A program of the project, started by the launcher with the rights of a user, outside of the
 * repository.
 *
 * @param module The module, such as `cli.ts`.
 * @param args Its arguments.
 * @param options The folder, an empty one by default, and more of the environment.
 */
export function launched(
  module: string,
  args: readonly string[],
  { cwd = emptyHome(), env = {}, detached = false }: LaunchOptions = {},
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: [...launching, module, ...args],
    cwd,
    env: userEnvironment(env),
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached,
  });
}

/**
 * Runs a program of the project to its end, as {@linkcode launched}.
 *
 * @param module The module, such as `cli.ts`.
 * @param args Its arguments.
 * @param options The folder and more of the environment.
 */
export async function launch(
  module: string,
  args: readonly string[],
  options?: ProgramOptions,
): Promise<Launched> {
  const { code, stdout, stderr } = await launched(module, args, options).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const waiting: string[] = [];
  const rest = text(stderr).replace(WAITING, (line) => {
    waiting.push(line.trimEnd());
    return "";
  });
  return { code, stdout: text(stdout), stderr: rest, waiting };
}

/** The lines that the launcher prints if something takes long, which may be due to the machine. */
const WAITING = /^still (?:reading what|evaluating) .*\n/gm;

/**
 * Runs the command line of Rocket, as `deno task pipeline` does where a user stands.
 *
 * @param args The arguments after `pipeline`.
 * @param options The folder, an empty one by default, and more of the environment.
 */
export function rocket(args: readonly string[], options?: ProgramOptions): Promise<Launched> {
  return launch("cli.ts", args, options);
}

/**
 * The flags of Deno by which the launcher would run a command line: for tests that need the process
 * itself.
 *
 * @param args The arguments after `pipeline`.
 * @param cwd Where it runs.
 */
export async function grantedFlags(args: readonly string[], cwd: string): Promise<string[]> {
  const { stdout, stderr } = await launch("cli.ts", [...args, "--permissions"], { cwd });
  const line = stdout.trimEnd().split("\n").at(-1)!;
  const granted = line.match(/'--allow-[^']*'/g)?.map((flag) => flag.slice(1, -1));
  if (!granted) throw new Error(`no permissions: ${stderr}`);
  return [...granted, "--no-prompt", ...flags];
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

/**
 * Runs the command line in a shell that redirects its output.
 *
 * @param args The arguments.
 * @param where The redirections, such as `> /dev/full`, or the rest of a pipeline.
 * @param cwd The folder, an empty one by default.
 */
export async function redirected(
  args: readonly string[],
  where: string,
  cwd: string = emptyHome(),
): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", `"$@" ${where}`, "sh", Deno.execPath(), ...launcher, ...args],
    env: userEnvironment(),
    clearEnv: true,
    cwd,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
