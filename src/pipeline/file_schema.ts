/**
 * The schema of a pipeline file. Each stage checks its own options.
 *
 * @module
 */

import { z } from "zod";
import {
  featuresSchema,
  groupSchema,
  labelSchema,
  labelsSchema,
  memorySchema,
  nullsSchema,
  samplingSchema,
  splitSchema,
} from "./data_options.ts";
import { asPair } from "./pair.ts";
import { isStage } from "./registry.ts";
import type { AnyStage, StageKind } from "../stages/stage.ts";

/** An output of a net: `light.logits`, or `light.click.logits` for one of several labels. */
const outputReference = z.string().regex(
  /^(light|booster)\.[A-Za-z_][\w-]*(\.(logits|auxiliary))?$/,
  { error: "expected NET.OUTPUT, such as light.logits" },
);

/** One output, or a list of them. */
const outputReferences = z.union([
  outputReference,
  z.array(outputReference).min(1, { error: "expected at least one output" }),
], { error: "expected NET.OUTPUT, such as light.logits, or a list of these" });

/** The output that a loss compares with the label. The name of a net alone means its logits. */
const taskReference = z.string().regex(
  /^(light|booster)(\.[A-Za-z_][\w-]*(\.(logits|auxiliary))?)?$/,
  { error: "expected light, booster, or NET.OUTPUT such as light.logits" },
);

const labelReference = z.string().min(1, { error: "expected the name of a label" });

const name = z.string().regex(/^[\w.-]+$/, {
  error: "expected letters, digits, dots, dashes and underscores",
});

/** The name of a loss, which may be a default name: `mse-hint(booster→light)`. */
const lossName = z.string().regex(/^[\w.-]+(\([\w.→-]+\))?$/, {
  error: "expected letters, digits, dots, dashes and underscores",
});

/** A stage object, in a TypeScript pipeline. The registry checks its kind. */
const stageObject = z.custom<AnyStage>(isStage);

/**
 * An entry that names a stage: its name alone, or a map with `use:` and the stage's options. The
 * stage's own schema checks the options later.
 */
function entry<Shape extends z.ZodRawShape>(kind: StageKind, common: Shape) {
  const error = `expected the name of a ${kind} stage, a file, or a package`;
  const withOptions = z.looseObject({
    use: z.union([z.string().min(1, { error }), stageObject], { error }),
    ...common,
  });
  return z.preprocess(
    (value) =>
      typeof value === "string" ? { use: value } : kind === "network" ? asPair(value) : value,
    withOptions,
  ).meta({ entry: kind });
}

const text = (what: string) => z.string().min(1, { error: `expected ${what}` });

const initialNames = z.record(text("a name"), text("the name of a variable")).default({}).describe(
  "Maps names in the file to variables: a name, or a pattern in which each * matches " +
    "the same text on both sides. The first match applies. Without a match, the name " +
    "in the file is the variable's name.",
);

const checkpointName = z.string().regex(/^[\w.-]+$/, {
  error: "expected best, last, or the name of a checkpoint",
}).default("best").describe(
  "The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint.",
);

/** Initial weights from a file that Rocket may not have written. */
const initialFile = z.strictObject({
  file: text("a safetensors file").describe("A safetensors file."),
  layout: z.enum(["rocket", "pytorch"]).default("rocket").describe(
    "The layout of kernels in the file. rocket: as Rocket writes them. pytorch: kernels have the " +
      "shapes [out, in, height, width] and [out, in]; Rocket transposes them.",
  ),
  names: initialNames,
  vocabularies: z.record(text("the name of a feature"), text("a file")).default({}).describe(
    "For each feature, a file with the values that the rows of its embedding table belong to, in " +
      "order: a text file with one value per line, or a JSON file with a list.",
  ),
  features: z.array(text("the name of a feature")).min(1).optional().describe(
    "The names of the features, in the order in which they are concatenated as the input of the " +
      "first layers in the weights file. Needed only if these layers read more than one feature.",
  ),
  classes: z.array(text("the name of a class")).min(2).optional().describe(
    "The classes, in the order of the logits in the weights file. Needed only if the label has " +
      "named classes.",
  ),
});

