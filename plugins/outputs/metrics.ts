import { join } from "node:path";
import {
  appendLine,
  defineOutput,
  type JobName,
  metricsToJson,
  type OutputStage,
  writeFileWhole,
  z,
} from "../../plugin.ts";

/**
 * Writes `metrics.jsonl`: one line an evaluation with `epoch`, `step`, `seconds`, `split`, `phase` in
 * a pipeline that has phases, and each metric by net, as `light/accuracy`. A metric without a value is null, and `undefined` says why:
 * `{ "light/auc": "one class" }`. The baseline's lines go to `metrics-light-alone.jsonl`. When a run
 * is resumed, lines of what will happen again are taken away.
 */
const stage: OutputStage = defineOutput({
  name: "metrics",
  summary: "Writes metrics.jsonl, one line per evaluation.",
  options: z.object({}),
  example: "use: metrics",
  create: (_options, { folder }) => ({
    async runStart({ job, resumed }) {
      await keepEpochs(fileOf(folder, job), resumed?.epochs ?? 0);
      // The rocket is done then: all its lines stay, and nothing that is none.
      if (job === "light-alone") await keepEpochs(fileOf(folder, "rocket"), Infinity);
    },
    async evaluation({ job, phase, epoch, step, seconds, split, metrics }) {
      const at = { ...(phase !== undefined && { phase }), epoch, step, seconds: round(seconds) };
      const line = JSON.stringify(metricsToJson({ ...at, split, ...metrics }));
      await appendLine(fileOf(folder, job), line);
    },
  }),
});
export default stage;

const fileOf = (folder: string, job: JobName) =>
  join(folder, job === "rocket" ? "metrics.jsonl" : `metrics-${job}.jsonl`);

const round = (seconds: number) => Math.round(seconds * 1000) / 1000;

/** Keeps the lines of the first epochs; a run that was killed may have left more, or part of one. */
async function keepEpochs(file: string, epochs: number): Promise<void> {
  let text: string;
  try {
    // A pipe would be waited for; it is refused when lines are added.
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
