/**
 * Generates the HTML page of a report.
 *
 * @module
 */

import { commandName } from "../base/command_name.ts";
import { stringify } from "yaml";
import { counted, formatCount, formatNumber } from "../base/text_table.ts";
import { differences } from "../run/folder/differences.ts";
import type { Metrics, Result } from "../stages/events.ts";
import { formatMetric, isMetricDetail, type MetricValue } from "../stages/metric.ts";
import type { LabelSpec } from "../stages/batch.ts";
import { labelParts } from "../stages/labels.ts";
import type { NetName } from "../stages/network.ts";
import {
  calibrationChart,
  confusionChart,
  latencyChart,
  type LatencyPoint,
  liftChart,
  lineChart,
  type LinePoint,
  netColors,
} from "./charts.ts";
import type { LabelErrors } from "../model/evaluation/label_errors.ts";
import { type Content, html, Markup } from "./markup.ts";
import type { Point, ReportNet, ReportRun, ShownEvaluation } from "./read_run.ts";
import { style } from "./style.ts";
import type { Transfer } from "./transfer.ts";

/** The maximum number of classes in a confusion matrix, and of confusions in a list. */
const MATRIX_CLASSES = 40, LISTED = 20;

/**
 * Generates a page about one or several runs. It is a single file without scripts or external
 * resources.
 *
 * @param runs The runs.
 */
