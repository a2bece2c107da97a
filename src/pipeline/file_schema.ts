/**
 * What a pipeline file looks like around its stages' own options.
 *
 * @module
 */

import { z } from "zod";
import { featureSchema, labelSchema, memorySchema, nullsSchema } from "./data_options.ts";
import { isStage } from "./registry.ts";
import type { AnyStage, StageKind } from "../stages/stage.ts";

/** An output of a net: `light.logits`. */
const outputReference = z.string().regex(
  /^(light|booster)\.[A-Za-z_][\w-]*$/,
  { error: "expected NET.OUTPUT, such as light.logits" },
);

/** One output, or a list of them. */
const outputReferences = z.union([
  outputReference,
  z.array(outputReference).min(1, { error: "expected at least one output" }),
], { error: "expected NET.OUTPUT, such as light.logits, or a list of these" });

/** A loss of one net's logits may name the net alone. */
const taskReference = z.string().regex(
  /^(light|booster)(\.[A-Za-z_][\w-]*)?$/,
  { error: "expected light, booster, or NET.OUTPUT such as light.logits" },
);

const name = z.string().regex(/^[\w.-]+$/, {
  error: "expected letters, digits, dots, dashes and underscores",
});

/** Of losses, also the names that they have by default: `mse-hint(booster→light)`. */
const lossName = z.string().regex(/^[\w.-]+(\([\w.→-]+\))?$/, {
  error: "expected letters, digits, dots, dashes and underscores",
});

/** A stage itself, in a TypeScript pipeline; of which kind it is, is checked where it is found. */
const stageObject = z.custom<AnyStage>(isStage);

/**
 * An entry that names a stage: its name alone, or `use:` with the stage's options beside it. The
 * options are checked later, by the stage's own schema.
 */
function entry<Shape extends z.ZodRawShape>(kind: StageKind, common: Shape) {
  const error = `expected the name of a ${kind} stage, a file, or a package`;
  const withOptions = z.looseObject({
    use: z.union([z.string().min(1, { error }), stageObject], { error }),
    ...common,
  });
  return z.preprocess(
    (value) => typeof value === "string" ? { use: value } : value,
    withOptions,
  ).meta({ entry: kind });
}

const text = (what: string) => z.string().min(1, { error: `expected ${what}` });

const initialNames = z.record(text("a name"), text("the name of a variable")).default({}).describe(
  "The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own.",
);

const checkpointName = z.string().regex(/^[\w.-]+$/, {
  error: "expected best, last, or the name of a checkpoint",
}).default("best").describe("best, last, best-PHASE, or the name of one of its checkpoints.");

/** Initial weights from a file that need not be a run's. */
const initialFile = z.strictObject({
  file: text("a safetensors file").describe("A safetensors file."),
  layout: z.enum(["rocket", "pytorch"]).default("rocket").describe(
    "pytorch: kernels are [out, in, height, width] and [out, in], and are turned.",
  ),
  names: initialNames,
  vocabularies: z.record(text("the name of a feature"), text("a file")).default({}).describe(
    "By feature, the values that the rows of its table are of: a text file with a value a line, or a JSON file with a list.",
  ),
  features: z.array(text("the name of a feature")).min(1).optional().describe(
    "The features in the order in which the file's first layers read them, where these read more than one.",
  ),
  classes: z.array(text("the name of a class")).min(2).optional().describe(
    "The classes in the order of the file's logits, where the label has names.",
  ),
});

const run = text("a run folder").describe("A run folder.");

/** Where a net's initial weights come from. */
const initialSchema = z.union([
  initialFile,
  z.strictObject({ run, checkpoint: checkpointName, names: initialNames }),
], { error: "expected { file: … } or { run: … }" });

/** Initial weights of both nets, and of what they share, from one run. */
const initialOfRun = z.strictObject({
  run,
  checkpoint: checkpointName,
  names: initialNames,
  optimizer: z.boolean().default(false).describe(
    "Whether the optimizer goes on as well: its slots, matched as the weights are, and its count of steps. Schedules start anew.",
  ),
});

/** The metric to choose or to stop by. */
const metricKey = name.or(z.string().regex(/^(light|booster)\/[\w.-]+$/));

/** The name of a net. */
export const netName = z.enum(["light", "booster"]);

