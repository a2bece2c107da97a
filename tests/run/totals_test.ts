/**
 * Whole objectives of pipelines against PyTorch: the authors' rocket with distillation,
 * distillation alone, deep mutual learning.
 */

import { tableFromArrays, tableToIPC } from "apache-arrow";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { readPlan } from "../../src/run/read_plan.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { defineNetwork, type Net, type NetName, z } from "../../plugin.ts";
import { stepInput } from "../../src/train/step_input.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { netsOf, prepareNets } from "../../src/run/prepare_nets.ts";
import { disposeState, initialState, trainStep } from "../../src/train/step.ts";
import {
  assertNear,
  distillationLabels,
  type DistillationReference,
  readDistillationReference,
} from "../reference/fixtures.ts";
import { referenceUniform } from "../reference/values.ts";
import { forEachEngine } from "../support/engines.ts";
import { withFiles } from "../support/problems.ts";

const rows = 6, classes = 5;

/**
 * Nets whose logits are their only variables: a step of plain descent shows the gradient by them.
 */
const logitsAlone = defineNetwork({
  name: "logits-alone",
  summary: "Variables as logits.",
  options: z.object({}),
  create(_options, { variables, units }) {
    const net = (owner: NetName): Net => {
      const logits = variables.add({
        name: owner,
        shape: [rows, units],
        initializer: { kind: "constant", value: 0 },
        owner,
      });
      return ({ row }, scope) => ({
        logits: tf.slice(scope.read(logits), [0, 0], [row!.shape[0]!, units]),
      });
    };
    return { light: net("light"), booster: net("booster") };
  },
});

const labels = [{ use: "cross-entropy", on: "light" }, { use: "cross-entropy", on: "booster" }];

/** T = 4 and α = 0.9; the authors' mean is over classes, too. */
const soft = { use: "kl", temperature: 4, weight: 2 * 0.9 / classes };

const objectives: Record<keyof DistillationReference["totals"], Record<string, unknown>[]> = {
  "rocket with kd": [...labels, { use: "mse-hint", weight: 0.03 }, soft],
  "kd": [soft, { ...labels[0], weight: 1 - 0.9 }, labels[1]!],
  "mutual": [...labels, { use: "kl", gradient: "mutual" }],
};

async function step(losses: Record<string, unknown>[], folder: string) {
  const source = { use: "arrow", path: join(folder, "rows.arrow") };
  const plan = await readPlan({
    name: "totals",
    data: {
      train: source,
      test: source,
      features: { row: {} },
      label: { column: "label", kind: "class", classes },
    },
    network: { use: logitsAlone },
    losses,
    optimizer: { use: "sgd", learningRate: 1 },
    train: { epochs: 1, batch: rows },
  } as unknown as Pipeline);
  const data = await prepareData(plan);
  const { model } = prepareNets(plan, data, netsOf(plan));
  const start = (net: NetName) => referenceUniform(`distillation/${net}`, [rows, classes], -3, 3);
  const state = initialState(model, {
    light: tf.tensor2d(start("light"), [rows, classes]),
    booster: tf.tensor2d(start("booster"), [rows, classes]),
  });
  const position = { step: 0, steps: 1, epoch: 0, epochs: 1 };
  const batch = await data.splits.train.slice(0, rows);
  const after = trainStep(model, state, stepInput(model, batch, position, 1, 0));
  const gradient = (net: NetName) =>
    start(net).map((value, index) => value - after.state.values[net]!.dataSync()[index]!);
  const result = {
    value: after.losses.dataSync()[0]!,
    light: gradient("light"),
    booster: gradient("booster"),
  };
  disposeState(state, after.state);
  disposeState(after.state);
  await data.close();
  return result;
}

for (const [name, losses] of Object.entries(objectives)) {
  forEachEngine(`the objective of ${name} and its gradients equal PyTorch's`, async () => {
    const { totals } = await readDistillationReference();
    const expected = totals[name as keyof typeof totals];
    const table = tableFromArrays({
      row: Float32Array.from({ length: rows }, (_, row) => row),
      label: distillationLabels(classes, rows),
    });
    await withFiles(
      { "rows.arrow": tableToIPC(table, "file") as Uint8Array<ArrayBuffer> },
      async (folder) => {
        const actual = await step(losses, folder);
        assertNear("loss", [actual.value], [expected.value], 1e-5);
        assertNear("gradient by light", actual.light, expected.light, 2e-4);
        assertNear("gradient by booster", actual.booster, expected.booster, 2e-4);
      },
    );
  });
}
