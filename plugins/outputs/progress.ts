import process from "node:process";
import cliProgress from "cli-progress";
import {
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
  z,
} from "../../plugin.ts";

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
      const line = `epoch ${epoch}/${epochs}  ${seconds.toFixed(1)} s  ${summary(metrics)}`;
      say(`  ${line}${skips(skipped)}`);
    },
  };
}

/** The width of the bar, which leaves room for metrics in a line of 80 characters. */
const BAR = 20;

function bar(): Output {
  let bar: cliProgress.SingleBar | undefined, all = 0, latest = "", skipped = 0;
  let last = { phase: "", epoch: "" };
  const stop = () => {
    if (bar) showStatus(undefined);
    bar?.stop();
    bar = undefined;
  };
  /** The latest metrics, cut to fit in the line, with room for characters that key presses echo. */
  const fitted = () => {
    const { phase, epoch } = last;
    const others = 2 + BAR + "  100%  ".length + `${phase}epoch ${epoch}  `.length +
      "59m59s left  ".length;
    const text = latest + skips(skipped);
    return text.slice(0, Math.max(0, (process.stderr.columns ?? 80) - others - "^C".length - 1));
  };
  const update = (step: number) => bar?.update(step, { ...last, latest: fitted() });
  return {
    runStart: ({ job, epochs, stepsPerEpoch, resumed }) => {
      stop();
      all = epochs;
      latest = "";
      skipped = 0;
      say(title(job));
      bar = new cliProgress.SingleBar({
        format: "  {bar} {percentage}%  {phase}epoch {epoch}  {eta_formatted} left  {latest}",
        stream: process.stderr,
        barsize: BAR,
        // The bar is drawn again below the message.
        forceRedraw: true,
        // A hidden cursor, or a terminal that no longer wraps lines, would outlive an interrupted
        // run.
        hideCursor: false,
        linewrap: true,
      }, cliProgress.Presets.shades_classic);
      const epoch = `${Math.min((resumed?.epochs ?? 0) + 1, all)}/${all}`;
      const own = bar;
      own.start(all * stepsPerEpoch, resumed?.step ?? 0, { phase: "", epoch, latest });
      showStatus({
        clear: () => void process.stderr.write("\r\x1b[K"),
        draw() {
          // When it stops, the bar restores the saved cursor position, but that line has moved.
          process.stderr.write("\x1b7");
          own.render();
        },
      });
      last = { phase: "", epoch };
    },
    step: (event) => {
      if (event.skipped) skipped++;
      last = {
        phase: event.phase === undefined ? "" : `${event.phase}, `,
        epoch: `${event.epoch}/${all}`,
      };
      update(event.step);
    },
    epoch: ({ step, metrics }) => {
      latest = printable(summary(metrics));
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

/** The number of steps skipped so far, if any. */
const skips = (count: number) =>
  count === 0 ? "" : `  ${count} step${count === 1 ? "" : "s"} skipped`;

/** The loss on the training split, and the metrics of the split that matters most. */
function summary({ train, validation, test }: Readonly<Record<string, Metrics>>): string {
  const parts = train ? [`loss ${formatMetric(train.loss!)}`] : [];
  const measured = validation ?? test ?? {};
  for (const [key, value] of Object.entries(measured)) {
    if (key.includes("loss/") || isMetricDetail(key, measured)) continue;
    parts.push(`${key} ${formatMetric(value)}`);
  }
  return parts.join("  ");
}
