import { join } from "node:path";
import {
  defineOutput,
  encodeSafetensors,
  type OutputStage,
  writeFileWhole,
  z,
} from "../../plugin.ts";

/**
 * Writes the variables of both nets and the optimizer's slots to `checkpoints/last.safetensors`
 * after each epoch, and to `checkpoints/best.safetensors` when the epoch is the best so far. The
 * file's metadata holds epoch, step and metrics.
 */
const stage: OutputStage = defineOutput({
  name: "checkpoint",
  summary: "Keeps the variables after the last and the best epoch, as safetensors.",
  options: z.object({
    every: z.int().positive().default(1).describe("Epochs between writes of last.safetensors."),
  }),
  example: "use: checkpoint\nevery: 5",
  create: ({ every }, { folder }) => {
    let epochs = 0;
    return {
      runStart: (event) => {
        epochs = event.epochs;
      },
      async epoch({ job, epoch, step, metrics, best, snapshot }) {
        if (job !== "rocket") return;
        const last = epoch % every === 0 || epoch === epochs;
        if (!last && !best) return;
        const { tensors } = await snapshot();
        const bytes = encodeSafetensors(tensors, {
          epoch: String(epoch),
          step: String(step),
          metrics: JSON.stringify(metrics),
        });
        const checkpoints = join(folder, "checkpoints");
        await Deno.mkdir(checkpoints, { recursive: true });
        if (last) await writeFileWhole(join(checkpoints, "last.safetensors"), bytes);
        if (best) await writeFileWhole(join(checkpoints, "best.safetensors"), bytes);
      },
    };
  },
});
export default stage;
