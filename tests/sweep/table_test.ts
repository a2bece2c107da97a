import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { tableFromIPC } from "apache-arrow";
import { join } from "node:path";
import type { Result } from "../../src/stages/events.ts";
import type { CheckedSweep } from "../../src/sweep/check.ts";
import type { Latency } from "../../src/sweep/latency.ts";
import { drawPicture, picturePoints } from "../../src/sweep/picture.ts";
import { comparison, htmlText, markdownText, notes, terminalText } from "../../src/sweep/render.ts";
import type { RunOutcome } from "../../src/sweep/results.ts";
import { sweepTable } from "../../src/sweep/table.ts";
import { writeTable } from "../../src/sweep/write.ts";
import { inFolder } from "../support/command_line.ts";

const sweep: CheckedSweep = {
  name: "mine",
  out: "runs/mine",
  settings: [
    { key: "basic", name: "basic", reference: "basic" },
    { key: "rocket", name: "rocket", reference: "basic" },
    { key: "failed", name: "failed", reference: "basic" },
  ],
  seeds: [1, 2, 3],
  runs: [],
  metric: "light/accuracy",
  split: "test",
  threads: 1,
  latency: { batch: 1, engine: "auto" },
};

function outcome(setting: string, seed: number, light: number, booster?: number): RunOutcome {
  const last = {
    "light/accuracy": light,
    ...(booster !== undefined && { "booster/accuracy": booster }),
  };
  const result = {
    engine: "wasm",
    seconds: 2,
    best: { epoch: 2 },
    parameters: { light: 1234, ...(booster !== undefined && { booster: 56_789 }) },
  } as Result;
  return { setting, seed, metrics: { last, best: { ...last, "light/accuracy": 1 } }, result };
}

const outcomes = [
  outcome("basic", 1, 0.5),
  outcome("basic", 2, 0.6),
  outcome("basic", 3, 0.7),
  outcome("rocket", 1, 0.55, 0.9),
  outcome("rocket", 3, 0.85, 0.8),
];
const latency: Latency = { engine: "wasm", batch: 1, milliseconds: { basic: 2, rocket: 3 } };
const table = sweepTable(sweep, outcomes, latency);

Deno.test("a seed without a value is left out of means and differences, and the cell shows this", () => {
  const none = { undefined: "one class" };
  const without = (setting: string, seed: number) => {
    const all = outcome(setting, seed, 0);
    return { ...all, metrics: { ...all.metrics, last: { "light/accuracy": none } } };
  };
  const some = sweepTable(
    sweep,
    [...outcomes.slice(0, 3), without("rocket", 1), outcome("rocket", 3, 0.85)],
    undefined,
  );
  const summary = some.rows[1]!.metrics.last["light/accuracy"]!;
  assertEquals(summary.values, [0.85]);
  assertEquals(summary.without, { runs: 1, reason: "one class" });
  assertAlmostEquals(summary.difference!.mean, 0.85 - 0.7);
  const all = sweepTable(sweep, [...outcomes.slice(0, 3), without("rocket", 1)], undefined);
  assertEquals(all.rows[1]!.metrics.last["light/accuracy"]!.spread, undefined);
  assertEquals(all.rows[1]!.metrics.last["light/accuracy"]!.difference, undefined);
  for (
    const [table, cell] of [
      [some, "0.8500 of 1; 1 undefined (one class)"],
      [all, "undefined (one class)"],
    ] as const
  ) {
    assertEquals(comparison(table).rows[1]![2], cell);
    assert(!markdownText(table).includes("NaN"));
    assert(!htmlText(table, undefined).includes("NaN"));
  }
});

Deno.test("differences are paired by seed, over the seeds that both settings have", () => {
  const [basic, rocket, failed] = table.rows;
  assertEquals(basic!.metrics.last["light/accuracy"]!.difference, undefined);
  const { mean, low, high } = rocket!.metrics.last["light/accuracy"]!.difference!;
  // 0.05 and 0.15: half of the interval is t(0.975, 1) · √0.005 / √2.
  assertAlmostEquals(mean, 0.1);
  assertAlmostEquals(low, 0.1 - 12.706204736174694 * 0.05, 1e-8);
  assertAlmostEquals(high, 0.1 + 12.706204736174694 * 0.05, 1e-8);
  assertEquals([basic, rocket, failed].map((row) => row!.seeds), [[1, 2, 3], [1, 3], []]);
  assertEquals([basic, rocket, failed].map((row) => row!.latencyRatio), [1, 1.5, undefined]);
});