export async function reportPage(runs: readonly ReportRun[]): Promise<string> {
  const [first] = runs, isOne = runs.length === 1;
  const title = isOne ? first!.earlier.pipeline.name ?? first!.title : `${runs.length} runs`;
  const sections: Markup[] = [];
  for (const run of runs) sections.push(await runSection(run, isOne));
  const page = html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy"
          content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
        <title>${String(title)} – report</title>
        <style>${new Markup(style)}</style>
      </head>
      <body>
        <main>
    ${isOne ? "" : html`<h1>${String(title)} side by side</h1>${await comparison(runs)}`}
    ${sections}
    <footer>Made by <code>${commandName()} report</code>.</footer>
        </main>
      </body>
    </html>
  `;
  return page.html.trimStart();
}

const dash = "–";

const cell = (value: MetricValue | undefined) =>
  value === undefined ? dash : formatMetric(value, formatNumber);

const card = (title: string, content: Content, note?: string) =>
  html`<figure class="card"><h3>${title}</h3>${content}${
    note !== undefined && html`<p class="note">${note}</p>`
  }</figure>`;

const svg = (picture: string) => new Markup(picture);

/** Formats a table with the names of the rows in the first column and numbers in the others. */
function dataTable(
  head: readonly string[],
  rows: readonly (readonly Content[])[],
  isNumber: (column: number) => boolean = (column) => column > 0,
): Markup {
  const of = (column: number) =>
    isNumber(column)
      ? html`
        class="number"
      `
      : "";
  return html`
    <div class="card wide">
      <table>
        <thead>
          <tr>${head.map((title, column) => html`<th${of(column)}>${title}</th>`)}</tr>
        </thead>
        <tbody>${rows.map((cells) =>
          html`<tr>${
            cells.map((content, column) =>
              column === 0
                ? html`<th${of(0)}>${content}</th>`
                : html`<td${of(column)}>${content}</td>`
            )
          }</tr>`
        )}</tbody>
      </table>
    </div>
  `;
}

/**
 * The metrics of a net after the last and after the best epoch, its number of parameters, and its
 * training time.
 */
interface NetResult {
  readonly net: ReportNet;
  readonly last: Metrics;
  readonly best: Metrics;
  readonly parameters: number | undefined;
  readonly seconds: number | undefined;
}

function netResults(result: Result): NetResult[] {
  const of = (
    net: ReportNet,
    name: NetName,
    part: Pick<Result, "test" | "best" | "parameters">,
    seconds: number | undefined,
  ): NetResult => ({
    net,
    last: part.test[name] ?? {},
    best: part.best.test[name] ?? {},
    parameters: part.parameters[name],
    seconds,
  });
  return [
    of("light", "light", result, result.seconds),
    ...(result.parameters.booster === undefined
      ? []
      : [of("booster", "booster", result, undefined)]),
    ...(result.baseline
      ? [of("light alone", "light", result.baseline, result.baseline.seconds)]
      : []),
  ];
}

/** Returns the metric to show first: the one that selects the best epoch, or the first one. */
function mainMetric({ result }: ReportRun): string | undefined {
  if (!result) return undefined;
  const all = result.test.light ?? result.test.booster ?? {};
  const [, selected] = /^(?:light|booster)\/(.+)$/.exec(result.best.metric) ?? [];
  if (selected !== undefined && Object.hasOwn(all, selected)) return selected;
  return Object.keys(all).find((key) => !isMetricDetail(key, all));
}

async function runSection(run: ReportRun, isOne: boolean): Promise<Markup> {
  const { earlier, state, epochs, planned } = run;
  const name = String(earlier.pipeline.name ?? run.title);
  const lead = [
    state === "finished" || state === "stopped"
      ? `${counted(epochs, "epoch")}${state === "stopped" ? ", stopped early" : ""}`
      : `${state} after ${epochs} of ${counted(planned, "epoch")}`,
    `seed ${earlier.seed}`,
    `${earlier.engine} engine, ${earlier.device ? "GPU, " : ""}${earlier.precision}`,
    run.changed.toISOString().slice(0, 10),
  ].join(" · ");
  const parts = [
    tiles(run),
    html`<h2>Result</h2>${resultSection(run)}`,
    html`<h2>What was trained</h2>${aboutSection(run)}`,
    html`<h2>Training</h2>${await trainingSection(run)}`,
    html`<h2>On the test rows</h2>${await evaluationSection(run)}`,
    html`<h2>Time and memory</h2>${timeSection(run)}`,
  ];
  return isOne ? html`<h1>${name}</h1><p class="lead">${run.folder} · ${lead}</p>${parts}` : html`
    <section
      class="run"><h1>${run.folder}</h1><p class="lead">${name} · ${lead}</p>${parts}</section>
  `;
}

/** Formats the most important numbers of a run. */
function tiles(run: ReportRun): Markup {
  const { result, latency } = run, metric = mainMetric(run);
  const found: Markup[] = [];
  const tile = (value: string, text: string, kind = "") =>
    found.push(html`<div class="tile ${kind}"><b>${value}</b><span>${text}</span></div>`);
  if (result && metric !== undefined) {
    for (const { net, best } of netResults(result)) {
      if (best[metric] === undefined) continue;
      tile(cell(best[metric]), `${metric}, ${net}`, net === "light alone" ? "" : net);
    }
    const own = result.best.test.light?.[metric],
      alone = result.baseline?.best.test.light?.[metric];
    if (typeof own === "number" && typeof alone === "number") {
      const gain = own - alone;
      tile(
        `${gain < 0 ? "−" : "+"}${formatNumber(Math.abs(gain))}`,
        `gain from the ${
          result.parameters.booster === undefined ? "teacher" : "booster"
        } (one seed)`,
      );
    }
  }
  const { light, booster } = result?.parameters ?? {};
  if (light !== undefined) {
    const part = booster === undefined
      ? ""
      : `, ${(100 * light / booster).toPrecision(2)} % of the booster`;
    tile(formatCount(light), `parameters of the light net${part}`);
  }
  if (typeof latency !== "string" && latency.light !== undefined) {
    const of = latency.booster === undefined ? "" : `; booster ${milliseconds(latency.booster)}`;
    tile(milliseconds(latency.light), `for one row, light${of}`);
  }
  return html`<div class="tiles">${found}</div>`;
}

const milliseconds = (time: number) => `${time.toPrecision(2)} ms`;

/** Formats a difference with its sign and four decimals. */
const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`;

/** Explains how much of the gap to the booster the light net closes. */
function transferText({ metric, value, gap: { mean, low, high } }: Transfer): string {
  const part = value === "no gap"
    ? "no gap"
    : `${value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)} of the gap`;
  return `Transfer in ${metric}: ${part}. The gap between the booster and the light net alone is ` +
    `${signed(mean)} [${signed(low)}, ${signed(high)}] (95 % interval by a bootstrap over groups ` +
    "of rows, such as users).";
}

function resultSection({ result, state, transfers }: ReportRun): Markup {
  if (!result) {
    return html`<p class="missing">There is no result, as the run ${
      state === "running" ? "is still running" : "has not ended"
    }.</p>`;
  }
  const rows = netResults(result);
  const all = Object.assign({}, ...rows.flatMap(({ last, best }) => [last, best])) as Metrics;
  const keys = Object.keys(all).filter((key) => !isMetricDetail(key, all));
  const details = rows.flatMap(({ net, best }) => {
    const found = Object.entries(best).filter(([key]) => isMetricDetail(key, all));
    return found.length === 0
      ? []
      : [`${net}: ${found.map(([key, value]) => `${key} ${cell(value)}`).join(", ")}`];
  });
  const { best } = result;
  const ofRun = Object.entries({ ...result.test.run, ...result.best.test.run });
  return html`
    ${dataTable(
      ["net", ...keys.flatMap((key) => [key, `${key}, at best`]), "parameters"],
      rows.map(({ net, last, best, parameters }) => [
        net,
        ...keys.flatMap((key) => [cell(last[key]), cell(best[key])]),
        parameters === undefined ? dash : formatCount(parameters),
      ]),
    )}<p
      class="note">Metrics on the test split after the last epoch; “at best” is after epoch ${best
        .epoch}, ${best.metric === "epoch"
        ? "the last one"
        : `which has the best ${best.metric} on the ${best.split} split`}${result.baseline &&
        ` (light alone: ${result.baseline.best.epoch})`}.</p>${details.length > 0 &&
        html`<p class="note">At best: ${details.join("; ")}.</p>`}${transfers.map((transfer) =>
          html`<p class="note">${transferText(transfer)}</p>`
        )}${ofRun.length > 0 &&
        html`<br>${
          dataTable(
            ["metric of both nets", "last", "at best"],
            ofRun.map(([key]) => [
              key,
              cell(result.test.run?.[key]),
              cell(result.best.test.run?.[key]),
            ]),
          )
        }`}
  `;
}

function aboutSection({ earlier, model, result }: ReportRun): Markup {
  const { pipeline, data, versions } = earlier;
  const at = (value: unknown, ...path: string[]): unknown =>
    path.reduce<unknown>((value, key) => Object(value)[key], value);
  const text = (value: unknown): string => {
    if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(text).join(", ");
    if (typeof value !== "object" || value === null) return String(value);
    const { use, ...rest } = value as Record<string, unknown>;
    const parts = Object.entries(rest).map(([key, value]) => `${key} ${text(value)}`);
    return use === undefined
      ? `(${parts.join(", ")})`
      : `${text(use)}${parts.length > 0 ? ` (${parts.join(", ")})` : ""}`;
  };
  const options = (value: unknown) => {
    const { use, ...rest } = Object(value) as Record<string, unknown>;
    const parts = Object.entries(rest)
      .filter(([, value]) => typeof value !== "object" || Object.keys(Object(value)).length > 0)
      .map(([key, value]) => `${key} ${text(value)}`);
    return [text(use), ...parts].join("; ");
  };
  const losses = [at(pipeline, "losses") ?? []].flat().map((loss) => {
    const { on, from, to, weight, schedule, gradient, use } = Object(loss);
    const where = on !== undefined ? `on ${text(on)}` : `from ${text(from)} to ${text(to)}`;
    const policy = at(gradient, "use") ?? gradient;
    return `${text(use)} ${where}, weight ${text(weight ?? 1)}${
      schedule === undefined ? "" : ` (schedule ${options(schedule)})`
    }${policy === undefined ? "" : `, gradient ${text(policy)}`}`;
  });
  const phases = [at(pipeline, "phases") ?? []].flat().map((phase) => {
    const { name, epochs, nets } = Object(phase);
    return `${text(name)}: ${text(epochs)} epochs of ${[nets].flat().join(" and ")}`;
  });
  const rows = Object.entries(data).map(([split, { rows }]) => `${formatCount(rows)} ${split}`);
  const label = model.label;
  const facts: [string, Content][] = [
    ["network", options({ use: model.network.use, ...model.network.options })],
    ["rows", rows.join(", ")],
    [
      "features",
      model.features.map(({ name, spec }) =>
        `${name}${spec.shape.length > 0 ? ` [${spec.shape.join(" × ")}]` : ""}`
      ).join(", "),
    ],
    "type" in label ? ["label", `${label.options.column}, ${kindText(label.spec)}`] : [
      "labels",
      labelParts(label.spec).map(({ name, spec }) => `${name} (${kindText(spec)})`).join(", "),
    ],
    ["transforms", model.transforms.map(({ use }) => use).join(", ") || "none"],
    ...(phases.length > 0 ? [["phases", list(phases)] as [string, Content]] : []),
    ...(losses.length > 0 ? [["losses", list(losses)] as [string, Content]] : []),
    ...(at(pipeline, "optimizer") === undefined
      ? []
      : [["optimizer", options(at(pipeline, "optimizer"))] as [string, Content]]),
    [
      "training",
      `batches of ${text(at(pipeline, "train", "batch"))}${
        result ? `, ${counted(result.steps, "step")}` : ""
      }`,
    ],
    [
      "versions",
      Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", "),
    ],
  ];
  return html`
    <div class="card">
      <dl>${facts.map(([name, value]) =>
        html`
          <dt>${name}</dt>
          <dd>${value}</dd>
        `
      )}</dl>
    </div>
    <details>
      <summary>The pipeline with all defaults</summary>
      <pre>${new Markup(
        stringify(pipeline).split("\n").map((line) => html`${line}`.html).join("\n"),
      )}</pre>
    </details>
  `;
}

