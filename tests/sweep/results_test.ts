import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import type { CheckedSweep } from "../../src/sweep/check.ts";
import { readOutcomes } from "../../src/sweep/results.ts";
import { withFiles } from "../support/problems.ts";
import { resultOf } from "../support/results.ts";

const result = resultOf({
  epochs: 3,
  best: {
    epoch: 2,
    split: "test",
    metric: "epoch",
    value: 2,
    test: { light: { accuracy: 0.5 }, run: { agreement: 0.25 } },
  },
  test: { light: { accuracy: 0.75, auc: null }, run: { agreement: 1 } },
  undefined: { "test/light/auc": "one class" },
});

const line = (epoch: number, split: string, accuracy: number) =>
  JSON.stringify({ epoch, step: 10 * epoch, seconds: epoch, split, "light/accuracy": accuracy });

const metrics = [1, 2, 3].flatMap((epoch) => [
  line(epoch, "train", epoch),
  line(epoch, "validation", epoch / 10),
  line(epoch, "test", epoch / 100),
]).join("\n");

const sweepIn = (folder: string, split: "test" | "validation") =>
  ({
    split,
    runs: ["a", "b"].map((setting) => ({
      ...{ setting, seed: 1, folder: join(folder, setting), state: "new" },
    })),
  }) as unknown as CheckedSweep;

Deno.test("outcomes contain the metrics of finished runs on the split, after the last and the best epoch", () =>
  withFiles({
    "a/result.json": JSON.stringify(result),
    "a/metrics.jsonl": `${metrics}\n`,
    "b/metrics.jsonl": `${metrics}\n`,
  }, async (folder) => {
    const [test, ...none] = await readOutcomes(sweepIn(folder, "test"));
    assertEquals(none, []);
    assertEquals(test!.setting, "a");
    assertEquals(test!.metrics, {
      last: { "light/accuracy": 0.75, "light/auc": { undefined: "one class" }, agreement: 1 },
      best: { "light/accuracy": 0.5, agreement: 0.25 },
    });
    const [validation] = await readOutcomes(sweepIn(folder, "validation"));
    assertEquals(validation!.metrics, {
      last: { "light/accuracy": 0.3 },
      best: { "light/accuracy": 0.2 },
    });
  }));

Deno.test("outcomes contain the bootstrap samples of the split, after the last and the best epoch", () => {
  const samples = (epoch: number) => ({ groups: "2 0", values: [epoch, epoch / 2] });
  const measured = { ...result, test: { light: { gauc: 0.7 } } };
  const lines = [1, 2, 3].flatMap((epoch) =>
    ["validation", "test"].map((split) =>
      JSON.stringify({
        epoch,
        step: 1,
        split,
        ...(split === "test" && { "light/gauc": samples(epoch) }),
      })
    )
  );
  return withFiles({
    "a/result.json": JSON.stringify(measured),
    "a/bootstrap.jsonl": `${lines.join("\n")}\n`,
    "b/result.json": JSON.stringify(measured),
  }, async (folder) => {
    const [first, second] = await readOutcomes(sweepIn(folder, "test"));
    assertEquals(first!.samples, {
      last: { "light/gauc": samples(3) },
      best: { "light/gauc": samples(2) },
    });
    assertEquals(second!.samples, undefined);
    const good = samples(3);
    for (
      const [damaged, words] of [
        ["{", "line 7 is not JSON"],
        [{ epoch: 4 }, "line 7 has no split or no epoch"],
        [{ split: "test", epoch: -1 }, "line 7 has no split or no epoch"],
        ...[
          null,
          "x",
          [],
          {},
          { ...good, groups: 5 },
          { ...good, values: [] },
          {
            ...good,
            values: [null, 1],
          },
          { ...good, values: "ab" },
          { ...good, values: ["1", "2"] },
        ].map((value) =>
          [
            { split: "test", epoch: 4, "light/gauc": value },
            'line 7 has no samples of "light/gauc"',
          ] as const
        ),
        [
          { split: "test", epoch: 4, "light/gauc": { ...good, values: [1] } },
          'line 7 has 1 samples of "light/gauc"; an earlier line has 2',
        ],
        [
          { split: "test", epoch: 3, "light/gauc": good },
          "line 7 repeats the split test of epoch 3",
        ],
      ] as const
    ) {
      const line = typeof damaged === "string" ? damaged : JSON.stringify(damaged);
      await Deno.writeTextFile(join(folder, "a/bootstrap.jsonl"), [...lines, line].join("\n"));
      const error = await assertRejects(() => readOutcomes(sweepIn(folder, "test")), UserError);
      assertStringIncludes(error.message, `bootstrap.jsonl cannot be read: ${words}`);
    }
    for (
      const [kept, words] of [
        [[], "it is empty"],
        [lines.slice(0, 4), "it has no samples of the split test after epoch 3"],
      ] as const
    ) {
      await Deno.writeTextFile(join(folder, "a/bootstrap.jsonl"), kept.join("\n"));
      const error = await assertRejects(() => readOutcomes(sweepIn(folder, "test")), UserError);
      assertStringIncludes(error.message, `bootstrap.jsonl cannot be read: ${words}`);
    }
    // A run with another seed must have as many.
    await Deno.writeTextFile(join(folder, "a/bootstrap.jsonl"), lines.join("\n"));
    const fewer = [2, 3].map((epoch) =>
      JSON.stringify({ split: "test", epoch, "light/gauc": { ...good, values: [1] } })
    );
    await Deno.writeTextFile(join(folder, "b/bootstrap.jsonl"), fewer.join("\n"));
    const { runs, ...rest } = sweepIn(folder, "test");
    const seeds = { ...rest, runs: runs.map((run) => ({ ...run, setting: "a" })) };
    await assertRejects(
      () => readOutcomes(seeds),
      UserError,
      'it has 1 samples of "light/gauc"; the run with another seed has 2',
    );
    await Deno.remove(join(folder, "b/bootstrap.jsonl"));
    await assertRejects(
      () => readOutcomes(seeds),
      UserError,
      'it has 0 samples of "light/gauc"; the run with another seed has 2',
    );
  });
});

Deno.test("a malformed result.json is rejected, whichever part is wrong", () =>
  withFiles({ "a/result.json": "" }, async (folder) => {
    const one = resultOf();
    for (
      const text of [
        ...["", "null", "[]", '{ "epochs": 1, "baseline": {} }', '{ "stopped": true }'],
        ...[{ phases: 5 }, { phases: [] }, { phases: [one, null] }, { baseline: {} }].map((more) =>
          JSON.stringify({ ...one, ...more })
        ),
        ...Object.keys(one).map((key) => JSON.stringify({ ...one, [key]: undefined })),
      ]
    ) {
      await Deno.writeTextFile(join(folder, "a", "result.json"), text);
      const { message } = await assertRejects(
        () => readOutcomes(sweepIn(folder, "test")),
        UserError,
      );
      assertEquals(
        message,
        `${
          join(folder, "a", "result.json")
        } is damaged: it does not have the content that a run writes to this file`,
        text,
      );
    }
  }));
