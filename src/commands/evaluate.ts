import { commandName } from "../base/command_name.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { quoted } from "../base/quoted.ts";
import { counted, cutToWidth, formatCount, formatNumber, table } from "../base/text_table.ts";
import { WIDTH, widthOf } from "../base/text_width.ts";
import { print, printJson, say } from "../base/terminal.ts";
import type { CommandOptions } from "../launch/command_line/options.ts";
import type { LabelAnswers } from "../model/answers.ts";
import { isNested } from "../model/csv_rows.ts";
import { evaluateRun, type Evaluation } from "../model/evaluation/evaluate_run.ts";
import type { ConfusionCell } from "../model/evaluation/confusion.ts";
import { whyOf } from "../model/evaluation/wrong_columns.ts";
import { wrongRowBatches } from "../model/evaluation/wrong_columns.ts";
import { formatMetric, isMetricDetail, type MetricValue } from "../stages/metric.ts";
import { metricsToJson } from "../stages/metrics_json.ts";
import type { Metrics } from "../stages/events.ts";
import type { NetName } from "../stages/network.ts";
import { type Write, writerOf } from "../model/row_files.ts";
import { isFirstProcess } from "../cluster/processes.ts";
import { handedCluster } from "./handed_cluster.ts";

/** The maximum number of groups, and of pairs of classes, in the printed tables. */
const MAX_ROWS = 20;

/** The maximum widths of the names of metrics, classes, and groups. */
const METRIC_WIDTH = 28, CLASS_WIDTH = 12, GROUP_WIDTH = 24;

/**
 * `deno task pipeline evaluate RUN [INPUT]`: measures the metrics of a run's pipeline on its test
 * rows, or on those of other files.
 *
 * @param args The run folder, and the files.
 * @param options The command line's options.
 * @returns The exit code.
 */
export async function evaluate(args: readonly string[], options: CommandOptions): Promise<number> {
  const [folder, input] = argumentsOf(args);
  const cluster = handedCluster();
  const { net, checkpoint, device, by, errors, out, json } = options;
  const engine = cluster ? "native" : options.modelEngine;
  // The first process of a cluster prints for all.
  const quiet = options.quiet || !isFirstProcess(cluster);
  const write = wrongWriter(errors, out);
  await evaluateRun(folder, {
    ...(input !== undefined && { input }),
    ...(net && { net }),
    ...(checkpoint !== undefined && { checkpoint }),
    ...(engine && { engine }),
    ...(device && { device }),
    ...(by !== undefined && { by }),
    ...(errors !== undefined && { errors }),
    ...(out !== undefined && { out }),
    allowPlugins: options.allowPlugins,
    allowEnv: options.allowEnv,
    report: (line) => !quiet && say(line),
  }, async (evaluation) => {
    if (evaluation.isChanged) {
      say("warning: the test rows have changed since the run, so its own metrics may differ");
    }
    if (write) await writeWrong(evaluation, { write, out: out!, quiet });
    if (json) printJson(jsonOf(evaluation, { folder, input, by }));
    else print(evaluationText(evaluation, { folder, input, by }));
  }, cluster);
  return 0;
}

/**
 * The run, the file with rows, and the column of groups, as the output of the command `evaluate`
 * names them.
 */
export interface Subject {
  /** The run folder. */
  readonly folder: string;
  /** The file with rows; undefined for the test split. */
  readonly input: string | undefined;
  /** The column of the groups. */
  readonly by: string | undefined;
}

function argumentsOf(args: readonly string[]): [string, string | undefined] {
  const [folder, input, ...more] = args;
  if (folder !== undefined && more.length === 0) return [folder, input];
  const what = "a run folder, optionally followed by a file with rows";
  throw new UserError(
    more.length > 0 ? `expected ${what}, got ${args.join(" ")}` : `expected ${what}`,
    {
      hint: hint("evaluate/usage", `${commandName()} help evaluate shows how`, {
        args: { add: ["--help"] },
      }),
      exitCode: 2,
    },
  );
}

function wrongWriter(errors: number | undefined, out: string | undefined): Write | undefined {
  if (errors === undefined && out === undefined) return undefined;
  if (errors === undefined) {
    throw new UserError(`--out ${quoted(out!)} needs --errors, the number of rows to write`, {
      hint: hint("evaluate/errors", "add --errors 100", { args: { add: ["--errors", "100"] } }),
      exitCode: 2,
    });
  }
  if (out !== undefined) return writerOf(out);
  throw new UserError("--errors needs --out, the file for the rows with the largest losses", {
    hint: hint("evaluate/out", "add --out errors.csv or --out errors.arrow", [
      { args: { add: ["--out", "errors.csv"] } },
      { args: { add: ["--out", "errors.arrow"] } },
    ]),
    exitCode: 2,
  });
}