Deno.test("the comparison has a row for each setting, even without runs", () => {
  const { head, rows } = comparison(table);
  assertEquals(head.length, 11);
  assertEquals(head.at(-2), "light latency (wasm, 1 row)");
  assertEquals(rows, [
    [
      ...["basic", "3", "0.6000 ± 0.1000", "–", "1.0000 ± 0", "–", "–"],
      ...["1,234", "–", "2.000 ms", "1.00"],
    ],
    [
      ...["rocket", "2", "0.7000 ± 0.2121", "+0.1000 [−0.5353, +0.7353]"],
      ...["1.0000 ± 0", "+0.0000 [+0.0000, +0.0000]", "0.8500 ± 0.0707"],
      ...["1,234", "56,789", "3.000 ms", "1.50 × slower"],
    ],
    ["failed", "0", "–", "–", "–", "–", "–", "–", "–", "–", "–"],
  ]);
  for (const text of [terminalText(table).join("\n"), markdownText(table)]) {
    assertStringIncludes(text, "0.7000 ± 0.2121");
    assertStringIncludes(text.replaceAll("\n", " "), "paired t test");
  }
  assertStringIncludes(notes(table).join(), "with 1 row on the wasm engine with one thread");
});

Deno.test("a difference is called better or worse if its interval does not contain 0", () => {
  const differences = (better: "higher" | "lower" | undefined, values: readonly number[]) => {
    const runs = values.map((value, at) => outcome("rocket", at + 1, 0.5 + value));
    const all = [...values.map((_, at) => outcome("basic", at + 1, 0.5)), ...runs].map((run) => ({
      ...run,
      result: { ...run.result, ...(better && { better: { accuracy: better } }) } as Result,
    }));
    return comparison(sweepTable(sweep, all, undefined)).rows[1]![3]!;
  };
  assertMatch(differences("higher", [0.1, 0.11, 0.12]), /^\+0\.1100 \[.*\] better$/);
  assertMatch(differences("lower", [0.1, 0.11, 0.12]), /^\+0\.1100 \[.*\] worse$/);
  assertMatch(differences("lower", [-0.1, -0.11, -0.12]), /^−0\.1100 \[.*\] better$/);
  assertMatch(differences("higher", [0.1, -0.2, 0.1]), /\]$/);
  // With one seed, there is no interval.
  assertEquals(differences("lower", [-0.1]), "−0.1000");
  assertEquals(differences(undefined, [-0.1]), "−0.1000");
});

/** A sweep with a booster alone, and runs of one or two seeds with samples of the metric. */
const gapSweep: CheckedSweep = {
  ...sweep,
  settings: ["alone", "rocket", "large"].map((key) => ({
    ...{ key, name: key, reference: "alone", booster: "large" },
  })),
  seeds: [1, 2],
};

function sampled(
  setting: string,
  seed: number,
  value: number,
  samples?: readonly number[],
  groups = "2 users",
): RunOutcome {
  const key = "light/accuracy", run = outcome(setting, seed, value);
  const of = samples ? { [key]: { groups, values: samples } } : {};
  return {
    ...run,
    result: { ...run.result, better: { accuracy: "higher" } } as Result,
    samples: { last: of, best: {} },
  };
}

Deno.test("an interval by the bootstrap compares the samples with the same number, over all seeds", () => {
  const runs = [
    sampled("alone", 1, 0.5, [0.4, 0.6, 0.5]),
    sampled("alone", 2, 0.5, [0.5, 0.7, 0.6]),
    sampled("rocket", 1, 0.6, [0.5, 0.7, 0.6]),
    sampled("rocket", 2, 0.6, [0.62, 0.78, 0.7]),
  ];
  // The mean differences of the samples are 0.11, 0.09, and 0.1, although the samples differ more.
  const summary = sweepTable(gapSweep, runs, undefined).rows[1]!.metrics.last["light/accuracy"]!;
  assertAlmostEquals(summary.resampled!.low, 0.09 + 0.05 * 0.01, 1e-12);
  assertAlmostEquals(summary.resampled!.high, 0.11 - 0.05 * 0.01, 1e-12);
  assertAlmostEquals(summary.difference!.mean, 0.1, 1e-12);
  const shown = comparison(sweepTable(gapSweep, runs, undefined));
  assertEquals(shown.head.slice(2, 6), [
    ...["light/accuracy", "difference [95 %]", "bootstrap [95 %]", "transfer"],
  ]);
  assertEquals(shown.rows[1]![4], "[+0.0905, +0.1095]");
  assertEquals(shown.rows[0]![4], "–");
});

