import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { Interruption, UserError } from "../../src/base/errors.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { resumeRun } from "../../src/run/resume_run.ts";
import { runPipeline } from "../../src/run/run_pipeline.ts";
import { inFolder } from "../support/command_line.ts";
import { digitsPipeline } from "../support/pipelines.ts";

const pipeline = digitsPipeline({ outputs: ["checkpoint", "result"] }) as unknown as Pipeline;
const quiet = { engine: "wasm", quiet: true } as const;

Deno.test("resumeRun() continues an interrupted run to the result of an uninterrupted one", () =>
  inFolder(async (folder) => {
    const whole = await runPipeline(pipeline, { ...quiet, out: join(folder, "whole") });
    const out = join(folder, "run"), stop = new AbortController();
    const listener = { epoch: () => stop.abort() };
    await assertRejects(
      () => runPipeline(pipeline, { ...quiet, out, listener, signal: stop.signal }),
      Interruption,
    );
    const resumed = await resumeRun(out, { quiet: true });
    assertEquals(resumed.test, whole.test);
    assertEquals(resumed.steps, whole.steps);
    // It has finished: nothing is run again.
    let steps = 0;
    const again = await resumeRun(out, { quiet: true, listener: { step: () => void steps++ } });
    assertEquals([again.test, steps], [whole.test, 0]);
    const longer = await resumeRun(out, { quiet: true, set: ["train.epochs=3"] });
    assertEquals(longer.epochs, 3);
  }));

Deno.test("resumeRun() refuses a folder without a run", () =>
  inFolder(async (folder) => {
    await assertRejects(() => resumeRun(folder), UserError);
  }));
