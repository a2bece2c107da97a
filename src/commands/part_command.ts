import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../base/errors.ts";
import { flagsOf, type Need } from "../base/machine/permissions.ts";
import { isEvaluated } from "../launch/ask_needs.ts";
import { beyondCheck, type Granted, grantedVariables } from "../launch/granted_within.ts";
import { endedEarly, evaluationNeeds, needsOf } from "../launch/command_line/needs.ts";

/** The launcher's permissions, as in the task that starts it. Its child processes have fewer. */
const launcherFlags = [
  ...["read", "write", "env", "sys=homedir", "run"].map((name) => `--allow-${name}`),
  ...["--no-prompt", "--quiet"],
];

/** The command that starts a part of a sweep: the check, a run, or the measurement of latencies. */
export interface PartStart {
  /** The arguments for Deno. */
  readonly command: readonly string[];
  /** Environment variables that are added to those of this process. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Starts the parts of a sweep: the check of all runs, each run, and the measurement of latencies.
 * Each part gets the permissions that it needs. A part that needs more permissions than the check
 * is rejected, because only the permissions of the check were shown to the user.
 */
export class Parts {
  #check: Granted | undefined;

  /**
   * Determines how to start Deno for a part. In a project, the launcher starts it. If Rocket is a
   * package from a registry, the permissions are determined here, since this process runs no code
   * of pipelines.
   *
   * @param args The arguments of the part's command line.
   * @param isCheck Whether the part is the check, which is the first one.
   * @throws {UserError} If the part needs more permissions than the check; exit code 2.
   */
  async start(args: readonly string[], isCheck: boolean): Promise<PartStart> {
    const launcher = new URL("../launch/main.ts", import.meta.url);
    if (launcher.protocol === "file:") {
      // The launcher of this process created this folder and removes it. Parts cannot write to it.
      const name = isCheck ? grantedVariables.keep : grantedVariables.within;
      return {
        command: ["run", ...launcherFlags, fileURLToPath(launcher), "run", "cli.ts", ...args],
        env: { [name]: join(tmpdir(), "granted.json") },
      };
    }
    const { permissions, hasCode } = await needsOf(args, tmpdir(), evaluateApart);
    if (isCheck) this.#check = { permissions, hasCode };
    const at = args.indexOf("--out"), out = at < 0 ? undefined : args[at + 1];
    const beyond = beyondCheck({ permissions, hasCode }, this.#check!, {
      temporary: tmpdir(),
      ...(out !== undefined && { out: resolve(out) }),
    });
    if (beyond !== undefined) throw new UserError(beyond, { exitCode: 2 });
    const cli = new URL("../../cli.ts", import.meta.url);
    return { command: ["run", ...granted(permissions), cli.href, ...args], env: {} };
  }
}

/**
 * Evaluates a pipeline in TypeScript in a process that may only read its project.
 */
async function evaluateApart(path: string): Promise<{ readonly default?: unknown }> {
  const program = new URL("../launch/programs/evaluate.ts", import.meta.url);
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...granted(await evaluationNeeds(path)), program.href, path, path],
    stdin: "null",
    stderr: "null",
  }).output();
  const line = new TextDecoder().decode(stdout).trimEnd().split("\n").at(-1)!;
  const answer = code === 0 ? parsed(line) : undefined;
  if (!isEvaluated(answer) || "ended" in answer) throw endedEarly(path);
  if ("problems" in answer) throw new UserError(answer.problems, { exitCode: 2 });
  return { default: answer.value };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/**
 * Finds the configuration file for the flag `--config`. Deno finds it automatically for a package's
 * specifier, but not for a URL.
 */
function configured(): string[] {
  for (let at = Deno.cwd();; at = dirname(at)) {
    for (const name of ["deno.json", "deno.jsonc"]) {
      const file = join(at, name);
      if (isFile(file)) return ["--config", file];
    }
    if (at === dirname(at)) return [];
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    // The file does not exist, or this process may not read it because the run does not need it.
    return false;
  }
}

function granted(permissions: readonly Need[]): string[] {
  const flags = flagsOf(permissions);
  if (flags) return [...flags, "--no-prompt", "--quiet", ...configured()];
  throw new UserError(
    "a path of the sweep contains a comma, which Deno's permission flags do not support: rename it",
    { exitCode: 2 },
  );
}
