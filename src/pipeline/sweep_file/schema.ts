/**
 * What a sweep file looks like.
 *
 * @module
 */

import { z } from "zod";

const key = z.string().regex(/^\w[\w.-]*$/, {
  error: "expected letters, digits, dots, dashes and underscores",
});

/** Part of a folder's name. */
const label = /^[\w.+-]+$/;

const axisValue = z.union([z.number(), z.boolean(), z.string().regex(label)], {
  error:
    "expected a number, true, false or a plain word; name other values by a map: { NAME: VALUE }",
});

const axis = z.union([
  z.array(axisValue).min(1),
  z.record(
    z.string().regex(label, { error: "expected letters, digits, dots, +, dashes and underscores" }),
    z.unknown(),
  ),
], { error: "expected a list of values, or a map from names to values" });

const grid = z.record(z.string(), axis);

/** The schema of a sweep file, with its pipelines left open. */
export const sweepSchema = z.strictObject({
  $schema: z.string().optional().describe("The JSON Schema, for editors."),
  name: key.optional().describe("The name of the sweep's folder; the file's by default."),
  base: z.union([z.string().min(1), z.looseObject({})], {
    error: "expected the path of a pipeline file, or a pipeline",
  }).describe("The pipeline that all settings change."),
  seeds: z.array(
    z.int({ error: "expected a whole number" }).min(0).max(2 ** 32 - 1),
  ).min(1).describe("The seeds; each setting runs with each of them."),
  settings: z.record(
    key,
    z.looseObject({ grid: grid.optional() }).nullable(),
  ).describe("What to compare: what each changes of the base, by its name."),
  grid: grid.optional().describe(
    "Values to run all settings with, by path; several paths give all combinations.",
  ),
  reference: key.optional().describe(
    "The setting that the others are compared with; the first by default.",
  ),
  metric: z.string().optional().describe(
    "The metric to compare on, such as light/accuracy; the light net's first by default.",
  ),
  split: z.enum(["test", "validation"]).default("test").describe("The split to compare on."),
  threads: z.int().positive().default(1).describe(
    "Threads of a run. Results may depend on it in their last digits, so that it is said here.",
  ),
  latency: z.union([
    z.literal("none"),
    z.strictObject({
      batch: z.int().positive().default(1).describe("The rows of a call."),
    }),
  ], { error: "expected none, or { batch: N }" }).default({ batch: 1 }).describe(
    "How the latency of light nets is measured, on one thread.",
  ),
});

/** A sweep file's value, checked but for its pipelines. */
export type SweepValue = z.output<typeof sweepSchema>;
