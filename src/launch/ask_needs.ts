import { join } from "node:path";
import type { Cluster } from "../cluster/processes.ts";
import { type Need, PERMISSIONS } from "../base/machine/permissions.ts";
import { printable } from "../base/printable.ts";
import { type ChildEnd, runChild } from "./child.ts";
import type { Fetcher } from "./fetch.ts";
import { logLine } from "./log_line.ts";
import { limitOf, type MemoryLimit, writtenMemory } from "./memory_limit.ts";
import { type ProgramName, programs, type Rocket } from "./rocket.ts";
import { writeTemporary } from "./temporary.ts";

/**
 * The needs of a command line, or the pipeline in TypeScript that has to be evaluated to determine
 * them.
 */
export type NeedsAnswer = CommandNeeds | {
  /** The absolute path of the pipeline to evaluate. */
  readonly evaluate: string;
  /** The permissions that the evaluation needs. */
  readonly permissions: readonly Need[];
  /** The most memory that the evaluation may take, in bytes, if the user limits it. */
  readonly memory?: number | undefined;
};

/** The permissions, packages and engine that a command line needs. */
export interface CommandNeeds {
  /** The permissions. */
  readonly permissions: readonly Need[];
  /** The engine that the user chose; absent if the command computes nothing. */
  readonly engine?: string | undefined;
  /** Whether the pipeline loads code other than Rocket's, or is such code. */
  readonly hasCode: boolean;
  /**
   * The code other than Rocket's that the command loads: absolute paths, and specifiers such as
   * `npm:x`.
   */
  readonly code: readonly string[];
  /** For code that only the list of a `deno.json` allows, the path of this file. */
  readonly listedIn: Readonly<Record<string, string>>;
  /** The packages that Rocket loads for this command, in addition to those of every run. */
  readonly packages: readonly string[];
  /** Whether the command may download packages while it runs, since it only loads Rocket's code. */
  readonly downloads?: boolean | undefined;
  /** Whether the command only sets up the native engine. */
  readonly setsUp?: boolean | undefined;
  /** Whether the command answers requests until it is stopped. */
  readonly answers?: boolean | undefined;
  /** The processes that train together; undefined if this process trains alone. */
  readonly cluster?: Cluster | undefined;
  /** The most memory that the command may take, in bytes, if the user limits it. */
  readonly memory?: number | undefined;
  /** Whether TensorFlow is already set up. */
  readonly built: boolean;
  /**
   * What the command prints, if that is known already: its help, the version, or, with
   * `--permissions`, the list of all permissions with their reasons.
   */
  readonly text?: string | undefined;
}

/**
 * The result of evaluating a pipeline in TypeScript: its value, in which each stage object is
 * replaced by a text; the problems of the evaluation; or `ended` if the process ended without a
 * result.
 */
export type Evaluated = { readonly value: unknown } | { readonly problems: readonly Told[] } | {
  readonly ended: true;
};

/** A problem that the evaluating process reported, as far as the launcher reads it. */
interface Told {
  readonly message: string;
  readonly hint?: string | undefined;
}

/**
 * The options of {@linkcode askNeeds}: the user's folder, a folder for temporary files, and the
 * object that downloads packages.
 */
export interface AskOptions {
  readonly cwd: string;
  readonly temporary: string;
  readonly fetcher: Fetcher;
}

/** The maximum number of files of a pipeline, which is more than any pipeline needs. */
const MAX_FILES = 200;

/** The maximum size of an answer in bytes, since code of a pipeline may print without end. */
const MAX_BYTES = 2 ** 26;

/**
 * The maximum size in bytes of all values of a pipeline in TypeScript, as JSON. A file of YAML has at
 * most half a megabyte.
 */
const MAX_VALUES = 2 ** 22;

/** The time in milliseconds after which a message names a pipeline that is still evaluated. */
const QUIET = 3_000;

/** The maximum time for the evaluation of a pipeline, in milliseconds. */
const PATIENCE = 120_000;

/**
 * Determines what a command line needs, in a process that runs only Rocket's code. If this depends
 * on a pipeline in TypeScript, another process evaluates the pipeline. That process may only read
 * the pipeline's project, and its output is only used as the pipeline's value.
 *
 * @param rocket How Deno finds modules.
 * @param args The arguments of the command line.
 * @param options The folders, and the downloader for code that is evaluated.
 * @returns The needs; or the end of the process if the command line is wrong.
 */
