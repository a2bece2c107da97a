import { join } from "node:path";
import { defineOutput, type OutputStage, z } from "../../plugin.ts";

/**
 * Writes `metrics.jsonl`: one line an evaluation with `epoch`, `step`, `seconds`, `split`, and each
 * metric by net, as `light/accuracy`. The baseline's lines go to `metrics-light-alone.jsonl`.
 */
const stage: OutputStage = defineOutput({
  name: "metrics",
  summary: "Writes metrics.jsonl, one line an evaluation.",
  options: z.object({}),
  example: "use: metrics",
  create: (_options, { folder }) => ({
    async evaluation({ job, epoch, step, seconds, split, metrics }) {
      const file = job === "rocket" ? "metrics.jsonl" : `metrics-${job}.jsonl`;
      const line = JSON.stringify({ epoch, step, seconds: round(seconds), split, ...metrics });
      await Deno.writeTextFile(join(folder, file), line + "\n", { append: true });
    },
  }),
});
export default stage;

const round = (seconds: number) => Math.round(seconds * 1000) / 1000;
