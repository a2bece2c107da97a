/**
 * Works out what command lines of Rocket need, one after another, with the rights of the launcher's
 * first child. Each line of standard input is one, as JSON; each line of standard output lists the
 * permissions, or tells how a command line ended that was refused for them.
 *
 * @module
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { needsOf } from "../../src/launch/command_line/needs.ts";
import type { Need } from "../../src/base/machine/permissions.ts";
import { formatProblem, UserError } from "../../src/base/errors.ts";
import { hearHints } from "./heard_hints.ts";
import { cpuSeconds } from "./cpu_seconds.ts";
import type { CommandLine, Outcome } from "./outcome.ts";

/** What a command line needs, or how it ended. */
export type NeedsAnswer = { readonly needs: readonly Need[] } | { readonly outcome: Outcome };

if (import.meta.main) {
  const [temporary] = Deno.args as [string];
  console.log = () => {};
  console.error = () => {};
  for await (const line of createInterface({ input: process.stdin })) {
    const answer = await answerTo(JSON.parse(line), temporary);
    Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(answer)}\n`));
  }
}

async function answerTo(
  { args, folder, env = {} }: CommandLine,
  temporary: string,
): Promise<NeedsAnswer> {
  Deno.chdir(folder);
  for (const [name, value] of Object.entries(env)) Deno.env.set(name, value);
  const before = cpuSeconds(), heard = hearHints();
  try {
    return { needs: (await needsOf(args, temporary)).permissions };
  } catch (error) {
    // As src/launch/programs/needs.ts does.
    if (!(error instanceof UserError)) throw error;
    const debug = args.includes("--debug") ? `\n${Deno.inspect(error)}` : "";
    const stderr = error.problems.map(formatProblem).join("\n\n") + debug;
    const [seconds, peakBytes] = [cpuSeconds() - before, Deno.memoryUsage().rss];
    const { exitCode: code } = error, hinted = heard();
    return { outcome: { code, stdout: "", stderr, seconds, peakBytes, hinted } };
  } finally {
    heard();
    for (const name of Object.keys(env)) Deno.env.delete(name);
  }
}