async function writeWrong(
  evaluation: Evaluation,
  { write, out, quiet }: { readonly write: Write; readonly out: string; readonly quiet: boolean },
): Promise<void> {
  const isText = /\.csv$/i.test(out), left: string[] = [];
  const { schema, batches, warnings } = await wrongRowBatches(evaluation, (field) => {
    if (!isText || !isNested(field)) return true;
    left.push(field.name);
    return false;
  });
  for (const warning of warnings) say(`warning: ${warning}`);
  await write(
    schema,
    (async function* () {
      yield* batches;
    })(),
  );
  if (quiet) return;
  const without = left.length > 0 ? `; without ${left.join(", ")}, which CSV cannot contain` : "";
  const boosters = evaluation.wrong.filter(({ isBoosters }) => isBoosters).length;
  say(
    `${out}: ${counted(batches.length, "row")}` +
      (boosters > 0 ? `, ${formatCount(boosters)} of which only the booster gets right` : "") +
      without,
  );
}

/**
 * Formats an evaluation for people, in 80 columns.
 *
 * @param evaluation The evaluation.
 * @param subject The arguments of the command.
 */
export function evaluationText(
  evaluation: Evaluation,
  { folder, input, by }: Subject,
): string[] {
  const { checkpoint, at, engine, rows, metrics, confusion, label, labels, groups } = evaluation;
  const matrices = [
    { name: "label", confusion, classes: label.classes },
    ...Object.entries(labels ?? {}).map(([name, { confusion }]) => ({
      ...{ name, confusion },
      classes: label.labels![name]!.classes,
    })),
  ].filter(({ confusion }) => confusion);
  const epoch = at.epoch === undefined ? "" : `, after epoch ${at.epoch}`;
  const nets = (["light", "booster"] as const).filter((net) => metrics[net] !== undefined);
  return [
    cutToWidth(`${folder}: ${counted(rows, "row")} of ${input ?? "the test split"}`, WIDTH),
    cutToWidth(`checkpoint ${checkpoint}${epoch}; computed by ${engine}`, WIDTH),
    "",
    ...metricTable(metrics, nets),
    ...(groups ? ["", ...groupTable(groups, nets, by!)] : []),
    ...matrices.flatMap(({ name, confusion, classes }) =>
      nets.flatMap((net) => {
        const cells = confusion?.[net], of = `${net}: ${cutToWidth(name, CLASS_WIDTH)}`;
        return cells ? ["", ...confusionTable(of, cells, classes.map(String))] : [];
      })
    ),
    ...(matrices.length > 0 ? ["", "rows by label, and by predicted class in the columns"] : []),
  ];
}

/**
 * Formats the table of metrics with one column per net. Metrics of the whole run get another table.
 */
function metricTable(
  metrics: Readonly<Record<string, Metrics>>,
  nets: readonly NetName[],
): string[] {
  const keys = [...new Set(nets.flatMap((net) => Object.keys(metrics[net] ?? {})))];
  const rows = keys.map((key) => [
    cutToWidth(key, METRIC_WIDTH),
    ...nets.map((net) => cell(metrics[net]?.[key])),
  ]);
  const ofRun = Object.entries(metrics.run ?? {}).map(([key, value]) => [
    cutToWidth(key, METRIC_WIDTH),
    cell(value),
  ]);
  if (rows.length + ofRun.length === 0) return ["the pipeline has no metrics"];
  return [
    ...(rows.length > 0 ? table(["metric", ...nets], rows) : []),
    ...(rows.length > 0 && ofRun.length > 0 ? [""] : []),
    ...(ofRun.length > 0 ? table(["metric of the run", "value"], ofRun) : []),
  ];
}

const cell = (value: MetricValue | undefined) =>
  value === undefined ? "–" : cutToWidth(formatMetric(value, formatNumber), 22);

