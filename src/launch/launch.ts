import { fileURLToPath } from "node:url";
import { commandVariable, isPublished, publishedCommand } from "../base/command_name.ts";
import { logLine } from "./log_line.ts";
import { runCommandLine } from "./permissions.ts";
import { packageIn, projectOf } from "./published.ts";
import { orRefused } from "./refused.ts";
import { run } from "./run_task.ts";
import { hearSignals } from "./signals.ts";
import { userCommand } from "./user_command.ts";
import { readOfUser } from "./user_config.ts";

/** The permissions of the launcher. */
const PERMISSIONS: readonly Deno.PermissionDescriptor[] = [
  { name: "read" },
  { name: "write" },
  { name: "env" },
  { name: "sys", kind: "homedir" },
  { name: "run" },
];

/**
 * Runs the command line, from the package or the checkout that Rocket was loaded from.
 *
 * @param args The arguments of the command line.
 * @returns The exit code.
 */
export async function launch(args: readonly string[]): Promise<number> {
  const missing: string[] = [];
  for (const descriptor of PERMISSIONS) {
    const { state } = await Deno.permissions.query(descriptor);
    if (state !== "granted") missing.push(`--allow-${descriptor.name}`);
  }
  if (missing.length > 0) {
    const which = `the permission${missing.length > 1 ? "s" : ""} ${missing.join(", ")}`;
    logLine(`error: the launcher of Rocket lacks ${which}`);
    logLine(` hint: start it with: ${publishedCommand}; the commands get fewer permissions`);
    return 2;
  }
  hearSignals();
  return await orRefused(() => start(args));
}

async function start(args: readonly string[]): Promise<number> {
  if (!isPublished) {
    return await run(fileURLToPath(new URL("../../", import.meta.url)), ["cli.ts", ...args]);
  }
  const cwd = Deno.cwd(), project = projectOf(cwd);
  if (!Deno.env.has(commandVariable)) {
    const text = project === undefined ? undefined : readOfUser(project, "config");
    Deno.env.set(commandVariable, userCommand(text, Deno.env.has("INIT_CWD")));
  }
  return await runCommandLine((temporary) => packageIn(project, temporary), args, cwd);
}