Deno.test("samples of other groups, or of some seeds only, give no interval", () => {
  const values = [0.4, 0.6];
  const others: RunOutcome[][] = [
    [sampled("rocket", 1, 0.6, values, "3 users"), sampled("rocket", 2, 0.6, values, "3 users")],
    [sampled("rocket", 1, 0.6, values), sampled("rocket", 2, 0.6)],
    [sampled("rocket", 1, 0.6, values), sampled("rocket", 2, 0.6, [0.5])],
  ];
  for (const rocket of others) {
    const runs = [sampled("alone", 1, 0.5, values), sampled("alone", 2, 0.5, values), ...rocket];
    const { metrics } = sweepTable(gapSweep, runs, undefined).rows[1]!;
    assertEquals(metrics.last["light/accuracy"]!.resampled, undefined);
  }
});

Deno.test("a difference is only called better if the interval by the bootstrap excludes 0 as well", () => {
  const cell = (samples: readonly number[]) => {
    const runs = [1, 2].flatMap((seed) => [
      sampled("alone", seed, 0.5, [0.5, 0.5]),
      sampled("rocket", seed, 0.6 + seed / 1000, samples),
    ]);
    return comparison(sweepTable(gapSweep, runs, undefined)).rows[1]![3]!;
  };
  assertMatch(cell([0.59, 0.61]), / better$/);
  assertMatch(cell([0.49, 0.61]), /\]$/);
  // One seed has no interval over seeds, but one over groups.
  const one = [sampled("alone", 1, 0.5, [0.5, 0.5]), sampled("rocket", 1, 0.6, [0.4, 0.6])];
  assertEquals(comparison(sweepTable(gapSweep, one, undefined)).rows[1]![3], "+0.1000");
});

Deno.test("the transfer is the part of the gap that a setting closes, if there is a gap", () => {
  const transfers = (large: readonly number[], samples?: readonly number[]) => {
    const runs = large.flatMap((value, at) => [
      sampled("alone", at + 1, 0.5, samples && [0.5, 0.5]),
      sampled("rocket", at + 1, 0.55, samples && [0.55, 0.55]),
      sampled("large", at + 1, value, samples),
    ]);
    const { rows } = comparison(sweepTable(gapSweep, runs, undefined));
    return rows.map((row) => row[samples ? 5 : 4]);
  };
  assertEquals(transfers([0.699, 0.701]), ["–", "0.25", "1.00"]);
  // The interval over seeds contains 0, the booster is worse, and the interval over groups contains 0.
  assertEquals(transfers([0.5, 0.7]), ["–", "no gap", "no gap"]);
  assertEquals(transfers([0.399, 0.401]), ["–", "no gap", "no gap"]);
  assertEquals(transfers([0.699, 0.701], [0.45, 0.7]), ["–", "no gap", "no gap"]);
  assertEquals(transfers([0.699, 0.701], [0.6, 0.7]), ["–", "0.25", "1.00"]);
  // One seed without samples has no interval, so it is not known whether there is a gap.
  assertEquals(transfers([0.7]), ["–", "–", "–"]);
  const text = markdownText(sweepTable(gapSweep, [sampled("alone", 1, 0.5)], undefined));
  assertStringIncludes(text, "Transfer is the part of the gap");
});

Deno.test("a deviation has the decimals of its mean, unless it would be shown as zero", () => {
  const close = [outcome("basic", 1, 0.85), outcome("basic", 2, 0.8506)];
  const same = [outcome("basic", 1, 0.85), outcome("basic", 2, 0.850001)];
  const cells = [close, same].map((some) =>
    comparison(sweepTable(sweep, some, undefined)).rows[0]![2]
  );
  assertEquals(cells, ["0.8503 ± 0.0004", "0.8500 ± 7.07e-7"]);
});