const list = (lines: readonly string[]) => lines.map((line) => html`<div>${line}</div>`);

/** Formats the charts by epoch: metrics, losses, gradient norms and the learning rate. */
async function trainingSection({ points, result }: ReportRun): Promise<Markup> {
  const cards: Markup[] = [];
  const measured = points.filter(({ split }) => split !== "train");
  const splits = [...new Set(measured.map(({ split }) => split))];
  const split = splits.includes("test") ? "test" : splits[0];
  const byMetric = Map.groupBy(
    measured.filter((point) => point.split === split && point.net !== undefined),
    ({ metric }) => metric,
  );
  const others = Map.groupBy(
    measured.filter((point) => point.split === split && point.net === undefined),
    ({ metric }) => metric,
  );
  const metrics = [...byMetric].toSorted(([a], [b]) =>
    Number(a.startsWith("loss/")) - Number(b.startsWith("loss/"))
  );
  for (const [metric, of] of [...metrics, ...others]) {
    // Details of metrics, such as the number of users, are left out because they hardly change.
    if (metric.includes("/") && !metric.startsWith("loss/")) continue;
    cards.push(card(
      `${metric}, ${split} split`,
      svg(
        await lineChart(of.map(netPoint), {
          title: `${metric} by epoch`,
          x: "epoch",
          colors: netColors,
        }),
      ),
    ));
  }
  const train = (metric: string) =>
    points.filter((point) => point.split === "train" && point.metric === metric);
  for (
    const [metric, title] of [
      ["loss", "total loss, training rows"],
      ["gradient-norm", "gradient norm, mean over an epoch"],
      ["learning-rate", "learning rate, last step of an epoch"],
    ] as const
  ) {
    const found = train(metric);
    if (found.length === 0) continue;
    const named = found.map((point) => ({ ...netPoint(point), name: jobOf(point) }));
    const colors = { "both nets": netColors.light!, "light alone": netColors["light alone"]! };
    cards.push(card(title, svg(await lineChart(named, { title, x: "epoch", colors }))));
  }
  const missing = [
    ...(train("gradient-norm").length === 0 ? ["gradient norms by epoch"] : []),
    ...(train("learning-rate").length === 0 ? ["learning rates"] : []),
  ];
  return html`<div class="grid">${cards}</div>${
    missing.length > 0 && points.length > 0 &&
    html`<p class="note">This run did not record ${missing.join(" and ")}.</p>`
  }${result && gradientSection(result)}`;
}