const run = text("a run folder").describe("The run folder of an earlier run.");

/** Where a net's initial weights come from. */
const initialSchema = z.union([
  initialFile,
  z.strictObject({ run, checkpoint: checkpointName, names: initialNames }),
], { error: "expected { file: … } or { run: … }" });

/** Initial weights of both nets and of their shared variables, from one run. */
const initialOfRun = z.strictObject({
  run,
  checkpoint: checkpointName,
  names: initialNames,
  optimizer: z.boolean().default(false).describe(
    "Whether to load the optimizer's state as well: its values for each variable, such as Adam's " +
      "moments, which are matched like the weights, and its number of steps. Schedules start from " +
      "the beginning.",
  ),
});

const missing = z.enum(["error", "skip"], { error: "expected error or skip" }).default("error")
  .describe(
    "What to do with rows without an output (a null or NaN in the column or in an input of the ONNX " +
      "model; rows for which the run predicts nothing). error: the run fails. skip: the loss of these rows is 0.",
  );

/** A teacher whose output is a column of the training rows. */
const teacherColumn = z.strictObject({
  column: text("the name of a column").describe(
    "The column of the training rows that has the teacher's output: one number per row, or a list " +
      "with a number for each class.",
  ),
  of: z.enum(["logits", "probabilities"], { error: "expected logits or probabilities" }).optional()
    .describe(
      "What the numbers in the column are; by default, probabilities. If the label is a number, " +
        "the column contains predicted numbers, and this option does not apply.",
    ),
  missing,
});

/** How the outputs of a model are joined with the training rows. */
const teacherKey = {
  key: text("the name of a column").optional().describe(
    "A column that identifies rows. The teacher's outputs are computed once for all rows in `rows`, " +
      "and each training row gets the output for its value of this column.",
  ),
  rows: entry("source", {}).optional().describe(
    "A source with rows for the teacher, each with another value of the column `key`. By default, " +
      "all rows of the source of the training rows, whatever their split.",
  ),
};

const rowsNeedKey = {
  check: ({ key, rows }: { readonly key?: string | undefined; readonly rows?: unknown }) =>
    rows === undefined || key !== undefined,
  error: "`rows` requires `key`, the column that identifies rows",
};

/** A teacher that is a net of an earlier run. */
const teacherRun = z.strictObject({
  run: text("a run folder").describe(
    "The folder of an earlier run. A net of this run is the teacher; its predictions for the training rows are computed once, " +
      "before training.",
  ),
  net: z.enum(["light", "booster"], { error: "expected light or booster" }).optional().describe(
    "The net of the earlier run that is the teacher; by default, the booster if the run has one.",
  ),
  checkpoint: checkpointName,
  missing,
  ...teacherKey,
}).refine(rowsNeedKey.check, { error: rowsNeedKey.error });

/** A teacher that is an ONNX model. */
const teacherOnnx = z.strictObject({
  onnx: text("the path of an ONNX file").describe(
    "The ONNX file of the teacher. Its outputs for the training rows are computed once, with ONNX " +
      "Runtime, before training.",
  ),
  output: text("the name of an output").default("logits").describe(
    "The output of the model: one number per row, or one for each class.",
  ),
  of: z.enum(["logits", "probabilities"], { error: "expected logits or probabilities" })
    .default("logits").describe("Whether the output consists of logits or of probabilities."),
  inputs: z.record(text("the name of an input"), text("the name of a column")).default({}).describe(
    "The columns that the inputs of the ONNX model read, by the name of the input. By default, " +
      "each input reads the column with the same name.",
  ),
  missing,
  ...teacherKey,
}).refine(rowsNeedKey.check, { error: rowsNeedKey.error });

