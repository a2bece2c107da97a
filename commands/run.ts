import { basename, join } from "node:path";
import type { RunEvents } from "../pipeline/stages/events.ts";
import type { Output } from "../pipeline/stages/output.ts";
import { runPlan } from "../train/run.ts";
import { type CommandOptions, onlyArgument } from "./options.ts";
import { readPlan } from "./read_plan.ts";
import { gradientTable, resultTable } from "./result_table.ts";

/**
 * `deno task pipeline FILE`: trains and writes the run folder.
 *
 * @param args The pipeline file.
 * @param options The command line's options.
 * @returns The exit code.
 */
export async function run(args: readonly string[], options: CommandOptions): Promise<number> {
  const plan = await readPlan(onlyArgument(args, "a pipeline file"), options.set);
  const out = options.out ?? join("runs", `${basename(plan.name)}-${timestamp()}`);
  const result = await runPlan(plan, {
    out,
    engine: options.engine,
    precision: options.precision,
    quiet: options.quiet || options.json,
    report: (line) => options.quiet || console.error(line),
    debug: options.debug,
    listener: options.json ? jsonLines() : {},
  });
  if (!options.json) {
    console.log(`\n${resultTable(result)}\n\n${gradientTable(result.gradients)}`);
    console.log(`\nrun folder: ${out}`);
  }
  return 0;
}

/** `20260131-142501`, in local time: run folders sort by it. */
function timestamp(now = new Date()): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join("");
  return `${day}-${[now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join("")}`;
}

function jsonLines(): Output {
  const names = ["runStart", "step", "evaluation", "epoch", "runEnd", "failure"] as const;
  const print = <Name extends keyof RunEvents>(name: Name) => (event: RunEvents[Name]) => {
    const plain = "error" in event ? { message: event.error.message } : event;
    console.log(JSON.stringify({ event: name, ...plain }));
  };
  return Object.fromEntries(names.map((name) => [name, print(name)]));
}
