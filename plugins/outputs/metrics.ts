import { join } from "node:path";
import {
  appendLine,
  defineOutput,
  metricsToJson,
  type OutputStage,
  runFiles,
  writeFileWhole,
  z,
} from "../../plugin.ts";

/**
 * Writes `metrics.jsonl`: one line per evaluation with `epoch`, `step`, `seconds`, `split`, `phase`
 * (if the pipeline has phases), and each metric by net, such as `light/accuracy`. The lines of the
 * split `train` have the means of the losses and of `gradient-norm` over the steps of the epoch, and
 * the `learning-rate` of its last step. A metric without
 * a value is null, and `undefined` gives the reason: `{ "light/auc": "one class" }`. The lines of
 * the baseline are written to `metrics-light-alone.jsonl`. When a run is resumed, the lines of
 * epochs that will run again are removed.
 *
 * If a metric computes bootstrap samples, as `gauc` does with `bootstrap`, `bootstrap.jsonl` has a
 * line per evaluation with `epoch`, `step`, `split`, `phase`, and the samples of each metric, with
 * seven decimals: `{ "light/gauc": { "groups": "943 5a1e06c2", "values": [0.7012345, …] } }`.
 * `groups` is equal if the samples of two evaluations have drawn the same groups of rows.
 */
const stage: OutputStage = defineOutput({
  name: "metrics",
  summary: "Writes metrics.jsonl, one line per evaluation.",
  options: z.object({}),
  example: "use: metrics",
  create: (_options, { folder }) => ({
    async runStart({ job, resumed }) {
      for (const files of [runFiles.metrics, runFiles.bootstrap]) {
        await keepEpochs(join(folder, files[job]), resumed?.epochs ?? 0);
        // The joint training has finished: keep all its complete lines.
        if (job === "light-alone") await keepEpochs(join(folder, files.rocket), Infinity);
      }
    },
    async evaluation({ job, phase, epoch, step, seconds, split, metrics, samples }) {
      const at = { ...(phase !== undefined && { phase }), epoch, step, seconds: round(seconds) };
      const line = JSON.stringify(metricsToJson({ ...at, split, ...metrics }));
      await appendLine(join(folder, runFiles.metrics[job]), line);
      if (!samples) return;
      const rounded = Object.entries(samples).map(([key, { groups, values }]) =>
        [key, { groups, values: values.map((value) => Number(value.toFixed(7))) }] as const
      );
      const { seconds: _, ...when } = at;
      await appendLine(
        join(folder, runFiles.bootstrap[job]),
        JSON.stringify({ ...when, split, ...Object.fromEntries(rounded) }),
      );
    },
  }),
});
export default stage;

const round = (seconds: number) => Math.round(seconds * 1000) / 1000;

/**
 * Keeps the lines of the first epochs. A run that was killed may have left more lines, or an
 * incomplete one.
 */
async function keepEpochs(file: string, epochs: number): Promise<void> {
  let text: string;
  try {
    // Reading a pipe would block. It is rejected when lines are appended.
    if (!(await Deno.stat(file)).isFile) return;
    text = await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  const kept = text.split("\n").filter((line) => epochOf(line) <= epochs)
    .map((line) => line + "\n").join("");
  if (kept !== text) await writeFileWhole(file, new TextEncoder().encode(kept));
}

function epochOf(line: string): number {
  try {
    return Number(JSON.parse(line).epoch);
  } catch {
    return NaN;
  }
}
