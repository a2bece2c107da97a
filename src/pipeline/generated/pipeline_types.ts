// Made by `deno task schema` from the schemas of the stages' options.
// deno-lint-ignore-file
/**
 * The types of pipelines in TypeScript.
 *
 * @module
 */

import type { AnyStage, StageKind } from "../../stages/stage.ts";

/** A stage itself, in the place of its name. */
export interface StageObject<Kind extends StageKind> {
  /** The stage. */
  readonly use: AnyStage & { readonly kind: Kind };
  /** Its options. */
  readonly [option: string]: unknown;
}

/** A pipeline that says everything itself. */
export interface WholePipeline {
/** Nothing. */
readonly extends?: undefined;
/** The JSON Schema, for editors. */
readonly $schema?: string;
/** The name of the run folder and of the result. */
readonly name: string;
/** Where all random numbers of the run start. */
readonly seed?: number;
/** Where rows come from and what becomes of them. */
readonly data: {
/** The rows to train on. */
readonly train: SourceEntry;
/** The rows to measure the result on. */
readonly test: SourceEntry;
/** The rows to choose the best epoch on. */
readonly validation?: ({
/** The part of the training rows, chosen by the seed, that is held out. */
readonly holdout: number;
}) | (SourceEntry);
/** How many of the training rows, without those held out, are trained on, chosen by the seed; all by default. */
readonly rows?: number;
/** How much memory rows may take, in bytes or such as 512MB; half of what is available by default. Rows that need more are read when they are needed. */
readonly memory?: (number) | (string);
/** What the nets read: columns by the name that stages use. */
readonly features: {
readonly [name: string]: ({
/** The column; the feature's name by default. */
readonly column?: string;
/** The shape of one row, such as [28, 28, 1]; as the column's type has it by default. */
readonly shape?: readonly (number)[];
/** What the nets get: int32 for ids; float32 by default, and int32 for strings. */
readonly dtype?: "float32" | "int32";
/** What becomes of nulls: error, drop (the row), mean or median (of the training rows, for numbers), or { fill: VALUE }; as data.nulls says by default. */
readonly nulls?: ("error" | "drop" | "mean" | "median") | ({
/** The value that takes a null's place. */
readonly fill: number | string;
});
/** What becomes of NaN: error (the default), or missing: what becomes of nulls. */
readonly nan?: "error" | "missing";
/** Pads lists that are shorter than `shape` with this value, and cuts longer ones. */
readonly pad?: number;
/** How strings and whole numbers become ids: by the values of the training rows (train) or a list of values, where all others are one more id; { train: true, minCount: N }: by the values that training rows have N times or more; { hash: N }: hashed into N; { count: N }: they are ids from 0 to N − 1; { of: F }: as those of the feature F. */
readonly ids?: ("train") | ({
/** The values of the training rows; all others are one more id. */
readonly train: true;
/** How often a value has to occur in the training rows to have an id of its own. */
readonly minCount?: number;
}) | (readonly ((string) | (number))[]) | ({
/** Into how many ids values are hashed. */
readonly hash: number;
}) | ({
/** How many ids there are. */
readonly count: number;
}) | ({
/** The feature whose ids they are. */
readonly of: string;
});
/** Makes lists of ids of this length: shorter ones end in −1, of longer ones `keep` says what is kept. */
readonly length?: number;
/** What of lists that are longer than `length` is kept: the first values, or the last ones; first by default. */
readonly keep?: "first" | "last";
}) | (null);
};
/** What the nets predict. */
readonly label: (string) | ({
/** The column. */
readonly column: string;
/** class: one of several; binary: 0 or 1; number: a value to predict. By the column's type by default: number for floats, class for all else. */
readonly kind?: "class" | "binary" | "number";
/** The values of the column in the order of the classes, such as [-1, 1] or [no, yes]; of whole numbers also how many classes there are, numbered from 0, or their names. What the training rows have by default. */
readonly classes?: (number) | (readonly (string | number | boolean)[]);
/** What becomes of nulls: error (the default), drop (the row, the default where data.nulls is drop), or { fill: VALUE }. */
readonly nulls?: ("error" | "drop") | ({
/** The value that takes a null's place. */
readonly fill: number | string;
});
/** What becomes of NaN: error (the default), or missing: what becomes of nulls. */
readonly nan?: "error" | "missing";
});
/** What becomes of nulls in features that do not say so themselves: error (the default), drop (the row, also for nulls in the label, the weight and the columns that metrics name), mean or median (of the training rows, for numbers), or { fill: VALUE }. Where it does not suit a feature, such as the mean of text, a null is an error. */
readonly nulls?: ("error" | "drop" | "mean" | "median") | ({
/** The value that takes a null's place. */
readonly fill: number | string;
});
/** A column of numbers of 0 or more: how much each row counts in losses. A loss that compares rows with one another takes no notice of it. */
readonly weight?: string;
/** Changes of batches, in this order. */
readonly transforms?: readonly (TransformEntry)[];
};
/** The light net and its booster. */
readonly network: NetworkEntry;
/** The total loss is the weighted sum of these. */
readonly losses?: readonly (LossEntry)[];
/** How variables follow their gradients. */
readonly optimizer?: OptimizerEntry;
/** Trainings that follow one another; what a phase does not say holds as the pipeline says it. */
readonly phases?: readonly ({
/** What the phase is called in metrics and results. */
readonly name: string;
/** The nets that are computed and measured; those that the losses read by default. */
readonly nets?: readonly ("light" | "booster")[];
/** The nets whose variables stay as they are: no gradient, no decay, running statistics used and kept. With a net, what both share is frozen, too. */
readonly freeze?: readonly ("light" | "booster" | "shared")[];
/** Whether what both nets share is frozen; true by default where a net is. */
readonly freezeShared?: boolean;
/** The weights to begin with: those after the best or after the last epoch of the phase before. */
readonly from?: "best" | "last";
/** The total loss is the weighted sum of these. */
readonly losses?: readonly (LossEntry)[];
/** How variables follow their gradients. */
readonly optimizer?: OptimizerEntry;
/** How often all training rows are seen. */
readonly epochs?: number;
/** The metric by which the best epoch is chosen; the light net's first metric by default. */
readonly select?: (string) | (string);
/** Shortens gradients that are too long; none are by default. */
readonly clip?: {
/** The greatest L2 norm; longer gradients are scaled to it. */
readonly norm: number;
/** all: the norm of all gradients together. owner: of the light net's own, the booster's own and the shared ones, each for itself, so that no net's gradients shorten another's. */
readonly per?: "all" | "owner";
};
/** When a loss or gradient is NaN or infinite. stop: the run fails. skip: variables stay as they were, and the next batch follows. back: the run goes back to its last checkpoint, with half the rate and without that batch, at most three times. */
readonly nonFinite?: "stop" | "skip" | "back";
/** How many steps in a row may be skipped; one more ends the run. */
readonly maxSkipped?: number;
/** Ends training before `epochs` once a metric no longer becomes better. */
readonly stop?: {
/** The metric that has to become better, on the validation split, or on the test split without one; that of `select` by default. A light net that is trained alone has none of the booster's metrics and goes on to the end. */
readonly metric?: (string) | (string);
/** After how many epochs in a row without a better value training ends. */
readonly patience?: number;
/** By more than how much a value has to be better to count. */
readonly minDelta?: number;
};
})[];
/** How long and how much at once. */
readonly train: {
/** How often all training rows are seen; each phase may say so itself. */
readonly epochs?: number;
/** The rows of a step. */
readonly batch: number;
/** What becomes of the last rows of an epoch if they are fewer than a batch. keep: they are a batch. merge: they join the batch before them if they are at most half a batch, and are a batch otherwise. drop: they are left out of the epoch. merge by default for nets with batch norm, keep for others. */
readonly lastBatch?: "keep" | "merge" | "drop";
/** light-alone: also trains the light net without the booster, with the same seed and budget; as the last phase has it. */
readonly baseline?: "none" | "light-alone";
/** After how many epochs the nets are measured; after the last one of a phase always. The best epoch is one of these, and training ends early after one of these. */
readonly evaluateEvery?: number;
/** The metric by which the best epoch is chosen; the light net's first metric by default. */
readonly select?: (string) | (string);
/** Shortens gradients that are too long; none are by default. */
readonly clip?: {
/** The greatest L2 norm; longer gradients are scaled to it. */
readonly norm: number;
/** all: the norm of all gradients together. owner: of the light net's own, the booster's own and the shared ones, each for itself, so that no net's gradients shorten another's. */
readonly per?: "all" | "owner";
};
/** When a loss or gradient is NaN or infinite. stop: the run fails. skip: variables stay as they were, and the next batch follows. back: the run goes back to its last checkpoint, with half the rate and without that batch, at most three times. */
readonly nonFinite?: "stop" | "skip" | "back";
/** How many steps in a row may be skipped; one more ends the run. */
readonly maxSkipped?: number;
/** Ends training before `epochs` once a metric no longer becomes better. */
readonly stop?: {
/** The metric that has to become better, on the validation split, or on the test split without one; that of `select` by default. A light net that is trained alone has none of the booster's metrics and goes on to the end. */
readonly metric?: (string) | (string);
/** After how many epochs in a row without a better value training ends. */
readonly patience?: number;
/** By more than how much a value has to be better to count. */
readonly minDelta?: number;
};
};
/** What is measured. */
readonly metrics?: readonly (MetricEntry)[];
/** Who listens to the run; metrics.jsonl and result.json are always written. */
readonly outputs?: readonly (OutputEntry)[];
}

