import { assertEquals, assertRejects } from "@std/assert";
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
    "a/result.json": JSON.stringify(result),
    "a/bootstrap.jsonl": `${lines.join("\n")}\n`,
    "b/result.json": JSON.stringify(result),
  }, async (folder) => {
    const [first, second] = await readOutcomes(sweepIn(folder, "test"));
    assertEquals(first!.samples, {
      last: { "light/gauc": samples(3) },
      best: { "light/gauc": samples(2) },
    });
    assertEquals(second!.samples, undefined);
    await Deno.writeTextFile(join(folder, "a/bootstrap.jsonl"), "{");
    await assertRejects(
      () => readOutcomes(sweepIn(folder, "test")),
      UserError,
      "bootstrap.jsonl cannot be read",
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
