import { existsSync } from "node:fs";
import { basename, join } from "node:path";
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
  const out = options.out ??
    unusedFolder(join("runs", `${basename(plan.name)}-${timestamp()}`));
  return await train(plan, out, options, false);
}

/** The local time as `20260131-142501`, so that run folders sort by time. */
function timestamp(now = new Date()): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join("");
  return `${day}-${[now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join("")}`;
}

/** Avoids existing names, which occur if the clock was set back or two runs start in one second. */
function unusedFolder(wanted: string): string {
  let path = wanted;
  for (let number = 2; existsSync(path); number++) {
    path = `${wanted}-${number}`;
  }
  return path;
}