/** A pipeline that says what is different from those that it extends. */
export interface ExtendingPipeline {
/** A pipeline file, or several, whose values hold where this one has none. */
readonly extends: (string) | (readonly (string)[]);
/** The JSON Schema, for editors. */
readonly $schema?: string;
/** The name of the run folder and of the result. */
readonly name?: string;
/** Where all random numbers of the run start. */
readonly seed?: number;
/** Where rows come from and what becomes of them. */
readonly data?: {
/** The rows to train on. */
readonly train?: ChangedSourceEntry;
/** The rows to measure the result on. */
readonly test?: ChangedSourceEntry;
/** The rows to choose the best epoch on. */
readonly validation?: ({
/** The part of the training rows, chosen by the seed, that is held out. */
readonly holdout?: number;
}) | (ChangedSourceEntry);
/** How many of the training rows, without those held out, are trained on, chosen by the seed; all by default. */
readonly rows?: number;
/** How much memory rows may take, in bytes or such as 512MB; half of what is available by default. Rows that need more are read when they are needed. */
readonly memory?: (number) | (string);
/** What the nets read: columns by the name that stages use. */
readonly features?: {
readonly [name: string]: ({
/** The column; the feature's name by default. */
readonly column?: string;
/** The shape of one row, such as [28, 28, 1]; as the column's type has it by default. */
readonly shape?: readonly (number)[];
/** What the nets get: int32 for ids; float32 by default, and int32 for strings. */
readonly dtype?: "float32" | "int32";
/** What becomes of nulls: error, drop (the row), mean or median (of the training rows, for numbers), or { fill: VALUE }; as data.nulls says by default. */
readonly nulls?: ("error" | "drop" | "mean" | "median") | ({
/** The value that takes a null's place. */
readonly fill?: number | string;
});
/** What becomes of NaN: error (the default), or missing: what becomes of nulls. */
readonly nan?: "error" | "missing";
/** Pads lists that are shorter than `shape` with this value, and cuts longer ones. */
readonly pad?: number;
/** How strings and whole numbers become ids: by the values of the training rows (train) or a list of values, where all others are one more id; { train: true, minCount: N }: by the values that training rows have N times or more; { hash: N }: hashed into N; { count: N }: they are ids from 0 to N − 1; { of: F }: as those of the feature F. */
readonly ids?: ("train") | ({
/** The values of the training rows; all others are one more id. */
readonly train?: true;
/** How often a value has to occur in the training rows to have an id of its own. */
readonly minCount?: number;
}) | (readonly ((string) | (number))[]) | ({
/** Into how many ids values are hashed. */
readonly hash?: number;
}) | ({
/** How many ids there are. */
readonly count?: number;
}) | ({
/** The feature whose ids they are. */
readonly of?: string;
});
/** Makes lists of ids of this length: shorter ones end in −1, of longer ones `keep` says what is kept. */
readonly length?: number;
/** What of lists that are longer than `length` is kept: the first values, or the last ones; first by default. */
readonly keep?: "first" | "last";
}) | (null);
};
/** What the nets predict. */
readonly label?: (string) | ({
/** The column. */
readonly column?: string;
/** class: one of several; binary: 0 or 1; number: a value to predict. By the column's type by default: number for floats, class for all else. */
readonly kind?: "class" | "binary" | "number";
/** The values of the column in the order of the classes, such as [-1, 1] or [no, yes]; of whole numbers also how many classes there are, numbered from 0, or their names. What the training rows have by default. */
readonly classes?: (number) | (readonly (string | number | boolean)[]);
/** What becomes of nulls: error (the default), drop (the row, the default where data.nulls is drop), or { fill: VALUE }. */
readonly nulls?: ("error" | "drop") | ({
/** The value that takes a null's place. */
readonly fill?: number | string;
});
/** What becomes of NaN: error (the default), or missing: what becomes of nulls. */
readonly nan?: "error" | "missing";
});
/** What becomes of nulls in features that do not say so themselves: error (the default), drop (the row, also for nulls in the label, the weight and the columns that metrics name), mean or median (of the training rows, for numbers), or { fill: VALUE }. Where it does not suit a feature, such as the mean of text, a null is an error. */
readonly nulls?: ("error" | "drop" | "mean" | "median") | ({
/** The value that takes a null's place. */
readonly fill?: number | string;
});
/** A column of numbers of 0 or more: how much each row counts in losses. A loss that compares rows with one another takes no notice of it. */
readonly weight?: string;
/** Changes of batches, in this order. */
readonly transforms?: readonly (TransformEntry)[];
};
/** The light net and its booster. */
readonly network?: ChangedNetworkEntry;
/** The total loss is the weighted sum of these. */
readonly losses?: readonly (LossEntry)[];
/** How variables follow their gradients. */
readonly optimizer?: ChangedOptimizerEntry;
/** Trainings that follow one another; what a phase does not say holds as the pipeline says it. */
readonly phases?: readonly ({
/** What the phase is called in metrics and results. */
readonly name: string;
/** The nets that are computed and measured; those that the losses read by default. */
readonly nets?: readonly ("light" | "booster")[];
/** The nets whose variables stay as they are: no gradient, no decay, running statistics used and kept. With a net, what both share is frozen, too. */
readonly freeze?: readonly ("light" | "booster" | "shared")[];
/** Whether what both nets share is frozen; true by default where a net is. */
readonly freezeShared?: boolean;
/** The weights to begin with: those after the best or after the last epoch of the phase before. */
readonly from?: "best" | "last";
/** The total loss is the weighted sum of these. */
readonly losses?: readonly (LossEntry)[];
/** How variables follow their gradients. */
readonly optimizer?: OptimizerEntry;
/** How often all training rows are seen. */
readonly epochs?: number;
/** The metric by which the best epoch is chosen; the light net's first metric by default. */
readonly select?: (string) | (string);
/** Shortens gradients that are too long; none are by default. */
readonly clip?: {
/** The greatest L2 norm; longer gradients are scaled to it. */
readonly norm: number;
/** all: the norm of all gradients together. owner: of the light net's own, the booster's own and the shared ones, each for itself, so that no net's gradients shorten another's. */
readonly per?: "all" | "owner";
};
/** When a loss or gradient is NaN or infinite. stop: the run fails. skip: variables stay as they were, and the next batch follows. back: the run goes back to its last checkpoint, with half the rate and without that batch, at most three times. */
readonly nonFinite?: "stop" | "skip" | "back";
/** How many steps in a row may be skipped; one more ends the run. */
readonly maxSkipped?: number;
/** Ends training before `epochs` once a metric no longer becomes better. */
readonly stop?: {
/** The metric that has to become better, on the validation split, or on the test split without one; that of `select` by default. A light net that is trained alone has none of the booster's metrics and goes on to the end. */
readonly metric?: (string) | (string);
/** After how many epochs in a row without a better value training ends. */
readonly patience?: number;
/** By more than how much a value has to be better to count. */
readonly minDelta?: number;
};
})[];
/** How long and how much at once. */
readonly train?: {
/** How often all training rows are seen; each phase may say so itself. */
readonly epochs?: number;
/** The rows of a step. */
readonly batch?: number;
/** What becomes of the last rows of an epoch if they are fewer than a batch. keep: they are a batch. merge: they join the batch before them if they are at most half a batch, and are a batch otherwise. drop: they are left out of the epoch. merge by default for nets with batch norm, keep for others. */
readonly lastBatch?: "keep" | "merge" | "drop";
/** light-alone: also trains the light net without the booster, with the same seed and budget; as the last phase has it. */
readonly baseline?: "none" | "light-alone";
/** After how many epochs the nets are measured; after the last one of a phase always. The best epoch is one of these, and training ends early after one of these. */
readonly evaluateEvery?: number;
/** The metric by which the best epoch is chosen; the light net's first metric by default. */
readonly select?: (string) | (string);
/** Shortens gradients that are too long; none are by default. */
readonly clip?: {
/** The greatest L2 norm; longer gradients are scaled to it. */
readonly norm?: number;
/** all: the norm of all gradients together. owner: of the light net's own, the booster's own and the shared ones, each for itself, so that no net's gradients shorten another's. */
readonly per?: "all" | "owner";
};
/** When a loss or gradient is NaN or infinite. stop: the run fails. skip: variables stay as they were, and the next batch follows. back: the run goes back to its last checkpoint, with half the rate and without that batch, at most three times. */
readonly nonFinite?: "stop" | "skip" | "back";
/** How many steps in a row may be skipped; one more ends the run. */
readonly maxSkipped?: number;
/** Ends training before `epochs` once a metric no longer becomes better. */
readonly stop?: {
/** The metric that has to become better, on the validation split, or on the test split without one; that of `select` by default. A light net that is trained alone has none of the booster's metrics and goes on to the end. */
readonly metric?: (string) | (string);
/** After how many epochs in a row without a better value training ends. */
readonly patience?: number;
/** By more than how much a value has to be better to count. */
readonly minDelta?: number;
};
};
/** What is measured. */
readonly metrics?: readonly (MetricEntry)[];
/** Who listens to the run; metrics.jsonl and result.json are always written. */
readonly outputs?: readonly (OutputEntry)[];
}

