import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { tableFromIPC } from "apache-arrow";
import { join } from "node:path";
import { formatProblem, UserError } from "../../src/base/errors.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { openInput } from "../../src/input/open.ts";
import { stepsOf } from "../../src/input/batches.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { loadModel } from "../../src/model/load_model.ts";
import type { Column } from "../../src/stages/batch.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { teachersOfRuns } from "../../src/run/teachers.ts";
import { current, diesAndGoesOn, dyingAt } from "../support/deaths.ts";
import { inFolder } from "../support/command_line.ts";
import { forEachEngine } from "../support/engines.ts";
import { dataFolder, digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";
import { windowed } from "../support/windowed.ts";

const train = join(dataFolder, "digits-train.arrow");

/** Gives a test a folder with the run of a teacher. */
const withTeacher = (test: (folder: string) => Promise<void>) =>
  inFolder(async (folder) => {
    const pipeline = digitsPipeline({
      train: { epochs: 1, batch: 100 },
      outputs: [{ use: "checkpoint" }],
    });
    await withPipeline(pipeline, async (file) => {
      await runFile(file, join(folder, "big"), current());
    });
    await test(folder);
  });

const taught = (folder: string, data: object = {}, teacher: object = {}) =>
  digitsPipeline({
    data: { ...digitsPipeline().data as object, ...data },
    network: { use: "mlp", light: [8] },
    losses: [{ use: "kl", temperature: 2, teacher: { run: join(folder, "big"), ...teacher } }],
    train: { epochs: 2, batch: 250 },
    outputs: [{ use: "checkpoint", everySteps: 2 }],
  });

const ran = (pipeline: Record<string, unknown>) =>
  withPipeline(pipeline, (file, folder) => runFile(file, join(folder, "run"), current()));

const lineOf = (reports: readonly string[]) =>
  reports.filter((line) => line.startsWith("teacher:")).join();

forEachEngine(
  "batches have the logits that the teacher's run predicts for their rows",
  () =>
    withTeacher(async (folder) => {
      const table = tableFromIPC(await Deno.readFile(train));
      const digits = [...table.getChild("digit")!].map(Number);
      const images = [...table.getChild("image")!].map((image) => [...image as Iterable<number>]);
      const rowOf = new Map(images.map((image, row) => [image.join(), row]));
      await using model = await loadModel(join(folder, "big"), {
        net: "booster",
        engine: current(),
      });
      const { logits } = await model.predict(table);
      const streamed = { memory: "20kB", split: { validation: 0.1 }, transforms: [] };
      for (const data of [{ transforms: [] }, streamed]) {
        const plan = await readPlan(taught(folder, data) as unknown as Pipeline);
        const compute = teachersOfRuns(plan, {
          engine: () => openEngine(current()),
          listener: { report: () => {}, debug: false },
          folder: join(folder, "cache"),
        });
        const prepared = await prepareData(plan, undefined, compute);
        for (const thread of ["never", "always"] as const) {
          const input = openInput(prepared, { thread, report: () => {} });
          const feed = input.feed([{ split: "train", training: true, epoch: 1, ...plan.cut }]);
          for (let batch = 0; batch < stepsOf(prepared.splits.train, plan.cut); batch++) {
            const { size, features, label, teachers } = await feed.next();
            const [{ values }] = Object.values(teachers!) as [Column];
            for (let row = 0; row < size; row++) {
              const image = features.image!.values.subarray(64 * row, 64 * row + 64);
              const source = rowOf.get([...image].join())!;
              assertEquals(label.values[row], digits[source]);
              for (let unit = 0; unit < 10; unit++) {
                const difference = values[10 * row + unit]! - logits[10 * source + unit]!;
                assert(Math.abs(difference) < 1e-4, `row ${source}: off by ${difference}`);
              }
            }
          }
          input.close();
        }
        await prepared.close();
      }
    }),
);

// The native engine is in the user's cache.
Deno.test("a second run uses the logits in the cache, unless teacher or data have changed", async () => {
  await openEngine("wasm");
  await withTeacher(async (folder) => {
    const before = Deno.env.get("ROCKET_CACHE");
    using _restored = {
      [Symbol.dispose]() {
        if (before === undefined) Deno.env.delete("ROCKET_CACHE");
        else Deno.env.set("ROCKET_CACHE", before);
      },
    };
    Deno.env.set("ROCKET_CACHE", join(folder, "cache"));
    const pipeline = taught(folder);
    const first = await ran(pipeline), second = await ran(pipeline);
    assertStringIncludes(lineOf(first.reports), "were computed for 1,437 training rows");
    assertStringIncludes(lineOf(second.reports), "are in the cache");
    const { seconds: _, memory: __, input: ___, ...result } = first.result;
    const { seconds: _a, memory: _b, input: _c, ...again } = second.result;
    assertEquals(again, result);
    // Damaged logits are computed again.
    const [{ name }] = [...Deno.readDirSync(join(folder, "cache", "teachers"))] as [
      Deno.DirEntry,
    ];
    const file = join(folder, "cache", "teachers", name);
    const bytes = await Deno.readFile(file);
    bytes[100]! ^= 1;
    await Deno.writeFile(file, bytes);
    for (
      const other of [
        pipeline,
        taught(folder, {}, { net: "light" }),
        taught(folder, {}, { checkpoint: "last", net: "light" }),
        taught(folder, { split: { validation: 0.1 } }),
      ]
    ) {
      const expected = JSON.stringify(other).includes('"last"') ? "in the cache" : "were computed";
      assertStringIncludes(lineOf((await ran(other)).reports), expected);
    }
  });
});

forEachEngine(
  "a run with a teacher in another run is resumed to the same bytes",
  () =>
    withTeacher(async (folder) => {
      await diesAndGoesOn(
        taught(folder, {
          train: { use: "./windowed.ts", path: train },
          memory: "20kB",
          split: { validation: 0.1 },
        }),
        [4],
        windowed,
        { inputThread: "always" },
      );
      await withPipeline(taught(folder), async (file, own) => {
        const out = join(own, "run");
        await assertRejects(() => runFile(file, out, current(), dyingAt(4)));
        const about = join(out, "pipeline.json");
        const text = await Deno.readTextFile(about);
        const { teachers } = JSON.parse(text);
        const [identity] = Object.values(teachers) as [string];
        await Deno.writeTextFile(about, text.replace(identity, "0".repeat(64)));
        const resume = () => runFile(file, out, current(), {}, { resume: true });
        const { message } = await assertRejects(resume, UserError);
        assertEquals(
          message,
          `the teacher in ${join(folder, "big")} has changed since the run began`,
        );
      });
    }),
);

Deno.test("a teacher has to be a finished run on the same label, with an output for each row", () =>
  inFolder(async (folder) => {
    await openEngine("wasm");
    const csv = (name: string, rows: readonly string[]) =>
      Deno.writeTextFile(join(folder, name), ["x,y,z", ...rows].join("\n"));
    const all = Array.from({ length: 40 }, (_, row) => `${row / 40},${row % 2},${row % 3}`);
    await csv("rows.csv", all);
    await csv("gap.csv", all.with(7, ",1,1"));
    const pipeline = (label: string, losses: object[], path = "rows.csv", nulls = "error") =>
      digitsPipeline({
        data: {
          train: { use: "csv", path: join(folder, path) },
          test: { use: "csv", path: join(folder, "rows.csv") },
          features: { x: { nulls } },
          label: { column: label, kind: label === "y" ? "binary" : "class" },
        },
        network: { use: "mlp", light: [4] },
        losses,
        train: { epochs: 1, batch: 20 },
        outputs: [{ use: "checkpoint" }],
      });
    const teacher = pipeline(
      "y",
      [{ use: "binary-cross-entropy", on: "light" }],
      "rows.csv",
      "drop",
    );
    await withPipeline(teacher, async (file) => {
      await runFile(file, join(folder, "big"), "wasm");
    });
    const refused = async (label: string, path: string, options: object = {}) => {
      const losses = [{ use: "kl", teacher: { run: join(folder, "big"), ...options } }];
      const error = await assertRejects(
        () => ran(pipeline(label, losses, path, "mean")),
        UserError,
      );
      return error.problems.map(formatProblem).join("\n");
    };
    assertStringIncludes(
      await refused("z", "rows.csv"),
      "predicts one logit for 2 classes, but the label has 3 classes",
    );
    assertStringIncludes(await refused("y", "rows.csv", { net: "booster" }), "has no booster net");
    assertStringIncludes(
      await refused("y", "rows.csv", { run: join(folder, "none") }),
      "is not a run folder",
    );
    const gap = await refused("y", "gap.csv");
    assertStringIncludes(gap, "row 7 of ");
    assertStringIncludes(gap, "gap.csv (train split): the teacher ");
    assertStringIncludes(gap, "`missing: skip`");
    const losses = [{ use: "kl", teacher: { run: join(folder, "big"), missing: "skip" } }];
    const { result } = await ran(pipeline("y", losses, "gap.csv", "mean"));
    assertEquals(result.steps, 2);
  }));
