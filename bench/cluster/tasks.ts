/**
 * The training steps that the bench of clusters times.
 *
 * @module
 */

import binaryCrossEntropy from "../../plugins/losses/binary_cross_entropy.ts";
import ctr from "../../plugins/networks/ctr.ts";
import adam from "../../plugins/optimizers/adam.ts";
import { createRandom } from "../../src/base/random.ts";
import type { Collectives } from "../../src/engine/cluster/collectives.ts";
import type { Batch, LabelSpec } from "../../src/stages/batch.ts";
import type { Model } from "../../src/train/step.ts";
import { DeclaredVariables } from "../../src/train/variables.ts";
import { taskTerm } from "../training.ts";
import { wideResnetModel } from "../wide_resnet_model.ts";

/** The names of the steps. */
export type StepName = "wrn" | "ctr" | "ctr-sharded";

/** What a step computes. */
export interface StepTask {
  /** The nets, the losses, and the optimizer. */
  readonly model: Model;
  /** The number of rows of one process. */
  readonly rows: number;
  /** The number of batches that steps use in turn. */
  readonly batches: number;
  /** The learning rate. */
  readonly learningRate: number;
  /** The most rows of one process on which the number of exchanged bytes depends. */
  readonly countedRows: number;
  /** Draws a batch. */
  draw(rows: number, seed: number): Batch;
}

/**
 * Makes a step.
 *
 * @param name Its name.
 * @param options Whether to use a small net, only to test the bench, and the processes over which
 *   rows of sharded tables are dealt.
 */
export function stepTask(
  name: StepName,
  options: { readonly small: boolean; readonly shards: Collectives | undefined },
): StepTask {
  return name === "wrn"
    ? images(options.small)
    : clicks(options.small, name === "ctr-sharded" ? options.shards : undefined);
}

function images(small: boolean): StepTask {
  const [light, booster, rows] = small ? [10, 16, 16] : [16, 40, 128];
  const model = wideResnetModel({ sharing: "interval", light, booster, width: 1 });
  return {
    ...{ model, rows, batches: 1, learningRate: 0.1 },
    // Only gradients of variables and running statistics are exchanged.
    countedRows: 2,
    draw(count, seed) {
      const random = createRandom(seed), shape = [32, 32, 3];
      const values = Float32Array.from({ length: count * 32 * 32 * 3 }, () => random.uniform());
      const classes = Int32Array.from({ length: count }, () => random.integer(0, 9));
      return {
        size: count,
        features: { image: { values, shape } },
        label: { values: classes, shape: [] },
      };
    },
  };
}

function clicks(small: boolean, shards: Collectives | undefined): StepTask {
  const values = small ? 1000 : 100_000, rows = small ? 512 : 8192;
  const names = Array.from({ length: 26 }, (_, index) => `C${index}`);
  const label: LabelSpec = { kind: "binary", classes: 2, shape: [], dtype: "float32" };
  const ids = (name: string) =>
    ({
      shape: [],
      dtype: "int32",
      ids: { kind: "count", count: values, name, padded: false },
    }) as const;
  const variables = new DeclaredVariables();
  const pair = ctr.create(
    ctr.options.parse({
      ...{ embedding: 10, shard: shards !== undefined },
      light: { hidden: [400, 400, 400] },
    }),
    {
      features: Object.fromEntries(names.map((name) => [name, ids(name)])),
      ...{ label, units: 1, nets: ["light"], variables },
    },
  );
  const model: Model = {
    ...{ pair, variables: variables.all, shards },
    terms: [taskTerm(binaryCrossEntropy, "light", label, 1)],
    optimizer: adam.create(adam.options.parse({}), {}),
    optimizerStage: { kind: "optimizer", name: "adam" },
  };
  return {
    ...{ model, rows, batches: 4, learningRate: 0.001, countedRows: rows },
    draw(count, seed) {
      const random = createRandom(seed);
      // A few ids are frequent, and most are rare, by Zipf's law with the exponent 1.2.
      const draw = () => Math.floor(Math.min((1 - random.uniform()) ** -5, 1e15)) % values;
      const column = () => ({ values: Int32Array.from({ length: count }, draw), shape: [] });
      const clicked = Float32Array.from({ length: count }, () => random.integer(0, 1));
      return {
        size: count,
        features: Object.fromEntries(names.map((name) => [name, column()])),
        label: { values: clicked, shape: [] },
      };
    },
  };
}