/** A pipeline. */
export type Pipeline = WholePipeline | ExtendingPipeline;

/** An entry that names a source stage. */
export type SourceEntry =
  | StageObject<"source">
  | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use: "arrow";
/** A file, a glob such as data/part-*.arrow (read in the order of their names), an http(s) address, or a list of them; relative to the pipeline file. */
readonly path: (string) | (readonly (string)[]);
}) | ({
readonly use: "csv";
/** A file, a glob such as data/part-*.csv (read in the order of their names), or a list of them; relative to the pipeline file. They may be packed with gzip. */
readonly path: (string) | (readonly (string)[]);
/** What stands between values; by default a tab in files called .tsv or .tab, else a comma. */
readonly delimiter?: string;
/** What stands around values that have a delimiter or a line break in them; twice within them for itself. */
readonly quote?: string;
/** Whether the first line has the columns' names. Else they come from `columns`, or are column0, column1, … */
readonly header?: boolean;
/** Types by column; those of others are worked out from all values. Without a header: all columns in their order. */
readonly columns?: {
readonly [name: string]: "bool" | "int8" | "int16" | "int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64" | "float32" | "float64" | "string" | "date" | "time" | "timestamp";
};
/** What stands for a null. */
readonly nullValues?: readonly (string)[];
/** How many rows a record batch has; by default a power of 2, so that it has about 4 MB. */
readonly batchRows?: number;
}) | ({
readonly use: "parquet";
/** A file, a glob such as data/part-*.parquet (read in the order of their names), or a list of them; relative to the pipeline file. */
readonly path: (string) | (readonly (string)[]);
/** How many rows a record batch has; by default a power of 2, so that it has about 4 MB. */
readonly batchRows?: number;
}) | ({
readonly use: "sql";
/** One SELECT in DuckDB's SQL. It sees the tables named here and those of the database, and no other file. */
readonly query: string;
/** Parquet, CSV and TSV files by the name that the query has for them: a path, a glob or a list; relative to the pipeline file. */
readonly tables?: {
readonly [name: string]: (string) | (readonly (string)[]);
};
/** A DuckDB database, which is only read; relative to the pipeline file. */
readonly database?: string;
/** How many rows a record batch has; by default a power of 2, so that it has about 4 MB. */
readonly batchRows?: number;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
readonly [option: string]: unknown;
});

/** An entry that names a transform stage. */
export type TransformEntry =
  | StageObject<"transform">
  | ("horizontal-flip" | "log" | "normalize" | "one-hot" | "random-crop") | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use: "cast";
