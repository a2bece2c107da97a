import { commandName } from "../base/command_name.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { cutToWidth, formatCount, formatNumber, table } from "../base/text_table.ts";
import { print, printJson, say } from "../base/terminal.ts";
import type { CommandOptions } from "../launch/command_line/options.ts";
import { type Difference, differences } from "../run/folder/differences.ts";
import type { EarlierRun } from "../run/folder/manifest.ts";
import { type RunSummary, summarizeRun } from "../run/folder/run_state.ts";
import type { Metrics, Result } from "../stages/events.ts";
import {
  type Better,
  betterOf,
  formatDifference,
  formatMetric,
  isMetricDetail,
} from "../stages/metric.ts";
import { metricsToJson } from "../stages/metrics_json.ts";
import { quoted } from "../base/quoted.ts";

/** The largest width of a row's title. */
const TITLE_WIDTH = 28;

/** The largest width of a value. */
const VALUE_WIDTH = 21;

/** A run to compare, which has ended with a result. */
export interface ComparedRun extends RunSummary {
  /** The run folder. */
  readonly folder: string;
  /** The result. */
  readonly result: Result;
}

/** The metrics of a net in each run; undefined for runs without this net. */
interface NetRows {
  readonly net: "light" | "booster" | "light alone";
  readonly metrics: readonly (Metrics | undefined)[];
}

/**
 * `deno task pipeline compare RUN RUN…`: compares the pipelines and the results of several runs.
 *
 * @param folders The run folders.
 * @param options The command line's options.
 * @returns The exit code.
 */
export async function compare(
  folders: readonly string[],
  options: CommandOptions,
): Promise<number> {
  if (folders.length < 2) {
    throw new UserError(
      `expected two run folders or more, got ${folders.length === 0 ? "none" : folders[0]}`,
      {
        hint: hint(
          "compare/runs",
          "name the runs, as in `compare RUN RUN`; the command `runs` lists them",
          {
            edit: "the arguments",
          },
        ),
        exitCode: 2,
      },
    );
  }
  const runs = await Promise.all(folders.map(readEnded));
  const different = differences(runs.map(({ earlier }) => settingsOf(earlier)));
  const isOtherTest = differences(runs.map(({ earlier }) => earlier.data.test?.fingerprint))
    .length > 0;
  if (options.json) {
    printJson({
      runs: runs.map(jsonOf),
      differences: different.map(({ path, values }) => ({
        path: path.join("."),
        values: values.map((value) => value ?? null),
      })),
      sameTestRows: !isOtherTest,
    });
  } else print(comparison(runs, different));
  if (isOtherTest) {
    say(
      "warning: the test rows of these runs differ, so their metrics cannot be compared directly",
    );
  }
  return 0;
}

/** Reads a run that has ended. */
async function readEnded(folder: string): Promise<ComparedRun> {
  const { result, ...rest } = await summarizeRun(folder);
  if (result) return { folder, ...rest, result };
  const state = rest.state === "running" ? "is still running" : "has not ended";
  throw new UserError(`${folder} has no result, because the run ${state}`, {
    hint: hint(
      "compare/ended",
      `name runs that have ended, or finish this one with \`${commandName()} resume ${
        quoted(folder)
      }\``,
      { edit: "the arguments" },
    ),
    exitCode: 2,
  });
}

/**
 * Returns the settings of a run: its pipeline, seed, engine, device, precision, versions, and row
 * counts.
 */
function settingsOf(run: EarlierRun): object {
  const { pipeline, seed, engine, device = "cpu", precision, versions, data } = run;
  return {
    ...pipeline,
    seed,
    engine,
    device,
    precision,
    versions,
    rows: Object.fromEntries(Object.entries(data).map(([split, { rows }]) => [split, rows])),
  };
}

/**
 * Makes the lines of a comparison: a legend with the folder of each run, and a table of the
 * differences and results.
 *
 * @param runs The runs.
 * @param different The options in which they differ.
 */
