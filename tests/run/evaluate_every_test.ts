import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { readPlan } from "../../src/run/read_plan.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { current, diesAndGoesOn } from "../support/deaths.ts";
import { forEachEngine } from "../support/engines.ts";
import { digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";

const withTrain = (train: Record<string, unknown>, parts: Record<string, unknown> = {}) =>
  digitsPipeline({ train: { batch: 360, ...train }, ...parts });

const run = (pipeline: Record<string, unknown>) =>
  withPipeline(pipeline, (file, folder) => runFile(file, join(folder, "run"), current()));

forEachEngine(
  "evaluateEvery evaluates at intervals and at the end, and does not change training",
  async () => {
    const always = await run(withTrain({ epochs: 5 }));
    const some = await run(withTrain({ epochs: 5, evaluateEvery: 2 }));
    const of = (ran: typeof some, split: string) =>
      ran.evaluations.filter((event) => event.split === split)
        .map(({ epoch, step, metrics }) => ({ epoch, step, metrics }));
    assertEquals(of(some, "train"), of(always, "train"));
    assertEquals(
      of(some, "test"),
      of(always, "test").filter(({ epoch }) => [2, 4, 5].includes(epoch)),
    );
    assertEquals(some.result.test, always.result.test);
    assert([2, 4, 5].includes(some.result.best.epoch));
  },
);

forEachEngine(
  "evaluateEvery counts epochs within a phase, and evaluates after its last epoch",
  async () => {
    const { losses } = digitsPipeline();
    const { evaluations } = await run(withTrain({ evaluateEvery: 2 }, {
      phases: [{ name: "one", epochs: 3, losses }, {
        name: "two",
        epochs: 3,
        losses,
        from: "best",
      }],
    }));
    const measured = evaluations.filter(({ split }) => split === "test").map(({ epoch }) => epoch);
    assertEquals(measured, [2, 3, 5, 6]);
  },
);

forEachEngine(
  "evaluateEvery lets training end early only after an evaluated epoch",
  async () => {
    // At this rate nothing changes after the first epoch that is measured, which is then the best.
    const still = { optimizer: { use: "sgd", learningRate: 1e-30 } };
    const train = { epochs: 9, evaluateEvery: 2, stop: { patience: 3 } };
    const { result } = await run(withTrain(train, still));
    assertEquals([result.epochs, result.stopped, result.best.epoch], [6, true, 2]);
    assert(Number(result.test.light!.accuracy) > 0);
  },
);

forEachEngine(
  "a run with evaluateEvery that is killed at any step and resumed ends like an uninterrupted one",
  () =>
    diesAndGoesOn(
      withTrain({ epochs: 3, evaluateEvery: 2 }, {
        outputs: [{ use: "checkpoint", everySteps: 1 }],
      }),
      [3, 4, 6, 9],
    ),
);

Deno.test("evaluateEvery is 1 by default", async () => {
  const plan = await readPlan(withTrain({ epochs: 2 }) as unknown as Pipeline);
  assertEquals(plan.evaluateEvery, 1);
});