Deno.test("the heading of the latencies names what measured them, and the number of rows", () => {
  const measured = sweepTable(sweep, outcomes, { ...latency, engine: "onnx", batch: 200 });
  assertEquals(comparison(measured).head.at(-2), "light latency (ONNX Runtime, 200 rows)");
  assertStringIncludes(
    notes(measured).join("\n"),
    "a call with 200 rows on ONNX Runtime with one thread",
  );
});

Deno.test("HTML and Markdown files escape names", () => {
  const name = `<script>alert("1")</script>|&'\n\n| forged |\u2028\u202e`;
  const settings = [{ key: name, name, reference: name }];
  const strange = sweepTable(
    { ...sweep, name, settings },
    [outcome(name, 1, 0.5)],
    { ...latency, milliseconds: { [name]: 1 } },
  );
  const html = htmlText(strange, undefined);
  assert(!html.includes("<script"));
  assertStringIncludes(html, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;|&amp;&#39;\\u{a}");
  assert(!/forged \|\u2028|\u202e/.test(html + markdownText(strange)));
  assert(terminalText(strange).every((line) => !line.startsWith("| forged")));
  const [, , row] = markdownText(strange).split("\n\n")[1]!.split("\n");
  assertEquals(row!.replaceAll(/\\./g, "").split("|").length - 2, comparison(strange).head.length);
});

Deno.test("the picture has a point for each setting with a latency, and escapes names", async () => {
  assertEquals(picturePoints(table).map(({ setting, mean }) => [setting, mean.toFixed(2)]), [
    ["basic", "0.60"],
    ["rocket", "0.70"],
  ]);
  const renamed = (key: string) => key === "rocket" ? "rocket,depth=10" : key;
  const settings = sweep.settings.map(({ key, ...one }) => ({
    ...one,
    key: renamed(key),
    name: key === "rocket" ? key : `<b>${key}</b>`,
  }));
  const reports: string[] = [];
  const svg = await drawPicture(
    sweepTable(
      { ...sweep, settings },
      outcomes.map((one) => ({ ...one, setting: renamed(one.setting) })),
      { ...latency, milliseconds: { basic: 2, "rocket,depth=10": 3 } },
    ),
    (line) => reports.push(line),
  );
  assertEquals(reports, []);
  assert(svg!.startsWith("<svg"));
  assert(!svg!.includes("<b>"));
  assertStringIncludes(svg!, "&lt;b&gt;basic&lt;/b&gt;");
  assertStringIncludes(svg!, ">depth=10</text>");
  assertStringIncludes(svg!, "light/accuracy, test split");
  assertStringIncludes(htmlText(table, svg), svg!);
});

Deno.test("the Arrow files have a row for each setting, and one for each run", () =>
  inFolder(async (folder) => {
    const files = await writeTable(folder, table, outcomes, () => {});
    assertEquals(files.map((file) => file.slice(folder.length + 1)), [
      ...["table.md", "table.html", "picture.svg", "table.arrow", "runs.arrow"],
    ]);
    const read = async (name: string) =>
      tableFromIPC(await Deno.readFile(join(folder, name))).toArray().map((row) => row.toJSON());
    const rows = await read("table.arrow");
    assertEquals(rows.map(({ setting, seeds }) => [setting, seeds]), [
      ["basic", 3],
      ["rocket", 2],
      ["failed", 0],
    ]);
    assertAlmostEquals(rows[1]!["light/accuracy/last/mean"], 0.7);
    assertAlmostEquals(rows[1]!["light/accuracy/last/difference"], 0.1);
    assertEquals(rows[0]!["light/accuracy/last/difference"], null);
    assertEquals(rows[2]!["light/accuracy/last/mean"], null);
    assertEquals(rows.map((row) => row.light_parameters), [1234, 1234, null]);
    assertEquals(rows.map((row) => row.light_latency_ratio), [1, 1.5, null]);
    const runs = await read("runs.arrow");
    assertEquals(runs.map((run) => [run.setting, run.seed, run["light/accuracy/last"]]), [
      ["basic", 1, 0.5],
      ["basic", 2, 0.6],
      ["basic", 3, 0.7],
      ["rocket", 1, 0.55],
      ["rocket", 3, 0.85],
    ]);
  }));
