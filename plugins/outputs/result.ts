import { join } from "node:path";
import {
  defineOutput,
  metricsToJson,
  type OutputStage,
  runFiles,
  writeFileWhole,
  z,
} from "../../plugin.ts";

/**
 * Writes `result.json` when the run has ended successfully: the results, for people and programs.
 */
const stage: OutputStage = defineOutput({
  name: "result",
  summary:
    "Writes result.json: metrics on the test split, numbers of parameters, and times in seconds.",
  options: z.object({}),
  example: "use: result",
  create: (_options, { folder }) => ({
    async runEnd({ result }) {
      const text = JSON.stringify(metricsToJson(result), undefined, 2) + "\n";
      await writeFileWhole(join(folder, runFiles.result), new TextEncoder().encode(text));
    },
  }),
});
export default stage;
