import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { formatProblem, UserError } from "../../src/base/errors.ts";
import { resultTable } from "../../src/commands/result_table.ts";
import { stepsOf } from "../../src/input/batches.ts";
import { openInput } from "../../src/input/open.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import type { Column } from "../../src/stages/batch.ts";
import type { StepEvent } from "../../src/stages/events.ts";
import { current, diesAndGoesOn } from "../support/deaths.ts";
import { inFolder } from "../support/command_line.ts";
import { forEachEngine } from "../support/engines.ts";
import { dataFolder, digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";
import { certain, writeTaught } from "../support/teachers.ts";
import { windowed } from "../support/windowed.ts";

const hint = {
  use: "knowledge-distillation",
  temperature: 2,
  alpha: 0.5,
  teacher: { column: "teacher" },
};

/** A light net that a column teaches, without a booster. */
const taught = (folder: string, data: object = {}, rest: object = {}) =>
  digitsPipeline({
    data: {
      ...digitsPipeline().data as object,
      train: { use: "arrow", path: join(folder, "train.arrow") },
      ...data,
    },
    losses: [hint],
    metrics: ["accuracy", "loss"],
    train: { epochs: 2, batch: 250 },
    outputs: [{ use: "checkpoint", everySteps: 2 }],
    ...rest,
  });

/** Gives a test a folder with training rows. */
const withRows = (
  test: (folder: string) => Promise<void>,
  outputOf?: Parameters<typeof writeTaught>[1],
) =>
  inFolder(async (folder) => {
    await writeTaught(join(folder, "train.arrow"), outputOf);
    await test(folder);
  });

async function lossesOf(pipeline: Record<string, unknown>, files: Record<string, string> = {}) {
  const steps: StepEvent[] = [];
  const ran = await withPipeline(
    pipeline,
    (file, folder) =>
      runFile(file, join(folder, "run"), current(), { step: (event) => void steps.push(event) }),
    files,
  );
  return { ...ran, losses: steps.map(({ losses }) => losses) };
}

forEachEngine(
  "a light net without a booster learns from a column, which test rows lack",
  () =>
    withRows(async (folder) => {
      const train = { epochs: 2, batch: 32, baseline: "light-alone" };
      const losses = [{ use: "cross-entropy", on: "light" }, hint];
      const { result, evaluations } = await lossesOf(taught(folder, {}, { losses, train }));
      assertEquals(Object.keys(result.parameters), ["light"]);
      assert(result.test.light!.accuracy as number > 0.5, `${result.test.light!.accuracy}`);
      // The baseline has the loss on the label only, and evaluations leave out the hint.
      const [name] = Object.keys(evaluations.at(-1)!.metrics).filter((key) =>
        key.startsWith("loss/")
      );
      assertEquals(name, "loss/cross-entropy(light)");
      assertStringIncludes(
        resultTable(result).join("\n"),
        "gain of the light net from the teacher:",
      );
      const first = evaluations.find(({ split }) => split === "train")!.metrics;
      assert("loss/knowledge-distillation(teacher→light)" in first, Object.keys(first).join());
    }),
);

forEachEngine(
  "a column teaches streamed rows, in windows and by a thread, as rows in memory",
  () =>
    withRows(async (folder) => {
      const whole = await lossesOf(taught(folder));
      const byRows = await lossesOf(taught(folder, { memory: "20kB" }));
      assert(byRows.reports.some((line) => line.includes("shuffled as a whole")));
      assertEquals(byRows.losses, whole.losses);
      // Row by row, the teacher's output has to be that of the same digit.
      await diesAndGoesOn(
        taught(folder, {
          train: { use: "./windowed.ts", path: join(folder, "train.arrow") },
          memory: "40kB",
          split: { validation: 0.1 },
          transforms: [{ use: "normalize" }, { use: "random-crop", pad: 1 }],
        }),
        [4],
        windowed,
        { inputThread: "always" },
      );
    }),
);

for (const thread of ["never", "always"] as const) {
  Deno.test(`rows keep their teacher's output in batches of any order (thread: ${thread})`, () =>
    withRows(async (folder) => {
      const streamed = { memory: "20kB", split: { validation: 0.1 } };
      const group = { column: "digit", large: "split" };
      for (const data of [{}, streamed, { group }, { ...streamed, group }]) {
        const plan = await readPlan(taught(folder, data) as unknown as Pipeline);
        const prepared = await prepareData(plan);
        const input = openInput(prepared, { thread, report: () => {} });
        const pass = { split: "train", training: true, ...plan.cut };
        const feed = input.feed([1, 2].map((epoch) => ({ ...pass, epoch })));
        const seen = new Set<number>();
        for (let batch = 0; batch < 2 * stepsOf(prepared.splits.train, plan.cut); batch++) {
          const { size, label, teachers } = await feed.next();
          const [{ values, shape }] = Object.values(teachers!) as [Column];
          assertEquals([shape, values.length], [[10], 10 * size]);
          for (let row = 0; row < size; row++) {
            const own = values.subarray(10 * row, 10 * row + 10);
            assertEquals(own.indexOf(Math.max(...own)), label.values[row]);
            seen.add(label.values[row]!);
          }
        }
        assertEquals(seen.size, 10);
        input.close();
        await prepared.close();
      }
    }));
}

forEachEngine(
  "a booster and a column both teach a light net, in parts of a batch",
  () =>
    withRows(async (folder) => {
      const losses = [
        { use: "cross-entropy", on: "light" },
        { use: "cross-entropy", on: "booster" },
        { use: "mse-hint", weight: 0.03 },
        { use: "kl", temperature: 2, teacher: { column: "teacher", missing: "skip" } },
      ];
      const network = { use: "mlp", light: [8], booster: [32] };
      const { losses: whole } = await lossesOf(
        taught(folder, {}, { network, losses, train: { epochs: 1, batch: 100 } }),
      );
      const { losses: parts } = await lossesOf(
        taught(folder, {}, { network, losses, train: { epochs: 1, batch: 25, accumulate: 4 } }),
      );
      for (const [step, expected] of whole.entries()) {
        for (const [name, loss] of Object.entries(expected)) {
          const other = parts[step]![name]!;
          assert(
            Math.abs(other - loss) <= 1e-4 * (1 + Math.abs(loss)),
            `${step} ${name}: ${other}`,
          );
        }
      }
    }, (digit, row) => row % 3 === 0 ? null : certain(digit)),
);

Deno.test("rows without a teacher's output are an error with file and row", () =>
  withRows(async (folder) => {
    const run = (data: object = {}, teacher: object = {}) =>
      lossesOf(taught(folder, data, {
        losses: [{ ...hint, teacher: { column: "teacher", ...teacher } }],
        train: { epochs: 1, batch: 500 },
      }));
    const error = await assertRejects(() => run(), UserError);
    const text = error.problems.map(formatProblem).join("\n");
    assertStringIncludes(text, "row 5 of ");
    assertStringIncludes(
      text,
      "train.arrow (train split), column teacher: the teacher's output is missing (null or NaN), " +
        "as in 2 rows in all",
    );
    assertStringIncludes(text, "`missing: skip`");
    const { reports } = await run({ nulls: "drop" });
    assert(reports.length > 0);
    await run({}, { missing: "skip" });
  }, (digit, row) => row === 5 ? null : row === 700 ? certain(digit).fill(NaN) : certain(digit)));

Deno.test("probabilities are checked row by row, and logits are used as they are", () =>
  withRows(
    async (folder) => {
      const run = (teacher: object) =>
        lossesOf(taught(folder, {}, {
          losses: [{ ...hint, teacher: { column: "teacher", ...teacher } }],
          train: { epochs: 1, batch: 500 },
        }));
      const { message } = await assertRejects(() => run({}), UserError);
      assertStringIncludes(message, "row 3 of ");
      assertStringIncludes(message, "has numbers with the sum 1.36; expected probabilities");
      await run({ of: "logits" });
    },
    (digit, row) => row === 3 ? certain(digit).map((p) => p === 0.91 ? p : 0.05) : certain(digit),
  ));

Deno.test("the columns of teachers are no features of `rest`, and one source has all rows", () =>
  withRows(async (folder) => {
    const { result } = await lossesOf(taught(folder, {
      ...{ train: undefined, test: undefined, features: ["*"], transforms: [] },
      all: { use: "arrow", path: join(folder, "train.arrow") },
      split: { test: 0.2 },
    }, { train: { epochs: 1, batch: 100 } }));
    const plain = await lossesOf({
      ...taught(folder),
      losses: [{ use: "cross-entropy", on: "light" }],
      data: {
        ...digitsPipeline().data as object,
        test: { use: "arrow", path: join(dataFolder, "digits-test.arrow") },
        ...{ features: ["image"], transforms: [] },
      },
      train: { epochs: 1, batch: 100 },
    });
    assertEquals(result.parameters, plain.result.parameters);
  }));
