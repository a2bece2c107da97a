import { join } from "node:path";
import { runDeno } from "./child.ts";
import { machineVariables } from "./machine.ts";
import type { Project } from "./project.ts";
import { tell } from "./tell.ts";

/** What a command line needs, as `scripts/needs.ts` prints it. */
export interface NeedsAnswer {
  /** The flags that grant it. */
  readonly flags: readonly string[];
  /** It in a line; empty if nothing is computed. */
  readonly line: string;
  /** Which engine is wanted; absent if the command computes nothing. */
  readonly engine?: string | undefined;
  /** Whether TensorFlow is there. */
  readonly built: boolean;
}

/** What the modules that tasks name may do; the command line's own rights depend on its pipeline. */
const scripts: Readonly<Record<string, readonly string[]>> = {
  // pip and a compiler do the work, which are other programs.
  "scripts/native.ts": ["read", "write", "env", "sys", "run"],
  "scripts/set_up.ts": ["read", "write", "env", "sys", "run"],
  "scripts/schema.ts": ["read", "write", "env", "run=deno"],
  "scripts/picture.ts": ["read", "write", "env"],
  // Data sets are downloaded; DuckDB, which is native code, reads what is converted.
  "data/main.ts": ["read", "write", "env", "sys", "net", "ffi"],
};

/**
 * The flags of a module that is no command line: fewer than all where it is known.
 *
 * @param file The module's path in the project.
 */
export function scriptFlags(file: string): string[] {
  return scripts[file]?.map((name) => `--allow-${name}`).concat("--no-prompt") ?? ["-A"];
}

/**
 * Runs Rocket's command line with the permissions that it needs and no other. A first child, which may
 * read and do nothing else, works them out; where TensorFlow is missing, a second one sets it up.
 *
 * @param project The project.
 * @param args The arguments of the command line.
 * @param cwd Where it runs.
 * @returns The exit code.
 */
export async function runCommandLine(
  project: Project,
  args: readonly string[],
  cwd: string,
): Promise<number> {
  const { root, flags } = project;
  const temporary = await Deno.makeTempDir({ prefix: "rocket-" });
  try {
    const needs = await askNeeds(project, [temporary, ...args], cwd);
    if (typeof needs === "number") return needs;
    if (!needs.built && (needs.engine === "auto" || needs.engine === "native")) {
      const code = await setUp(project, needs.engine);
      if (code !== 0) return code;
    }
    if (needs.line && !args.includes("--quiet")) tell(needs.line);
    const granted = [...needs.flags, "--no-prompt"];
    const machine = needs.engine === undefined ? {} : await machineVariables();
    return await runDeno(
      ["run", "--quiet", ...granted, ...flags, join(root, "cli.ts"), ...args],
      { cwd, env: { ...machine, TMPDIR: temporary, TMP: temporary, TEMP: temporary } },
    );
  } finally {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
  }
}

/** What is needed, or the exit code of a command line that cannot be read. */
async function askNeeds(
  { root, flags }: Project,
  args: readonly string[],
  cwd: string,
): Promise<NeedsAnswer | number> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const granted = ["--allow-read", "--allow-env", "--allow-sys=homedir", "--no-prompt"];
  const code = await runDeno(
    ["run", "--quiet", ...granted, ...flags, join(root, "scripts", "needs.ts"), ...args],
    { cwd, onOutput: (chunk) => void chunks.push(chunk) },
  );
  if (code !== 0) return code;
  const text = await new Blob(chunks).text();
  return JSON.parse(text.slice(text.trimEnd().lastIndexOf("\n") + 1));
}

/** Sets TensorFlow up. Who has not asked for it by name can do without. */
async function setUp({ root, flags }: Project, engine: "auto" | "native"): Promise<number> {
  const code = await runDeno([
    ...["run", "--quiet", ...scriptFlags("scripts/set_up.ts"), ...flags],
    join(root, "scripts", "set_up.ts"),
    ...engine === "native" ? ["--retry"] : [],
  ]);
  return engine === "native" || code >= 128 ? code : 0;
}