export async function askNeeds(
  rocket: Rocket,
  args: readonly string[],
  { cwd, temporary, fetcher }: AskOptions,
): Promise<CommandNeeds | ChildEnd> {
  const evaluated: Record<string, Evaluated> = {};
  const file = join(temporary, "evaluated.json");
  const written = await limitOf(writtenMemory(args));
  for (let files = 0; files < MAX_FILES; files++) {
    const text = JSON.stringify(evaluated);
    if (text.length > MAX_VALUES) {
      logLine(
        `error: the values of the pipeline's files in TypeScript have more than ${MAX_VALUES} ` +
          "bytes as JSON; write long lists to data files, and name those",
      );
      return { code: 2, signal: null };
    }
    await writeTemporary(file, text);
    const answer = await answerOf<NeedsAnswer>(rocket, {
      flags: [
        "--allow-read",
        "--allow-env",
        "--allow-sys=homedir,networkInterfaces",
        "--no-prompt",
        ...rocket.flags,
      ],
      program: "needs",
      args: [temporary, file, ...args],
      cwd,
      limit: written,
    });
    if ("end" in answer) return asFailure(answer.end);
    refuseUnknown(answer.value.permissions);
    if (!("evaluate" in answer.value)) return answer.value;
    const { evaluate: path, permissions, memory } = answer.value;
    await fetcher.fetch({ packages: [], hasCode: true, code: [path], listedIn: {}, hosts: [] });
    const limit = await limitOf(memory);
    const result = await evaluate(rocket, { path, permissions, cwd, limit });
    if ("code" in result) return result;
    evaluated[path] = result;
  }
  throw new Error(`the pipeline consists of more than ${MAX_FILES} files`);
}

/** Returns a failing end for a process without an answer, even if its exit code was 0. */
function asFailure(end: ChildEnd): ChildEnd {
  if (end.code !== 0) return end;
  logLine(`error: ${programs.needs} ended without an answer; this is a bug in Rocket`);
  return { code: 1, signal: null };
}

/** Rejects unknown permissions, and permissions without a value, which would allow everything. */
function refuseUnknown(permissions: readonly Need[]): void {
  for (const { permission, of } of permissions) {
    if (PERMISSIONS.includes(permission) && typeof of === "string" && of !== "") continue;
    throw new Error(
      `the permission ${JSON.stringify(permission)} for ${JSON.stringify(of)} cannot be granted`,
    );
  }
}

async function evaluate(
  rocket: Rocket,
  { path, permissions, cwd, limit }: {
    readonly path: string;
    readonly permissions: readonly Need[];
    readonly cwd: string;
    readonly limit: MemoryLimit | undefined;
  },
): Promise<Evaluated | ChildEnd> {
  const flags = await rocket.grantedFlags(permissions, { name: "evaluate", isForeign: true });
  const timer = setTimeout(
    () => logLine(printable(`still evaluating ${path}: its top-level code is running or waiting`)),
    QUIET,
  );
  using _timer = { [Symbol.dispose]: () => clearTimeout(timer) };
  const answer = await answerOf<Evaluated>(rocket, {
    flags,
    program: "evaluate",
    args: [path, path],
    cwd,
    patience: PATIENCE,
    limit,
  });
  if ("end" in answer && answer.end.isTooLarge) return answer.end;
  if ("value" in answer && isEvaluated(answer.value)) return answer.value;
  return { ended: true };
}

/**
 * Checks whether a value has the form of the message that a process sends after it has evaluated a
 * pipeline in TypeScript.
 */
export const isEvaluated = (value: unknown): value is Evaluated =>
  typeof value === "object" && value !== null &&
  ("problems" in value
    ? Array.isArray(value.problems) && value.problems.length > 0 && value.problems.every(isTold)
    : "value" in value);

/** Checks whether a value is a problem, since code of a pipeline may print anything. */
function isTold(problem: unknown): boolean {
  if (typeof problem !== "object" || problem === null) return false;
  const { message, hint = "", place = { file: "" } } = problem as Record<string, unknown>;
  if (typeof message !== "string" || typeof hint !== "string") return false;
  if (typeof place !== "object" || place === null) return false;
  return "file" in place && Object.values(place).every((value) => typeof value !== "object");
}

/** A program in `programs/` that prints an answer. */
interface Asked {
  /** The arguments for Deno: permissions, and how modules are found. */
  readonly flags: readonly string[];
  /** The program. */
  readonly program: ProgramName;
  /** The arguments of the program. */
  readonly args: readonly string[];
  /** The folder to run in. */
  readonly cwd: string;
  /** The time in milliseconds after which the program is killed. Its errors are then not shown. */
  readonly patience?: number;
  /** The most memory that the program may take; undefined if this system cannot watch it. */
  readonly limit: MemoryLimit | undefined;
}

/** Runs a program and parses the last line that it prints. Without one, returns how it ended. */
async function answerOf<T>(
  rocket: Rocket,
  { flags, program, args, cwd, patience, limit }: Asked,
): Promise<{ readonly value: T } | { readonly end: ChildEnd }> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const end = await runChild(
    ["run", "--quiet", "--cached-only", ...flags, ...rocket.program(program), ...args],
    {
      cwd,
      memory: Promise.resolve(limit),
      onOutput(chunk) {
        bytes += chunk.length;
        if (bytes <= MAX_BYTES) chunks.push(chunk);
      },
      ...(patience !== undefined && { patience, stderr: "null" }),
    },
  );
  if (end.code !== 0 || bytes > MAX_BYTES) return { end };
  const text = (await new Blob(chunks).text()).trimEnd();
  try {
    return { value: JSON.parse(text.slice(text.lastIndexOf("\n") + 1)) };
  } catch {
    return { end };
  }
}
