/**
 * Runs that go on from an earlier one's weights with its optimizer.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { openEngine } from "../../engine/engine.ts";
import { UserError } from "../../pipeline/errors.ts";
import { inFolder } from "../support/command_line.ts";
import { logitsOf, type Rows, train, writeDay } from "../support/hand_over.ts";

const repeated = <T>(values: readonly T[], times = 8): T[] =>
  Array.from({ length: times }, () => values).flat();

const rows: Rows = {
  item: repeated(["apple", "berry", "cherry"]),
  y: repeated([0, 1, 1]),
};

/** All rows in each step: their order, which depends on the epoch, changes nothing. */
const parts = (epochs: number, more: Record<string, unknown> = {}) => ({
  data: { features: { item: { ids: "train" } } },
  train: { epochs, batch: 24 },
  network: { use: "ctr", embedding: 4, light: { hidden: [3] }, booster: { hidden: [6] } },
  ...more,
});

const begun = (initial: unknown) => ({ network: { ...parts(1).network, initial } });

const last = (out: string, step: number) =>
  join(out, "checkpoints", `rocket-${String(step).padStart(6, "0")}.safetensors`);

Deno.test("initial with optimizer: true goes on with Adam as a run that was never divided", async () => {
  await openEngine("wasm", () => {});
  await inFolder(async (folder) => {
    const whole = await train(await writeDay(folder, "whole", rows, parts(6)));
    await train(await writeDay(folder, "first", rows, parts(3)));
    const from = { run: "first-run", checkpoint: "last" };
    const both = await writeDay(
      folder,
      "both",
      rows,
      parts(3, begun({ ...from, optimizer: true })),
    );
    const bare = await writeDay(folder, "bare", rows, parts(3, begun(from)));
    const one = await train(both), other = await train(bare);
    assertStringIncludes(one.reports.join("\n"), "the optimizer goes on after 3 steps");
    const expected = (await logitsOf(both, last(whole.out, 6))).values;
    const distance = async (out: string) => {
      const { values } = await logitsOf(both, last(out, 3));
      return Math.max(
        ...Object.keys(expected).flatMap((name) =>
          expected[name]!.map((value, index) => Math.abs(value - values[name]![index]!))
        ),
      );
    };
    const near = await distance(one.out), far = await distance(other.out);
    assert(near < 1e-5, `${near}`);
    assert(far > 1e-3, `${far}`);
  });
});

Deno.test("initial with optimizer: true refuses another optimizer", async () => {
  await openEngine("wasm", () => {});
  await inFolder(async (folder) => {
    await train(await writeDay(folder, "first", rows, parts(1)));
    const initial = { run: "first-run", optimizer: true };
    const optimizer = { use: "adagrad", rate: 0.1 };
    const file = await writeDay(folder, "second", rows, parts(1, { ...begun(initial), optimizer }));
    const error = await assertRejects(() => logitsOf(file), UserError);
    assertStringIncludes(error.message, "the optimizer is adagrad, and that of ");
    assertEquals(error.exitCode, 2);
  });
});
