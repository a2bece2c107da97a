/**
 * The pipelines in pipelines/bars/, whose commands are in docs/results.md, on files of 1,000 rows in the layout of the data sets.
 *
 * @module
 */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { join } from "node:path";
import { createRandom, deriveSeed } from "../../src/base/random.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { netsOf, prepareNets } from "../../src/run/prepare_nets.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { parametersOf } from "../../src/run/run.ts";
import { inFolder, rocket, root } from "../support/command_line.ts";

/** A data set of the benchmark: its columns, and the booster that the pipeline builds. */
interface Layout {
  /** The number of columns with numbers; they are the first ones after the label. */
  readonly numbers: readonly string[];
  readonly ids: readonly string[];
  readonly cross: number;
  readonly hidden: number;
  readonly batchNorm: boolean;
}

const named = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);

/** The columns of https://github.com/reczoo/Datasets, in the order of the files. */
const layouts: Readonly<Record<string, Layout>> = {
  criteo_x1: {
    numbers: named("I", 13),
    ids: named("C", 26),
    cross: 3,
    hidden: 500,
    batchNorm: false,
  },
  avazu_x1: { numbers: [], ids: named("feat_", 22), cross: 5, hidden: 400, batchNorm: true },
  frappe_x1: {
    numbers: [],
    ids: [
      ...["user", "item", "daytime", "weekday", "isweekend", "homework", "cost", "weather"],
      ...["country", "city"],
    ],
    cross: 4,
    hidden: 400,
    batchNorm: true,
  },
  movielenslatest_x1: {
    numbers: [],
    ids: ["user_id", "item_id", "tag_id"],
    cross: 5,
    hidden: 400,
    batchNorm: true,
  },
};

const rows = 1000;

/**
 * Random rows as in the published files, which were made from libsvm files: a label of 0 or 1,
 * numbers as decimals, ids as whole numbers that count on from column to column, and no nulls.
 */
function rowsOf(name: string, split: string): number[][] {
  const { numbers, ids } = layouts[name]!;
  const random = createRandom(deriveSeed(1, name, split));
  return Array.from({ length: rows }, () => [
    Number(random.uniform() < 0.3),
    ...numbers.map(() => Math.round(random.uniform() * 1e6) / 1e6),
    ...ids.map((_, index) =>
      1 + numbers.length + 400 * index + Math.floor(400 * random.uniform() ** 3)
    ),
  ]);
}

const splits = { train: "train", validation: "valid", test: "test" } as const;

/** Writes the three files of a data set, and passes the changes of the pipeline that name them. */
async function withRows(name: string, test: (set: string[]) => Promise<void>): Promise<void> {
  const { numbers, ids } = layouts[name]!;
  await inFolder(async (folder) => {
    const set: string[] = [];
    for (const [split, file] of Object.entries(splits)) {
      const lines = [["label", ...numbers, ...ids], ...rowsOf(name, split)];
      const path = join(folder, `${file}.csv`);
      await Deno.writeTextFile(path, lines.map((line) => line.join(",")).join("\n") + "\n");
      set.push(`data.${split}.path=${path}`);
    }
    await test(set);
  });
}

const fileOf = (name: string) => join(root, "pipelines", "bars", `${name}.yaml`);

Deno.test("pipelines/bars/ has a pipeline for each data set", () => {
  const files = Array.from(Deno.readDirSync(join(root, "pipelines", "bars")), ({ name }) => name);
  assertEquals(files.toSorted(), Object.keys(layouts).map((name) => `${name}.yaml`).toSorted());
});

for (const [name, layout] of Object.entries(layouts)) {
  const { numbers, ids, cross, hidden, batchNorm } = layout;
  Deno.test(`pipelines/bars/${name}.yaml reads files in the layout of the data set`, () =>
    withRows(name, async (set) => {
      await openEngine("wasm");
      const plan = await readPlan(fileOf(name), set);
      const data = await prepareData(plan);
      try {
        const written = rowsOf(name, "train");
        const values = ids.map((_, index) =>
          written.map((row) => row[1 + numbers.length + index]!)
        );
        // The ids of the training rows, in sorted order; the last one is that of other values.
        const known = values.map((column) => [...new Set(column)].toSorted((a, b) => a - b));
        for (const split of ["train", "validation", "test"] as const) {
          const read = data.splits[split]!, expected = rowsOf(name, split);
          assertEquals(read.rows, rows);
          const batch = await read.slice(0, rows);
          assertEquals([...batch.label.values], expected.map(([label]) => label!));
          numbers.forEach((column, index) => {
            const { values } = batch.features[column]!;
            expected.forEach((row, at) => assertAlmostEquals(values[at]!, row[1 + index]!, 1e-7));
          });
          ids.forEach((column, index) => {
            const places = new Map(known[index]!.map((value, id) => [value, id]));
            assertEquals(
              [...batch.features[column]!.values],
              expected.map((row) =>
                places.get(row[1 + numbers.length + index]!) ?? known[index]!.length
              ),
              column,
            );
          });
        }

        const nets = prepareNets(plan, data, netsOf(plan));
        const width = numbers.length + 10 * ids.length;
        // Each table has one more row for other values, and one for padding.
        const tables = 10 * known.reduce((sum, { length }) => sum + length + 2, 0);
        // Layers with batch norm have a scale and an offset instead of a bias.
        const others = (batchNorm ? 2 : 1) * 3 * hidden;
        const dense = width * hidden + 2 * hidden * hidden + others;
        assertEquals(
          parametersOf(nets).booster,
          tables + cross * (width + 1) * width + dense + width + hidden + 1,
        );
        const [{ epochs, optimizer }] = plan.phases as [typeof plan.phases[0] & object];
        assertEquals([epochs, plan.part, optimizer.learningRate], [100, 4096, 0.001]);
        assert(optimizer.embeddingL2! > 0);
      } finally {
        await data.close();
      }
    }));
}

Deno.test("the command run trains on Frappe_x1 with the protocol of BARS", () =>
  withRows("frappe_x1", async (set) => {
    const changes = set.flatMap((change) => ["--set", change]);
    const { code, stdout, stderr } = await rocket([
      ...[fileOf("frappe_x1"), "--epochs", "1", "--out", "bars", "--quiet", ...changes],
      ...["--set", "train.batch=500", "--set", "network.booster.hidden=[16]"],
    ], { cwd: join(set[0]!.split("=")[1]!, "..") });
    assertEquals(code, 0, stderr);
    for (const net of ["light", "booster", "light alone"]) {
      assert(stdout.includes(`\n${net} `), net);
    }
  }));
