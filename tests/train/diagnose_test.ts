import { assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { formatProblem, UserError } from "../../src/base/errors.ts";
import { forEachEngine } from "../support/engines.ts";
import { digitsPipeline, pluginApi, runFile, withPipeline } from "../support/pipelines.ts";

/** What a person reads of a run on the digits that fails. */
async function failureOf(
  parts: Record<string, unknown>,
  files: Record<string, string>,
): Promise<string> {
  const engine = tf.getBackend() === "wasm" ? "wasm" : "native";
  return await withPipeline(digitsPipeline(parts), async (file, folder) => {
    const error: UserError = await assertRejects(
      () => runFile(file, join(folder, "run"), engine),
      UserError,
    );
    return error.problems.map(formatProblem).join("\n");
  }, files);
}

const network = `import { defineNetwork, tf, z } from "${pluginApi}";
export default defineNetwork({
  name: "mine", summary: "Divides by 0.", options: z.object({}),
  create(_options, { units, variables }) {
    const kernel = variables.add({
      name: "kernel", shape: [64, units], initializer: { kind: "normal", deviation: 1 }, owner: "light",
    });
    return {
      light: ({ image }, scope) => {
        const logits = tf.matMul(tf.reshape(image, [-1, 64]), scope.read(kernel));
        return { logits: scope.training ? tf.div(logits, tf.sub(kernel.shape[0], 64)) : logits };
      },
    };
  },
});
`;

forEachEngine("refuseBroken() names the network whose outputs are not finite", async () => {
  const text = await failureOf({
    network: { use: "./mine.ts" },
    losses: [{ use: "cross-entropy", on: "light" }],
  }, { "mine.ts": network });
  assertMatch(
    text,
    /the network "\.\/mine\.ts" returned light\.logits with the value (NaN|-?Infinity) in row 0/,
  );
  assertStringIncludes(text, "at step 1 (epoch 1)");
  assertMatch(text, /pipeline\.yaml:\d+:\d+/);
});

const optimizer = `import { defineOptimizer, tf, z } from "${pluginApi}";
export default defineOptimizer({
  name: "mine", summary: "Divides by 0.", options: z.object({}), slots: {},
  create: () => ({ value, gradient }) => ({ value: tf.div(gradient, 0), slots: {} }),
});
`;

forEachEngine("refuseBroken() names the optimizer that made weights infinite", async () => {
  const text = await failureOf(
    { optimizer: { use: "./mine.ts", learningRate: 0.1 } },
    { "mine.ts": optimizer },
  );
  assertMatch(
    text,
    /the optimizer set the variable \S+ to (NaN|-?Infinity) before the batch at step 2/,
  );
  assertMatch(text, /pipeline\.yaml:\d+:\d+/);
  assertStringIncludes(text, "lower the learning rate");
});
