import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../base/errors.ts";
import { flagsOf, type Need } from "../base/machine/permissions.ts";
import { isEvaluated } from "../launch/ask_needs.ts";
import { beyondCheck, type Granted, grantedVariables } from "../launch/granted_within.ts";
import { endedEarly, evaluationNeeds, needsOf } from "../launch/command_line/needs.ts";

/** What the launcher may do, as in the task that starts it; it gives its children less. */
const launcherFlags = [
  ...["read", "write", "env", "sys=homedir", "run"].map((name) => `--allow-${name}`),
  ...["--no-prompt", "--quiet"],
];

/** How a part of a sweep is started. */
export interface PartStart {
  /** The arguments for Deno. */
  readonly command: readonly string[];
  /** More of the environment. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The parts of a sweep: each has what it needs, and no more than its check had, of which the person
 * was told.
 */
export class Parts {
  #check: Granted | undefined;

  /**
   * How Deno is started for a part: by the project's launcher; as a package of a registry, with the
   * permissions that are worked out here, where no foreign code runs.
   *
   * @param args The arguments of the part's command line.
   * @param isCheck Whether it is the check, which comes first.
   * @throws {UserError} If the part names more than the check; exit code 2.
   */
  async start(args: readonly string[], isCheck: boolean): Promise<PartStart> {
    const launcher = new URL("../launch/main.ts", import.meta.url);
    if (launcher.protocol === "file:") {
      // The launcher of this process has made the folder, and removes it. No part may write to it.
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
 * What a pipeline in TypeScript exports, by a process that may read its project and do nothing
 * else.
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
 * The configuration that Deno finds for itself where it starts with what a registry calls the
 * package, and not for a URL.
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
    // It is not there, or not among what this process may read, as then nothing of it is needed.
    return false;
  }
}

function granted(permissions: readonly Need[]): string[] {
  const flags = flagsOf(permissions);
  if (flags) return [...flags, "--no-prompt", "--quiet", ...configured()];
  throw new UserError(
    "a path of the sweep has a comma, which no flag of Deno can name: move it to a folder without one",
    { exitCode: 2 },
  );
}
