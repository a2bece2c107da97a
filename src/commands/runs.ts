import { basename, join, relative, resolve } from "node:path";
import { existsSync } from "node:fs";
import { runFiles } from "../base/files/run_files.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { largest } from "../base/long_lists.ts";
import { cutToWidth, formatNumber, table } from "../base/text_table.ts";
import { WIDTH, widthOf } from "../base/text_width.ts";
import { print, printJson, say } from "../base/terminal.ts";
import { type CommandOptions, onlyArgument } from "../launch/command_line/options.ts";
import { type RunSummary, summarizeRun } from "../run/folder/run_state.ts";
import type { Metrics } from "../stages/events.ts";
import { formatMetric, isMetricDetail } from "../stages/metric.ts";
import { metricsToJson } from "../stages/metrics_json.ts";

/** The largest width of the column with the names of runs. */
const NAME_WIDTH = 32;

/** The depth of a sweep's runs in `runs/`: SWEEP/SETTING/seed-N; one more for `runs .`. */
const DEPTH = 4;

/** A run in the folder that the command `runs` lists. */
export interface ListedRun extends RunSummary {
  /** The path of the run folder from the folder that is listed. */
  readonly name: string;
}

/**
 * `deno task pipeline runs [DIR]`: lists the runs of a folder with their states and results.
 *
 * @param args The folder; `runs` by default.
 * @param options The command line's options.
 * @returns The exit code.
 */
export async function runs(args: readonly string[], options: CommandOptions): Promise<number> {
  const folder = args.length === 0 ? "runs" : onlyArgument(args, "a folder with runs");
  const names: string[] = [], foreign: string[] = [];
  await search(resolve(folder), "", { names, foreign });
  const found: ListedRun[] = [], problems: string[] = [];
  for (const name of names) {
    try {
      found.push({
        name: name || basename(resolve(folder)),
        ...await summarizeRun(join(folder, name)),
      });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(error.problems[0]!.message);
    }
  }
  found.sort((a, b) => Number(a.changed) - Number(b.changed) || (a.name < b.name ? -1 : 1));
  if (options.json) printJson({ folder, runs: found.map(jsonOf), foreign, problems });
  else if (found.length > 0) print(runsTable(found));
  else print(`there are no runs in ${folder}`);
  for (const problem of problems) say(`warning: ${problem}`);
  if (foreign.length > 0) say(`not runs: ${foreign.map((name) => join(folder, name)).join(", ")}`);
  return 0;
}

/**
 * Finds the run folders in a folder. A folder of the top level that contains no run is foreign.
 *
 * @returns Whether the folder is or contains a run.
 */
async function search(
  root: string,
  name: string,
  found: { readonly names: string[]; readonly foreign: string[] },
  depth = 0,
): Promise<boolean> {
  const folder = join(root, name);
  if (existsSync(join(folder, runFiles.pipeline))) {
    found.names.push(name);
    return true;
  }
  let inner: string[];
  try {
    inner = (await Array.fromAsync(Deno.readDir(folder))).filter((entry) =>
      // Links are not followed, as they may lead out of the folder or around in a circle.
      entry.isDirectory && !entry.name.startsWith(".") && entry.name !== "node_modules"
    ).map((entry) => entry.name).sort();
  } catch (error) {
    if (depth > 0) return false;
    throw unreadable(relative(".", root) || root, error);
  }
  let has = false;
  for (const one of depth < DEPTH ? inner : []) {
    const within = await search(root, join(name, one), found, depth + 1);
    if (!within && depth === 0) found.foreign.push(one);
    has ||= within;
  }
  return has;
}

function unreadable(folder: string, error: unknown): UserError {
  const missing = error instanceof Deno.errors.NotFound;
  return new UserError(
    missing
      ? `there is no folder ${folder}`
      : `${folder} cannot be listed: ${(error as Error).message}`,
    {
      hint: hint("runs/folder", "name a folder that contains runs, as in `runs DIR`", {
        edit: "the arguments",
      }),
      cause: error,
      exitCode: 2,
    },
  );
}

/**
 * Makes a table of runs that fits the width of the terminal. Metrics for which there is no space
 * are left out.
 *
 * @param found The runs.
 */
export function runsTable(found: readonly ListedRun[]): string[] {
  const names = found.map(({ name }) => cutToWidth(name, NAME_WIDTH));
  const states = found.map(({ state }) => state);
  const epochs = found.map(({ epochs, planned }) => `${epochs}/${planned}`);
  const times = found.map(({ changed }) => localTime(changed));
  const widest = (cells: readonly string[]) => largest(cells.map(widthOf));
  let room = WIDTH;
  for (const cells of [["run", ...names], ["state", ...states], ["epochs", ...epochs], times]) {
    room -= widest(cells) + 2;
  }
  const columns: { head: string; cells: string[] }[] = [];
  const metrics = commonMetrics(found.map(({ result }) => result?.test.light ?? {}));
  for (const metric of metrics) {
    const head = cutToWidth(metric, 14);
    const cells = found.map(({ result }) => metricCell(result?.test.light?.[metric]));
    const width = widest([head, ...cells]) + 2;
    // The columns' gaps are one fewer than the columns.
    if (width > room + 2) break;
    room -= width;
    columns.push({ head, cells });
  }
  const hidden = metrics.length - columns.length;
  const lines = table(
    ["run", "state", "epochs", ...columns.map(({ head }) => head), "last change"],
    found.map((_, at) => [
      names[at]!,
      states[at]!,
      epochs[at]!,
      ...columns.map(({ cells }) => cells[at]!),
      times[at]!,
    ]),
    ["left", "left", "right", ...columns.map(() => "right" as const), "left"],
  );
  const about = [
    ...(metrics.length > 0 ? ["metrics of the light net on the test split"] : []),
    ...(hidden > 0 ? [`--json has ${hidden} more`] : []),
  ];
  return about.length > 0 ? [...lines, "", about.join("; ")] : lines;
}

/** Returns all metrics without their details, those of the most runs first. */
function commonMetrics(all: readonly Metrics[]): string[] {
  const counts = new Map<string, number>();
  for (const metrics of all) {
    for (const key of Object.keys(metrics)) {
      if (!isMetricDetail(key, metrics)) counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([key]) => key);
}

function metricCell(value: Metrics[string] | undefined): string {
  return value === undefined ? "–" : cutToWidth(formatMetric(value, formatNumber), 14);
}

/** Formats a time in the user's time zone: `2026-11-28 15:47`. */
function localTime(time: Date): string {
  const two = (number: number) => String(number).padStart(2, "0");
  return [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-") +
    ` ${two(time.getHours())}:${two(time.getMinutes())}`;
}

function jsonOf({ name, state, epochs, planned, changed, result }: ListedRun): object {
  return {
    run: name,
    state,
    epochs,
    planned,
    changed: changed.toISOString(),
    ...(result && metricsToJson({ seconds: result.seconds, test: result.test })),
  };
}
