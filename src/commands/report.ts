import { withDraftFolder } from "../base/files/draft_folder.ts";
import { writeFileWhole } from "../base/files/write.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { say } from "../base/terminal.ts";
import { summarizeRun } from "../run/folder/run_state.ts";
import type { CommandOptions } from "../launch/command_line/options.ts";
import { lossPicture, runsPicture } from "../report/charts.ts";
import { reportPage } from "../report/page.ts";
import { readPoints, readReportRun, type ReportRun } from "../report/read_run.ts";
import type { Metrics, Result } from "../stages/events.ts";
import { formatMetric } from "../stages/metric.ts";
import { table } from "../base/text_table.ts";
import { interval, spread } from "../sweep/statistics.ts";
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
      hint: hint("report/runs", "name the runs; the command `runs` lists them", {
        edit: "the arguments",
      }),
      exitCode: 2,
    });
  }
  const isPicture = out !== undefined && /\.svg$/i.test(out);
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
  const text = !isPicture
    ? await pageOf(folders, options)
    : folders.length === 1
    ? await pictureOf(folders[0]!)
    : await pictureOfRuns(folders);
  await withDraftFolder(out, () => writeFileWhole(out, new TextEncoder().encode(text)));
  if (!options.quiet) {
    say(`${out}: a report of ${folders.length === 1 ? "one run" : `${folders.length} runs`}`);
  }
  return 0;
}

async function pageOf(folders: readonly string[], options: CommandOptions): Promise<string> {
  const { errors = ERRORS, modelEngine: engine = "auto", device, allowPlugins, allowEnv } = options;
  const log = (line: string) => !options.quiet && say(line);
  const runs: ReportRun[] = [];
  for (const folder of folders) {
    const run = await readReportRun(folder, {
      ...{ errors, engine, device, allowPlugins, allowEnv },
      report: log,
    });
    if (typeof run.evaluation === "string") {
      log(`${folder}: the test rows are not evaluated: ${run.evaluation}`);
    }
    runs.push(run);
  }
  return await reportPage(runs);
}

/** Returns the error for a run whose record does not contain what a picture shows. */
function undrawable(message: string): UserError {
  return new UserError(message, {
    hint: hint("report/picture", "write a page: --out report.html", {
      edit: "the name of the file",
    }),
    exitCode: 2,
  });
}

/** Draws the losses of a run by epoch as SVG. */
async function pictureOf(folder: string): Promise<string> {
  const { result } = await summarizeRun(folder);
  const losses = (await readPoints(folder)).filter(({ split, net, metric }) =>
    split === "test" && net !== undefined && /^loss\/.*cross-entropy$/.test(metric)
  );
  if (!result || losses.length === 0) {
    throw undrawable(`the run ${folder} has not measured losses of the nets on the test split`);
  }
  const points = losses.map(({ epoch, value, net }) => ({ x: epoch, y: value, name: net! }));
  const title = `${losses[0]!.metric.replace("loss/", "")}, test split`;
  return await lossPicture(points, title, resultTable(result));
}

/**
 * Draws the first metric of several runs by epoch as SVG, such as the runs of a pipeline with
 * several seeds, with the gain of the light net over the light net that is trained alone.
 */
async function pictureOfRuns(folders: readonly string[]): Promise<string> {
  const runs = await Promise.all(folders.map(async (folder) => ({
    folder,
    result: (await summarizeRun(folder)).result,
    points: await readPoints(folder),
  })));
  const [metric] = Object.keys(runs[0]!.result?.test.light ?? {});
  const missing = runs.find(({ result }) => result?.test.light?.[metric!] === undefined);
  if (metric === undefined || missing) {
    const { folder } = missing ?? runs[0]!;
    throw undrawable(`the run ${folder} has no metric of the light net on the test split`);
  }
  const points = runs.flatMap(({ points }) =>
    points.filter((point) =>
      point.split === "test" && point.metric === metric && point.net !== undefined
    )
  ).map(({ epoch, value, net }) => ({ x: epoch, y: value, name: net! }));
  return await runsPicture(points, `${metric}, test split`, spreadLines(metric, runs));
}

/** Formats the last values of a metric over runs, and the gain of the light net if it is known. */
function spreadLines(
  metric: string,
  runs: readonly { readonly result: Result | undefined }[],
): string[] {
  const valuesOf = (read: (result: Result) => Metrics | undefined) => {
    const values = runs.map(({ result }) => read(result!)?.[metric]);
    return values.every((value) => typeof value === "number") ? values : undefined;
  };
  const nets = {
    "light": valuesOf(({ test }) => test.light),
    "booster": valuesOf(({ test }) => test.booster),
    "light alone": valuesOf(({ baseline }) => baseline?.test.light),
  };
  const rows = Object.entries(nets).flatMap(([net, values]) => {
    if (!values) return [];
    const { mean, deviation } = spread(values);
    return [[net, formatMetric(mean), formatMetric(deviation)]];
  });
  const count = `${runs.length} runs`;
  const lines = table(["net", `${metric}, mean of ${count}`, "deviation"], rows);
  const { light, "light alone": alone } = nets;
  if (!light || !alone) return lines;
  const { mean, low, high } = interval(light.map((value, index) => value - alone[index]!));
  const [difference, from, to] = [mean, low, high].map((value) =>
    `${value < 0 ? "−" : "+"}${formatMetric(Math.abs(value))}`
  );
  return [...lines, "", `light − light alone: ${difference}, 95 % interval [${from}, ${to}]`];
}
