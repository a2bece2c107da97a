import process from "node:process";
import cliProgress from "cli-progress";
import {
  cutToWidth,
  defineOutput,
  formatMetric,
  isMetricDetail,
  type Metrics,
  type Output,
  type OutputStage,
  type PhaseSpec,
  printable,
  say,
  showStatus,
  widthOf,
  z,
} from "../../plugin.ts";
import { remainingText, RemainingTime } from "./remaining_time.ts";

/**
 * Shows the progress of the run on standard error: a bar on a terminal, otherwise one line per
 * epoch.
 */
const stage: OutputStage = defineOutput({
  name: "progress",
  summary: "Shows a progress bar on a terminal, and a line per epoch elsewhere.",
  options: z.object({}),
  example: "use: progress",
  create: (_options, { quiet }) => {
    if (quiet) return {};
    return Deno.stderr.isTerminal() ? bar() : lines();
  },
});
export default stage;

function lines(): Output {
  let epochs = 0, skipped = 0, phases: readonly PhaseSpec[] = [], phase: string | undefined;
  return {
    runStart: ({ job, epochs: all, phases: some = [] }) => {
      epochs = all;
      phases = some;
      phase = undefined;
      skipped = 0;
      say(title(job));
    },
    step: (event) => {
      if (event.skipped) skipped++;
      if (event.phase === phase) return;
      phase = event.phase;
      say(`  ${phaseTitle(phases.find(({ name }) => name === phase))}`);
    },
    epoch: ({ epoch, seconds, metrics }) => {
      const parts = [`epoch ${epoch}/${epochs}`, `${seconds.toFixed(1)} s`, ...summary(metrics)];
      if (skipped > 0) parts.push(skips(skipped));
      say(`  ${parts.join("  ")}`);
    },
  };
}

/** The width of the bar, which leaves room for metrics in a line of 80 characters. */
const BAR = 20;

/** The largest width of a phase's name in the line of the bar. */
const PHASE = 16;

/** Ignores that the bar cannot be drawn, for example because the terminal has been closed. */
const ignore = () => {};

/** What the line of the bar shows besides the bar and the percentage. */
interface Payload {
  readonly text: string;
}

function bar(): Output {
  let bar: cliProgress.SingleBar | undefined, all = 0, latest: readonly string[] = [], skipped = 0;
  let last = { phase: "", epoch: "" };
  let remaining: RemainingTime | undefined;
  const stop = () => {
    if (bar) showStatus(undefined);
    bar?.stop();
    bar = undefined;
  };
  // Otherwise, such an error would end the run.
  if (!process.stderr.listeners("error").includes(ignore)) process.stderr.on("error", ignore);
  /** The position, the remaining time, and as many metrics as fit the line. */
  const payload = (): Payload => {
    // There is room for characters that key presses echo. A terminal may have no size.
    const room = (process.stderr.columns || 80) - `  ${" ".repeat(BAR)} 100%  `.length -
      "^C".length - 1;
    const parts = [
      `${last.phase}epoch ${last.epoch}`,
      remainingText(remaining?.left),
      ...latest,
      ...(skipped > 0 ? [skips(skipped)] : []),
    ];
    let text = "";
    for (const part of parts.filter((part) => part !== "")) {
      const longer = text === "" ? part : `${text}  ${part}`;
      if (widthOf(longer) <= room) text = longer;
    }
    return { text };
  };
  const update = (step: number) => bar?.update(step, payload());
  return {
    runStart: ({ job, epochs, stepsPerEpoch, resumed }) => {
      stop();
      all = epochs;
      latest = [];
      skipped = 0;
      say(title(job));
      const done = resumed?.step ?? 0;
      remaining = new RemainingTime(epochs, stepsPerEpoch, done);
      bar = new cliProgress.SingleBar({
        format: "  {bar} {percentage}%  {text}",
        stream: process.stderr,
        barsize: BAR,
        // The bar is drawn again below the message.
        forceRedraw: true,
        // A hidden cursor, or a terminal that no longer wraps lines, would outlive an interrupted
        // run.
        hideCursor: false,
        linewrap: true,
      }, cliProgress.Presets.shades_classic);
      last = { phase: "", epoch: `${Math.min((resumed?.epochs ?? 0) + 1, all)}/${all}` };
      const own = bar;
      own.start(all * stepsPerEpoch, done, payload());
      showStatus({
        clear: () => void process.stderr.write("\r\x1b[K"),
        draw() {
          // When it stops, the bar restores the saved cursor position, but that line has moved.
          process.stderr.write("\x1b7");
          own.render();
        },
      });
    },
    step: (event) => {
      if (event.skipped) skipped++;
      last = {
        phase: event.phase === undefined ? "" : `${cutToWidth(event.phase, PHASE)}, `,
        epoch: `${event.epoch}/${all}`,
      };
      remaining?.add(event.step, event.epoch, event.phase, performance.now());
      update(event.step);
    },
    epoch: ({ step, metrics }) => {
      const parts = summary(metrics).map(printable);
      // The loss is last, since there may not be room for all of them.
      latest = metrics.train ? [...parts.slice(1), parts[0]!] : parts;
      update(step);
    },
    runEnd: stop,
    failure: stop,
  };
}

/** The nets that a phase trains, and those that stay frozen. */
function phaseTitle(phase: PhaseSpec | undefined): string {
  if (!phase) return "";
  const frozen = phase.frozen.length === 0 ? "" : `, with ${phase.frozen.join(" and ")} frozen`;
  const moved = phase.nets.filter((net) => !phase.frozen.includes(net));
  return `phase ${phase.name}: ${moved.join(" and ")}${frozen}`;
}

const title = (job: string) =>
  job === "rocket" ? "training the nets" : "training the light net alone";

/** The number of steps skipped so far. */
const skips = (count: number) => `${count} step${count === 1 ? "" : "s"} skipped`;

/** The loss on the training split, and the metrics of the split that matters most. */
function summary({ train, validation, test }: Readonly<Record<string, Metrics>>): string[] {
  const parts = train ? [`loss ${formatMetric(train.loss!)}`] : [];
  const measured = validation ?? test ?? {};
  for (const [key, value] of Object.entries(measured)) {
    if (key.includes("loss/") || isMetricDetail(key, measured)) continue;
    parts.push(`${key} ${formatMetric(value)}`);
  }
  return parts;
}
