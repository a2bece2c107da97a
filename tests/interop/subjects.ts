/**
 * The nets that other programs compute: one of each built-in network, small, with every sort of
 * column.
 *
 * @module
 */

import * as arrow from "apache-arrow";
import { join } from "node:path";
import { createRandom } from "../../src/base/random.ts";
import { digitsPipeline } from "../support/pipelines.ts";

/** A net, and how it is trained. */
export interface Subject {
  /** The name of the pipeline and of the network. */
  readonly name: string;
  /** The pipeline. */
  readonly pipeline: Readonly<Record<string, unknown>>;
}

/**
 * The subjects; their data is written into a folder.
 *
 * @param folder The folder.
 */
export async function subjectsIn(folder: string): Promise<Subject[]> {
  await writeClicks(join(folder, "clicks.arrow"));
  const clicks = { use: "arrow", path: join(folder, "clicks.arrow") };
  const outputs = ["checkpoint", "tensorboard"];
  return [
    {
      name: "wide-resnet",
      pipeline: digitsPipeline({
        name: "wide-resnet",
        network: { use: "wide-resnet", light: { depth: 10 }, booster: { depth: 22 } },
        train: { epochs: 2, batch: 64, baseline: "none" },
        outputs,
      }),
    },
    { name: "mlp", pipeline: digitsPipeline({ name: "mlp", outputs }) },
    {
      name: "ctr",
      pipeline: {
        name: "ctr",
        seed: 1,
        data: {
          train: clicks,
          test: clicks,
          features: {
            user: { ids: { train: true, minCount: 2 } },
            item: { ids: "train" },
            history: { ids: { of: "item" }, length: 5 },
            shelf: { ids: "train" },
            page: { ids: { hash: 50 } },
            tags: { ids: { hash: 20 }, length: 3 },
            day: { ids: { count: 7 } },
            price: { column: "unit price", nulls: "mean" },
            count: {},
            fresh: {},
            rating: { nulls: { fill: 3 } },
            views: {},
            total: {},
          },
          label: { column: "clicked", kind: "binary" },
          transforms: [
            { use: "log", feature: "count" },
            { use: "normalize", feature: ["price", "count"] },
          ],
        },
        network: {
          use: "ctr",
          embedding: 4,
          features: { history: { attention: { to: "item", hidden: [8], activation: "dice" } } },
          shared: [16],
          light: { hidden: [8] },
          booster: { hidden: [32, 16] },
          activation: "prelu",
        },
        losses: [
          { use: "binary-cross-entropy", on: "light" },
          { use: "binary-cross-entropy", on: "booster" },
          { use: "mse-hint", weight: 0.1 },
        ],
        optimizer: { use: "adam", learningRate: 0.01 },
        train: { epochs: 2, batch: 64 },
        metrics: ["auc"],
        outputs,
      },
    },
  ];
}

/** Clicks with texts, lists, whole numbers beyond 2⁵³, and nulls. */
async function writeClicks(path: string): Promise<void> {
  const random = createRandom(1), count = 1024;
  const column = <T>(make: () => T) => Array.from({ length: count }, make);
  const pick = <T>(values: readonly T[]) => values[random.integer(0, values.length - 1)]!;
  const item = () => `item ${random.integer(0, 40)}`, utf8 = new arrow.Utf8();
  const list = (type: arrow.DataType) => new arrow.List(new arrow.Field("item", type, true));
  const many = <T>(make: () => T) => Array.from({ length: random.integer(0, 7) }, make);
  const table = new arrow.Table({
    user: arrow.vectorFromArray(column(() => pick(["Zoë", "李", "u 3", "u4", ""])), utf8),
    item: arrow.vectorFromArray(column(item), utf8),
    history: arrow.vectorFromArray(column(() => many(item)), list(utf8)),
    shelf: arrow.vectorFromArray(
      column(() => pick([7n, -1n, 9007199254740993n])),
      new arrow.Int64(),
    ),
    page: arrow.vectorFromArray(column(() => `/page/${random.integer(0, 300)}`), utf8),
    tags: arrow.vectorFromArray(
      column(() => many(() => BigInt(random.integer(0, 99)))),
      list(new arrow.Int64()),
    ),
    day: arrow.vectorFromArray(column(() => random.integer(0, 6)), new arrow.Int32()),
    "unit price": arrow.vectorFromArray(
      column(() => random.uniform() < 0.1 ? null : Math.round(1e4 * random.uniform()) / 100),
      new arrow.Float64(),
    ),
    count: arrow.vectorFromArray(column(() => random.integer(0, 1000)), new arrow.Uint16()),
    fresh: arrow.vectorFromArray(column(() => random.uniform() < 0.5), new arrow.Bool()),
    rating: arrow.vectorFromArray(
      column(() => random.uniform() < 0.1 ? null : 5 * random.uniform()),
      new arrow.Float32(),
    ),
    views: arrow.vectorFromArray(column(() => random.integer(0, 3)), new arrow.Uint32()),
    total: arrow.vectorFromArray(
      column(() => BigInt(random.integer(0, 9))),
      new arrow.Uint64(),
    ),
    clicked: arrow.vectorFromArray(column(() => random.integer(0, 1)), new arrow.Int8()),
  });
  await Deno.writeFile(path, arrow.tableToIPC(table, "file"));
}
