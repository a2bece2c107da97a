/**
 * Runs the tasks of `deno.json`, even if the JSR registry cannot be reached. This module imports no
 * packages from registries, so it always starts, also with a version of Deno that is too old.
 *
 * - `run FILE ARGS…` runs a module of the project.
 * - `test ARGS…` runs the tests and prints how many passed and failed.
 * - `ok` runs all checks that a release must pass.
 *
 * @module
 */

import "./refuse_old_deno.ts";
import { fileURLToPath } from "node:url";
import { ok } from "./ok.ts";
import { orRefused } from "./refused.ts";
import { run } from "./run_task.ts";
import { hearSignals } from "./signals.ts";
import { test } from "./test.ts";

hearSignals();
const root = fileURLToPath(new URL("../../", import.meta.url));
const [command, ...args] = Deno.args;
const commands: Record<string, () => Promise<number>> = {
  run: () => run(root, args),
  test: () => test(root, args),
  ok: () => ok(root),
};
const chosen = Object.hasOwn(commands, command ?? "") ? commands[command!] : undefined;
if (!chosen || (command === "run" && args.length === 0)) {
  console.error("error: expected run FILE ARGS…, test ARGS… or ok");
  Deno.exit(2);
}
// Otherwise, an import that is still waiting for the registry would keep this process alive.
Deno.exit(await orRefused(chosen));
