import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/base/errors.ts";
import { readTransfers } from "../../src/report/transfer.ts";
import type { Result } from "../../src/stages/events.ts";
import { withFiles } from "../support/problems.ts";

const result = (light: number, booster: number, alone: number, better: "higher" | "lower") =>
  ({
    epochs: 2,
    better: { gauc: better },
    test: { light: { gauc: light, auc: 0.5 }, booster: { gauc: booster, auc: 0.5 } },
    baseline: { epochs: 2, test: { light: { gauc: alone, auc: 0.5 } } },
  }) as unknown as Result;

const line = (
  samples: Record<string, readonly number[]>,
  { split = "test", groups = "2 0", epoch = 2 } = {},
) =>
  JSON.stringify({
    epoch,
    split,
    ...Object.fromEntries(
      Object.entries(samples).map(([key, values]) => [key, { groups, values }]),
    ),
  }) + "\n";

const files = (booster: readonly number[], alone: readonly number[], groups?: string) => ({
  "bootstrap.jsonl": line({ "booster/gauc": [9, 9, 9] }, { epoch: 1 }) +
    line({ "booster/gauc": booster }) +
    line({ "booster/gauc": [7, 7, 7] }, { split: "validation" }) + '{"epoch":3,"sp',
  "bootstrap-light-alone.jsonl": line({ "light/gauc": alone }, groups ? { groups } : {}),
});

Deno.test("the transfer of a run is paired: it uses the samples of both nets with the same number", () =>
  withFiles(files([0.7, 0.9, 0.8], [0.61, 0.79, 0.7]), async (folder) => {
    const [one, ...more] = await readTransfers(folder, result(0.725, 0.8, 0.7, "higher"));
    assertEquals([one!.metric, more], ["gauc", []]);
    assertAlmostEquals(one!.value as number, 0.25, 1e-12);
    assertAlmostEquals(one!.gap.mean, 0.1, 1e-12);
    // The differences of the samples are 0.09, 0.11, and 0.1.
    assertAlmostEquals(one!.gap.low, 0.0905, 1e-12);
    assertAlmostEquals(one!.gap.high, 0.1095, 1e-12);
    // If lower values were better, the booster would be worse.
    const [worse] = await readTransfers(folder, result(0.725, 0.8, 0.7, "lower"));
    assertEquals(worse!.value, "no gap");
  }));

Deno.test("there is no gap if the interval of the difference contains 0", () =>
  withFiles(files([0.7, 0.9, 0.8], [0.71, 0.79, 0.7]), async (folder) => {
    const [one] = await readTransfers(folder, result(0.725, 0.8, 0.7, "higher"));
    assertEquals(one!.value, "no gap");
  }));

Deno.test("samples of other users, and runs without a baseline or samples, give no transfer", () =>
  withFiles(files([0.7, 0.9, 0.8], [0.61, 0.79, 0.7], "3 0"), async (folder) => {
    const all = result(0.725, 0.8, 0.7, "higher");
    assertEquals(await readTransfers(folder, all), []);
    const { baseline: _, ...without } = all;
    assertEquals(await readTransfers(folder, without as Result), []);
    await Deno.remove(`${folder}/bootstrap.jsonl`);
    assertEquals(await readTransfers(folder, all), []);
  }));

Deno.test("damaged samples are an error with the file and the line", () =>
  withFiles(files([0.7, 0.9, 0.8], [0.61, 0.79, 0.7]), async (folder) => {
    for (const damaged of [{ groups: "x", values: "abc" }, null, { groups: "x", values: [1] }]) {
      const lines = [{ groups: "x", values: [1, 2] }, damaged].map((samples, index) =>
        JSON.stringify({ epoch: index + 1, split: "test", "booster/gauc": samples })
      );
      await Deno.writeTextFile(`${folder}/bootstrap.jsonl`, lines.join("\n") + "\n");
      await assertRejects(
        () => readTransfers(folder, result(0.725, 0.8, 0.7, "higher")),
        UserError,
        "bootstrap.jsonl cannot be read: line 2 has ",
      );
    }
    for (
      const [text, words] of [
        [
          line({ "booster/gauc": [1, 2] }, { epoch: 1 }),
          "it has no samples of the split test after",
        ],
        [line({ "booster/gauc": [1, 2] }).repeat(2), "line 2 repeats the split test of epoch 2"],
      ] as const
    ) {
      await Deno.writeTextFile(`${folder}/bootstrap.jsonl`, text);
      await assertRejects(
        () => readTransfers(folder, result(0.725, 0.8, 0.7, "higher")),
        UserError,
        words,
      );
    }
  }));
