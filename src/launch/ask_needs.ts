import { join } from "node:path";
import { type Need, PERMISSIONS } from "../base/machine/permissions.ts";
import { type ChildEnd, runChild } from "./child.ts";
import type { Fetcher } from "./fetch.ts";
import { grantedArguments } from "./granted.ts";
import type { Project } from "./project.ts";
import { tell } from "./tell.ts";

/** What a command line needs, or which pipeline in TypeScript has to be evaluated to know it. */
export type NeedsAnswer = CommandNeeds | {
  /** The pipeline's absolute path. */
  readonly evaluate: string;
  /** What its evaluation needs. */
  readonly permissions: readonly Need[];
};

/** What a command line needs. */
export interface CommandNeeds {
  /** The permissions. */
  readonly permissions: readonly Need[];
  /** Which engine is wanted; absent if the command computes nothing. */
  readonly engine?: string | undefined;
  /** Whether the pipeline names, or is, code that is not Rocket's. */
  readonly hasCode: boolean;
  /**
   * The code that is not Rocket's and that it loads: absolute paths, and specifiers such as
   * `npm:x`.
   */
  readonly code: readonly string[];
  /** Packages that Rocket itself loads for it, beside those that each run loads. */
  readonly packages: readonly string[];
  /** Whether it may download packages while it runs, as it loads no code but Rocket's own. */
  readonly downloads?: boolean | undefined;
  /** Whether TensorFlow is there. */
  readonly built: boolean;
  /** All that is needed, with the reasons, where `--permissions` asks for it. */
  readonly text?: string | undefined;
}

/**
 * What a pipeline in TypeScript exports, without stages, or why that is not known; nothing where it
 * ended by itself.
 */
export type Evaluated = { readonly value: unknown } | { readonly problems: readonly Told[] } | {
  readonly ended: true;
};

/** A problem, as its process has told of it; the launcher knows no more of it. */
interface Told {
  readonly message: string;
  readonly hint?: string | undefined;
}

/** How it is asked what a command line needs. */
export interface AskOptions {
  readonly cwd: string;
  readonly temporary: string;
  readonly fetcher: Fetcher;
}

/** No pipeline is made of so many files. */
const MAX_FILES = 200;

/** More bytes than any answer has: foreign code may print without an end, which is not kept. */
const MAX_BYTES = 2 ** 26;

/** How long the evaluation of a pipeline may take, in milliseconds. */
const PATIENCE = 120_000;

/**
 * Asks what a command line needs. A process that runs no foreign code works it out. Where that has
 * to know what a pipeline in TypeScript exports, another process evaluates it, which may read the
 * pipeline's project and do nothing else; what it prints is taken for the pipeline's value, and for
 * nothing more.
 *
 * @param project Rocket.
 * @param args The arguments of the command line.
 * @param options Where it runs, a folder for temporary files, and what downloads code before it is
 *   evaluated.
 * @returns What it needs, or the end of a command line that cannot be read.
 */
export async function askNeeds(
  project: Project,
  args: readonly string[],
  { cwd, temporary, fetcher }: AskOptions,
): Promise<CommandNeeds | ChildEnd> {
  const evaluated: Record<string, Evaluated> = {};
  const file = join(temporary, "evaluated.json");
  for (let files = 0; files < MAX_FILES; files++) {
    await Deno.writeTextFile(file, JSON.stringify(evaluated));
    const answer = await answerOf<NeedsAnswer>(project, {
      flags: [
        "--allow-read",
        "--allow-env",
        "--allow-sys=homedir",
        "--no-prompt",
        ...project.flags,
      ],
      script: "needs.ts",
      args: [temporary, file, ...args],
      cwd,
    });
    if ("end" in answer) return asFailure(answer.end);
    refuseUnknown(answer.value.permissions);
    if (!("evaluate" in answer.value)) return answer.value;
    const { evaluate: path, permissions } = answer.value;
    await fetcher.fetch({ packages: [], code: [path], hosts: [] });
    evaluated[path] = await evaluate(project, { path, permissions, cwd, temporary });
  }
  throw new Error("a pipeline is made of too many files");
}

/** The end of a process that was to answer: one that has nothing to complain of has a fault. */
function asFailure(end: ChildEnd): ChildEnd {
  if (end.code !== 0) return end;
  tell(
    "error: src/launch/programs/needs.ts ended without saying what the command needs; this is a fault of Rocket",
  );
  return { code: 1, signal: null };
}

/** Only what is known is granted, and nothing without saying of what. */
function refuseUnknown(permissions: readonly Need[]): void {
  for (const { permission, of } of permissions) {
    if (PERMISSIONS.includes(permission) && typeof of === "string" && of !== "") continue;
    throw new Error(
      `there is no permission ${JSON.stringify(permission)} of ${JSON.stringify(of)}`,
    );
  }
}

async function evaluate(
  project: Project,
  { path, permissions, cwd, temporary }: {
    readonly path: string;
    readonly permissions: readonly Need[];
    readonly cwd: string;
    readonly temporary: string;
  },
): Promise<Evaluated> {
  const flags = await grantedArguments(project, permissions, join(temporary, "evaluate.json"));
  const answer = await answerOf<Evaluated>(project, {
    flags,
    script: "evaluate.ts",
    args: [path, path],
    cwd,
    patience: PATIENCE,
  });
  if ("value" in answer && isEvaluated(answer.value)) return answer.value;
  return { ended: true };
}

/** Whether a process that evaluates has told what is expected of it. */
export const isEvaluated = (value: unknown): value is Evaluated =>
  typeof value === "object" && value !== null && ("value" in value ||
    "problems" in value && Array.isArray(value.problems) && value.problems.length > 0 &&
      value.problems.every(isTold));

/** What foreign code prints for a problem may be anything. */
function isTold(problem: unknown): boolean {
  if (typeof problem !== "object" || problem === null) return false;
  const { message, hint = "", place = { file: "" } } = problem as Record<string, unknown>;
  if (typeof message !== "string" || typeof hint !== "string") return false;
  if (typeof place !== "object" || place === null) return false;
  return "file" in place && Object.values(place).every((value) => typeof value !== "object");
}

/** A script that prints an answer. */
interface Asked {
  /** Arguments for Deno: what it may do, and how modules are found. */
  readonly flags: readonly string[];
  /** The script in `scripts/`. */
  readonly script: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /** Where it runs. */
  readonly cwd: string;
  /** After how many milliseconds it is ended; it says nothing of its own then. */
  readonly patience?: number;
}

/** What a script prints as its last line, or how it ended without an answer. */
async function answerOf<T>(
  { root }: Project,
  { flags, script, args, cwd, patience }: Asked,
): Promise<{ readonly value: T } | { readonly end: ChildEnd }> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const end = await runChild(
    [
      "run",
      "--quiet",
      "--cached-only",
      ...flags,
      join(root, "src", "launch", "programs", script),
      ...args,
    ],
    {
      cwd,
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