const netPoint = ({ epoch, value, net }: Point): LinePoint => ({
  x: epoch,
  y: value,
  name: net ?? "both nets",
});

const jobOf = ({ net }: Point) => net === "light alone" ? net : "both nets";

function gradientSection({ gradients }: Result): Markup {
  const owners = (["booster", "light", "shared", "loss"] as const)
    .filter((owner) => gradients.some(({ norms }) => owner in norms));
  if (gradients.length === 0) return html``;
  return html`<br>${
    dataTable(
      ["gradient norm, first batch", ...owners],
      gradients.map(({ loss, norms }) => [
        loss,
        ...owners.map((owner) => formatNumber(norms[owner] ?? 0)),
      ]),
    )
  }`;
}

/** Adds the charts and lists of a label. */
async function addErrors(
  name: string,
  { confusion, reliability }: LabelErrors,
  classes: readonly string[],
  { cards, lists }: { readonly cards: Markup[]; readonly lists: Markup[] },
): Promise<void> {
  if (reliability) {
    cards.push(card(
      `${name}calibration`,
      svg(await calibrationChart(reliability)),
      "Observed frequency by predicted probability, in ten bins of rows, without weights. The dashed line is perfect.",
    ));
    const lift = await liftChart(reliability);
    if (lift !== undefined) {
      cards.push(card(
        `${name}lift`,
        svg(lift),
        "How much more frequent the label 1 is among the rows with the highest scores than among all, without weights.",
      ));
    }
  }
  for (const [net, cells] of Object.entries(confusion ?? {})) {
    if (classes.length <= MATRIX_CLASSES) {
      cards.push(card(
        `${name}confusion matrix, ${net}`,
        svg(await confusionChart(cells, classes, net)),
        classes.length > 12 ? "The color is the share of the rows of a label." : undefined,
      ));
      continue;
    }
    const wrong = cells.filter(({ label, predicted }) => label !== predicted)
      .toSorted((a, b) => b.rows - a.rows).slice(0, LISTED);
    lists.push(html`<h3>${name}most frequent confusions, ${net}</h3>${
      dataTable(
        ["label", "predicted", "rows"],
        wrong.map(({ label, predicted, rows }) => [
          classes[label]!,
          classes[predicted]!,
          formatCount(rows),
        ]),
        (column) => column === 2,
      )
    }<br>`);
  }
}

