import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { readPlan } from "../../src/run/read_plan.ts";
import type { Plan } from "../../src/pipeline/plan.ts";
import type { EvaluationEvent, Result } from "../../src/stages/events.ts";
import type { Output } from "../../src/stages/output.ts";
import { runPlan, type RunPlanOptions } from "../../src/run/run.ts";

/** The repository's folder of data. */
export const dataFolder: string = fileURLToPath(new URL("../../data/", import.meta.url));

/** A small pipeline on the handwritten digits; parts of it can be replaced. */
export function digitsPipeline(parts: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name: "digits",
    seed: 1,
    data: {
      train: { use: "arrow", path: join(dataFolder, "digits-train.arrow") },
      test: { use: "arrow", path: join(dataFolder, "digits-test.arrow") },
      features: { image: { shape: [8, 8, 1] } },
      label: "digit",
      transforms: [{ use: "scale", by: 0.0625 }],
    },
    network: { use: "mlp", shared: [16], light: [8], booster: [32] },
    losses: [
      { use: "cross-entropy", on: "light" },
      { use: "cross-entropy", on: "booster" },
      { use: "mse-hint", from: "booster.logits", to: "light.logits", weight: 0.03 },
    ],
    optimizer: { use: "sgd", learningRate: 0.05, momentum: 0.9 },
    train: { epochs: 2, batch: 128 },
    metrics: ["accuracy"],
    outputs: [],
    ...parts,
  };
}

/**
 * Writes a pipeline file into a folder of its own and gives its path to a test.
 *
 * @param pipeline The pipeline.
 * @param test What is done with it; the folder is removed afterwards.
 * @param files Other files beside it, by name.
 */
export async function withPipeline<T>(
  pipeline: Record<string, unknown>,
  test: (file: string, folder: string) => Promise<T>,
  files: Readonly<Record<string, string>> = {},
): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "rocket-test-" });
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(folder, name), text);
    }
    const file = join(folder, "pipeline.yaml");
    await Deno.writeTextFile(file, stringify(pipeline));
    return await test(file, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What a run told and left. */
export interface Ran {
  readonly result: Result;
  readonly evaluations: readonly EvaluationEvent[];
  readonly reports: readonly string[];
}

/**
 * Runs a pipeline file on the engine that is open.
 *
 * @param file The file.
 * @param out The run folder.
 * @param engine The engine.
 * @param listener Hears of more events.
 * @param options More of how it is run.
 */
export async function runFile(
  file: string,
  out: string,
  engine: "native" | "wasm",
  listener: Output = {},
  options: Partial<RunPlanOptions> = {},
): Promise<Ran> {
  const plan: Plan = await readPlan(file, []);
  const evaluations: EvaluationEvent[] = [], reports: string[] = [];
  const result = await runPlan(plan, {
    out,
    engine,
    quiet: true,
    report: (line) => reports.push(line),
    ...options,
    listener: {
      ...listener,
      evaluation: async (event) => {
        evaluations.push(event);
        await listener.evaluation?.(event);
      },
    },
  });
  return { result, evaluations, reports };
}

/** The URL by which a plugin in a temporary folder imports Rocket. */
export const pluginApi: string = new URL("../../plugin.ts", import.meta.url).href;