/** training: not applied when measuring; all: always. Augmentation has training by default. */
readonly on?: "training" | "all";
/** What the values become; fractions are cut off for int32. */
readonly dtype: "float32" | "int32";
/** The feature, or a list of them; all that it suits by default. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "crop";
/** training: not applied when measuring; all: always. Augmentation has training by default. */
readonly on?: "training" | "all";
/** The height and the width of what is kept. */
readonly to: readonly [number, number];
/** The feature, or a list of them; all that it suits by default. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "horizontal-flip";
/** training: not applied when measuring; all: always. Augmentation has training by default. */
readonly on?: "training" | "all";
/** The part of the images that is mirrored. */
readonly probability?: number;
/** The feature, or a list of them; all that it suits by default. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "log";
/** training: not applied when measuring; all: always. Augmentation has training by default. */
readonly on?: "training" | "all";
/** What is added before the logarithm is taken. */
readonly offset?: number;
/** The feature, or a list of them; all that it suits by default. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "normalize";
/** training: not applied when measuring; all: always. Augmentation has training by default. */
readonly on?: "training" | "all";
/** The mean: one number, or one a channel (or a value). Measured on the training rows by default. */
readonly mean?: (number) | (readonly (number)[]);
/** The standard deviation, as mean. */
readonly std?: (number) | (readonly (number)[]);
/** What is measured alone: each channel (the last dimension), each value of a row, or all together. */
readonly per?: "channel" | "value" | "all";
/** The feature, or a list of them; all that it suits by default. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "one-hot";
/** training: not applied when measuring; all: always. Augmentation has training by default. */
readonly on?: "training" | "all";
/** How many ids there are; where the pipeline knows that, as of strings and of `ids:`, so many by default. */
readonly count?: number;
/** The feature, or a list of them; all that it suits by default. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "pad";
/** training: not applied when measuring; all: always. Augmentation has training by default. */
readonly on?: "training" | "all";
/** How many pixels are added on each side. */
readonly size: number;
/** zero: zeros; reflect: the image mirrored at its outermost pixels; symmetric: mirrored at its edges, which doubles its outermost pixels. */
readonly mode?: "zero" | "reflect" | "symmetric";
/** The feature, or a list of them; all that it suits by default. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "random-crop";
/** training: not applied when measuring; all: always. Augmentation has training by default. */
readonly on?: "training" | "all";
/** How many pixels are added on each side first. */
readonly pad?: number;
/** What is added. zero: zeros; reflect: the image mirrored at its outermost pixels; symmetric: mirrored at its edges, which doubles its outermost pixels. */
readonly mode?: "zero" | "reflect" | "symmetric";
/** The height and the width of the window; those of the image by default. */
readonly to?: readonly [number, number];
/** The feature, or a list of them; all that it suits by default. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "rename";
/** training: not applied when measuring; all: always. Augmentation has training by default. */
readonly on?: "training" | "all";
/** The new names by the old ones, such as { pixels: image }. */
readonly names: {
readonly [name: string]: string;
};
}) | ({
readonly use: "reshape";
/** training: not applied when measuring; all: always. Augmentation has training by default. */
readonly on?: "training" | "all";
/** The new shape of one row, such as [28, 28, 1]; one length may be -1: what is left. */
readonly shape: readonly (number)[];
/** The feature, or a list of them; all that it suits by default. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "resize";
/** training: not applied when measuring; all: always. Augmentation has training by default. */
readonly on?: "training" | "all";
/** The height and the width that images get. */
readonly to: readonly [number, number];
/** area: means of the pixels that a new one covers, to make images smaller; bilinear: between the four nearest pixels. */
readonly mode?: "area" | "bilinear";
/** The feature, or a list of them; all that it suits by default. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "scale";
/** training: not applied when measuring; all: always. Augmentation has training by default. */
readonly on?: "training" | "all";
/** The factor. */
readonly by: number;
/** What is added after that. */
readonly offset?: number;
/** The feature, or a list of them; all that it suits by default. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "select";
/** training: not applied when measuring; all: always. Augmentation has training by default. */
readonly on?: "training" | "all";
/** The features that are kept, in this order. */
readonly features: readonly (string)[];
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
/** training: not applied when measuring; all: always. Augmentation has training by default. */
readonly on?: "training" | "all";
readonly [option: string]: unknown;
});

/** An entry that names a network stage. */
export type NetworkEntry =
  | StageObject<"network">
  | ("ctr" | "mlp") | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use: "ctr";
/** Weights to begin with instead of random ones: of a run for all, or by net. Rows of tables, inputs and classes are matched by value. */
readonly initial?: ({
/** What the light net begins with. */
readonly light?: ({
/** A safetensors file. */
readonly file: string;
/** pytorch: kernels are [out, in, height, width] and [out, in], and are turned. */
readonly layout?: "rocket" | "pytorch";
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** By feature, the values that the rows of its table are of: a text file with a value a line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, where these read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, where the label has names. */
readonly classes?: readonly (string)[];
}) | ({
/** A run folder. */
readonly run: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
});
/** What the booster begins with, and what both share. */
readonly booster?: ({
/** A safetensors file. */
readonly file: string;
/** pytorch: kernels are [out, in, height, width] and [out, in], and are turned. */
readonly layout?: "rocket" | "pytorch";
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** By feature, the values that the rows of its table are of: a text file with a value a line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, where these read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, where the label has names. */
readonly classes?: readonly (string)[];
}) | ({
/** A run folder. */
readonly run: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
});
}) | ({
/** A run folder. */
readonly run: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** Whether the optimizer goes on as well: its slots, matched as the weights are, and its count of steps. Schedules start anew. */
readonly optimizer?: boolean;
});
/** bottom: both nets read the same embeddings and shared layers; separate: each has its own, for a booster trained beforehand. */
readonly sharing?: "bottom" | "separate";
/** The size of embeddings. */
readonly embedding?: number;
/** How single features are read, by name; all others are read by default. */
readonly features?: {
readonly [name: string]: {
/** The size of the embedding; `embedding` of the network by default. */
readonly size?: number;
/** What becomes of a list's embeddings, without empty places; mean by default. */
readonly pooling?: "mean" | "sum";
/** Weighs a list's embeddings by the candidate (DIN), and adds them up. */
readonly attention?: {
/** The feature of the candidate, with one id a row. */
readonly to: string;
/** Units of the activation unit's hidden layers. */
readonly hidden?: readonly (number)[];
/** The activation behind each of them. */
readonly activation?: "relu" | "prelu" | "dice";
};
};
};
/** Units of the shared layers, one number a layer, from the bottom up. */
readonly shared?: readonly (number)[];
/** The light net's own layers. */
readonly light?: {
/** Units of the light net's own hidden layers, one number a layer, from the bottom up. */
readonly hidden?: readonly (number)[];
};
/** The booster's own layers. */
readonly booster?: {
/** Units of the booster's own hidden layers, one number a layer, from the bottom up. */
readonly hidden?: readonly (number)[];
};
/** Behind each hidden layer: relu, prelu, or dice. */
readonly activation?: "relu" | "prelu" | "dice";
/** Whether hidden layers are normalised before their activation. */
readonly batchNorm?: boolean;
/** The part of each hidden layer's units that are dropped while training. */
readonly dropout?: number;
}) | ({
readonly use: "mlp";
/** Weights to begin with instead of random ones: of a run for all, or by net. Rows of tables, inputs and classes are matched by value. */
readonly initial?: ({
/** What the light net begins with. */
readonly light?: ({
/** A safetensors file. */
readonly file: string;
/** pytorch: kernels are [out, in, height, width] and [out, in], and are turned. */
readonly layout?: "rocket" | "pytorch";
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** By feature, the values that the rows of its table are of: a text file with a value a line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, where these read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, where the label has names. */
readonly classes?: readonly (string)[];
}) | ({
/** A run folder. */
readonly run: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
});
/** What the booster begins with, and what both share. */
readonly booster?: ({
/** A safetensors file. */
readonly file: string;
/** pytorch: kernels are [out, in, height, width] and [out, in], and are turned. */
readonly layout?: "rocket" | "pytorch";
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** By feature, the values that the rows of its table are of: a text file with a value a line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, where these read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, where the label has names. */
readonly classes?: readonly (string)[];
}) | ({
/** A run folder. */
readonly run: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
});
}) | ({
/** A run folder. */
readonly run: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** Whether the optimizer goes on as well: its slots, matched as the weights are, and its count of steps. Schedules start anew. */
readonly optimizer?: boolean;
});
/** Units of the shared layers, one number a layer, from the bottom up. */
readonly shared?: readonly (number)[];
/** Units of the light net's own hidden layers, one number a layer, from the bottom up. */
readonly light?: readonly (number)[];
/** Units of the booster's own hidden layers, one number a layer, from the bottom up. */
readonly booster?: readonly (number)[];
}) | ({
readonly use: "wide-resnet";
/** Weights to begin with instead of random ones: of a run for all, or by net. Rows of tables, inputs and classes are matched by value. */
readonly initial?: ({
/** What the light net begins with. */
readonly light?: ({
/** A safetensors file. */
readonly file: string;
/** pytorch: kernels are [out, in, height, width] and [out, in], and are turned. */
readonly layout?: "rocket" | "pytorch";
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** By feature, the values that the rows of its table are of: a text file with a value a line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, where these read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, where the label has names. */
readonly classes?: readonly (string)[];
}) | ({
/** A run folder. */
readonly run: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
});
/** What the booster begins with, and what both share. */
readonly booster?: ({
/** A safetensors file. */
readonly file: string;
/** pytorch: kernels are [out, in, height, width] and [out, in], and are turned. */
readonly layout?: "rocket" | "pytorch";
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** By feature, the values that the rows of its table are of: a text file with a value a line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, where these read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, where the label has names. */
readonly classes?: readonly (string)[];
}) | ({
/** A run folder. */
readonly run: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
});
}) | ({
/** A run folder. */
readonly run: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** Whether the optimizer goes on as well: its slots, matched as the weights are, and its count of steps. Schedules start anew. */
readonly optimizer?: boolean;
});
/** interval: the light net runs the first blocks of each group of the booster; bottom: its first two groups; none: only the first convolution; separate: nothing, for a booster trained beforehand. */
readonly sharing?: "interval" | "bottom" | "none" | "separate";
/** The light net; left out with sharing: bottom, where it is a part of the booster. */
readonly light?: {
/** Layers of the light net, 6n + 4 for n blocks a group: 10, 16, 22, 28, 40. */
readonly depth: number;
/** Factor on the channels [16, 32, 64] of the three groups. */
readonly width?: number;
/** How many of the groups it has; 2 for the light net of sharing: bottom with kernels of its own. */
readonly groups?: number;
};
/** The booster. */
readonly booster: {
/** Layers of the booster, 6n + 4 for n blocks a group: 10, 16, 22, 28, 40. */
readonly depth: number;
/** Factor on the channels [16, 32, 64] of the three groups. */
readonly width?: number;
};
/** The image feature; the only feature by default. */
readonly feature?: string;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
/** Weights to begin with instead of random ones: of a run for all, or by net. Rows of tables, inputs and classes are matched by value. */
readonly initial?: ({
/** What the light net begins with. */
readonly light?: ({
/** A safetensors file. */
readonly file: string;
/** pytorch: kernels are [out, in, height, width] and [out, in], and are turned. */
readonly layout?: "rocket" | "pytorch";
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** By feature, the values that the rows of its table are of: a text file with a value a line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, where these read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, where the label has names. */
readonly classes?: readonly (string)[];
}) | ({
/** A run folder. */
readonly run: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
});
/** What the booster begins with, and what both share. */
readonly booster?: ({
/** A safetensors file. */
readonly file: string;
/** pytorch: kernels are [out, in, height, width] and [out, in], and are turned. */
readonly layout?: "rocket" | "pytorch";
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** By feature, the values that the rows of its table are of: a text file with a value a line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, where these read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, where the label has names. */
readonly classes?: readonly (string)[];
}) | ({
/** A run folder. */
readonly run: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
});
}) | ({
/** A run folder. */
readonly run: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** Whether the optimizer goes on as well: its slots, matched as the weights are, and its count of steps. Schedules start anew. */
readonly optimizer?: boolean;
});
readonly [option: string]: unknown;
});