async function evaluationSection({ evaluation }: ReportRun): Promise<Markup> {
  if (typeof evaluation === "string") {
    return html`<p class="missing">The nets were not evaluated for this report: ${evaluation}. ${"It therefore has no confusion matrix, calibration, or wrong rows."}</p>`;
  }
  const { label, labels, rows, checkpoint, engine, isChanged } = evaluation;
  const cards: Markup[] = [], lists: Markup[] = [];
  const parts = labels
    ? Object.entries(labels).map(([name, errors]) =>
      [`${name}: `, errors, label.labels![name]!.classes] as const
    )
    : [["", evaluation, label.classes] as const];
  for (const [name, errors, classes] of parts) {
    await addErrors(name, errors, classes.map(String), { cards, lists });
  }
  return html`
    <p
      class="lead">${counted(
        rows,
        "row",
      )}, checkpoint ${checkpoint}, computed by ${engine}.${isChanged &&
        " The test rows have changed since the run."}</p><div
      class="grid">${cards}</div>${lists}${wrongSection(evaluation)}
  `;
}

function wrongSection({ wrong, columns, label }: ShownEvaluation): Markup {
  if (wrong.length === 0) return html``;
  const nets = Object.keys(wrong[0]!.scores) as NetName[];
  const isNumber = label.kind === "number", isBinary = label.kind === "binary";
  const hasImages = wrong[0]!.image !== undefined;
  const name = (value: number) =>
    isNumber
      ? Number.isInteger(value) ? String(value) : formatNumber(value)
      : String(label.classes[value] ?? dash);
  const hasNotes = wrong.some(({ isBoosters }) => isBoosters);
  return html`
    <h2>Rows that are most wrong</h2>${dataTable(
      [
        "row",
        ...(hasImages ? ["image"] : []),
        "label",
        ...nets,
        ...(hasNotes ? ["note"] : []),
        ...columns,
      ],
      wrong.map((found) => [
        formatCount(found.row),
        ...(hasImages ? [html`<img src="${found.image}" alt="">`] : []),
        name(found.label),
        ...nets.map((net) => {
          const { prediction, score } = found.scores[net]!;
          const isRight = !isNumber && prediction === found.label;
          const said = isBinary
            ? percent(score!)
            : score === undefined
            ? name(prediction)
            : `${name(prediction)} (${percent(score)})`;
          return isNumber ? said : html`<span class="${isRight ? "good" : "bad"}">${said}</span>`;
        }),
        ...(hasNotes ? [found.isBoosters ? "only the booster is right" : ""] : []),
        ...found.values,
      ]),
      (column) => column === 0,
    )}<p
      class="note">The rows with the largest losses of the ${nets[0]!} net${nets.length > 1 &&
        !isNumber && ", and those whose class only the booster predicts"}; ${isBinary
        ? "a percentage is the probability of the label 1"
        : isNumber
        ? "the loss is the distance from the label"
        : "a percentage is the probability of the predicted class"}. Row numbers start from 0.</p>
  `;
}

