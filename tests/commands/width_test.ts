import { assert } from "@std/assert";
import { widthOf } from "../../src/base/text_width.ts";
import { type ComparedRun, comparison } from "../../src/commands/compare.ts";
import { evaluationText } from "../../src/commands/evaluate.ts";
import { stageTable } from "../../src/commands/list.ts";
import { gradientTable, resultTable } from "../../src/commands/result_table.ts";
import { type ListedRun, runsTable } from "../../src/commands/runs.ts";
import { permissionsText } from "../../src/launch/command_line/needs.ts";
import type { Evaluation } from "../../src/model/evaluation/evaluate_run.ts";
import { differences } from "../../src/run/folder/differences.ts";
import type { Metrics, Result } from "../../src/stages/events.ts";
import { undefinedMetric } from "../../src/stages/metric.ts";
import type { CheckedSweep } from "../../src/sweep/check.ts";
import type { Latency } from "../../src/sweep/latency.ts";
import { terminalText } from "../../src/sweep/render.ts";
import { sweepTable } from "../../src/sweep/table.ts";

// check, show, the pages of the help and the progress bar have tests of their own, which also
// check the width of each line.

const long = "a-name-that-is-much-longer-than-a-usual-name-of-anything-that-a-pipeline-can-name";
const names = ["short", long, `${long}/${long}`, "数据".repeat(30), "two words ".repeat(12).trim()];

function fits(what: string, lines: readonly string[]): void {
  assert(lines.length > 0, what);
  for (const line of lines) assert(widthOf(line) <= 80, `${what}: ${widthOf(line)}: ${line}`);
}

/** Metrics with numbers of many widths, values that are undefined, and ten details. */
function metricsOf(count: number, name: string): Metrics {
  const values = [0.5, 1e-9, -123456.789, undefinedMetric("no user has both classes"), 0];
  return Object.fromEntries([
    ...Array.from({ length: count }, (_, at) => [`${at}${name}`, values[at % values.length]!]),
    ...Array.from({ length: 10 }, (_, at) => [`0${name}/bin${at}`, at / 9]),
  ]);
}

function resultOf(count: number, name: string): Result {
  const test = { light: metricsOf(count, name), booster: metricsOf(count, name) };
  const best = { epoch: 12, split: "validation", metric: `light/0${name}`, value: 0.5, test };
  const common = {
    ...{ epochs: 1_000, seconds: 123_456.7, skipped: 3, test, best },
    input: { rowsPerSecond: 1000, waitingShare: 0.123 },
    parameters: { light: 123_456_789, booster: 9_876_543_210 },
  };
  const gradients = ["light", "booster"].map((net) => ({
    loss: `${name}(${net}.${name})`,
    norms: { light: 1e-9, booster: 0, shared: 123.4, loss: 0.5 },
  }));
  return {
    ...common,
    ...{ name, engine: "native", precision: "float32", seed: 1, steps: 9, gradients },
    better: { [`0${name}`]: "lower" },
    phases: ["one", "two"].map((phase) => ({
      ...common,
      ...{ name: `${phase}-${name}`, nets: ["light", "booster"] as const, steps: 9, gradients },
      frozen: ["booster", "shared"] as const,
    })),
    baseline: common,
  } as unknown as Result;
}

Deno.test("the tables at the end of a run fit 80 columns, with many metrics and long names", () => {
  for (const count of [0, 1, 3, 10]) {
    for (const name of names) {
      const result = resultOf(count, name);
      fits(`${count} metrics`, [...resultTable(result), ...gradientTable(result.gradients)]);
    }
  }
  const text = resultTable(resultOf(10, "m")).join("\n");
  for (let at = 0; at < 10; at++) assert(text.includes(`${at}m`), text);
});

Deno.test("the table of a sweep fits 80 columns", () => {
  for (const name of names) {
    const metric = `light/0${name}`;
    const settings = ["a", "b"].map((key) => ({
      ...{ key: `${key}-${name}`, name: `${key}-${name}`, reference: `a-${name}` },
    }));
    const sweep = {
      ...{ name, out: "runs", settings, seeds: [1, 2, 3], runs: [], metric, split: "test" },
      ...{ threads: 1, latency: undefined },
    } as CheckedSweep;
    const outcomes = settings.flatMap(({ key }, at) =>
      [1, 2, 3].map((seed) => {
        const metrics = { [metric]: at + seed / 10, [`booster/0${name}`]: 0.5 };
        return {
          ...{ setting: key, seed, result: resultOf(1, name) },
          metrics: { last: metrics, best: metrics },
        };
      })
    );
    const milliseconds = Object.fromEntries(settings.map(({ key }, at) => [key, 1 + at]));
    const latency: Latency = { engine: "onnx", batch: 1, milliseconds };
    fits("sweep", terminalText(sweepTable(sweep, outcomes, latency)));
  }
});

Deno.test("the tables of runs and compare fit 80 columns", () => {
  for (const name of names) {
    for (const count of [2, 3, 7]) {
      const listed = Array.from({ length: count }, (_, at) => {
        const result = resultOf(10, name);
        const earlier = { pipeline: { name: `${name}${at}`, [`${name}.${name}`]: at } };
        const state = at === 0 ? "unfinished" : "finished";
        const changed = new Date(2026, 10, 28);
        const run = { state, epochs: 100, planned: 100_000, changed, earlier, result };
        return { ...run, folder: `${name}/${at}`, name: `${name}/${at}` };
      }) as unknown as (ListedRun & ComparedRun)[];
      fits("runs", runsTable(listed));
      const different = differences(listed.map(({ earlier }) => earlier.pipeline));
      fits("compare", comparison(listed, different));
    }
  }
});

Deno.test("the tables of evaluate fit 80 columns", () => {
  for (const name of names) {
    for (const classes of [2, 5, 40]) {
      const metrics = metricsOf(4, name);
      const cells = Array.from(
        { length: classes },
        (_, label) =>
          [0, 1].map((predicted) => ({ label, predicted, rows: 12_345 * (label + predicted) })),
      ).flat();
      const groups = Array.from({ length: 30 }, (_, at) => ({
        ...{ value: `${name}${at}`, rows: 10 ** (at % 9) },
        metrics: Object.fromEntries(
          Object.entries(metrics).map(([key, value]) => [`light/${key}`, value]),
        ),
      }));
      const evaluation = {
        ...{ checkpoint: name, at: { epoch: 5 }, engine: name, rows: 1e9, isChanged: false },
        metrics: { light: metrics, booster: metrics, run: metrics },
        label: {
          kind: "class",
          classes: Array.from({ length: classes }, (_, at) => `${name}${at}`),
        },
        ...{ confusion: { light: cells, booster: cells }, groups, wrong: [] },
      } as unknown as Evaluation;
      fits("evaluate", evaluationText(evaluation, { folder: name, input: name, by: name }));
    }
  }
});

Deno.test("the tables of list and --permissions fit 80 columns", async () => {
  fits("list", await stageTable([], { allowPlugins: [], allowEnv: [] }));
  const permissions = names.map((of) => ({ permission: "read" as const, of, why: `the ${of}` }));
  // The last line is a command's flags, which can be copied.
  fits("permissions", permissionsText({ permissions, hasCode: true }).slice(0, -1));
});