/** A teacher that is not part of the run. */
const teacherSchema = z.union([teacherColumn, teacherRun, teacherOnnx], {
  error: "expected { column: … }, { run: … }, or { onnx: … }",
});

/** The metric that selects the best epoch or stops training. */
const metricKey = name.or(z.string().regex(/^(light|booster)\/[\w.-]+$/));

/** The schema of a net's name: `light` or `booster`. */
export const netName = z.enum(["light", "booster"]);

/** The training options that `train` and each phase may set. */
const training = {
  epochs: z.int().positive().describe("The number of passes over the training rows."),
  select: metricKey.optional().describe(
    "The metric that selects the best epoch; by default, the light net's first metric.",
  ),
  clip: z.strictObject({
    norm: z.number().positive().describe(
      "The maximum L2 norm of the gradients. Gradients with a larger norm are scaled down.",
    ),
    per: z.enum(["all", "owner"]).default("all").describe(
      "The gradients whose norm is limited together. all: all gradients. owner: separately those " +
        "of the light net's own variables, the booster's own variables, and the shared " +
        "variables, so the gradients of one net do not affect the clipping of the other.",
    ),
  }).optional().describe("Clips gradients. By default, gradients are not clipped."),
  nonFinite: z.enum(["stop", "skip", "back"]).default("stop").describe(
    "What to do if a loss or gradient is NaN or infinite. stop: the run fails. skip: variables keep their values, and the next batch follows. back: the run returns to the last checkpoint and continues with half the learning rate and without the batch that caused this, at most three times.",
  ),
  maxSkipped: z.int().positive().default(10).describe(
    "The maximum number of successive skipped steps. If the next step would be skipped too, the run ends with an error.",
  ),
  stop: z.strictObject({
    metric: metricKey.optional().describe(
      "The metric that must improve, on the validation split, or on the test split if " +
        "there is none. By default, the metric of `select`. A light net trained alone has " +
        "no metrics of the booster; with such a metric, it trains to the end.",
    ),
    patience: z.int().positive().default(3).describe(
      "The number of successive epochs without improvement after which training ends.",
    ),
    minDelta: z.number().nonnegative().default(0).describe(
      "The minimum improvement. A value counts as better only if it improves by more than this.",
    ),
  }).optional().describe("Ends training before `epochs` when a metric stops improving."),
};

const expectedFactor = "expected a number of 0 or more";
const factor = z.number({ error: expectedFactor });
const positiveFactor = z.number().positive({ error: "expected a positive number" });

