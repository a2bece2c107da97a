/**
 * The program that times Rocket's input pipeline. A step reads 16 batches of 128 images, which are
 * normalized, flipped at random, padded and cropped, as in a run of a pipeline file. A single batch
 * would not be a useful measure, because some batches have been prepared in advance and others have
 * not.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import type { StageReference } from "../src/stages/stage_error.ts";
import type { TransformStage } from "../src/stages/transform.ts";
import horizontalFlip from "../plugins/transforms/horizontal_flip.ts";
import normalize from "../plugins/transforms/normalize.ts";
import randomCrop from "../plugins/transforms/random_crop.ts";
import { BatchMaker, type Pass } from "../src/input/batches.ts";
import { Input } from "../src/input/input.ts";
import { Store, StoredRows } from "../src/input/rows.ts";
import { TransformChain } from "../src/input/transforms.ts";
import { serve } from "./worker.ts";

const options = parseArgs(Deno.args, {
  string: ["mode", "batch", "batches", "rows"],
  default: { mode: "here", batch: "128", batches: "16", rows: "50000" },
});
const size = Number(options.batch), batches = Number(options.batches);
const rows = Number(options.rows);
const shape = [32, 32, 3];

const plans = ([
  [normalize, { mean: [125.3, 123.0, 113.9], std: [63.0, 62.1, 66.7] }],
  [horizontalFlip, {}],
  [randomCrop, { pad: 4 }],
] as [TransformStage, unknown][]).map(([stage, given]) => ({
  stage,
  specifier: stage.name,
  options: stage.options.parse(given),
  reference: { kind: "transform", name: stage.name } as StageReference,
  on: stage.on,
}));

const train = new StoredRows(
  new Store({
    chunkRows: [rows],
    specs: {
      features: { image: { shape, dtype: "float32" } },
      label: { kind: "class", classes: 10, shape: [], dtype: "int32" },
    },
    values: {
      features: { image: [randomPixels()] },
      label: [Int32Array.from({ length: rows }, (_, row) => row % 10)],
    },
  }),
);
const chain = TransformChain.of(plans, train.features);
const input = new Input(new BatchMaker({ train }, chain, 1), {
  thread: options.mode === "thread" ? "always" : "never",
  setup: () => ({
    splits: { train: train.share() },
    transforms: plans.map(({ stage: _, ...plan }) => plan),
    measured: { nulls: {}, transforms: [] },
    seed: 1,
  }),
  report: () => {},
});
const feed = input.feed(epochs());
await serve(async () => {
  for (let count = 0; count < batches; count++) {
    const { features } = await feed.next();
    if (!Number.isFinite(features.image!.values[0])) {
      throw new Error("expected an image of finite numbers");
    }
  }
});
input.close();

function* epochs(): Iterable<Pass> {
  for (let epoch = 1;; epoch++) yield { split: "train", training: true, epoch, size, last: "keep" };
}

function randomPixels(): Uint8Array {
  const pixels = new Uint8Array(rows * 3072);
  const most = 2 ** 16;
  for (let start = 0; start < pixels.length; start += most) {
    crypto.getRandomValues(pixels.subarray(start, start + most));
  }
  return pixels;
}
