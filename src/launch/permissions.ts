import { join, resolve } from "node:path";
import { isInside } from "../base/files/holds_path.ts";
import { removeRunDrafts } from "../base/files/run_drafts.ts";
import { type Permission, permissionsLine } from "../base/machine/permissions.ts";
import { type ChildEnd, runChild } from "./child.ts";
import { Fetcher } from "./fetch.ts";
import { grantedArguments } from "./granted.ts";
import { machineVariables } from "./machine.ts";
import { askNeeds, type CommandNeeds } from "./ask_needs.ts";
import { beyondCheck, type Granted, grantedVariables } from "./granted_within.ts";
import type { Project } from "./project.ts";
import { receivedSignal } from "./signals.ts";
import { tell } from "./tell.ts";
import { rememberWritten } from "./written_folders.ts";

/**
 * What the modules that tasks name may do; the command line's own rights depend on its pipeline.
 */
const scripts: Readonly<Record<string, readonly string[]>> = {
  // pip and a compiler do the work, which are other programs.
  "src/launch/programs/native.ts": ["read", "write", "env", "sys", "run"],
  "src/launch/programs/set_up.ts": ["read", "write", "env", "sys", "run"],
  "src/tools/schema.ts": ["read", "write", "env", "run=deno"],
  "src/tools/picture.ts": ["read", "write", "env"],
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
 * Runs Rocket's command line with the permissions that it needs and no other. A first child, which
 * may read and runs no foreign code, works them out; where TensorFlow is missing, a second one sets
 * it up.
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
  const temporary = await Deno.makeTempDir({ prefix: "rocket-" });
  try {
    const { code, signal } = await runWithNeeds(project, args, cwd, temporary);
    if (signal !== "SIGINT" && signal !== "SIGTERM") return code;
    // It did not listen yet: this does and says what it would have.
    if (args.includes("resume")) { for (const word of args) removeRunDrafts(resolve(cwd, word)); }
    // After what a terminal echoes of Ctrl-C.
    tell(`${Deno.stderr.isTerminal() ? "\n" : ""}stopped before it began`);
    return INTERRUPTED;
  } finally {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
  }
}

/** The exit code of what a signal has ended. */
const INTERRUPTED = 130;

async function runWithNeeds(
  project: Project,
  args: readonly string[],
  cwd: string,
  temporary: string,
): Promise<ChildEnd> {
  const fetcher = new Fetcher(project, temporary);
  if (!await fetcher.fetchOwn()) return { code: 1, signal: receivedSignal() ?? null };
  const needs = await askNeeds(project, args, { cwd, temporary, fetcher });
  if ("signal" in needs) return needs;
  if (needs.text !== undefined) {
    console.log(needs.text);
    return { code: 0, signal: null };
  }
  if (!needs.built && (needs.engine === "auto" || needs.engine === "native")) {
    const end = await setUp(project, needs.engine);
    // Who has not asked for it by name can do without.
    if (end.signal || (end.code !== 0 && needs.engine === "native")) return end;
  }
  const beyond = await sweepRefusal(needs, { args, cwd, temporary });
  if (beyond !== undefined) {
    tell(`error: ${beyond}`);
    return { code: 2, signal: null };
  }
  const computes = needs.engine !== undefined;
  const told = needs.permissions.some(({ permission, told }) => permission === "env" && told);
  if ((computes || needs.hasCode || told) && !args.includes("--quiet")) {
    const shown = needs.permissions.filter(({ of }) => of !== temporary);
    tell(permissionsLine(shown, needs.hasCode));
  }
  const of = (permission: Permission) =>
    needs.permissions.filter((need) => need.permission === permission).map((need) => need.of);
  await fetcher.fetch({ ...needs, hosts: of("import") });
  if (needs.hasCode) await rememberWritten(of("write").filter((folder) => folder !== temporary));
  const granted = await grantedArguments(project, needs.permissions, join(temporary, "run.json"));
  const machine = computes ? await machineVariables() : {};
  return await runChild(
    [
      ...["run", "--quiet", ...needs.downloads ? [] : ["--cached-only"], ...granted],
      ...[join(project.root, "cli.ts"), ...args],
    ],
    { cwd, env: { ...machine, TMPDIR: temporary, TMP: temporary, TEMP: temporary } },
  );
}

/**
 * Keeps what the check of a sweep is granted, or holds another part of it to that. Only the first
 * process of a sweep asks for it, which runs no code of others.
 *
 * @returns Why the part does not run.
 */
async function sweepRefusal(
  { permissions, hasCode }: CommandNeeds,
  { args, cwd, temporary }: {
    readonly args: readonly string[];
    readonly cwd: string;
    readonly temporary: string;
  },
): Promise<string | undefined> {
  const { keep, within } = grantedVariables;
  const kept = Deno.env.get(keep), known = Deno.env.get(within);
  const own = (of: string) => of === temporary || of === Deno.realPathSync(temporary);
  if (kept !== undefined) {
    const granted = permissions.filter(({ of }) => !own(of));
    if (granted.some(({ permission, of }) => permission === "write" && isInside(of, kept))) {
      return "the folder for temporary files is in the sweep's: choose another by --out";
    }
    await Deno.writeTextFile(kept, JSON.stringify({ permissions: granted, hasCode }));
  }
  if (known === undefined) return undefined;
  const check: Granted = JSON.parse(await Deno.readTextFile(known));
  const at = args.indexOf("--out"), out = at < 0 ? undefined : args[at + 1];
  return beyondCheck({ permissions, hasCode }, check, {
    temporary,
    ...(out !== undefined && { out: resolve(cwd, out) }),
  });
}

/** Sets TensorFlow up. */
async function setUp({ root, flags }: Project, engine: "auto" | "native"): Promise<ChildEnd> {
  return await runChild([
    ...["run", "--quiet", ...scriptFlags("src/launch/programs/set_up.ts"), ...flags],
    join(root, "src", "launch", "programs", "set_up.ts"),
    ...engine === "native" ? ["--retry"] : [],
  ]);
}
