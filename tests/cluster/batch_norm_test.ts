import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { arrowFile, type Column } from "../corpus/small_rows.ts";
import { inFolder, rocket } from "../support/command_line.ts";
import { assertSame, readTrained, runCluster, writeClicks } from "./processes.ts";

/** There is no native engine on Windows. */
const ignore = Deno.build.os === "windows";

/** Trains `p.yaml` in one process and in two, which has to come to the same numbers. */
async function assertSameInTwo(folder: string): Promise<void> {
  const alone = await rocket(["p.yaml", "--out", "alone", "--engine", "native"], { cwd: folder });
  assertEquals(alone.code, 0, alone.stderr);
  const all = await runCluster(2, ["p.yaml", "--out", "run"], folder);
  assertEquals(all.map(({ code }) => code), [0, 0], all[0]!.stderr);
  assertSame(readTrained(join(folder, "alone")), readTrained(join(folder, "run")));
}

/** Writes rows and a pipeline of clicks, with a last batch that cannot be divided evenly. */
function writePipeline(
  folder: string,
  columns: (numbers: (of: (row: number) => number) => number[]) => Record<string, Column>,
  { features, network }: { readonly features: string; readonly network: string },
): void {
  const rows = (count: number) => {
    const numbers = (of: (row: number) => number) =>
      Array.from({ length: count }, (_, row) => of(row));
    const label = numbers((row) => row * 7 % 23 % 3 === 0 ? 1 : 0);
    return arrowFile({ ...columns(numbers), y: ["int", label] });
  };
  Deno.writeFileSync(join(folder, "train.arrow"), rows(23));
  Deno.writeFileSync(join(folder, "test.arrow"), rows(10));
  Deno.writeTextFileSync(
    join(folder, "p.yaml"),
    `name: normalized
data:
  train: { use: arrow, path: train.arrow }
  test: { use: arrow, path: test.arrow }
  features: ${features}
  label: { column: y, kind: binary }
network: ${network}
losses:
  - { use: binary-cross-entropy, on: light }
  - { use: binary-cross-entropy, on: booster }
  - { use: mse-hint, weight: 0.1 }
optimizer: { use: sgd, learningRate: 0.05 }
train: { epochs: 2, batch: 9, baseline: none, lastBatch: keep }
metrics: [auc, log-loss]
`,
  );
}

/** A custom network with batch norm whose statistics are those of the whole batch. */
const normalized = `
import { defineNetwork, layers, type Net, tf, z } from "@rocket-launching/rocket/plugin";

export default defineNetwork({
  name: "normalized",
  summary: "A layer with batch norm.",
  batchNorm: true,
  options: z.object({}),
  create(_options, { units, variables }) {
    const first = layers.dense(variables, "light/first", 1, 6, "light");
    const normalize = layers.batchNormalization(variables, "light/norm", 6, "light", {
      synchronized: true,
    });
    const head = layers.dense(variables, "light/head", 6, units, "light", { to: "classes" });
    const light: Net = (features, scope) => {
      const x = tf.reshape(features.x!, [-1, 1]);
      return { logits: head(tf.sigmoid(normalize(first(x, scope), scope)), scope) };
    };
    return { light };
  },
});
`;

Deno.test({
  name: "synchronized batch norm in 2 processes comes to the weights of one process",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      writeClicks(folder, "{ epochs: 3, batch: 9, baseline: none }");
      const file = join(folder, "p.yaml");
      const pipeline = Deno.readTextFileSync(file)
        .replace(/user: .*?, x/, "x")
        .replace(/network: .*/, "network: { use: ./net.ts }")
        .replace(
          /losses:[^]*optimizer: .*/,
          "losses: [{ use: binary-cross-entropy, on: light }]\noptimizer: { use: sgd, learningRate: 0.05 }",
        );
      Deno.writeTextFileSync(file, pipeline);
      Deno.writeTextFileSync(join(folder, "net.ts"), normalized);
      const alone = await rocket(["p.yaml", "--out", "alone", "--engine", "native"], {
        cwd: folder,
      });
      assertEquals(alone.code, 0, alone.stderr);
      const all = await runCluster(2, ["p.yaml", "--out", "run"], folder);
      assertEquals(all.map(({ code }) => code), [0, 0], all[0]!.stderr);
      assertSame(readTrained(join(folder, "alone")), readTrained(join(folder, "run")));
    }),
});

Deno.test({
  name:
    "wide-resnet with synchronized batch norm in 2 processes comes to the weights of one process",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const image = (row: number) =>
        Array.from({ length: 64 }, (_, at) => Math.sin(row * 64 + at * at));
      writePipeline(
        folder,
        (numbers) => ({ x: ["floatLists", numbers((row) => row).map(image)] }),
        {
          features: "{ x: { shape: [8, 8] } }",
          network: `
  use: wide-resnet
  light: { depth: 10 }
  booster: { depth: 16 }
  synchronizedBatchNorm: true`,
        },
      );
      await assertSameInTwo(folder);
    }),
});

Deno.test({
  name:
    "ctr with synchronized batch norm and dice in 2 processes comes to the weights of one process",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const history = (row: number) =>
        Array.from({ length: row % 5 }, (_, at) => (row * 3 + at) % 11);
      writePipeline(folder, (numbers) => ({
        item: ["int", numbers((row) => row * 5 % 11)],
        history: ["intLists", numbers((row) => row).map(history)],
        x: ["float", numbers((row) => Math.sin(row * 5))],
      }), {
        features: `
    item: { ids: { count: 11 } }
    history: { ids: { of: item }, length: 4 }
    x: {}`,
        network: `
  use: ctr
  embedding: 4
  features: { history: { attention: { to: item, hidden: [5], activation: dice } } }
  shared: [6]
  light: { hidden: [4] }
  booster: { hidden: [8, 4] }
  batchNorm: true
  activation: dice
  synchronizedBatchNorm: true`,
      });
      await assertSameInTwo(folder);
    }),
});
