import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import { dataFolder, digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";
import { current, Death, diesAndGoesOn, dyingAt } from "../support/deaths.ts";
import { inFolder } from "../support/command_line.ts";
import { forEachEngine } from "../support/engines.ts";
import { writeParquet } from "../support/formats.ts";
import { windowed } from "../support/windowed.ts";

/**
 * A run that streams, with rows chosen for validation, and a transform that measures and one that
 * draws.
 */
const streamed = (train: Record<string, unknown>, memory = "20kB") =>
  digitsPipeline({
    data: {
      ...digitsPipeline().data as object,
      train: { path: join(dataFolder, "digits-train.arrow"), ...train },
      memory,
      split: { validation: 0.1 },
      transforms: [{ use: "normalize" }, { use: "random-crop", pad: 1 }],
    },
    train: { epochs: 2, batch: 250 },
    outputs: [{ use: "checkpoint", everySteps: 2 }],
  });

// The 0th event is the start; an epoch has six steps, and an end.
forEachEngine(
  "a resumed run that streams by rows ends with the same bytes",
  () => diesAndGoesOn(streamed({ use: "arrow" }), [4, 11]),
);

for (const inputThread of ["never", "always"] as const) {
  forEachEngine(
    `a resumed run that streams in windows ends with the same bytes (thread: ${inputThread})`,
    () => diesAndGoesOn(streamed({ use: "./windowed.ts" }), [4, 11], windowed, { inputThread }),
  );
}

const grouped = () => {
  const pipeline = streamed({ use: "./windowed.ts" });
  return {
    ...pipeline,
    data: { ...pipeline.data as object, group: { column: "digit", large: "split" } },
  };
};

forEachEngine(
  "a resumed run that keeps groups together and streams in windows ends with the same bytes",
  () => diesAndGoesOn(grouped(), [4, 11], windowed, { inputThread: "always" }),
);

forEachEngine(
  "a resumed run that streams Parquet ends with the same bytes",
  () =>
    inFolder(async (folder) => {
      const rows = [...Array(600).keys()].map((row) => {
        const values = [...Array(8).keys()].map((x) => (row * 7 + x * 13) % 50);
        return [...values, row % 3].join(",");
      });
      const names = [...Array(8).keys()].map((x) => `x${x}`);
      const csv = join(folder, "rows.csv"), path = join(folder, "rows.parquet");
      await Deno.writeTextFile(csv, [[...names, "y"].join(","), ...rows].join("\n"));
      await writeParquet(`FROM read_csv('${csv}')`, path, 2048);
      await diesAndGoesOn(
        digitsPipeline({
          data: {
            train: { use: "parquet", path, batchRows: 50 },
            test: { use: "parquet", path },
            memory: "10kB",
            features: Object.fromEntries(names.map((name) => [name, {}])),
            label: { column: "y", classes: 3 },
            transforms: [{ use: "normalize" }],
          },
          train: { epochs: 2, batch: 100 },
          outputs: [{ use: "checkpoint", everySteps: 2 }],
        }),
        [4, 11],
      );
    }),
);

Deno.test("a run is not resumed if its rows would be shuffled differently", async () => {
  const { engine } = { engine: current() };
  await withPipeline(streamed({ use: "./windowed.ts" }), async (file, folder) => {
    const out = join(folder, "run");
    await assertRejects(() => runFile(file, out, engine, dyingAt(4)), Death);
    const text = await Deno.readTextFile(file);
    for (
      const [memory, words] of [
        [
          "10MB",
          /were shuffled in windows of \d+ rows, but with the memory available now they would be shuffled as a whole/,
        ],
        [
          "40kB",
          /were shuffled in windows of \d+ rows, but with the memory available now they would be shuffled in windows of \d+ rows/,
        ],
      ] as const
    ) {
      await Deno.writeTextFile(file, text.replace("memory: 20kB", `memory: ${memory}`));
      const resume = () => runFile(file, out, engine, {}, { resume: true });
      const { message, problems } = await assertRejects(resume, UserError);
      assertEquals([words.test(message), message], [true, message]);
      assertStringIncludes(
        problems[0]!.hint!,
        "set data.memory to the memory that was available when the run began",
      );
      assertEquals(problems[0]!.place?.line !== undefined, true);
    }
    // A run that was shuffled as a whole may be streamed by rows: that is the same order.
    await Deno.writeTextFile(file, text);
    await runFile(file, out, engine, {}, { resume: true });
  }, windowed);
});