/** The options that each kind of entry has in addition to `use` and the stage's own options. */
export const commonOptions = {
  source: {},
  transform: {
    on: z.enum(["training", "all"]).optional().describe(
      "When to apply the transform. training: only in training, not in evaluation. all: always. " +
        "The default for augmentation is training.",
    ),
  },
  network: {
    auxiliary: z.strictObject({
      from: z.string().regex(/^[A-Za-z_][\w-]*$/, {
        error: "expected the name of an output of the light net, such as hidden1",
      }).describe("The output of the light net that the head reads, such as hidden1."),
      gradient: factor.min(0, { error: expectedFactor }).default(1).describe(
        "The factor by which the gradient is multiplied that flows from the head into the light " +
          "net. With 0, the head does not change the light net.",
      ),
    }).optional().describe(
      "A second head of the light net, for hint losses: a dense layer whose output is called " +
        "light.auxiliary. It is only used in training, and not exported.",
    ),
    outputBias: z.enum(["zero", "base-rate"], { error: "expected zero or base-rate" }).optional()
      .describe(
        "The initial bias of the nets' outputs. zero (the default), or base-rate: the log odds or " +
          "the log frequencies of the classes in the training rows, or the mean of a label that is " +
          "a number.",
      ),
    initial: z.union([
      z.strictObject({
        light: initialSchema.optional().describe("The initial weights of the light net."),
        booster: initialSchema.optional().describe(
          "The initial weights of the booster and of the shared variables.",
        ),
      }),
      initialOfRun,
    ], { error: "expected { run: … } for both nets, or { light: …, booster: … }" }).optional()
      .describe(
        "Initial weights instead of random ones: from one run for all variables, or by " +
          "net. Table rows, inputs, and classes are matched by value.",
      ),
  },
  loss: {
    name: lossName.optional().describe(
      "The name of the loss in metrics; by default STAGE(on) or STAGE(from→to).",
    ),
    label: labelReference.optional().describe(
      "The label that the loss reads, one of `data.labels`. `light` and `light.logits` then mean " +
        "the logits of this label.",
    ),
    on: taskReference.optional().describe("The output to compare with the label."),
    from: outputReferences.optional().describe(
      "The teacher's output; booster.logits by default. With a list, the loss is the sum " +
        "over several layers.",
    ),
    to: outputReferences.optional().describe(
      "The student's output; light.logits by default. A list has the same length as `from`.",
    ),
    teacher: teacherSchema.optional().describe(
      "A teacher outside the run, whose logits the hint reads in training instead of `from`.",
    ),
    teacherScale: z.union([
      positiveFactor,
      z.strictObject({
        probability: positiveFactor.describe(
          "The factor by which the teacher's probability is multiplied, for a label with one logit. " +
            "The result is limited to at most 1 − 10⁻⁶.",
        ),
      }),
    ], { error: "expected a positive number, or { probability: NUMBER }" }).optional().describe(
      "A factor of the teacher's output, or of its probability, before a hint loss compares it with " +
        "the student's output; 1 by default.",
    ),
    weight: z.number().default(1).describe("The factor of this loss in the total loss."),
    schedule: entry("schedule", {}).optional().describe(
      "How the weight changes over the run: the schedule multiplies it by a factor. By default, " +
        "the weight is constant.",
    ),
    gradient: entry("gradient", {}).optional().describe(
      "The gradient policy. The default is block for hints and none for losses on the label.",
    ),
  },
  gradient: {},
  optimizer: {
    learningRate: z.number().positive().describe(
      "The learning rate. The schedule multiplies it by a factor.",
    ),
    schedule: entry("schedule", {}).default({ use: "constant" }).describe(
      "How the learning rate changes over the run.",
    ),
    embeddingL2: z.number({ error: "expected a number of 0 or more" }).min(0, {
      error: "expected a number of 0 or more",
    }).optional().describe(
      "The factor λ of an L2 penalty on embeddings: λ/2 times the sum of the squared values of the " +
        "table rows that a step updates, each row once. It changes gradients only, not the losses " +
        "in results.",
    ),
    tables: z.enum(["lazy", "exact"]).default("lazy").describe(
      "Which rows of embedding tables a step updates. lazy: only the rows that it reads, as " +
        "PyTorch's SparseAdam does. Other rows get no weight decay, momentum, or Adam " +
        "update. exact: all rows, as PyTorch does without sparse gradients. Time and memory then " +
        "depend on the size of the tables.",
    ),
  },
  schedule: {},
  metric: {
    label: labelReference.optional().describe(
      "The label that the metric is measured for, one of `data.labels`. By default, it is measured " +
        "for all of them.",
    ),
    name: name.optional().describe(
      "The metric's key in results; the stage's name by default. With `data.labels`, the default is " +
        "LABEL.STAGE, and a name without `label` becomes LABEL.NAME.",
    ),
    by: z.string().min(1, { error: "expected the name of a column" }).optional().describe(
      "The column of the source by which to group rows. The metric is then the mean of its values " +
        "for each group. By default, it is computed over all rows. Metrics with an option by of " +
        "their own group rows in the way that they describe.",
    ),
  },
  output: {},
} as const satisfies Readonly<Record<StageKind, z.ZodRawShape>>;