/** An entry that names a loss stage. */
export type LossEntry =
  | StageObject<"loss">
  | ("attention-transfer" | "binary-cross-entropy" | "cross-entropy" | "decoupled-kd" | "dist" | "fitnet" | "hidden-similarity" | "kl" | "knowledge-distillation" | "logit-standardization" | "mean-squared-error" | "mse-hint" | "mse-probability" | "relational-kd" | "similarity-preserving" | "soft-label") | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use: "attention-transfer";
/** The name in metrics; STAGE(on) or STAGE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. A list for the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list as long as that of `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
/** The power of the activations, p. */
readonly power?: number;
}) | ({
readonly use: "binary-cross-entropy";
/** The name in metrics; STAGE(on) or STAGE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. A list for the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list as long as that of `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
}) | ({
readonly use: "cross-entropy";
/** The name in metrics; STAGE(on) or STAGE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. A list for the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list as long as that of `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
/** The part of the label that is spread evenly over all classes. */
readonly labelSmoothing?: number;
}) | ({
readonly use: "decoupled-kd";
/** The name in metrics; STAGE(on) or STAGE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. A list for the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list as long as that of `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
/** What logits are divided by, T. */
readonly temperature?: number;
/** The weight of the label's class, α. */
readonly alpha?: number;
/** The weight of the other classes, β. */
readonly beta?: number;
/** Whether to multiply by T². */
readonly scaleByTemperature?: boolean;
}) | ({
readonly use: "dist";
/** The name in metrics; STAGE(on) or STAGE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. A list for the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list as long as that of `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
/** The weight of the relation within a row, β. */
readonly beta?: number;
/** The weight of the relation within a class, γ. */
readonly gamma?: number;
/** What logits are divided by, τ. */
readonly temperature?: number;
/** Whether to multiply by τ². */
readonly scaleByTemperature?: boolean;
}) | ({
readonly use: "fitnet";
/** The name in metrics; STAGE(on) or STAGE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. A list for the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list as long as that of `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
/** Whether outputs of equal shape are compared through a regressor, too. */
readonly regressor?: "where-shapes-differ" | "always";
/** mean: over the output; half-sum: the paper's ½ Σ. */
readonly reduce?: "mean" | "half-sum";
}) | ({
readonly use: "hidden-similarity";
/** The name in metrics; STAGE(on) or STAGE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. A list for the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list as long as that of `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
/** What is compared. */
readonly measure?: "cosine" | "euclid";
}) | ({
readonly use: "kl";
/** The name in metrics; STAGE(on) or STAGE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. A list for the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list as long as that of `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
/** What logits are divided by, T. */
readonly temperature?: number;
/** Whether to multiply by T². */
readonly scaleByTemperature?: boolean;
}) | ({
readonly use: "knowledge-distillation";
/** The name in metrics; STAGE(on) or STAGE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. A list for the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list as long as that of `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
/** What logits are divided by, T. */
readonly temperature?: number;
/** The soft label's part, α; the label's is 1 − α. */
readonly alpha?: number;
/** Whether to multiply the soft part by T². */
readonly scaleByTemperature?: boolean;
}) | ({
readonly use: "logit-standardization";
/** The name in metrics; STAGE(on) or STAGE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. A list for the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list as long as that of `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
/** What standardised logits are divided by, τ. */
readonly temperature?: number;
/** Whether to multiply by τ². */
readonly scaleByTemperature?: boolean;
}) | ({
readonly use: "mean-squared-error";
/** The name in metrics; STAGE(on) or STAGE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. A list for the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list as long as that of `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
}) | ({
readonly use: "mse-hint";
/** The name in metrics; STAGE(on) or STAGE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. A list for the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list as long as that of `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
}) | ({
readonly use: "mse-probability";
/** The name in metrics; STAGE(on) or STAGE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. A list for the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list as long as that of `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
}) | ({
readonly use: "relational-kd";
/** The name in metrics; STAGE(on) or STAGE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. A list for the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list as long as that of `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
/** The weight of distances, λ_D. */
readonly distance?: number;
/** The weight of angles, λ_A. They take n³ numbers for n rows. */
readonly angle?: number;
}) | ({
readonly use: "similarity-preserving";
/** The name in metrics; STAGE(on) or STAGE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. A list for the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list as long as that of `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
}) | ({
readonly use: "soft-label";
/** The name in metrics; STAGE(on) or STAGE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. A list for the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list as long as that of `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
/** What logits are divided by, T. */
readonly temperature?: number;
/** Whether to multiply by T². */
readonly scaleByTemperature?: boolean;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
/** The name in metrics; STAGE(on) or STAGE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. A list for the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list as long as that of `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
readonly [option: string]: unknown;
});

/** An entry that names a gradient stage. */
export type GradientEntry =
  | StageObject<"gradient">
  | ("block" | "block-shared" | "mutual" | "none" | "scale") | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use: "block";
}) | ({
readonly use: "block-shared";
}) | ({
readonly use: "mutual";
}) | ({
readonly use: "none";
}) | ({
readonly use: "ramp";
/** What changes. */
readonly side?: "from" | "to" | "shared";
/** What passes before the span. */
readonly start?: number;
/** What passes after it. */
readonly end?: number;
/** Where the span begins. */
readonly after?: number;
/** How long the span is. */
readonly over: number;
/** What both count. */
readonly unit?: "steps" | "epochs";
}) | ({
readonly use: "scale";
/** What passes to the teacher. */
readonly from?: number;
/** What passes to the student. */
readonly to?: number;
/** What passes on into shared layers. */
readonly shared?: number;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
readonly [option: string]: unknown;
});

