import { assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { inFolder, rocket } from "../support/command_line.ts";
import { readTrained, runCluster, type Trained, writeClicks } from "./processes.ts";

/** There is no native engine on Windows. */
const ignore = Deno.build.os === "windows";

/** Compares weights, optimizer slots, losses, and metrics of two runs. */
function assertSame(one: Trained, other: Trained): void {
  assertEquals([...one.tensors.keys()], [...other.tensors.keys()]);
  for (const [name, values] of one.tensors) {
    const others = other.tensors.get(name)!;
    assertEquals(values.length, others.length, name);
    for (let at = 0; at < values.length; at++) {
      const most = 2e-6 * Math.max(1, Math.abs(values[at]!));
      assertAlmostEquals(values[at]!, others[at]!, most, `${name} ${at}`);
    }
  }
  assertEquals(one.metrics.length, other.metrics.length);
  one.metrics.forEach((metric, at) => assertAlmostEquals(metric, other.metrics[at]!, 2e-5));
}

/** Writes a pipeline whose two tables are sharded. */
function writeSharded(folder: string, network: string, train: string): void {
  writeClicks(folder, train);
  const file = join(folder, "p.yaml");
  const pipeline = Deno.readTextFileSync(file)
    .replace(
      "user: { ids: { hash: 50 } }",
      "user: { ids: { hash: 50 } }, item: { column: user, ids: { hash: 7 } }",
    )
    .replace(/network: .*/, `network: ${network}`);
  Deno.writeTextFileSync(file, pipeline);
}

const native = ["--engine", "native"];

Deno.test({
  name: "sharded tables: 2 processes, resumed as 3 and as 1, come to the weights of one process",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      // Processes have 22 and 21 rows of the first batch, and 1 and 1, or 1, 1, and 0, of the last.
      writeSharded(
        folder,
        "{ use: ctr, embedding: 4, shard: true, light: { hidden: [4] }, booster: { hidden: [8, 4] } }",
        "{ epochs: 3, batch: 43, clip: { norm: 0.05 }, baseline: none }",
      );
      const alone = await rocket(["p.yaml", "--out", "alone", ...native], { cwd: folder });
      assertEquals(alone.code, 0, alone.stderr);
      const first = await runCluster(2, ["p.yaml", "--out", "run", "--epochs", "1"], folder);
      assertEquals(first.map(({ code }) => code), [0, 0], first[0]!.stderr + first[1]!.stderr);
      // The tables have 51 and 8 rows.
      assertStringIncludes(first[0]!.stderr, "each of 2 processes holds 30 of 59 rows");
      const second = await runCluster(3, ["resume", "run", "--epochs", "2"], folder);
      assertEquals(second.map(({ code }) => code), [0, 0, 0], second[0]!.stderr);
      assertStringIncludes(second[0]!.stderr, "each of 3 processes holds 20 of 59 rows");
      const third = await rocket(["resume", "run", "--epochs", "3"], { cwd: folder });
      assertEquals(third.code, 0, third.stderr);
      assertEquals(third.stderr.includes("holds"), false);
      assertSame(readTrained(join(folder, "alone")), readTrained(join(folder, "run")));
    }),
});

Deno.test({
  name: "sharded tables of each net, in phases, come to the weights of one process",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      writeSharded(
        folder,
        "{ use: deepfm, sharing: separate, embedding: 4, shard: true, light: { hidden: [4] } }",
        "{ batch: 16, clip: { norm: 0.2, per: owner }, baseline: none }",
      );
      const file = join(folder, "p.yaml");
      const pipeline = Deno.readTextFileSync(file).replace(
        /losses:[^]*optimizer: .*/,
        `phases:
  - name: first
    losses: [{ use: binary-cross-entropy, on: booster }]
    epochs: 3
  - name: second
    from: best
    freeze: [booster]
    losses:
      - { use: binary-cross-entropy, on: light }
      - { use: mse-hint, weight: 0.1 }
    epochs: 1
optimizer: { use: adagrad, learningRate: 0.1, embeddingL2: 0.01 }`,
      );
      Deno.writeTextFileSync(file, pipeline);
      const alone = await rocket(["p.yaml", "--out", "alone", ...native], { cwd: folder });
      assertEquals(alone.code, 0, alone.stderr);
      const all = await runCluster(2, ["p.yaml", "--out", "run"], folder);
      assertEquals(all.map(({ code }) => code), [0, 0], all[0]!.stderr + all[1]!.stderr);
      assertStringIncludes(all[0]!.stderr, "rows of sharded tables");
      assertSame(readTrained(join(folder, "alone")), readTrained(join(folder, "run")));
    }),
});
