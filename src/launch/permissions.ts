import { resolve } from "node:path";
import { isInside } from "../base/files/holds_path.ts";
import { asksToEnd } from "../base/machine/end_signals.ts";
import { removeRunDrafts } from "../base/files/run_drafts.ts";
import { reasonOf } from "../base/files/write_failure.ts";
import { markVariable, meantCode, newMark } from "../base/machine/meant_exit.ts";
import { handedOver, NO_CODE } from "../base/machine/system_file.ts";
import { type Need, type Permission, permissionsLine } from "../base/machine/permissions.ts";
import { type ChildEnd, runChild } from "./child.ts";
import { Fetcher } from "./fetch.ts";
import { machineVariables } from "./machine.ts";
import { limitOf, usualLimit } from "./memory_limit.ts";
import { askNeeds, type CommandNeeds } from "./ask_needs.ts";
import { beyondCheck, type Granted, grantedVariables } from "./granted_within.ts";
import { programs, Refusal, type Rocket } from "./rocket.ts";
import { reactionToHangups, receivedSignal } from "./signals.ts";
import { logLine } from "./log_line.ts";
import { forgetWritten, rememberWritten } from "./written_folders.ts";
import { makeTemporary, removeTemporary, writeTemporary } from "./temporary.ts";

/**
 * The permissions of the modules that tasks run. The permissions of the command line itself depend
 * on its pipeline.
 */
const scripts: Readonly<Record<string, readonly string[]>> = {
  // These start pip and a compiler.
  [programs.setUp]: ["read", "write", "env", "sys", "run"],
  // With `--device gpu`, it asks NVIDIA's driver for the GPUs.
  [programs.native]: ["read", "write", "env", "sys", "run", "ffi"],
  "src/tools/schema.ts": ["read", "write", "env", "run=deno"],
  // Data sets are downloaded, and DuckDB, which is native code, reads files for conversion.
  "data/main.ts": ["read", "write", "env", "sys", "net", "ffi"],
};

/**
 * The flags for a process that answers requests. After each garbage collection, V8 frees the buffers
 * of typed arrays that are gone, about 200 ns for each, before the next request is read. With 2 MB for
 * new objects, these are the buffers of about 20 requests; with 16 MB, which V8 would choose under
 * load, those of nearly 200, which takes milliseconds.
 */
export const serverFlags: readonly string[] = [
  "--v8-flags=--min-semi-space-size=2,--max-semi-space-size=2",
];

/**
 * Returns the permission flags of a module that is not the command line. Unknown modules get all
 * permissions.
 *
 * @param file The module's path in the project.
 */
export function scriptFlags(file: string): string[] {
  return scripts[file]?.map((name) => `--allow-${name}`).concat("--no-prompt") ?? ["-A"];
}

/**
 * Runs Rocket's command line with only the permissions that it needs. A first child process, which
 * may only read and runs only Rocket's code, determines the permissions. If TensorFlow is missing,
 * another child process sets it up.
 *
 * @param open Determines how Deno finds modules. Its argument is a folder for temporary files.
 * @param args The arguments of the command line.
 * @param cwd The folder to run in.
 * @returns The exit code.
 */
export async function runCommandLine(
  open: (temporary: string) => Promise<Rocket>,
  args: readonly string[],
  cwd: string,
): Promise<number> {
  const temporary = await makeTemporary();
  try {
    const { code, signal } = await runWithNeeds(await open(temporary), args, cwd, temporary);
    if (signal === null || !asksToEnd(signal)) return code;
    // The child did not handle the signal, since it had just started or computed without a pause, so
    // its cleanup and its message happen here.
    if (args.includes("resume")) { for (const word of args) removeRunDrafts(resolve(cwd, word)); }
    // A terminal has echoed `^C` on the current line.
    logLine(`${Deno.stderr.isTerminal() ? "\n" : ""}stopped`);
    return INTERRUPTED;
  } finally {
    // If the folder stays, files of a stage in it remain recorded as written by code.
    if (await removeTemporary(temporary)) await forgetWritten(temporary);
  }
}

/** Prints the text with which a command is complete, such as its help. */
function printText(text: string): void {
  try {
    console.log(text);
  } catch (error) {
    throw new Refusal(`standard output cannot be written: ${reasonOf(error)}`, 1);
  }
}

/** The exit code of a command that a signal ended. */
const INTERRUPTED = 130;