/**
 * The keys of an entry that belong to the pipeline and are not options of the stage.
 *
 * @param kind The kind of the entry's stage.
 * @returns The keys, `use` first.
 */
export function commonKeys(kind: StageKind): readonly string[] {
  return ["use", ...Object.keys(commonOptions[kind])];
}

const losses = z.array(entry("loss", commonOptions.loss)).min(1).describe(
  "The losses. The total loss is their weighted sum.",
);

const optimizer = entry("optimizer", commonOptions.optimizer).describe(
  "How gradients update the variables.",
);

const trainSchema = z.strictObject({
  epochs: training.epochs,
  batch: z.int().positive().describe(
    "The number of rows per step. With `data.group`, the maximum number of rows per step.",
  ),
  accumulate: z.int().positive().optional().describe(
    "The number of batches per step (gradient accumulation), 1 by default. The gradients of these " +
      "batches are averaged over their rows before the optimizer takes a step, as with one batch of " +
      "all their rows. The step needs only the memory of one batch. Not with `data.group`.",
  ),
  lastBatch: z.enum(["keep", "merge", "drop"]).optional().describe(
    "How to treat the last rows of an epoch if they are fewer than a batch (with `accumulate`, " +
      "than all batches of a step). keep: they " +
      "form a batch. merge: they join the previous batch if they are at most half a " +
      "batch, and form a batch otherwise. drop: they are left out of the epoch. The " +
      "default is merge for nets with batch norm and keep for others.",
  ),
  baseline: z.enum(["none", "light-alone"]).default("none").describe(
    "The baseline to compare with. light-alone: the run also trains the light net without the " +
      "booster and outside teachers. The seed is the same; the remaining losses, the optimizer, and " +
      "the number of epochs are those of the last phase.",
  ),
  evaluateEvery: z.int().positive().default(1).describe(
    "The number of epochs between evaluations. The last epoch of a phase is always " +
      "evaluated. The best epoch is one of the evaluated epochs, and training can only " +
      "end early after one of them.",
  ),
  select: training.select,
  clip: training.clip,
  nonFinite: training.nonFinite,
  maxSkipped: training.maxSkipped,
  stop: training.stop,
});

