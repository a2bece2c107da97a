import config from "../../deno.json" with { type: "json" };
import { publishedCommand } from "../base/command_name.ts";
import { quoted } from "../base/quoted.ts";

/** A task that runs the command line with the arguments of the task, and does nothing else. */
const TASK = new RegExp(`^deno run (-\\S+ )*"?jsr:${config.name}(@[^/\\s"]+)?/cli"?$`);

/**
 * Returns the command with which this user starts Rocket's published command line: a task of the
 * user's project if a task started this process, and otherwise `deno run`.
 *
 * @param project The text of the project's `deno.json`; undefined if there is none.
 * @param isTask Whether a task started this process.
 */
export function userCommand(project: string | undefined, isTask: boolean): string {
  const task = isTask && project !== undefined ? taskIn(project) : undefined;
  return task === undefined ? publishedCommand : `deno task ${quoted(task)}`;
}

function taskIn(text: string): string | undefined {
  let tasks: unknown;
  try {
    tasks = Object(JSON.parse(text)).tasks;
  } catch {
    // A file with comments is not read.
    return undefined;
  }
  for (const [name, task] of Object.entries(Object(tasks))) {
    const command = typeof task === "string" ? task : Object(task).command;
    if (typeof command === "string" && TASK.test(command.trim())) return name;
  }
  return undefined;
}