export function comparison(
  runs: readonly ComparedRun[],
  different: readonly Difference[],
): string[] {
  const heads = runs.map((_, at) => `run ${at + 1}`);
  const legend = runs.map(({ folder }, at) => `${heads[at]}: ${cutToWidth(folder, 72)}`);
  const rows: [string, ...string[]][] = [
    ...different.map(({ path, values }): [string, ...string[]] => [
      path.join("."),
      ...values.map(optionText),
    ]),
    ...resultRows(runs),
  ].map(([title, ...cells]) => [
    cutToWidth(title!, TITLE_WIDTH),
    ...cells.map((cell) => cutToWidth(cell, VALUE_WIDTH)),
  ]);
  return [
    ...legend,
    "",
    ...table(["", ...heads], rows),
    "",
    "metrics on the test split after the last epoch; +/− is the difference from run 1",
    ...(different.length === 0 ? ["the pipelines are equal"] : []),
  ];
}

function resultRows(runs: readonly ComparedRun[]): [string, ...string[]][] {
  const results = runs.map(({ result }) => result);
  const rows: [string, ...string[]][] = [];
  const counts = (title: string, values: readonly (number | undefined)[]) => {
    if (values.every((value) => value === undefined)) return;
    rows.push([title, ...values.map((value) => value === undefined ? "–" : formatCount(value))]);
  };
  counts("light parameters", results.map(({ parameters }) => parameters.light));
  counts("booster parameters", results.map(({ parameters }) => parameters.booster));
  counts("epochs", results.map(({ epochs }) => epochs));
  for (const { net, metrics } of netsOf(results)) {
    for (const key of keysOf(metrics)) {
      const values = metrics.map((one) => one?.[key]);
      const better = results.map((result) => betterOf(key, result.better)).find(Boolean);
      rows.push([`${net} ${key}`, ...values.map((value) => metricText(value, values[0], better))]);
    }
  }
  const seconds = (title: string, values: readonly (number | undefined)[]) => {
    if (values.every((value) => value === undefined)) return;
    rows.push([title, ...values.map((value) => value === undefined ? "–" : value.toFixed(1))]);
  };
  seconds("seconds", results.map((result) => result.seconds));
  seconds("light alone seconds", results.map(({ baseline }) => baseline?.seconds));
  return rows;
}

function netsOf(results: readonly Result[]): NetRows[] {
  const nets: NetRows[] = [
    { net: "light", metrics: results.map(({ test }) => test.light) },
    { net: "booster", metrics: results.map(({ test }) => test.booster) },
    { net: "light alone", metrics: results.map(({ baseline }) => baseline?.test.light) },
  ];
  return nets.filter(({ metrics }) => metrics.some((one) => one !== undefined));
}

/** Returns the metrics of any run, without their details. */
function keysOf(metrics: readonly (Metrics | undefined)[]): string[] {
  const keys = metrics.flatMap((one = {}) =>
    Object.keys(one).filter((key) => !isMetricDetail(key, one))
  );
  return [...new Set(keys)];
}

/** Formats a metric and its difference from that of the first run: `0.9700 +0.0020 better`. */
function metricText(
  value: Metrics[string] | undefined,
  first: Metrics[string] | undefined,
  better: Better | undefined,
): string {
  if (value === undefined) return "–";
  const text = formatMetric(value, formatNumber);
  if (typeof value !== "number" || typeof first !== "number" || value === first) return text;
  return `${text} ${formatDifference(value - first, better, formatNumber)}`;
}

function optionText(value: unknown): string {
  if (value === undefined) return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function jsonOf({ folder, state, result }: ComparedRun): object {
  const { name, parameters, epochs, seconds, test, baseline } = result;
  return metricsToJson({
    run: folder,
    name,
    state,
    parameters,
    epochs,
    seconds,
    test,
    ...(baseline && {
      baseline: {
        parameters: baseline.parameters,
        epochs: baseline.epochs,
        seconds: baseline.seconds,
        test: baseline.test,
      },
    }),
  });
}
