import { metricsToJson } from "../stages/metrics_json.ts";
import { readResumablePlan } from "../run/resume_run.ts";
import { listenToSignals } from "./interruption.ts";
import { type CommandOptions, onlyArgument } from "../launch/command_line/options.ts";
import { nextSteps } from "./next_steps.ts";
import { isFirstProcess } from "../cluster/processes.ts";
import { handedCluster } from "./handed_cluster.ts";
import { printResult, train } from "./train.ts";
import { printJson, say } from "../base/terminal.ts";

/**
 * `deno task pipeline resume DIR`: resumes a run from its newest intact checkpoint.
 *
 * @param args The run folder.
 * @param options The command line's options.
 * @returns The exit code.
 */
export async function resume(args: readonly string[], options: CommandOptions): Promise<number> {
  const out = onlyArgument(args, "a run folder");
  const { over } = listenToSignals(out, options.quiet);
  const { plan, result } = await readResumablePlan(out, options);
  if (!result) return await train(plan, out, options, true);
  over();
  if (!isFirstProcess(handedCluster())) return 0;
  if (options.json) printJson(metricsToJson({ event: "runEnd", result }));
  else printResult(result, out);
  if (!options.quiet) {
    say("", "The run has already finished.", nextSteps(plan, out, result.epochs));
  }
  return 0;
}
