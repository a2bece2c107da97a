/**
 * The schema of a sweep file.
 *
 * @module
 */

import { z } from "zod";

const key = z.string().regex(/^\w[\w.-]*$/, {
  error: "expected letters, digits, dots, dashes and underscores",
});

/** A value's label, which becomes part of a folder's name. */
const label = /^[\w.+-]+$/;

const axisValue = z.union([z.number(), z.boolean(), z.string().regex(label)], {
  error:
    "expected a number, true, false, or text of letters, digits, dots, +, dashes and underscores; name other values in a map: { NAME: VALUE }",
});

const axis = z.union([
  z.array(axisValue).min(1),
  z.record(
    z.string().regex(label, { error: "expected letters, digits, dots, +, dashes and underscores" }),
    z.unknown(),
  ),
], { error: "expected a list of values, or a map from names to values" });

const grid = z.record(z.string(), axis);

/** The schema of a sweep file. It does not check the pipelines. */
export const sweepSchema = z.strictObject({
  $schema: z.string().optional().describe(
    "The path or URL of the JSON Schema of sweep files, which editors use for completion and checks.",
  ),
  name: key.optional().describe("The name of the sweep's folder; the file's name by default."),
  base: z.union([z.string().min(1), z.looseObject({})], {
    error: "expected the path of a pipeline file, or a pipeline",
  }).describe("The pipeline that every setting modifies."),
  seeds: z.array(
    z.int({ error: "expected a whole number" }).min(0).max(2 ** 32 - 1),
  ).min(1).describe("The seeds. Each setting runs once with each seed."),
  settings: z.record(
    key,
    z.looseObject({ grid: grid.optional() }).nullable(),
  ).describe("The settings to compare, by name: the changes that each makes to the base pipeline."),
  grid: grid.optional().describe(
    "The values that every setting runs with, by path in the pipeline. Several paths give all combinations.",
  ),
  reference: key.optional().describe(
    "The setting that the others are compared with; the first setting by default.",
  ),
  booster: key.optional().describe(
    "The setting that trains a net of the booster's size alone. The table then contains the transfer of each setting: the part of the gap between the reference and this setting that it closes.",
  ),
  metric: z.string().optional().describe(
    "The metric to compare, such as light/accuracy; the light net's first metric by default.",
  ),
  split: z.enum(["test", "validation"]).default("test").describe(
    "The split whose metrics are compared.",
  ),
  threads: z.int().positive().default(1).describe(
    "The number of threads of each run. It belongs to the sweep file because the last digits of results may depend on it.",
  ),
  latency: z.union([
    z.literal("none"),
    z.strictObject({
      batch: z.int().positive().default(1).describe(
        "The number of rows per call when the latency of a light net is measured.",
      ),
      engine: z.enum(["auto", "onnx"]).default("auto").describe(
        "What computes the light net when its latency is measured. onnx is ONNX Runtime, which is downloaded when it is first needed; auto is ONNX Runtime if it has been downloaded already, and otherwise the engine of the runs.",
      ),
    }),
  ], { error: "expected none, or { batch: N, engine: auto | onnx }" }).default({
    batch: 1,
    engine: "auto",
  }).describe(
    "How to measure the latency of the light nets, on one thread; none skips the measurement.",
  ),
});

/**
 * The value of a sweep file after {@linkcode sweepSchema} has checked it. The pipelines in it are
 * not checked yet.
 */
export type SweepValue = z.output<typeof sweepSchema>;

/** How a sweep measures latency. */
export type LatencyOptions = Exclude<SweepValue["latency"], "none">;