/** What each phase may say for itself of how it trains. */
const training = {
  epochs: z.int().positive().describe("How often all training rows are seen."),
  select: metricKey.optional().describe(
    "The metric by which the best epoch is chosen; the light net's first metric by default.",
  ),
  clip: z.strictObject({
    norm: z.number().positive().describe(
      "The greatest L2 norm; longer gradients are scaled to it.",
    ),
    per: z.enum(["all", "owner"]).default("all").describe(
      "all: the norm of all gradients together. owner: of the light net's own, the booster's own " +
        "and the shared ones, each for itself, so that no net's gradients shorten another's.",
    ),
  }).optional().describe("Shortens gradients that are too long; none are by default."),
  nonFinite: z.enum(["stop", "skip", "back"]).default("stop").describe(
    "When a loss or gradient is NaN or infinite. stop: the run fails. skip: variables stay as they " +
      "were, and the next batch follows. back: the run goes back to its last checkpoint, with half " +
      "the rate and without that batch, at most three times.",
  ),
  maxSkipped: z.int().positive().default(10).describe(
    "How many steps in a row may be skipped; one more ends the run.",
  ),
  stop: z.strictObject({
    metric: metricKey.optional().describe(
      "The metric that has to become better, on the validation split, or on the test split without one; that of `select` by default. A light net that is trained alone has none of the booster's metrics and goes on to the end.",
    ),
    patience: z.int().positive().default(3).describe(
      "After how many epochs in a row without a better value training ends.",
    ),
    minDelta: z.number().nonnegative().default(0).describe(
      "By more than how much a value has to be better to count.",
    ),
  }).optional().describe("Ends training before `epochs` once a metric no longer becomes better."),
};

/** What an entry of each kind may say beside `use` and the stage's own options. */
export const commonOptions = {
  source: {},
  transform: {
    on: z.enum(["training", "all"]).optional().describe(
      "training: not applied when measuring; all: always. Augmentation has training by default.",
    ),
  },
  network: {
    initial: z.union([
      z.strictObject({
        light: initialSchema.optional().describe("What the light net begins with."),
        booster: initialSchema.optional().describe(
          "What the booster begins with, and what both share.",
        ),
      }),
      initialOfRun,
    ], { error: "expected { run: … } for both nets, or { light: …, booster: … }" }).optional()
      .describe(
        "Weights to begin with instead of random ones: of a run for all, or by net. Rows of tables, inputs and classes are matched by value.",
      ),
  },
  loss: {
    name: lossName.optional().describe(
      "The name in metrics; STAGE(on) or STAGE(from→to) by default.",
    ),
    on: taskReference.optional().describe("The output that is compared with the label."),
    from: outputReferences.optional().describe(
      "The teacher's output; booster.logits by default. A list for the sum over several layers.",
    ),
    to: outputReferences.optional().describe(
      "The student's output; light.logits by default. A list as long as that of `from`.",
    ),
    weight: z.number().default(1).describe("The factor in the total loss."),
    gradient: entry("gradient", {}).optional().describe(
      "What passes to whom; block for hints by default, none for losses with the label.",
    ),
  },
  gradient: {},
  optimizer: {
    rate: z.number().positive().describe("The learning rate, before the schedule's factor."),
    schedule: entry("schedule", {}).default({ use: "constant" }).describe(
      "How the rate changes over the run.",
    ),
    tables: z.enum(["lazy", "exact"]).default("lazy").describe(
      "lazy: a step moves the rows of embedding tables that it reads, as PyTorch's SparseAdam does; others get no " +
        "weight decay, momentum or move of Adam's. exact: each step moves all rows, as PyTorch does " +
        "without sparse gradients; it costs time and memory by the size of the tables.",
    ),
  },
  schedule: {},
  metric: { name: name.optional().describe("The key in results; the stage's name by default.") },
  output: {},
} as const satisfies Readonly<Record<StageKind, z.ZodRawShape>>;

/**
 * The keys of an entry that are the pipeline's own and not options of the stage.
 *
 * @param kind The kind of the entry's stage.
 */
export function commonKeys(kind: StageKind): readonly string[] {
  return ["use", ...Object.keys(commonOptions[kind])];
}

const losses = z.array(entry("loss", commonOptions.loss)).min(1).describe(
  "The total loss is the weighted sum of these.",
);

const optimizer = entry("optimizer", commonOptions.optimizer).describe(
  "How variables follow their gradients.",
);

const trainSchema = z.strictObject({
  epochs: training.epochs,
  batch: z.int().positive().describe("The rows of a step."),
  lastBatch: z.enum(["keep", "merge", "drop"]).optional().describe(
    "What becomes of the last rows of an epoch if they are fewer than a batch. keep: they are a batch. " +
      "merge: they join the batch before them if they are at most half a batch, and are a batch otherwise. " +
      "drop: they are left out of the epoch. merge by default for nets with batch norm, keep for others.",
  ),
  baseline: z.enum(["none", "light-alone"]).default("none").describe(
    "light-alone: also trains the light net without the booster, with the same seed and budget; as the last phase has it.",
  ),
  evaluateEvery: z.int().positive().default(1).describe(
    "After how many epochs the nets are measured; after the last one of a phase always. The best epoch is one of these, and training ends early after one of these.",
  ),
  select: training.select,
  clip: training.clip,
  nonFinite: training.nonFinite,
  maxSkipped: training.maxSkipped,
  stop: training.stop,
});

