import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "node:path";
import { readPlan } from "../../src/run/read_plan.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { UserError } from "../../src/base/errors.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { netsOf, prepareNets } from "../../src/run/prepare_nets.ts";
import { refuseLargeNets } from "../../src/run/sizes.ts";
import { DeclaredVariables } from "../../src/train/variables.ts";
import { inFolder } from "../support/command_line.ts";
import { forEachEngine } from "../support/engines.ts";
import { dayPipeline, writeRows } from "../support/hand_over.ts";

const variables = new DeclaredVariables();
const initializer = { kind: "constant", value: 0 } as const;
variables.add({ name: "table", shape: [1_000, 250], initializer, owner: "light", table: true });
variables.add({ name: "kernel", shape: [500, 100], initializer, owner: "light" });
variables.add({ name: "mean", shape: [100], initializer, owner: "light", trainable: false });

/**
 * 1 MB in a table, 0.2 MB in a kernel, which has a gradient as well, and 400 bytes that nothing
 * moves.
 */
const nets = (slots: number) => ({
  variables: variables.all,
  moved: variables.all.filter(({ trainable }) => trainable),
  optimizer: { name: "adam", slots },
});

Deno.test("refuseLargeNets() counts weights, gradients except those of tables, and each slot", () => {
  for (const [slots, bytes] of [[0, 1_400_400], [2, 3_800_400]] as const) {
    refuseLargeNets(nets(slots), bytes, undefined);
    assertThrows(() => refuseLargeNets(nets(slots), bytes - 1, undefined), UserError);
  }
});

Deno.test("refuseLargeNets() names the memory of each part, and the largest variable", () => {
  const error = assertThrows(() => refuseLargeNets(nets(2), 3e6, undefined), UserError);
  assertEquals(
    error.message,
    "the nets need 3.8 MB: 1.2 MB for weights, 2.4 MB for the state of adam, 200 kB for gradients; " +
      "of this, the table table of size 1,000 × 250 needs 1 MB; this machine has 3 MB available",
  );
  assertEquals(error.exitCode, 2);
  const { message } = assertThrows(() => refuseLargeNets(nets(0), 1e3, undefined), UserError);
  assertStringIncludes(
    message,
    "the table table of size 1,000 × 250 needs 1 MB; this machine has 1 kB",
  );
});

forEachEngine("prepareNets() counts the outputs of layers for all rows of a batch", async () => {
  await inFolder(async (folder) => {
    const rows = Array.from({ length: 1000 }, (_, row) => row / 1000);
    await writeRows(join(folder, "day.csv"), { x: rows, y: rows.map((_, row) => row % 2) });
    const plan = await readPlan(
      dayPipeline("day", {
        data: {
          ...Object.fromEntries(
            ["train", "test"].map((split) => [
              split,
              { use: "csv", path: join(folder, "day.csv") },
            ]),
          ),
          features: { x: {} },
        },
        network: { use: "mlp", light: [40], booster: [60, 50] },
        losses: ["light", "booster"].map((on) => ({ use: "binary-cross-entropy", on })),
        optimizer: { use: "sgd", learningRate: 0.1 },
        train: { epochs: 1, batch: 1000 },
      }) as unknown as Pipeline,
    );
    const data = await prepareData(plan);
    try {
      // Hidden layers of 40, 60 and 50 units, and two logits, as float32.
      const bytes = (40 + 60 + 50 + 2) * 4 * 1000;
      const prepare = (available: number) =>
        prepareNets(plan, { ...data, available }, netsOf(plan));
      prepare(bytes);
      const error = assertThrows(() => prepare(bytes - 1), UserError);
      assertEquals(
        error.message,
        "a training step with 1,000 rows needs 608 kB for the outputs of the nets' layers, of which " +
          "booster.hidden1 of size 1,000 × 60 needs 240 kB; only 608 kB are available",
      );
      assertEquals(error.exitCode, 2);
    } finally {
      await data.close();
    }
  });
});
