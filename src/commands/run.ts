import { basename, dirname, join } from "node:path";
import { type CommandOptions, onlyArgument } from "../launch/command_line/options.ts";
import { leaveSignals } from "./interruption.ts";
import { readPlan } from "../run/read_plan.ts";
import { train } from "./train.ts";

/**
 * `deno task pipeline FILE`: trains the nets of a pipeline and writes the run folder.
 *
 * @param args The pipeline file.
 * @param options The command line's options.
 * @returns The exit code.
 */
export async function run(args: readonly string[], options: CommandOptions): Promise<number> {
  // Modules of stages may never return. A run listens to signals when its stages are loaded.
  leaveSignals();
  const plan = await readPlan(
    onlyArgument(args, "a pipeline file"),
    options.set,
    options.allowPlugins,
    options.allowEnv,
  );
  if (options.out !== undefined) return await train(plan, options.out, options, false);
  const out = newFolder(join("runs", `${basename(plan.name)}-${timestamp()}`));
  try {
    return await train(plan, out, options, false);
  } finally {
    removeIfEmpty(out);
  }
}

/** The local time as `20260131-142501`, so that run folders sort by time. */
function timestamp(now = new Date()): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join("");
  return `${day}-${[now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join("")}`;
}

/**
 * Creates a folder whose name no other run has. Names occur twice if the clock was set back, or if
 * several runs start in one second.
 */
function newFolder(wanted: string): string {
  let path = wanted;
  try {
    Deno.mkdirSync(dirname(wanted), { recursive: true });
    for (let number = 2; !made(path); number++) path = `${wanted}-${number}`;
  } catch {
    // The run reports that it cannot write the folder.
  }
  return path;
}

/** Creates a folder. Returns whether it is new. */
function made(path: string): boolean {
  try {
    Deno.mkdirSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

/** Removes the folder of a run that wrote nothing, because its data were refused, for example. */
function removeIfEmpty(folder: string): void {
  try {
    Deno.removeSync(folder);
  } catch {
    // The run wrote something.
  }
}