/** A phase of a run. */
const phaseSchema = z.strictObject({
  name: name.describe("What the phase is called in metrics and results."),
  nets: z.array(netName).min(1, { error: "expected light, booster, or both" }).optional().describe(
    "The nets that are computed and measured; those that the losses read by default.",
  ),
  freeze: z.array(z.enum(["light", "booster", "shared"])).default([]).describe(
    "The nets whose variables stay as they are: no gradient, no decay, running statistics used and kept. With a net, what both share is frozen, too.",
  ),
  freezeShared: z.boolean().optional().describe(
    "Whether what both nets share is frozen; true by default where a net is.",
  ),
  from: z.enum(["best", "last"]).default("last").describe(
    "The weights to begin with: those after the best or after the last epoch of the phase before.",
  ),
  losses: losses.optional(),
  optimizer: optimizer.optional(),
  epochs: training.epochs.optional(),
  select: training.select,
  clip: training.clip,
  nonFinite: training.nonFinite.unwrap().optional().describe(training.nonFinite.description!),
  maxSkipped: training.maxSkipped.unwrap().optional().describe(training.maxSkipped.description!),
  stop: training.stop,
});

/** The schema of a pipeline file, with its stages' options left open. */
export const pipelineSchema = z.strictObject({
  $schema: z.string().optional().describe("The JSON Schema, for editors."),
  name: name.describe("The name of the run folder and of the result."),
  seed: z.int().min(0).max(2 ** 32 - 1).default(0).describe(
    "Where all random numbers of the run start.",
  ),
  data: z.strictObject({
    train: entry("source", commonOptions.source).describe("The rows to train on."),
    test: entry("source", commonOptions.source).describe("The rows to measure the result on."),
    validation: z.union([
      z.strictObject({
        holdout: z.number().gt(0).lt(1).describe(
          "The part of the training rows, chosen by the seed, that is held out.",
        ),
      }),
      entry("source", commonOptions.source),
    ]).optional().describe("The rows to choose the best epoch on."),
    rows: z.int().positive({ error: "expected a number of rows, 1 or more" }).optional().describe(
      "How many of the training rows, without those held out, are trained on, chosen by the seed; all by default.",
    ),
    memory: memorySchema.optional().describe(
      "How much memory rows may take, in bytes or such as 512MB; half of what is available by default. Rows that need more are read when they are needed.",
    ),
    features: z.record(name, featureSchema).refine(
      (features) => Object.keys(features).length > 0,
      { error: "expected at least one feature" },
    ).describe("What the nets read: columns by the name that stages use."),
    label: labelSchema.describe("What the nets predict."),
    nulls: nullsSchema.optional(),
    weight: z.string().min(1, { error: "expected the name of a column" }).optional().describe(
      "A column of numbers of 0 or more: how much each row counts in losses. A loss that compares rows with one another takes no notice of it.",
    ),
    transforms: z.array(entry("transform", commonOptions.transform)).default([]).describe(
      "Changes of batches, in this order.",
    ),
  }).describe("Where rows come from and what becomes of them."),
  network: entry("network", commonOptions.network).describe("The light net and its booster."),
  losses: losses.optional(),
  optimizer: optimizer.optional(),
  phases: z.array(phaseSchema).min(1, { error: "expected at least one phase" }).optional().describe(
    "Trainings that follow one another; what a phase does not say holds as the pipeline says it.",
  ),
  train: trainSchema.extend({
    epochs: training.epochs.optional().describe(
      "How often all training rows are seen; each phase may say so itself.",
    ),
  }).describe("How long and how much at once."),
  metrics: z.array(entry("metric", commonOptions.metric)).default([]).describe(
    "What is measured.",
  ),
  outputs: z.array(entry("output", commonOptions.output)).default([
    { use: "progress" },
    { use: "checkpoint" },
  ]).describe("Who listens to the run; metrics.jsonl and result.json are always written."),
});

/** The schema of a pipeline file without phases, which has to say itself how it trains. */
export const onePhaseSchema = pipelineSchema.extend({
  losses,
  optimizer,
  train: trainSchema.describe("How long and how much at once."),
});

/** A pipeline file's value, checked but for its stages' options. */
export type PipelineValue = z.output<typeof pipelineSchema>;
