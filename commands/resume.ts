import { UserError } from "../pipeline/errors.ts";
import { hint } from "../pipeline/hints.ts";
import { metricsToJson } from "../pipeline/metrics_json.ts";
import { makePlan } from "../pipeline/plan/make.ts";
import { createRegistry } from "../pipeline/registry.ts";
import { builtins } from "../plugins/mod.ts";
import { readResult } from "../train/checkpoint/earlier_run.ts";
import { isFinished } from "../train/resume_checks.ts";
import { listenToSignals } from "./interruption.ts";
import { removeRunDrafts } from "../files/run_drafts.ts";
import { type CommandOptions, onlyArgument } from "./options.ts";
import { readRun } from "./read_run.ts";
import { printResult, train } from "./train.ts";
import { printJson, say } from "../pipeline/terminal.ts";

/**
 * `deno task pipeline resume DIR`: goes on with a run from its newest checkpoint that is whole.
 *
 * @param args The run folder.
 * @param options The command line's options.
 * @returns The exit code.
 */
export async function resume(args: readonly string[], options: CommandOptions): Promise<number> {
  const out = onlyArgument(args, "a run folder");
  if (options.out !== undefined) {
    throw new UserError("a run goes on in its own folder, so that there is no --out here", {
      hint: hint("resume/out", "leave --out away; copy the folder first to keep it as it is", {
        args: { remove: ["--out", options.out, `--out=${options.out}`] },
      }),
      exitCode: 2,
    });
  }
  const { over } = listenToSignals(out, options.quiet);
  const { allowed, document } = await readRun(out, options);
  // Whatever comes of it, what a killed process left half written is of no use.
  removeRunDrafts(out);
  const plan = await makePlan(document, createRegistry(builtins, allowed));
  const result = await readResult(out);
  if (!result || !isFinished(result, plan)) return await train(plan, out, options, true);
  over();
  if (options.json) printJson(metricsToJson({ event: "runEnd", result }));
  else printResult(result, out);
  if (!options.quiet) {
    say(`the run has finished; --epochs ${result.epochs + 1} or more goes on with it`);
  }
  return 0;
}
