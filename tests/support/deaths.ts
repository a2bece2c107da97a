/**
 * Runs that die and are resumed.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { dirname, join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import type { Output } from "../../src/stages/output.ts";
import type { RunPlanOptions } from "../../src/run/run.ts";
import { runFile, withPipeline } from "./pipelines.ts";

/** The engine that is open. */
export const current = (): "wasm" | "native" => tf.getBackend() === "wasm" ? "wasm" : "native";

/** What stops a run dead. */
export class Death extends Error {}

/** Stops a run dead at its n-th event. */
export function dyingAt(event: number): Output {
  let left = event;
  const hook = () => {
    if (left-- === 0) throw new Death();
  };
  return { runStart: hook, step: hook, epoch: hook };
}

/** The hash of the last weights and slots of each job, and all that was measured. */
export async function endOf(folder: string): Promise<Record<string, unknown>> {
  const checkpoints = join(folder, "checkpoints");
  const newest: Record<string, string> = {};
  for (const { name } of Deno.readDirSync(checkpoints)) {
    const [, job, step] = /^(.*)-(\d+)\.json$/.exec(name) ?? [];
    if (job && step! > (newest[job] ?? "")) newest[job] = step!;
  }
  const end: Record<string, unknown> = {};
  for (const [job, step] of Object.entries(newest)) {
    const text = await Deno.readTextFile(join(checkpoints, `${job}-${step}.json`));
    end[job] = [step, JSON.parse(text).sha256];
    const file = join(folder, job === "rocket" ? "metrics.jsonl" : `metrics-${job}.jsonl`);
    const lines = (await Deno.readTextFile(file)).trim().split("\n");
    end[`${job} metrics`] = lines.map((line) => ({ ...JSON.parse(line), seconds: 0 }));
  }
  end.best = await Deno.readFile(join(checkpoints, "best.safetensors"));
  const { test, best, steps, baseline, gradients } = JSON.parse(
    await Deno.readTextFile(join(folder, "result.json")),
  );
  const { seconds: _, input: __, ...alone } = baseline ?? {};
  end.result = { test, best, steps, gradients, alone };
  return end;
}

const ends = new Map<string, Promise<Record<string, unknown>>>();

/** How a run of a pipeline file ends that nothing stops; run once for all tests of a pipeline. */
export function wholeEnd(
  file: string,
  pipeline: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const key = `${current()} ${JSON.stringify(pipeline)}`;
  const run = async () => {
    const out = join(dirname(file), "whole");
    await runFile(file, out, current());
    return await endOf(out);
  };
  const known = ends.get(key) ?? run();
  ends.set(key, known);
  return known;
}

/**
 * Holds a run that dies at each of some events, and is resumed, to the end of one that does not.
 */
export async function diesAndGoesOn(
  pipeline: Record<string, unknown>,
  events: readonly number[],
  files: Record<string, string> = {},
  options: Partial<RunPlanOptions> = {},
): Promise<void> {
  await withPipeline(pipeline, async (file, folder) => {
    const whole = await wholeEnd(file, pipeline);
    for (const event of events) {
      const out = join(folder, `died-${event}`);
      await assertRejects(() => runFile(file, out, current(), dyingAt(event)), Death);
      await runFile(file, out, current(), {}, { resume: true, ...options });
      assertEquals(await endOf(out), whole, `died at event ${event}`);
    }
  }, files);
}