/** An entry that names an optimizer stage. */
export type OptimizerEntry =
  | StageObject<"optimizer">
  | ({
readonly use: "adagrad";
/** The learning rate, before the schedule's factor. */
readonly rate: number;
/** How the rate changes over the run. */
readonly schedule?: ScheduleEntry;
/** lazy: a step moves the rows of embedding tables that it reads, as PyTorch's SparseAdam does; others get no weight decay, momentum or move of Adam's. exact: each step moves all rows, as PyTorch does without sparse gradients; it costs time and memory by the size of the tables. */
readonly tables?: "lazy" | "exact";
/** What the sum of squares starts with. */
readonly initial?: number;
/** What is added to the root. */
readonly epsilon?: number;
/** The factor of the L2 penalty. */
readonly weightDecay?: number;
}) | ({
readonly use: "adam";
/** The learning rate, before the schedule's factor. */
readonly rate: number;
/** How the rate changes over the run. */
readonly schedule?: ScheduleEntry;
/** lazy: a step moves the rows of embedding tables that it reads, as PyTorch's SparseAdam does; others get no weight decay, momentum or move of Adam's. exact: each step moves all rows, as PyTorch does without sparse gradients; it costs time and memory by the size of the tables. */
readonly tables?: "lazy" | "exact";
/** What is kept of the mean and of the mean square. */
readonly betas?: readonly [number, number];
/** What is added to the root. */
readonly epsilon?: number;
/** The factor of the L2 penalty. */
readonly weightDecay?: number;
}) | ({
readonly use: "adamw";
/** The learning rate, before the schedule's factor. */
readonly rate: number;
/** How the rate changes over the run. */
readonly schedule?: ScheduleEntry;
/** lazy: a step moves the rows of embedding tables that it reads, as PyTorch's SparseAdam does; others get no weight decay, momentum or move of Adam's. exact: each step moves all rows, as PyTorch does without sparse gradients; it costs time and memory by the size of the tables. */
readonly tables?: "lazy" | "exact";
/** What is kept of the mean and of the mean square. */
readonly betas?: readonly [number, number];
/** What is added to the root. */
readonly epsilon?: number;
/** The part of a weight that decays, times the rate. */
readonly weightDecay?: number;
}) | ({
readonly use: "sgd";
/** The learning rate, before the schedule's factor. */
readonly rate: number;
/** How the rate changes over the run. */
readonly schedule?: ScheduleEntry;
/** lazy: a step moves the rows of embedding tables that it reads, as PyTorch's SparseAdam does; others get no weight decay, momentum or move of Adam's. exact: each step moves all rows, as PyTorch does without sparse gradients; it costs time and memory by the size of the tables. */
readonly tables?: "lazy" | "exact";
/** What is kept of the last move. */
readonly momentum?: number;
/** Whether to look ahead; needs momentum. */
readonly nesterov?: boolean;
/** The factor of the L2 penalty. */
readonly weightDecay?: number;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
/** The learning rate, before the schedule's factor. */
readonly rate: number;
/** How the rate changes over the run. */
readonly schedule?: ScheduleEntry;
/** lazy: a step moves the rows of embedding tables that it reads, as PyTorch's SparseAdam does; others get no weight decay, momentum or move of Adam's. exact: each step moves all rows, as PyTorch does without sparse gradients; it costs time and memory by the size of the tables. */
readonly tables?: "lazy" | "exact";
readonly [option: string]: unknown;
});

/** An entry that names a schedule stage. */
export type ScheduleEntry =
  | StageObject<"schedule">
  | ("constant" | "cosine") | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use: "constant";
}) | ({
readonly use: "cosine";
/** The part of the rate that it ends with. */
readonly to?: number;
}) | ({
readonly use: "steps";
/** After how many epochs or steps. */
readonly at: readonly (number)[];
/** The factor each time. */
readonly by?: number;
/** What `at` counts. */
readonly unit?: "epochs" | "steps";
}) | ({
readonly use: "warm-up";
/** How long the rate rises. */
readonly for: number;
/** What `for` counts. */
readonly unit?: "epochs" | "steps";
/** The part of the rate to start with. */
readonly from?: number;
/** The schedule that follows; constant by default. */
readonly then?: ScheduleEntry;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
readonly [option: string]: unknown;
});

/** An entry that names a metric stage. */
export type MetricEntry =
  | StageObject<"metric">
  | ("accuracy" | "agreement" | "auc" | "calibration" | "log-loss" | "loss" | "mean-absolute-error" | "top-k") | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use: "accuracy";
/** The key in results; the stage's name by default. */
readonly name?: string;
}) | ({
readonly use: "agreement";
/** The key in results; the stage's name by default. */
readonly name?: string;
}) | ({
readonly use: "auc";
/** The key in results; the stage's name by default. */
readonly name?: string;
}) | ({
readonly use: "calibration";
/** The key in results; the stage's name by default. */
readonly name?: string;
/** How many bins of equal width the ECE has. */
readonly bins?: number;
}) | ({
readonly use: "gauc";
/** The key in results; the stage's name by default. */
readonly name?: string;
/** The column of the source that says whose a row is, such as a user's id. */
readonly by: string;
}) | ({
readonly use: "log-loss";
/** The key in results; the stage's name by default. */
readonly name?: string;
}) | ({
readonly use: "loss";
/** The key in results; the stage's name by default. */
readonly name?: string;
}) | ({
readonly use: "mean-absolute-error";
/** The key in results; the stage's name by default. */
readonly name?: string;
}) | ({
readonly use: "recall-at-k";
/** The key in results; the stage's name by default. */
readonly name?: string;
/** The column of the source that says whose a row is, such as a user's id. */
readonly by: string;
/** How many rows of a user count. */
readonly k?: number;
}) | ({
readonly use: "top-k";
/** The key in results; the stage's name by default. */
readonly name?: string;
/** How many classes count. */
readonly k?: number;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
/** The key in results; the stage's name by default. */
readonly name?: string;
readonly [option: string]: unknown;
});

/** An entry that names an output stage. */
export type OutputEntry =
  | StageObject<"output">
  | ("checkpoint" | "metrics" | "progress" | "result") | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use: "checkpoint";
/** Epochs between checkpoints. */
readonly every?: number;
/** Steps between checkpoints, beside those after epochs. */
readonly everySteps?: number;
/** Minutes between checkpoints, beside those after epochs. */
readonly everyMinutes?: number;
/** How many of the latest stay; with 1 there is none to fall back on if it is damaged. */
readonly keep?: number;
/** Epochs between checkpoints that stay for good. */
readonly keepEvery?: number;
}) | ({
readonly use: "metrics";
}) | ({
readonly use: "progress";
}) | ({
readonly use: "result";
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
readonly [option: string]: unknown;
});