/** A phase of a run. */
const phaseSchema = z.strictObject({
  name: name.describe("The name of the phase in metrics and results."),
  nets: z.array(netName).min(1, { error: "expected light, booster, or both" }).optional().describe(
    "The nets to compute and evaluate; by default, the nets that the losses read.",
  ),
  freeze: z.array(z.enum(["light", "booster", "shared"])).default([]).describe(
    "The nets whose variables are frozen: they get no gradients and no weight decay, and " +
      "running statistics are used but not updated. Freezing a net also freezes the shared " +
      "variables.",
  ),
  freezeShared: z.boolean().optional().describe(
    "Whether to freeze the variables that both nets share. If a net is frozen, the default is true.",
  ),
  from: z.enum(["best", "last"]).default("last").describe(
    "The weights to start from: after the best or after the last epoch of the previous phase.",
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

const source = entry("source", commonOptions.source);

/** The schema of a pipeline file. It allows any stage options. */
export const pipelineSchema = z.strictObject({
  $schema: z.string().optional().describe(
    "The path or URL of the JSON Schema of pipeline files, which editors use for completion and checks.",
  ),
  name: name.describe("The name of the pipeline. Its run folder and its result have this name."),
  seed: z.int().min(0).max(2 ** 32 - 1).default(0).describe(
    "The seed of all random numbers of the run.",
  ),
  data: z.strictObject({
    all: source.optional().describe(
      "All rows, which `split` divides, instead of `train`, `test`, and `validation`.",
    ),
    train: source.optional().describe("The training rows."),
    test: source.optional().describe("The test rows, on which the result is measured."),
    validation: source.optional().describe("The validation rows, which select the best epoch."),
    split: splitSchema.optional().describe(
      "How to divide the rows of `all` into training, validation, and test rows, or those of `train` " +
        "into training and validation rows.",
    ),
    types: z.record(text("the name of a column"), text("a type, such as float32 or string"))
      .optional().describe(
        "For all sources `csv` with a header: the types of columns, such as { zip: string }. The option `columns` of a source takes precedence.",
      ),
    nullValues: z.array(z.string(), { error: "expected a list of texts" }).min(1).optional()
      .describe(
        'The texts that represent a null in all sources `csv`, such as ["", NA]. The option ' +
          "`nullValues` of a source takes precedence.",
      ),
    rows: z.int().positive({ error: "expected a number of rows, 1 or more" }).optional().describe(
      "How many rows of the training split to train on. The seed selects them. All by default.",
    ),
    sampling: samplingSchema.optional(),
    memory: memorySchema.optional().describe(
      "How much memory rows may use, in bytes or as a size such as 512MB. By default, " +
        "half of the available memory. Rows that do not fit are read when they are needed.",
    ),
    features: featuresSchema.describe(
      "The inputs of the nets: rest for all columns that have no other purpose, a list of columns, " +
        "or a map of columns with options.",
    ),
    prepare: z.literal("auto", { error: "expected auto" }).optional().describe(
      "auto: strings become ids, as with `ids: { train: true, minCount: 2 }`, and numbers are " +
        "normalized. For networks that read only numbers, ids are one-hot encoded. Whole numbers " +
        "remain numbers unless their feature has the option `ids`. By default, features are prepared " +
        "only as other options say.",
    ),
    label: labelSchema.optional().describe("The column that the nets predict."),
    labels: labelsSchema.optional().describe(
      "Several labels by name, instead of `label`. Each net has logits for each of them, such as " +
        "light.click.logits for the label click.",
    ),
    nulls: nullsSchema.optional(),
    weight: z.string().min(1, { error: "expected the name of a column" }).optional().describe(
      "A column of numbers, 0 or from 1e-20 to 1e20: the weight of each row in losses. A loss " +
        "that compares rows with each other ignores it.",
    ),
    group: groupSchema.optional().describe(
      "A column such as a user's id. All rows with the same value are in one batch.",
    ),
    transforms: z.array(entry("transform", commonOptions.transform)).default([]).describe(
      "Transforms of batches, applied in this order.",
    ),
  }).describe("Where the rows come from and how they are processed."),
  network: entry("network", commonOptions.network).describe(
    "The network, which consists of the light net and its booster.",
  ),
  losses: losses.optional(),
  optimizer: optimizer.optional(),
  phases: z.array(phaseSchema).min(1, { error: "expected at least one phase" }).optional().describe(
    "The phases of training, which run one after another. Options that a phase does not set " +
      "are taken from the pipeline.",
  ),
  train: trainSchema.extend({
    epochs: training.epochs.optional().describe(
      "The number of passes over the training rows. A phase can set its own number.",
    ),
  }).describe("The options of training, such as the number of epochs and the batch size."),
  metrics: z.array(entry("metric", commonOptions.metric)).default([]).describe(
    "The metrics to compute on the validation and test splits.",
  ),
  outputs: z.array(entry("output", commonOptions.output)).default([
    { use: "progress" },
    { use: "checkpoint" },
  ]).describe(
    "The outputs, which receive the events of the run. metrics.jsonl and result.json are always written.",
  ),
});

/** The schema of a pipeline file without phases, which needs losses, an optimizer and epochs. */
export const onePhaseSchema = pipelineSchema.extend({
  losses,
  optimizer,
  train: trainSchema.describe(
    "The options of training, such as the number of epochs and the batch size.",
  ),
});

/**
 * The value of a pipeline file after {@linkcode pipelineSchema} has checked it. The options of
 * stages are not checked yet.
 */
export type PipelineValue = z.output<typeof pipelineSchema>;
