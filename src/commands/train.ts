import { Interruption, warningLines } from "../base/errors.ts";
import { isFirstProcess } from "../cluster/processes.ts";
import { metricsToJson } from "../stages/metrics_json.ts";
import type { Plan } from "../pipeline/plan.ts";
import { EVENT_NAMES, type Result, type RunEvents } from "../stages/events.ts";
import type { Output } from "../stages/output.ts";
import { OutputsFailed } from "../run/outputs.ts";
import { runPlan } from "../run/run.ts";
import { handedCluster } from "./handed_cluster.ts";
import { describeInterruption, INTERRUPTED, listenToSignals } from "./interruption.ts";
import type { CommandOptions } from "../launch/command_line/options.ts";
import { nextSteps } from "./next_steps.ts";
import { gradientTable, resultTable } from "./result_table.ts";
import { print, printJson, say } from "../base/terminal.ts";

/**
 * Runs the training of a plan and prints the result.
 *
 * @param plan The plan.
 * @param out The run folder.
 * @param options The command line's options.
 * @param resume Whether to resume the run in the folder.
 * @param threads The number of threads of the native engine; by default one for each processor.
 * @returns The exit code: 0, or 130 if a signal ended the run.
 */
export async function train(
  plan: Plan,
  out: string,
  options: CommandOptions,
  resume: boolean,
  threads?: number,
): Promise<number> {
  const { engine, device, deterministic, xla, precision, debug } = options;
  const cluster = handedCluster();
  // The first process of a cluster prints for all.
  const isFirst = isFirstProcess(cluster);
  const quiet = options.quiet || !isFirst, json = options.json && isFirst;
  const { signal, listener: { runStart }, over } = listenToSignals(out, quiet);
  const { runStart: print, warning: printWarning, ...others } = json ? jsonLines() : {} as Output;
  try {
    const result = await runPlan(plan, {
      ...{ out, engine, device, deterministic, xla, precision, resume, signal, debug },
      ...{ cluster, threads },
      quiet: quiet || json,
      report: (line) => quiet || say(line),
      listener: {
        ...others,
        warning: async (event) => {
          if (!quiet) say(warningLines(event));
          await printWarning?.(event);
        },
        runStart: async (event) => {
          await runStart!(event);
          await print?.(event);
        },
      },
    });
    over();
    if (!json && isFirst) {
      printResult(result, out);
      if (!quiet) say("", nextSteps(plan, out, result.epochs));
    }
    return 0;
  } catch (error) {
    over();
    if (error instanceof OutputsFailed && !json) printResult(error.result, out);
    if (!(error instanceof Interruption)) throw error;
    if (isFirst) say(describeInterruption(error, out));
    return INTERRUPTED;
  }
}

/**
 * Prints the result of a run.
 *
 * @param result The result.
 * @param out The run folder.
 */
export function printResult(result: Result, out: string): void {
  print("", resultTable(result), "", gradientTable(result.gradients));
  print("", `run folder: ${out}`);
}

function jsonLines(): Output {
  const print = <Name extends keyof RunEvents>(name: Name) => (event: RunEvents[Name]) => {
    const plain = "error" in event ? { message: event.error.message } : event;
    // Bootstrap samples are in the run folder: thousands of numbers would hide the metrics here.
    printJson(metricsToJson({ event: name, ...plain, samples: undefined }));
  };
  return Object.fromEntries(EVENT_NAMES.map((name) => [name, print(name)]));
}
