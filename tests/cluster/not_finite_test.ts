import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { inFolder } from "../support/command_line.ts";
import { pluginApi } from "../support/pipelines.ts";
import { runCluster, writeClicks } from "./processes.ts";

/** An optimizer that makes all variables NaN in its third step, from finite gradients. */
const failing = `
import { defineOptimizer, tf, z } from ${JSON.stringify(pluginApi)};
export default defineOptimizer({
  name: "failing", summary: "Goes wrong.", options: z.object({}), slots: {},
  create: () => ({ value, gradient, learningRate, step }) => {
    const factor = tf.where(tf.equal(step, 3), tf.scalar(NaN), learningRate);
    return { value: tf.sub(value, tf.mul(gradient, factor)), slots: {} };
  },
});
`;

Deno.test({
  name: "all processes end if the first one finds NaN when it writes a checkpoint",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      writeClicks(folder, "{ epochs: 3, batch: 20, baseline: none, nonFinite: back }");
      const file = join(folder, "p.yaml");
      const text = (await Deno.readTextFile(file))
        .replace(/^optimizer: .*$/m, "optimizer: { use: ./failing.ts, learningRate: 0.01 }");
      await Deno.writeTextFile(file, `${text}outputs: [{ use: checkpoint, everySteps: 1 }]\n`);
      await Deno.writeTextFile(join(folder, "failing.ts"), failing);
      const [first, second] = await runCluster(2, ["p.yaml", "--out", "run"], folder);
      assertEquals([first!.code, second!.code], [1, 75], first!.stderr + second!.stderr);
      assertStringIncludes(first!.stderr, "the optimizer has made ");
      assertStringIncludes(first!.stderr, "; the last good checkpoint is ");
    }),
});
