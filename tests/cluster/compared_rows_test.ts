import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { arrowFile, type Column } from "../corpus/small_rows.ts";
import { inFolder, rocket } from "../support/command_line.ts";
import { assertSame, readTrained, runCluster } from "./processes.ts";

/** There is no native engine on Windows. */
const ignore = Deno.build.os === "windows";

/** Trains with losses that compare rows, in one process and in several. */
async function assertSameInMany(
  processes: number,
  { data, losses, train }: {
    readonly data: string;
    readonly losses: readonly string[];
    readonly train: string;
  },
): Promise<void> {
  await inFolder(async (folder) => {
    const rows = (count: number): Record<string, Column> => {
      const numbers = (of: (row: number) => number) =>
        Array.from({ length: count }, (_, row) => of(row));
      return {
        // Groups of one row to six rows.
        user: ["int", numbers((row) => Math.floor(Math.sqrt(row * 9)) * 7 % 23)],
        x: ["float", numbers((row) => Math.sin(row * 5))],
        z: ["float", numbers((row) => Math.cos(row * row))],
        y: ["int", numbers((row) => row * 7 % 23 % 3 === 0 ? 1 : 0)],
      };
    };
    await Deno.writeFile(join(folder, "train.arrow"), arrowFile(rows(37)));
    await Deno.writeFile(join(folder, "test.arrow"), arrowFile(rows(10)));
    await Deno.writeTextFile(
      join(folder, "p.yaml"),
      `name: compared
data:
  train: { use: arrow, path: train.arrow }
  test: { use: arrow, path: test.arrow }
  features: { user: { ids: { count: 23 } }, x: {}, z: {} }
  label: { column: y, kind: binary }
  ${data}
network: { use: ctr, embedding: 4, light: { hidden: [4] }, booster: { hidden: [8] } }
losses:
${losses.map((loss) => `  - { ${loss} }`).join("\n")}
optimizer: { use: sgd, learningRate: 0.1 }
train: { epochs: 2, baseline: none, ${train} }
metrics: [auc, log-loss]
`,
    );
    const alone = await rocket(["p.yaml", "--out", "alone", "--engine", "native"], { cwd: folder });
    assertEquals(alone.code, 0, alone.stderr);
    const all = await runCluster(processes, ["p.yaml", "--out", "run"], folder);
    assertEquals(all.map(({ code }) => code), all.map(() => 0), all[0]!.stderr);
    assertSame(readTrained(join(folder, "alone")), readTrained(join(folder, "run")));
  });
}

Deno.test({
  name: "losses of groups that are kept together come to the weights of one process in 2 processes",
  ignore,
  fn: () =>
    assertSameInMany(2, {
      data: "group: user",
      losses: [
        "use: ranknet, on: light, by: user",
        "use: listnet, on: booster, by: user",
        "use: regression-compatible-ranking, on: booster, by: user",
        "use: listnet-hint, by: user, weight: 0.5",
      ],
      train: "batch: 9",
    }),
});

Deno.test({
  name: "losses that compare rows come to the weights of one process, with a process without rows",
  ignore,
  fn: () =>
    assertSameInMany(3, {
      data: "",
      losses: [
        "use: binary-cross-entropy, on: light",
        "use: ranknet, on: booster, by: user",
        "use: ranknet-hint, by: user, gradient: none",
        "use: relational-kd, from: booster.hidden1, to: light.hidden1, weight: 0.5",
      ],
      // The last batch has two rows.
      train: "batch: 7, lastBatch: keep",
    }),
});
