import { withDraftFolder } from "../base/files/draft_folder.ts";
import { writeFileWhole } from "../base/files/write.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { say } from "../base/terminal.ts";
import { summarizeRun } from "../run/folder/run_state.ts";
import type { CommandOptions } from "../launch/command_line/options.ts";
import { lossPicture } from "../report/charts.ts";
import { reportPage } from "../report/page.ts";
import { readPoints, readReportRun, type ReportRun } from "../report/read_run.ts";
import { resultTable } from "./result_table.ts";

/** The default number of rows with the largest losses in a report, of each kind. */
const ERRORS = 12;

/**
 * `deno task pipeline report RUN… --out FILE.html`: writes an HTML page about one run, or a
 * comparison of several.
 *
 * @param folders The run folders.
 * @param options The command line's options.
 * @returns The exit code.
 */
export async function report(
  folders: readonly string[],
  options: CommandOptions,
): Promise<number> {
  const { out } = options;
  if (folders.length === 0) {
    throw new UserError("report needs at least one run folder", {
      hint: hint("report/runs", "name the runs; `runs` lists them", { edit: "the arguments" }),
      exitCode: 2,
    });
  }
  const isPicture = out !== undefined && /\.svg$/i.test(out) && folders.length === 1;
  if (out === undefined || !isPicture && !/\.html?$/i.test(out)) {
    throw new UserError(
      out === undefined
        ? "report needs --out, the file for the page"
        : `a report cannot be written to ${out}: the format is unknown`,
      {
        hint: hint("report/out", "use a file name that ends in .html: --out report.html", {
          args: {
            remove: ["--out", ...(out === undefined ? [] : [out])],
            add: ["--out", "report.html"],
          },
        }),
        exitCode: 2,
      },
    );
  }
  const text = isPicture ? await pictureOf(folders[0]!) : await pageOf(folders, options);
  await withDraftFolder(out, () => writeFileWhole(out, new TextEncoder().encode(text)));
  if (!options.quiet) {
    say(`${out}: a report of ${folders.length === 1 ? "one run" : `${folders.length} runs`}`);
  }
  return 0;
}

async function pageOf(folders: readonly string[], options: CommandOptions): Promise<string> {
  const { errors = ERRORS, modelEngine: engine = "auto", allowPlugins, allowEnv } = options;
  const log = (line: string) => !options.quiet && say(line);
  const runs: ReportRun[] = [];
  for (const folder of folders) {
    const run = await readReportRun(folder, {
      ...{ errors, engine, allowPlugins, allowEnv },
      report: log,
    });
    if (typeof run.evaluation === "string") {
      log(`${folder}: the test rows are not evaluated: ${run.evaluation}`);
    }
    runs.push(run);
  }
  return await reportPage(runs);
}

/** Draws the losses of a run by epoch as SVG. */
async function pictureOf(folder: string): Promise<string> {
  const { result } = await summarizeRun(folder);
  const losses = (await readPoints(folder)).filter(({ split, net, metric }) =>
    split === "test" && net !== undefined && /^loss\/.*cross-entropy$/.test(metric)
  );
  if (!result || losses.length === 0) {
    throw new UserError(`the run ${folder} has not measured losses of the nets on the test split`, {
      hint: hint("report/picture", "write a page: --out report.html", {
        edit: "the name of the file",
      }),
      exitCode: 2,
    });
  }
  const points = losses.map(({ epoch, value, net }) => ({ x: epoch, y: value, name: net! }));
  const title = `${losses[0]!.metric.replace("loss/", "")}, test split`;
  return await lossPicture(points, title, resultTable(result));
}
