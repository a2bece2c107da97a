import { dirname } from "node:path";
import { type AllowedCode, allowedCode } from "../pipeline/allowed_code.ts";
import { UserError } from "../base/errors.ts";
import { nameHint } from "../base/hints.ts";
import { checkSweep, nameOf } from "../sweep/check.ts";
import { type Latency, measureLatency } from "../sweep/latency.ts";
import { finishedNets, withRunLock } from "../sweep/one_run.ts";
import { readSweep, type Sweep } from "../pipeline/sweep_file/read.ts";
import { readResult } from "../run/folder/manifest.ts";
import type { CommandOptions } from "../launch/command_line/options.ts";
import { printResult, train } from "./train.ts";
import { printJson, say } from "../base/terminal.ts";

/**
 * `deno task pipeline sweep FILE --only PART`: runs one part of a sweep: the check, a run, or the
 * measurement of latencies.
 *
 * @param file The sweep file.
 * @param part `check`, `latency`, or a run such as `rocket/seed-1`.
 * @param options The command line's options.
 * @returns The exit code.
 */
export async function sweepPart(
  file: string,
  part: string,
  options: CommandOptions,
): Promise<number> {
  const allowed = await allowedCode(dirname(file), options.allowPlugins);
  const sweep = await readSweep(file, {
    set: options.set,
    allowed,
    allowEnv: options.allowEnv,
    reference: options.reference,
  });
  const report = (line: string) => options.quiet || say(line);
  switch (part) {
    case "check":
      printJson(await checkSweep(sweep, { ...options, allowed }, report));
      return 0;
    case "latency":
      printJson(await latencies(sweep, allowed, options, report));
      return 0;
    default:
      return await runOne(sweep, part, allowed, options);
  }
}

async function latencies(
  sweep: Sweep,
  allowed: AllowedCode,
  options: CommandOptions,
  report: (line: string) => void,
): Promise<Latency> {
  const nets = await finishedNets(sweep, allowed, options);
  const { latency } = sweep.value;
  // A sweep with `latency: none` has this part as well, if a user asks for it.
  const how = latency === "none" ? { batch: 1, engine: "auto" } as const : latency;
  return await measureLatency(nets, how, options.engine ?? "auto", report);
}

async function runOne(
  sweep: Sweep,
  name: string,
  allowed: AllowedCode,
  options: CommandOptions,
): Promise<number> {
  const run = sweep.runs.find((run) => nameOf(run) === name);
  if (!run) {
    const names = ["check", "latency", ...sweep.runs.map(nameOf)];
    throw new UserError(`--only names ${JSON.stringify(name)}, but the sweep has no such part`, {
      hint: nameHint("sweep/part", {
        written: name,
        names,
        intro: "the parts are",
        change: (part) => ({
          args: { replace: { [name]: part, [`--only=${name}`]: `--only=${part}` } },
        }),
      }),
      exitCode: 2,
    });
  }
  return await withRunLock(
    sweep,
    run,
    { ...options, allowed },
    () => say(`another process is running ${name}; waiting until it ends`),
    async ({ plan, folder, state }) => {
      if (state !== "finished") {
        // As in the whole sweep, because the last digits of results depend on the number of threads.
        const { threads } = sweep.value;
        return await train(plan, folder, options, state === "interrupted", threads);
      }
      const result = await readResult(folder);
      if (options.json) printJson({ event: "runEnd", result });
      else printResult(result!, folder);
      return 0;
    },
  );
}