const kindText = ({ kind, classes }: LabelSpec) =>
  kind === "class"
    ? `${classes} classes`
    : kind === "multi-label"
    ? `any of ${classes} classes`
    : kind;

const percent = (part: number) => `${(100 * part).toFixed(part > 0 && part < 0.001 ? 3 : 1)} %`;

function timeSection({ result, latency, model }: ReportRun): Markup {
  const rows: [string, Content][] = [];
  const time = (seconds: number) =>
    seconds >= 120 ? `${(seconds / 60).toFixed(1)} min` : `${seconds.toFixed(1)} s`;
  if (result) {
    rows.push(
      ["training, both nets", time(result.seconds)],
      ["per epoch, with evaluation", time(result.seconds / Math.max(1, result.epochs))],
      ["speed", `${formatCount(Math.round(result.input.rowsPerSecond))} rows/s`],
      ["waiting for data", percent(result.input.waitingShare)],
    );
    if (result.memory) {
      const text = `${formatCount(Math.round(result.memory.peakBytes / 2 ** 20))} MiB`;
      rows.push(["most memory of the process", text]);
    }
    if (result.baseline) rows.push(["training, light alone", time(result.baseline.seconds)]);
    const skipped = result.skipped + (result.baseline?.skipped ?? 0);
    if (skipped > 0) rows.push(["skipped steps", formatCount(skipped)]);
  }
  if (typeof latency === "string") rows.push(["latency of one row", `not measured: ${latency}`]);
  else {
    for (const [net, one] of Object.entries(latency)) {
      rows.push([`latency of one row, ${net}`, `${milliseconds(one)} (ONNX Runtime, one thread)`]);
    }
  }
  const bytes = (net: NetName) =>
    4 * model.variables.filter(({ owner }) => owner === net || owner === "shared")
      .reduce((sum, { shape }) => sum + shape.reduce((size, axis) => size * axis, 1), 0);
  for (const net of model.network.nets) {
    rows.push([`weights of the ${net} net`, `${formatCount(Math.ceil(bytes(net) / 1024))} KiB`]);
  }
  return html`
    <div class="card">
      <dl>${rows.map(([name, value]) =>
        html`
          <dt>${name}</dt>
          <dd>${value}</dd>
        `
      )}</dl>
    </div>
    ${result && !result.memory &&
      html`<p class="note">This run did not record how much memory it used.</p>`}
  `;
}