/** Formats the table of groups, with as many metrics as fit in its width. */
function groupTable(
  groups: NonNullable<Evaluation["groups"]>,
  nets: readonly NetName[],
  by: string,
): string[] {
  const shown = groups.slice(0, MAX_ROWS);
  const all = groups[0]?.metrics ?? {};
  const keys = Object.keys(all).filter((key) =>
    !isMetricDetail(key, all) && nets.some((net) => key.startsWith(`${net}/`))
  );
  const columns = keys.map((key) => ({
    head: key.replace("/", " "),
    cells: shown.map(({ metrics }) => cell(metrics[key])),
  }));
  const head = [cutToWidth(by, GROUP_WIDTH), "rows"];
  const names = shown.map(({ value }) => cutToWidth(value ?? "null", GROUP_WIDTH));
  const counts = shown.map(({ rows }) => formatCount(rows));
  const columnWidth = (title: string, cells: readonly string[]) =>
    Math.max(...[title, ...cells].map(widthOf)) + 2;
  let width = columnWidth(head[0]!, names) + columnWidth(head[1]!, counts) - 2;
  const fitting = columns.filter(({ head, cells }) => (width += columnWidth(head, cells)) <= WIDTH);
  const left = columns.length - fitting.length, more = groups.length - shown.length;
  return [
    ...table(
      [...head, ...fitting.map(({ head }) => head)],
      shown.map((_, row) => [
        names[row]!,
        counts[row]!,
        ...fitting.map(({ cells }) => cells[row]!),
      ]),
    ),
    ...(more > 0 || left > 0
      ? [
        "",
        `--json also has ${
          [
            ...(more > 0 ? [`${formatCount(more)} smaller groups`] : []),
            ...(left > 0 ? [`${formatCount(left)} more metrics of each group`] : []),
          ].join(" and ")
        }`,
      ]
      : []),
  ];
}

/**
 * Formats the confusion matrix if it fits; otherwise, the most frequent confusions.
 *
 * @param of The net and the label.
 * @param cells The cells.
 * @param classes The names of the classes.
 */
function confusionTable(
  of: string,
  cells: readonly ConfusionCell[],
  classes: readonly string[],
): string[] {
  const names = classes.map((name) => cutToWidth(name, CLASS_WIDTH));
  const counts = new Map(
    cells.map(({ label, predicted, rows }) => [`${label} ${predicted}`, rows]),
  );
  const matrix = classes.length > MAX_ROWS ? undefined : table(
    [of, ...names],
    classes.map((_, label) => [
      names[label]!,
      ...classes.map((_, predicted) => formatCount(counts.get(`${label} ${predicted}`) ?? 0)),
    ]),
    undefined,
    { width: Infinity },
  );
  if (matrix?.every((line) => widthOf(line) <= WIDTH)) return matrix;
  const wrong = cells.filter(({ label, predicted }) => label !== predicted)
    .toSorted((a, b) => b.rows - a.rows);
  if (wrong.length === 0) return [`${of}: all rows are classified correctly`];
  return [
    `${of}: the ${Math.min(wrong.length, MAX_ROWS)} most frequent confusions of ${
      formatCount(wrong.length)
    }; --json has all`,
    "",
    ...table(
      ["label", "predicted", "rows"],
      wrong.slice(0, MAX_ROWS).map(({ label, predicted, rows }) => [
        cutToWidth(classes[label]!, 2 * CLASS_WIDTH),
        cutToWidth(classes[predicted]!, 2 * CLASS_WIDTH),
        formatCount(rows),
      ]),
      ["left", "left", "right"],
    ),
  ];
}

function jsonOf(evaluation: Evaluation, { folder, input, by }: Subject): object {
  const { checkpoint, at, engine, rows, metrics, confusion, label, labels, groups, wrong } =
    evaluation;
  // JSON numbers cannot represent all large whole numbers exactly.
  const plain = (value: unknown) => typeof value === "bigint" ? String(value) : value;
  const classOf = (id: number) => label.kind === "number" ? id : plain(label.classes[id] ?? null);
  const confusionOf = (
    confusion: NonNullable<Evaluation["confusion"]>,
    classes: LabelAnswers["classes"],
  ) =>
    Object.fromEntries(
      Object.entries(confusion).map(([net, cells]) => [
        net,
        cells.map(({ label, predicted, rows }) => ({
          label: plain(classes[label] ?? null),
          predicted: plain(classes[predicted] ?? null),
          rows,
        })),
      ]),
    );
  return metricsToJson({
    run: folder,
    checkpoint,
    ...at,
    engine,
    ...(input === undefined ? { split: "test" } : { input }),
    rows,
    metrics,
    ...(confusion && { confusion: confusionOf(confusion, label.classes) }),
    ...(labels && {
      labels: Object.fromEntries(
        Object.entries(labels).flatMap(([name, { confusion }]) =>
          confusion
            ? [[name, { confusion: confusionOf(confusion, label.labels![name]!.classes) }]]
            : []
        ),
      ),
    }),
    ...(groups && {
      by,
      groups: groups.map(({ value, rows, metrics }) => ({ value, rows, metrics })),
    }),
    ...(wrong.length > 0 && {
      wrong: wrong.map((found) => ({
        row: found.row,
        why: whyOf(found),
        expected: classOf(found.label),
        ...Object.fromEntries(
          Object.entries(found.scores).map(([net, { prediction, score, loss }]) => [
            net,
            { prediction: classOf(prediction), ...(score !== undefined && { score }), loss },
          ]),
        ),
      })),
    }),
  });
}