/** What a pipeline that extends others changes of a source stage. */
export type ChangedSourceEntry =
  | StageObject<"source">
  | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use?: "arrow";
/** A file, a glob such as data/part-*.arrow (read in the order of their names), an http(s) address, or a list of them; relative to the pipeline file. */
readonly path?: (string) | (readonly (string)[]);
}) | ({
readonly use?: "csv";
/** A file, a glob such as data/part-*.csv (read in the order of their names), or a list of them; relative to the pipeline file. They may be packed with gzip. */
readonly path?: (string) | (readonly (string)[]);
/** What stands between values; by default a tab in files called .tsv or .tab, else a comma. */
readonly delimiter?: string;
/** What stands around values that have a delimiter or a line break in them; twice within them for itself. */
readonly quote?: string;
/** Whether the first line has the columns' names. Else they come from `columns`, or are column0, column1, … */
readonly header?: boolean;
/** Types by column; those of others are worked out from all values. Without a header: all columns in their order. */
readonly columns?: {
readonly [name: string]: "bool" | "int8" | "int16" | "int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64" | "float32" | "float64" | "string" | "date" | "time" | "timestamp";
};
/** What stands for a null. */
readonly nullValues?: readonly (string)[];
/** How many rows a record batch has; by default a power of 2, so that it has about 4 MB. */
readonly batchRows?: number;
}) | ({
readonly use?: "parquet";
/** A file, a glob such as data/part-*.parquet (read in the order of their names), or a list of them; relative to the pipeline file. */
readonly path?: (string) | (readonly (string)[]);
/** How many rows a record batch has; by default a power of 2, so that it has about 4 MB. */
readonly batchRows?: number;
}) | ({
readonly use?: "sql";
/** One SELECT in DuckDB's SQL. It sees the tables named here and those of the database, and no other file. */
readonly query?: string;
/** Parquet, CSV and TSV files by the name that the query has for them: a path, a glob or a list; relative to the pipeline file. */
readonly tables?: {
readonly [name: string]: (string) | (readonly (string)[]);
};
/** A DuckDB database, which is only read; relative to the pipeline file. */
readonly database?: string;
/** How many rows a record batch has; by default a power of 2, so that it has about 4 MB. */
readonly batchRows?: number;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
readonly [option: string]: unknown;
});

/** What a pipeline that extends others changes of a network stage. */
export type ChangedNetworkEntry =
  | StageObject<"network">
  | ("ctr" | "mlp") | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use?: "ctr";
/** Weights to begin with instead of random ones: of a run for all, or by net. Rows of tables, inputs and classes are matched by value. */
readonly initial?: ({
/** What the light net begins with. */
readonly light?: ({
/** A safetensors file. */
readonly file?: string;
/** pytorch: kernels are [out, in, height, width] and [out, in], and are turned. */
readonly layout?: "rocket" | "pytorch";
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** By feature, the values that the rows of its table are of: a text file with a value a line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, where these read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, where the label has names. */
readonly classes?: readonly (string)[];
}) | ({
/** A run folder. */
readonly run?: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
});
/** What the booster begins with, and what both share. */
readonly booster?: ({
/** A safetensors file. */
readonly file?: string;
/** pytorch: kernels are [out, in, height, width] and [out, in], and are turned. */
readonly layout?: "rocket" | "pytorch";
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** By feature, the values that the rows of its table are of: a text file with a value a line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, where these read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, where the label has names. */
readonly classes?: readonly (string)[];
}) | ({
/** A run folder. */
readonly run?: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
});
}) | ({
/** A run folder. */
readonly run?: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** Whether the optimizer goes on as well: its slots, matched as the weights are, and its count of steps. Schedules start anew. */
readonly optimizer?: boolean;
});
/** bottom: both nets read the same embeddings and shared layers; separate: each has its own, for a booster trained beforehand. */
readonly sharing?: "bottom" | "separate";
/** The size of embeddings. */
readonly embedding?: number;
/** How single features are read, by name; all others are read by default. */
readonly features?: {
readonly [name: string]: {
/** The size of the embedding; `embedding` of the network by default. */
readonly size?: number;
/** What becomes of a list's embeddings, without empty places; mean by default. */
readonly pooling?: "mean" | "sum";
/** Weighs a list's embeddings by the candidate (DIN), and adds them up. */
readonly attention?: {
/** The feature of the candidate, with one id a row. */
readonly to?: string;
/** Units of the activation unit's hidden layers. */
readonly hidden?: readonly (number)[];
/** The activation behind each of them. */
readonly activation?: "relu" | "prelu" | "dice";
};
};
};
/** Units of the shared layers, one number a layer, from the bottom up. */
readonly shared?: readonly (number)[];
/** The light net's own layers. */
readonly light?: {
/** Units of the light net's own hidden layers, one number a layer, from the bottom up. */
readonly hidden?: readonly (number)[];
};
/** The booster's own layers. */
readonly booster?: {
/** Units of the booster's own hidden layers, one number a layer, from the bottom up. */
readonly hidden?: readonly (number)[];
};
/** Behind each hidden layer: relu, prelu, or dice. */
readonly activation?: "relu" | "prelu" | "dice";
/** Whether hidden layers are normalised before their activation. */
readonly batchNorm?: boolean;
/** The part of each hidden layer's units that are dropped while training. */
readonly dropout?: number;
}) | ({
readonly use?: "mlp";
/** Weights to begin with instead of random ones: of a run for all, or by net. Rows of tables, inputs and classes are matched by value. */
readonly initial?: ({
/** What the light net begins with. */
readonly light?: ({
/** A safetensors file. */
readonly file?: string;
/** pytorch: kernels are [out, in, height, width] and [out, in], and are turned. */
readonly layout?: "rocket" | "pytorch";
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** By feature, the values that the rows of its table are of: a text file with a value a line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, where these read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, where the label has names. */
readonly classes?: readonly (string)[];
}) | ({
/** A run folder. */
readonly run?: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
});
/** What the booster begins with, and what both share. */
readonly booster?: ({
/** A safetensors file. */
readonly file?: string;
/** pytorch: kernels are [out, in, height, width] and [out, in], and are turned. */
readonly layout?: "rocket" | "pytorch";
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** By feature, the values that the rows of its table are of: a text file with a value a line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, where these read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, where the label has names. */
readonly classes?: readonly (string)[];
}) | ({
/** A run folder. */
readonly run?: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
});
}) | ({
/** A run folder. */
readonly run?: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** Whether the optimizer goes on as well: its slots, matched as the weights are, and its count of steps. Schedules start anew. */
readonly optimizer?: boolean;
});
/** Units of the shared layers, one number a layer, from the bottom up. */
readonly shared?: readonly (number)[];
/** Units of the light net's own hidden layers, one number a layer, from the bottom up. */
readonly light?: readonly (number)[];
/** Units of the booster's own hidden layers, one number a layer, from the bottom up. */
readonly booster?: readonly (number)[];
}) | ({
readonly use?: "wide-resnet";
/** Weights to begin with instead of random ones: of a run for all, or by net. Rows of tables, inputs and classes are matched by value. */
readonly initial?: ({
/** What the light net begins with. */
readonly light?: ({
/** A safetensors file. */
readonly file?: string;
/** pytorch: kernels are [out, in, height, width] and [out, in], and are turned. */
readonly layout?: "rocket" | "pytorch";
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** By feature, the values that the rows of its table are of: a text file with a value a line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, where these read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, where the label has names. */
readonly classes?: readonly (string)[];
}) | ({
/** A run folder. */
readonly run?: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
});
/** What the booster begins with, and what both share. */
readonly booster?: ({
/** A safetensors file. */
readonly file?: string;
/** pytorch: kernels are [out, in, height, width] and [out, in], and are turned. */
readonly layout?: "rocket" | "pytorch";
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** By feature, the values that the rows of its table are of: a text file with a value a line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, where these read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, where the label has names. */
readonly classes?: readonly (string)[];
}) | ({
/** A run folder. */
readonly run?: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
});
}) | ({
/** A run folder. */
readonly run?: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** Whether the optimizer goes on as well: its slots, matched as the weights are, and its count of steps. Schedules start anew. */
readonly optimizer?: boolean;
});
/** interval: the light net runs the first blocks of each group of the booster; bottom: its first two groups; none: only the first convolution; separate: nothing, for a booster trained beforehand. */
readonly sharing?: "interval" | "bottom" | "none" | "separate";
/** The light net; left out with sharing: bottom, where it is a part of the booster. */
readonly light?: {
/** Layers of the light net, 6n + 4 for n blocks a group: 10, 16, 22, 28, 40. */
readonly depth?: number;
/** Factor on the channels [16, 32, 64] of the three groups. */
readonly width?: number;
/** How many of the groups it has; 2 for the light net of sharing: bottom with kernels of its own. */
readonly groups?: number;
};
/** The booster. */
readonly booster?: {
/** Layers of the booster, 6n + 4 for n blocks a group: 10, 16, 22, 28, 40. */
readonly depth?: number;
/** Factor on the channels [16, 32, 64] of the three groups. */
readonly width?: number;
};
/** The image feature; the only feature by default. */
readonly feature?: string;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
/** Weights to begin with instead of random ones: of a run for all, or by net. Rows of tables, inputs and classes are matched by value. */
readonly initial?: ({
/** What the light net begins with. */
readonly light?: ({
/** A safetensors file. */
readonly file?: string;
/** pytorch: kernels are [out, in, height, width] and [out, in], and are turned. */
readonly layout?: "rocket" | "pytorch";
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** By feature, the values that the rows of its table are of: a text file with a value a line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, where these read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, where the label has names. */
readonly classes?: readonly (string)[];
}) | ({
/** A run folder. */
readonly run?: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
});
/** What the booster begins with, and what both share. */
readonly booster?: ({
/** A safetensors file. */
readonly file?: string;
/** pytorch: kernels are [out, in, height, width] and [out, in], and are turned. */
readonly layout?: "rocket" | "pytorch";
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** By feature, the values that the rows of its table are of: a text file with a value a line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, where these read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, where the label has names. */
readonly classes?: readonly (string)[];
}) | ({
/** A run folder. */
readonly run?: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
});
}) | ({
/** A run folder. */
readonly run?: string;
/** best, last, best-PHASE, or the name of one of its checkpoints. */
readonly checkpoint?: string;
/** The variables by the names that the file has for them: a name, or a pattern whose * stand for the same texts on both sides. The first that fits holds; other names are the variables' own. */
readonly names?: {
readonly [name: string]: string;
};
/** Whether the optimizer goes on as well: its slots, matched as the weights are, and its count of steps. Schedules start anew. */
readonly optimizer?: boolean;
});
readonly [option: string]: unknown;
});