/** Formats a comparison of several runs. */
async function comparison(runs: readonly ReportRun[]): Promise<Markup> {
  const names = shortNames(runs);
  const metric = runs.map(mainMetric).find((metric) => metric !== undefined);
  const settings = differences(
    runs.map(({ earlier: { pipeline, seed, engine, device = "cpu", precision } }) => ({
      ...pipeline,
      ...{ seed, engine, device, precision },
    })),
  ).map(({ path, values }) => ({ path: path.join("."), values }))
    .filter(({ path }) => path !== "name");
  const results = runs.map(({ result }) => result && netResults(result));
  const keys = [
    ...new Set(
      results.flatMap((nets = []) =>
        nets.flatMap(({ net, best }) =>
          Object.keys(best).filter((key) => !isMetricDetail(key, best))
            .map((key) => JSON.stringify([net, key]))
        )
      ),
    ),
  ].map((key) => JSON.parse(key) as [ReportNet, string]);
  const text = (value: unknown) =>
    value === undefined ? dash : typeof value === "string" ? value : JSON.stringify(value);
  const rows: Content[][] = [
    ...settings.map(({ path, values }) => [path, ...values.map(text)]),
    ...keys.map(([net, key]) => [
      `${net} ${key}`,
      ...results.map((nets) => cell(nets?.find((one) => one.net === net)?.best[key])),
    ]),
    [
      "light parameters",
      ...runs.map(({ result }) =>
        result?.parameters.light === undefined ? dash : formatCount(result.parameters.light)
      ),
    ],
    [
      "latency, light",
      ...runs.map(({ latency }) =>
        typeof latency === "string" || latency.light === undefined
          ? dash
          : milliseconds(latency.light)
      ),
    ],
    ["training", ...runs.map(({ result }) => result ? `${result.seconds.toFixed(1)} s` : dash)],
  ];
  const cards: Markup[] = [];
  if (metric !== undefined) {
    const latencies = runs.flatMap(({ latency, result }, index): LatencyPoint[] => {
      if (typeof latency === "string" || !result) return [];
      return netResults(result).flatMap(({ net, best }) => {
        // The light net trained alone has the same latency as the other light net.
        const time = latency[net === "light alone" ? "light" : net], value = best[metric];
        return typeof value === "number" && time !== undefined
          ? [{ run: names[index]!, net, latency: time, value }]
          : [];
      });
    });
    if (latencies.length > 0) {
      cards.push(card(
        `${metric} by latency`,
        svg(await latencyChart(latencies, metric)),
        "ONNX Runtime with one thread, on the machine that made this report.",
      ));
    }
    for (const net of ["light", "booster", "light alone"] as const) {
      const lines = runs.flatMap(({ points }, index) =>
        points.filter((one) => one.split === "test" && one.net === net && one.metric === metric)
          .map(({ epoch, value }) => ({ x: epoch, y: value, name: names[index]! }))
      );
      if (lines.length === 0) continue;
      const title = `${metric} of the ${net === "light alone" ? "light net alone" : `${net} net`}`;
      cards.push(card(`${title}, test split`, svg(await lineChart(lines, { title, x: "epoch" }))));
    }
  }
  const tests = new Set(runs.map(({ earlier: { data } }) => data.test?.fingerprint));
  return html`
    ${tests.size > 1 &&
      html`
        <p
          class="missing">The test rows of these runs differ, so their metrics cannot be compared directly.</p>
      `}<h2>Settings and results</h2>${dataTable(["", ...names], rows)}<p
      class="note">Metrics are on the test split after the best epoch of each run.</p><br><div
      class="grid">${cards}</div>
  `;
}

/** Returns short and unique names of runs. */
function shortNames(runs: readonly ReportRun[]): string[] {
  const short = runs.map(({ title }) => title);
  return new Set(short).size === runs.length ? short : runs.map(({ folder }) => folder);
}
