import { defineOutput, type OutputStage, z } from "../../plugin.ts";

/**
 * Decides when the run writes checkpoints to `checkpoints/` and which of them it keeps. A
 * checkpoint consists of a safetensors file with the variables of both nets and the optimizer
 * slots, and a JSON file with everything else that is needed to resume. `best.safetensors` is from
 * the best epoch.
 */
const stage: OutputStage = defineOutput({
  name: "checkpoint",
  summary: "Writes checkpoints of the latest and the best epoch, from which a run can be resumed.",
  options: z.object({
    every: z.int().positive().default(1).describe(
      "The number of epochs from one checkpoint to the next.",
    ),
    everySteps: z.int().positive().optional().describe(
      "The number of steps between checkpoints that are written during epochs, in addition to the checkpoints after epochs.",
    ),
    everyMinutes: z.number().positive().optional().describe(
      "A checkpoint is also written during an epoch when this number of minutes has passed since the last checkpoint.",
    ),
    keep: z.int().positive().default(2).describe(
      "The number of latest checkpoints to keep. With 1, there is no older checkpoint to resume from if the latest is damaged.",
    ),
    keepEvery: z.int().positive().optional().describe(
      "The number of epochs between two checkpoints that are kept permanently.",
    ),
  }),
  example: "use: checkpoint\neveryMinutes: 10\nkeepEvery: 20",
  create: ({ every, everySteps, everyMinutes = Infinity, keep, keepEvery }) => {
    let epochs = 0, written = performance.now();
    return {
      runStart: (event) => {
        epochs = event.epochs;
        written = performance.now();
      },
      step({ step, checkpoint }) {
        const minutes = (performance.now() - written) / 60_000;
        const due = everySteps !== undefined && step % everySteps === 0;
        if (!due && minutes < everyMinutes) return;
        written = performance.now();
        checkpoint({ keep });
      },
      epoch({ job, epoch, best, checkpoint }) {
        const forever = keepEvery !== undefined && epoch % keepEvery === 0;
        const isBest = best && job === "rocket";
        if (!forever && !isBest && epoch % every !== 0 && epoch !== epochs) return;
        written = performance.now();
        checkpoint({ keep, forever, best: isBest });
      },
    };
  },
});
export default stage;