/** What a pipeline that extends others changes of an optimizer stage. */
export type ChangedOptimizerEntry =
  | StageObject<"optimizer">
  | ({
readonly use?: "adagrad";
/** The learning rate, before the schedule's factor. */
readonly rate?: number;
/** How the rate changes over the run. */
readonly schedule?: ChangedScheduleEntry;
/** lazy: a step moves the rows of embedding tables that it reads, as PyTorch's SparseAdam does; others get no weight decay, momentum or move of Adam's. exact: each step moves all rows, as PyTorch does without sparse gradients; it costs time and memory by the size of the tables. */
readonly tables?: "lazy" | "exact";
/** What the sum of squares starts with. */
readonly initial?: number;
/** What is added to the root. */
readonly epsilon?: number;
/** The factor of the L2 penalty. */
readonly weightDecay?: number;
}) | ({
readonly use?: "adam";
/** The learning rate, before the schedule's factor. */
readonly rate?: number;
/** How the rate changes over the run. */
readonly schedule?: ChangedScheduleEntry;
/** lazy: a step moves the rows of embedding tables that it reads, as PyTorch's SparseAdam does; others get no weight decay, momentum or move of Adam's. exact: each step moves all rows, as PyTorch does without sparse gradients; it costs time and memory by the size of the tables. */
readonly tables?: "lazy" | "exact";
/** What is kept of the mean and of the mean square. */
readonly betas?: readonly [number, number];
/** What is added to the root. */
readonly epsilon?: number;
/** The factor of the L2 penalty. */
readonly weightDecay?: number;
}) | ({
readonly use?: "adamw";
/** The learning rate, before the schedule's factor. */
readonly rate?: number;
/** How the rate changes over the run. */
readonly schedule?: ChangedScheduleEntry;
/** lazy: a step moves the rows of embedding tables that it reads, as PyTorch's SparseAdam does; others get no weight decay, momentum or move of Adam's. exact: each step moves all rows, as PyTorch does without sparse gradients; it costs time and memory by the size of the tables. */
readonly tables?: "lazy" | "exact";
/** What is kept of the mean and of the mean square. */
readonly betas?: readonly [number, number];
/** What is added to the root. */
readonly epsilon?: number;
/** The part of a weight that decays, times the rate. */
readonly weightDecay?: number;
}) | ({
readonly use?: "sgd";
/** The learning rate, before the schedule's factor. */
readonly rate?: number;
/** How the rate changes over the run. */
readonly schedule?: ChangedScheduleEntry;
/** lazy: a step moves the rows of embedding tables that it reads, as PyTorch's SparseAdam does; others get no weight decay, momentum or move of Adam's. exact: each step moves all rows, as PyTorch does without sparse gradients; it costs time and memory by the size of the tables. */
readonly tables?: "lazy" | "exact";
/** What is kept of the last move. */
readonly momentum?: number;
/** Whether to look ahead; needs momentum. */
readonly nesterov?: boolean;
/** The factor of the L2 penalty. */
readonly weightDecay?: number;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
/** The learning rate, before the schedule's factor. */
readonly rate?: number;
/** How the rate changes over the run. */
readonly schedule?: ChangedScheduleEntry;
/** lazy: a step moves the rows of embedding tables that it reads, as PyTorch's SparseAdam does; others get no weight decay, momentum or move of Adam's. exact: each step moves all rows, as PyTorch does without sparse gradients; it costs time and memory by the size of the tables. */
readonly tables?: "lazy" | "exact";
readonly [option: string]: unknown;
});

/** What a pipeline that extends others changes of a schedule stage. */
export type ChangedScheduleEntry =
  | StageObject<"schedule">
  | ("constant" | "cosine") | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use?: "constant";
}) | ({
readonly use?: "cosine";
/** The part of the rate that it ends with. */
readonly to?: number;
}) | ({
readonly use?: "steps";
/** After how many epochs or steps. */
readonly at?: readonly (number)[];
/** The factor each time. */
readonly by?: number;
/** What `at` counts. */
readonly unit?: "epochs" | "steps";
}) | ({
readonly use?: "warm-up";
/** How long the rate rises. */
readonly for?: number;
/** What `for` counts. */
readonly unit?: "epochs" | "steps";
/** The part of the rate to start with. */
readonly from?: number;
/** The schedule that follows; constant by default. */
readonly then?: ChangedScheduleEntry;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
readonly [option: string]: unknown;
});
