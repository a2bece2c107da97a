import { type Problem, warningLines } from "../base/errors.ts";
import { checkPlan } from "../run/check_pipeline.ts";
import { type CommandOptions, onlyArgument } from "../launch/command_line/options.ts";
import { readPlan } from "../run/read_plan.ts";
import { print, say } from "../base/terminal.ts";
import { checkReport, exactTablesText } from "./check_report.ts";

/**
 * `deno task pipeline check FILE`: does everything except training. It opens the data, builds the
 * nets, runs one batch, and prints what it found.
 *
 * @param args The pipeline file.
 * @param options The command line's options.
 * @returns The exit code.
 */
export async function check(args: readonly string[], options: CommandOptions): Promise<number> {
  const plan = await readPlan(
    onlyArgument(args, "a pipeline file"),
    options.set,
    options.allowPlugins,
    options.allowEnv,
  );
  const report = (line: string) => options.quiet || say(line);
  const checked = await checkPlan(plan, {
    engine: options.engine,
    device: options.device,
    report,
    warn: warner(options),
    onPhase: (phase) => exactTablesText(phase).forEach(report),
  });
  print(checkReport(checked, options));
  return 0;
}

/** Prints warnings, each once. */
function warner({ quiet }: CommandOptions): (warnings: readonly Problem[]) => void {
  const said = new Set<string>();
  return (warnings) => {
    for (const warning of warnings) {
      if (quiet || said.has(warning.message)) continue;
      said.add(warning.message);
      say(warningLines(warning));
    }
  };
}
