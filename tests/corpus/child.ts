/**
 * Runs command lines of Rocket, one after another, in this one process. Each line of standard input
 * is one, as JSON; each line of standard output tells how it ended.
 *
 * @module
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { main } from "../../src/commands/main.ts";
import { main as data } from "../../data/main.ts";
import { cpuSeconds } from "./cpu_seconds.ts";
import { hearHints } from "./heard_hints.ts";
import type { CommandLine, Outcome } from "./outcome.ts";

const write = (outcome: Outcome) =>
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(outcome)}\n`));

let stdout: string[] = [], stderr: string[] = [];
console.log = (...parts: unknown[]) => void stdout.push(parts.join(" "));
console.error = (...parts: unknown[]) => void stderr.push(parts.join(" "));

for await (const line of createInterface({ input: process.stdin })) {
  const { task, args, folder, env = {} } = JSON.parse(line) as CommandLine;
  stdout = [], stderr = [];
  Deno.chdir(folder);
  // A command is not affected by a variable that it may not read.
  const readable = Object.entries(env).filter(([variable]) =>
    Deno.permissions.querySync({ name: "env", variable }).state === "granted"
  );
  for (const [name, value] of readable) Deno.env.set(name, value);
  const before = cpuSeconds();
  const heard = hearHints();
  const code = await (task === "data" ? data : main)(args);
  write({
    code,
    stdout: stdout.join("\n"),
    stderr: stderr.join("\n"),
    seconds: cpuSeconds() - before,
    peakBytes: Deno.memoryUsage().rss,
    hinted: heard(),
  });
  for (const [name] of readable) Deno.env.delete(name);
}