async function runWithNeeds(
  rocket: Rocket,
  args: readonly string[],
  cwd: string,
  temporary: string,
): Promise<ChildEnd> {
  const fetcher = new Fetcher(rocket, temporary);
  if (!await fetcher.fetchOwn()) return { code: 1, signal: receivedSignal() ?? null };
  const needs = await askNeeds(rocket, args, { cwd, temporary, fetcher });
  if ("signal" in needs) return needs;
  if (needs.text !== undefined) {
    printText(needs.text);
    return { code: 0, signal: null };
  }
  if (needs.setsUp) return await runAlone(rocket, "native", args);
  if (!needs.built && (needs.engine === "auto" || needs.engine === "native")) {
    const end = await setUp(rocket, needs.engine);
    // If the user did not choose the native engine explicitly, the run continues without it.
    if (end.signal || (end.code !== 0 && needs.engine === "native")) return end;
  }
  const beyond = await sweepRefusal(needs, { args, cwd, temporary });
  if (beyond !== undefined) {
    logLine(`error: ${beyond}`);
    return { code: 2, signal: null };
  }
  const memory = await limitOf(needs.memory);
  const computes = needs.engine !== undefined;
  // The run folder of `evaluate` may come from someone else, and names data.
  const reaches = needs.permissions.some(({ permission, mentioned }) =>
    mentioned || permission === "net" || permission === "import"
  );
  const { cluster } = needs;
  // The other processes of a cluster have the same permissions.
  const isSilent = args.includes("--quiet") || (cluster !== undefined && cluster.rank > 0);
  if ((computes || needs.hasCode || reaches) && !isSilent) {
    const shown = needs.permissions.filter(({ of }) => of !== temporary);
    logLine(permissionsLine(shown, needs.hasCode, cluster?.addresses[cluster.rank]));
  }
  const of = (permission: Permission) =>
    needs.permissions.filter((need) => need.permission === permission).map((need) => need.of);
  await fetcher.fetch({ ...needs, hosts: of("import") });
  if (needs.hasCode) await rememberWritten(of("write"));
  const told: Need[] = [
    { permission: "env", of: markVariable, why: "the launcher recognizes the end of the command" },
    { permission: "env", of: handedOver.code, why: "whether code may be loaded" },
  ];
  const hangup = reactionToHangups();
  if (hangup) {
    told.push({
      permission: "env",
      of: handedOver.hangup,
      why: "whether a closed terminal ends it",
    });
  }
  if (cluster) {
    told.push({ permission: "env", of: handedOver.cluster, why: "the processes of the cluster" });
  }
  const granted = await rocket.grantedFlags([...needs.permissions, ...told], {
    name: "run",
    isForeign: needs.hasCode,
  });
  const mark = newMark();
  const machine = {
    ...computes ? await machineVariables() : {},
    ...memory && { [handedOver.memory]: String(memory.bytes) },
    [markVariable]: mark,
    [handedOver.code]: needs.hasCode ? "loaded" : NO_CODE,
    ...hangup && { [handedOver.hangup]: hangup },
    ...cluster && { [handedOver.cluster]: JSON.stringify(cluster) },
  };
  return await meantEnd(
    mark,
    await runChild(
      [
        ...["run", "--quiet", ...needs.downloads ? [] : ["--cached-only"], ...granted],
        ...needs.answers ? serverFlags : [],
        ...[...rocket.program("command"), ...args],
      ],
      {
        cwd,
        memory: Promise.resolve(memory),
        env: { ...machine, TMPDIR: temporary, TMP: temporary, TEMP: temporary },
      },
    ),
  );
}

/** Reports a process that a stage or the system ended, which must not appear successful. */
async function meantEnd(mark: string, end: ChildEnd): Promise<ChildEnd> {
  const { code, signal } = end;
  if (end.isTooLarge) return end;
  const isEnded = signal !== null && asksToEnd(signal);
  // Ctrl-C also reaches this process, perhaps a moment later.
  if (isEnded) await new Promise((resolve) => setTimeout(resolve, 100));
  if (isEnded && receivedSignal() !== undefined) return { code, signal };
  if (signal === "SIGKILL" && receivedSignal() !== undefined) {
    logLine("stopped: the command did not end by itself");
    return { code: INTERRUPTED, signal: null };
  }
  const meant = signal === null ? meantCode(code, mark) : undefined;
  if (meant !== undefined) return { code: meant, signal: null };
  const how = signal === null ? `it ended with exit code ${code}` : `${signal} ended it`;
  logLine(`error: the process ended before the command was complete: ${how}`);
  return { code: 1, signal: null };
}

/**
 * Stores the permissions of a sweep's check, or limits another part of the sweep to them. Only the
 * first process of a sweep requests this, and it runs only Rocket's code.
 *
 * @returns The reason why the part may not run; undefined if it may.
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
  const own = (of: string) => of === temporary;
  if (kept !== undefined) {
    const granted = permissions.filter(({ of }) => !own(of));
    if (granted.some(({ permission, of }) => permission === "write" && isInside(of, kept))) {
      return "the folder for temporary files is inside the sweep's folder: choose another --out";
    }
    await writeTemporary(kept, JSON.stringify({ permissions: granted, hasCode }));
  }
  if (known === undefined) return undefined;
  const check: Granted = JSON.parse(await Deno.readTextFile(known));
  const at = args.indexOf("--out"), out = at < 0 ? undefined : args[at + 1];
  return beyondCheck({ permissions, hasCode }, check, {
    temporary,
    ...(out !== undefined && { out: resolve(cwd, out) }),
  });
}

/** Sets up TensorFlow in a child process. */
async function setUp(rocket: Rocket, engine: "auto" | "native"): Promise<ChildEnd> {
  return await runAlone(rocket, "setUp", engine === "native" ? ["--retry"] : []);
}

/** Runs a program that has its own permissions and runs only Rocket's code. */
async function runAlone(
  rocket: Rocket,
  name: "setUp" | "native",
  args: readonly string[],
): Promise<ChildEnd> {
  return await runChild([
    ...["run", "--quiet", ...scriptFlags(programs[name]), ...rocket.flags],
    ...[...rocket.program(name), ...args],
  ], { memory: usualLimit() });
}
