import {
  defineOutput,
  type OutputStage,
  writeFileWhole,
  z,
} from "@rocket-launching/rocket/plugin";

const myOutput: OutputStage = defineOutput({
  name: "my-output",
  summary: "Writes the loss of each step as losses.csv.",
  options: z.object({}),
  create: (_options, { folder }) => {
    const lines = ["step,loss"];
    return {
      step: ({ job, step, loss }) => {
        if (job === "rocket") lines.push(`${step},${loss}`);
      },
      runEnd: () => {
        const text = lines.join("\n") + "\n";
        return writeFileWhole(
          `${folder}/losses.csv`,
          new TextEncoder().encode(text),
        );
      },
    };
  },
});
export default myOutput;
