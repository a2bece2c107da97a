// Made by `deno task schema` from the schemas of the stages' options.
// deno-lint-ignore-file
/**
 * The types of pipelines in TypeScript.
 *
 * @module
 */

/** A stage itself, in the place of its name. */
export interface StageObject<Kind extends string> {
  /** The stage, as one of the `define…` functions returns it. */
  readonly use: { readonly kind: Kind; readonly name: string; readonly options: object };
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
/** The seed of all random numbers of the run. */
readonly seed?: number;
/** The origin of the rows and how they are processed. */
readonly data: {
/** The rows to train on. */
readonly train: StageEntries["source"];
/** The rows that measure the result. */
readonly test: StageEntries["source"];
/** The rows that select the best epoch. */
readonly validation?: ({
/** The fraction of the training rows to hold out. The seed selects them. */
readonly holdout: number;
}) | (StageEntries["source"]);
/** How many of the training rows to train on, not counting held-out rows. The seed selects them. All by default. */
readonly rows?: number;
/** How much memory rows may use, in bytes or as a size such as 512MB. By default, half of the available memory. Rows that do not fit are read when they are needed. */
readonly memory?: (number) | (string);
/** The inputs of the nets: columns, by the name that stages use. */
readonly features: {
readonly [name: string]: ({
/** The column's name; the feature's name by default. */
readonly column?: string;
/** The shape of one row, such as [28, 28, 1]. By default, the shape of the column's type. */
readonly shape?: readonly (number)[];
/** The type that the nets receive: int32 for ids. By default, float32, and int32 for strings. */
readonly dtype?: "float32" | "int32";
/** How to treat nulls. error, drop: leave out the row, mean or median: of the training rows, for numbers, or { fill: VALUE }. By default, the value of data.nulls. */
readonly nulls?: ("error" | "drop" | "mean" | "median") | ({
/** The value that replaces a null. */
readonly fill: number | string;
});
/** How to treat NaN. error (the default), or missing: as a null. */
readonly nan?: "error" | "missing";
/** Pads lists that are shorter than `shape` with this value, and truncates longer lists. */
readonly pad?: number;
/** How strings and whole numbers become ids. train: the values of the training rows, and one more id for all others. A list: its values, and one more id for all others. { train: true, minCount: N }: only values that occur at least N times in the training rows. { hash: N }: N hashes. { count: N }: the numbers are ids from 0 to N − 1. { of: F }: the ids of the feature F. */
readonly ids?: ("train") | ({
/** The values of the training rows; one more id stands for all others. */
readonly train: true;
/** The minimum number of occurrences in the training rows for a value to have its own id. */
readonly minCount?: number;
}) | (readonly ((string) | (number))[]) | ({
/** The number of hashes. */
readonly hash: number;
}) | ({
/** The number of ids. */
readonly count: number;
}) | ({
/** The feature whose ids to use. */
readonly of: string;
});
/** The length of lists of ids. Shorter lists are padded with −1; longer lists are cut according to `keep`. */
readonly length?: number;
/** Which values of lists longer than `length` to keep: the first or the last; first by default. */
readonly keep?: "first" | "last";
}) | (null);
};
/** The column that the nets predict. */
readonly label: (string) | ({
/** The column's name. */
readonly column: string;
/** class: one of several classes. binary: 0 or 1. number: a numeric value. By default, number for columns of floats and class for all others. */
readonly kind?: "class" | "binary" | "number";
/** The values of the column in the order of the classes, such as [-1, 1] or [no, yes]. For whole numbers, also the number of classes from 0, or their names. By default, the values in the training rows. */
readonly classes?: (number) | (readonly (string | number | boolean)[]);
/** How to treat nulls. error (the default), drop: leave out the row (the default if data.nulls is drop), or { fill: VALUE }. */
readonly nulls?: ("error" | "drop") | ({
/** The value that replaces a null. */
readonly fill: number | string;
});
/** How to treat NaN. error (the default), or missing: as a null. */
readonly nan?: "error" | "missing";
});
/** How to treat nulls in features without `nulls` of their own. error (the default). drop: leave out the row, also for nulls in the label, the weight, and the columns that metrics name. mean or median: of the training rows, for numbers. Or { fill: VALUE }. If the choice does not suit a feature, such as the mean of text, a null is an error. */
readonly nulls?: ("error" | "drop" | "mean" | "median") | ({
/** The value that replaces a null. */
readonly fill: number | string;
});
/** A column of numbers of at least 0: the weight of each row in losses. A loss that compares rows with each other ignores it. */
readonly weight?: string;
/** Transforms of batches, applied in this order. */
readonly transforms?: readonly (StageEntries["transform"])[];
};
/** The light net and its booster. */
readonly network: StageEntries["network"];
/** The losses. The total loss is their weighted sum. */
readonly losses?: readonly (StageEntries["loss"])[];
/** How gradients update the variables. */
readonly optimizer?: StageEntries["optimizer"];
/** Trainings that run one after another. A phase inherits what it does not set from the pipeline. */
readonly phases?: readonly ({
/** The name of the phase in metrics and results. */
readonly name: string;
/** The nets to compute and measure; by default, the nets that the losses read. */
readonly nets?: readonly ("light" | "booster")[];
/** The nets whose variables are frozen: no gradient, no decay, and running statistics are used but not updated. Freezing a net also freezes the shared variables. */
readonly freeze?: readonly ("light" | "booster" | "shared")[];
/** Whether to freeze the variables that both nets share; true by default if a net is frozen. */
readonly freezeShared?: boolean;
/** The weights to start from: after the best or after the last epoch of the previous phase. */
readonly from?: "best" | "last";
/** The losses. The total loss is their weighted sum. */
readonly losses?: readonly (StageEntries["loss"])[];
/** How gradients update the variables. */
readonly optimizer?: StageEntries["optimizer"];
/** The number of passes over the training rows. */
readonly epochs?: number;
/** The metric that selects the best epoch; by default, the light net's first metric. */
readonly select?: (string) | (string);
/** Clips gradients. By default, gradients are not clipped. */
readonly clip?: {
/** The maximum L2 norm. Larger gradients are scaled down to it. */
readonly norm: number;
/** all: one norm of all gradients. owner: separate norms for the light net's own variables, the booster's own variables, and the shared variables, so the gradients of one net do not affect the clipping of the other. */
readonly per?: "all" | "owner";
};
/** What to do if a loss or gradient is NaN or infinite. stop: the run fails. skip: variables keep their values, and the next batch follows. back: a rollback to the last checkpoint, with half the learning rate and without that batch, at most three times. */
readonly nonFinite?: "stop" | "skip" | "back";
/** The maximum number of skipped steps in a row. One more ends the run. */
readonly maxSkipped?: number;
/** Ends training before `epochs` when a metric stops improving. */
readonly stop?: {
/** The metric that must improve, on the validation split, or on the test split if there is none. By default, the metric of `select`. A light net trained alone has no metrics of the booster; with such a metric, it trains to the end. */
readonly metric?: (string) | (string);
/** The number of epochs in a row without improvement after which training ends. */
readonly patience?: number;
/** The improvement that a value must exceed to count. */
readonly minDelta?: number;
};
})[];
/** The length of training and the size of its steps. */
readonly train: {
/** The number of passes over the training rows. A phase can set its own number. */
readonly epochs?: number;
/** The number of rows per step. */
readonly batch: number;
/** How to treat the last rows of an epoch if they are fewer than a batch. keep: they form a batch. merge: they join the previous batch if they are at most half a batch, and form a batch otherwise. drop: they are left out of the epoch. The default is merge for nets with batch norm and keep for others. */
readonly lastBatch?: "keep" | "merge" | "drop";
/** light-alone: also trains the light net without the booster, with the same seed and budget, as in the last phase. */
readonly baseline?: "none" | "light-alone";
/** The number of epochs between evaluations. The last epoch of a phase is always evaluated. The best epoch is one of the evaluated epochs, and training can only end early after one of them. */
readonly evaluateEvery?: number;
/** The metric that selects the best epoch; by default, the light net's first metric. */
readonly select?: (string) | (string);
/** Clips gradients. By default, gradients are not clipped. */
readonly clip?: {
/** The maximum L2 norm. Larger gradients are scaled down to it. */
readonly norm: number;
/** all: one norm of all gradients. owner: separate norms for the light net's own variables, the booster's own variables, and the shared variables, so the gradients of one net do not affect the clipping of the other. */
readonly per?: "all" | "owner";
};
/** What to do if a loss or gradient is NaN or infinite. stop: the run fails. skip: variables keep their values, and the next batch follows. back: a rollback to the last checkpoint, with half the learning rate and without that batch, at most three times. */
readonly nonFinite?: "stop" | "skip" | "back";
/** The maximum number of skipped steps in a row. One more ends the run. */
readonly maxSkipped?: number;
/** Ends training before `epochs` when a metric stops improving. */
readonly stop?: {
/** The metric that must improve, on the validation split, or on the test split if there is none. By default, the metric of `select`. A light net trained alone has no metrics of the booster; with such a metric, it trains to the end. */
readonly metric?: (string) | (string);
/** The number of epochs in a row without improvement after which training ends. */
readonly patience?: number;
/** The improvement that a value must exceed to count. */
readonly minDelta?: number;
};
};
/** The metrics to measure. */
readonly metrics?: readonly (StageEntries["metric"])[];
/** The listeners of the run. metrics.jsonl and result.json are always written. */
readonly outputs?: readonly (StageEntries["output"])[];
}

/** A pipeline that says what is different from those that it extends. */
export interface ExtendingPipeline {
/** One or more pipeline files that provide the values that this file does not set. */
readonly extends: (string) | (readonly (string)[]);
/** The JSON Schema, for editors. */
readonly $schema?: string;
/** The name of the run folder and of the result. */
readonly name?: string;
/** The seed of all random numbers of the run. */
readonly seed?: number;
/** The origin of the rows and how they are processed. */
readonly data?: {
/** The rows to train on. */
readonly train?: ChangedStageEntries["source"];
/** The rows that measure the result. */
readonly test?: ChangedStageEntries["source"];
/** The rows that select the best epoch. */
readonly validation?: ({
/** The fraction of the training rows to hold out. The seed selects them. */
readonly holdout?: number;
}) | (ChangedStageEntries["source"]);
/** How many of the training rows to train on, not counting held-out rows. The seed selects them. All by default. */
readonly rows?: number;
/** How much memory rows may use, in bytes or as a size such as 512MB. By default, half of the available memory. Rows that do not fit are read when they are needed. */
readonly memory?: (number) | (string);
/** The inputs of the nets: columns, by the name that stages use. */
readonly features?: {
readonly [name: string]: ({
/** The column's name; the feature's name by default. */
readonly column?: string;
/** The shape of one row, such as [28, 28, 1]. By default, the shape of the column's type. */
readonly shape?: readonly (number)[];
/** The type that the nets receive: int32 for ids. By default, float32, and int32 for strings. */
readonly dtype?: "float32" | "int32";
/** How to treat nulls. error, drop: leave out the row, mean or median: of the training rows, for numbers, or { fill: VALUE }. By default, the value of data.nulls. */
readonly nulls?: ("error" | "drop" | "mean" | "median") | ({
/** The value that replaces a null. */
readonly fill?: number | string;
});
/** How to treat NaN. error (the default), or missing: as a null. */
readonly nan?: "error" | "missing";
/** Pads lists that are shorter than `shape` with this value, and truncates longer lists. */
readonly pad?: number;
/** How strings and whole numbers become ids. train: the values of the training rows, and one more id for all others. A list: its values, and one more id for all others. { train: true, minCount: N }: only values that occur at least N times in the training rows. { hash: N }: N hashes. { count: N }: the numbers are ids from 0 to N − 1. { of: F }: the ids of the feature F. */
readonly ids?: ("train") | ({
/** The values of the training rows; one more id stands for all others. */
readonly train?: true;
/** The minimum number of occurrences in the training rows for a value to have its own id. */
readonly minCount?: number;
}) | (readonly ((string) | (number))[]) | ({
/** The number of hashes. */
readonly hash?: number;
}) | ({
/** The number of ids. */
readonly count?: number;
}) | ({
/** The feature whose ids to use. */
readonly of?: string;
});
/** The length of lists of ids. Shorter lists are padded with −1; longer lists are cut according to `keep`. */
readonly length?: number;
/** Which values of lists longer than `length` to keep: the first or the last; first by default. */
readonly keep?: "first" | "last";
}) | (null);
};
/** The column that the nets predict. */
readonly label?: (string) | ({
/** The column's name. */
readonly column?: string;
/** class: one of several classes. binary: 0 or 1. number: a numeric value. By default, number for columns of floats and class for all others. */
readonly kind?: "class" | "binary" | "number";
/** The values of the column in the order of the classes, such as [-1, 1] or [no, yes]. For whole numbers, also the number of classes from 0, or their names. By default, the values in the training rows. */
readonly classes?: (number) | (readonly (string | number | boolean)[]);
/** How to treat nulls. error (the default), drop: leave out the row (the default if data.nulls is drop), or { fill: VALUE }. */
readonly nulls?: ("error" | "drop") | ({
/** The value that replaces a null. */
readonly fill?: number | string;
});
/** How to treat NaN. error (the default), or missing: as a null. */
readonly nan?: "error" | "missing";
});
/** How to treat nulls in features without `nulls` of their own. error (the default). drop: leave out the row, also for nulls in the label, the weight, and the columns that metrics name. mean or median: of the training rows, for numbers. Or { fill: VALUE }. If the choice does not suit a feature, such as the mean of text, a null is an error. */
readonly nulls?: ("error" | "drop" | "mean" | "median") | ({
/** The value that replaces a null. */
readonly fill?: number | string;
});
/** A column of numbers of at least 0: the weight of each row in losses. A loss that compares rows with each other ignores it. */
readonly weight?: string;
/** Transforms of batches, applied in this order. */
readonly transforms?: readonly (StageEntries["transform"])[];
};
/** The light net and its booster. */
readonly network?: ChangedStageEntries["network"];
/** The losses. The total loss is their weighted sum. */
readonly losses?: readonly (StageEntries["loss"])[];
/** How gradients update the variables. */
readonly optimizer?: ChangedStageEntries["optimizer"];
/** Trainings that run one after another. A phase inherits what it does not set from the pipeline. */
readonly phases?: readonly ({
/** The name of the phase in metrics and results. */
readonly name: string;
/** The nets to compute and measure; by default, the nets that the losses read. */
readonly nets?: readonly ("light" | "booster")[];
/** The nets whose variables are frozen: no gradient, no decay, and running statistics are used but not updated. Freezing a net also freezes the shared variables. */
readonly freeze?: readonly ("light" | "booster" | "shared")[];
/** Whether to freeze the variables that both nets share; true by default if a net is frozen. */
readonly freezeShared?: boolean;
/** The weights to start from: after the best or after the last epoch of the previous phase. */
readonly from?: "best" | "last";
/** The losses. The total loss is their weighted sum. */
readonly losses?: readonly (StageEntries["loss"])[];
/** How gradients update the variables. */
readonly optimizer?: StageEntries["optimizer"];
/** The number of passes over the training rows. */
readonly epochs?: number;
/** The metric that selects the best epoch; by default, the light net's first metric. */
readonly select?: (string) | (string);
/** Clips gradients. By default, gradients are not clipped. */
readonly clip?: {
/** The maximum L2 norm. Larger gradients are scaled down to it. */
readonly norm: number;
/** all: one norm of all gradients. owner: separate norms for the light net's own variables, the booster's own variables, and the shared variables, so the gradients of one net do not affect the clipping of the other. */
readonly per?: "all" | "owner";
};
/** What to do if a loss or gradient is NaN or infinite. stop: the run fails. skip: variables keep their values, and the next batch follows. back: a rollback to the last checkpoint, with half the learning rate and without that batch, at most three times. */
readonly nonFinite?: "stop" | "skip" | "back";
/** The maximum number of skipped steps in a row. One more ends the run. */
readonly maxSkipped?: number;
/** Ends training before `epochs` when a metric stops improving. */
readonly stop?: {
/** The metric that must improve, on the validation split, or on the test split if there is none. By default, the metric of `select`. A light net trained alone has no metrics of the booster; with such a metric, it trains to the end. */
readonly metric?: (string) | (string);
/** The number of epochs in a row without improvement after which training ends. */
readonly patience?: number;
/** The improvement that a value must exceed to count. */
readonly minDelta?: number;
};
})[];
/** The length of training and the size of its steps. */
readonly train?: {
/** The number of passes over the training rows. A phase can set its own number. */
readonly epochs?: number;
/** The number of rows per step. */
readonly batch?: number;
/** How to treat the last rows of an epoch if they are fewer than a batch. keep: they form a batch. merge: they join the previous batch if they are at most half a batch, and form a batch otherwise. drop: they are left out of the epoch. The default is merge for nets with batch norm and keep for others. */
readonly lastBatch?: "keep" | "merge" | "drop";
/** light-alone: also trains the light net without the booster, with the same seed and budget, as in the last phase. */
readonly baseline?: "none" | "light-alone";
/** The number of epochs between evaluations. The last epoch of a phase is always evaluated. The best epoch is one of the evaluated epochs, and training can only end early after one of them. */
readonly evaluateEvery?: number;
/** The metric that selects the best epoch; by default, the light net's first metric. */
readonly select?: (string) | (string);
/** Clips gradients. By default, gradients are not clipped. */
readonly clip?: {
/** The maximum L2 norm. Larger gradients are scaled down to it. */
readonly norm?: number;
/** all: one norm of all gradients. owner: separate norms for the light net's own variables, the booster's own variables, and the shared variables, so the gradients of one net do not affect the clipping of the other. */
readonly per?: "all" | "owner";
};
/** What to do if a loss or gradient is NaN or infinite. stop: the run fails. skip: variables keep their values, and the next batch follows. back: a rollback to the last checkpoint, with half the learning rate and without that batch, at most three times. */
readonly nonFinite?: "stop" | "skip" | "back";
/** The maximum number of skipped steps in a row. One more ends the run. */
readonly maxSkipped?: number;
/** Ends training before `epochs` when a metric stops improving. */
readonly stop?: {
/** The metric that must improve, on the validation split, or on the test split if there is none. By default, the metric of `select`. A light net trained alone has no metrics of the booster; with such a metric, it trains to the end. */
readonly metric?: (string) | (string);
/** The number of epochs in a row without improvement after which training ends. */
readonly patience?: number;
/** The improvement that a value must exceed to count. */
readonly minDelta?: number;
};
};
/** The metrics to measure. */
readonly metrics?: readonly (StageEntries["metric"])[];
/** The listeners of the run. metrics.jsonl and result.json are always written. */
readonly outputs?: readonly (StageEntries["output"])[];
}

/** A pipeline. */
export type Pipeline = WholePipeline | ExtendingPipeline;

/** The entries of a pipeline that name stages, by the kind of the stage. */
export interface StageEntries {
/** An entry that names a source stage. */
readonly source:
  | StageObject<"source">
  | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use: "arrow";
/** A file, a glob such as data/part-*.arrow (read in the order of their names), an http(s) address, or a list of them; relative to the pipeline file. */
readonly path: (string) | (readonly (string)[]);
}) | ({
readonly use: "csv";
/** A file, a glob such as data/part-*.csv (read in the order of their names), or a list of them; relative to the pipeline file. They may be packed with gzip. */
readonly path: (string) | (readonly (string)[]);
/** The separator of values. By default, a tab in .tsv and .tab files, and a comma in others. */
readonly delimiter?: string;
/** The character that encloses values with a delimiter or a line break. Within a value, it is written twice. */
readonly quote?: string;
/** Whether the first line has the names of the columns. Otherwise, the names come from `columns`, or are column0, column1, … */
readonly header?: boolean;
/** The types of columns. The types of other columns are inferred from all values. Without a header: all columns in order. */
readonly columns?: {
readonly [name: string]: "bool" | "int8" | "int16" | "int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64" | "float32" | "float64" | "string" | "date" | "time" | "timestamp";
};
/** The texts that stand for a null. */
readonly nullValues?: readonly (string)[];
/** The number of rows per record batch. By default, the power of 2 that gives about 4 MB. */
readonly batchRows?: number;
}) | ({
readonly use: "parquet";
/** A file, a glob such as data/part-*.parquet (read in the order of their names), or a list of them; relative to the pipeline file. */
readonly path: (string) | (readonly (string)[]);
/** The number of rows per record batch. By default, the power of 2 that gives about 4 MB. */
readonly batchRows?: number;
}) | ({
readonly use: "sql";
/** One SELECT in DuckDB's SQL. It can read the tables named here and the tables of the database, and no other file. */
readonly query: string;
/** Parquet, CSV, and TSV files by their name in the query: a path, a glob, or a list; relative to the pipeline file. */
readonly tables?: {
readonly [name: string]: (string) | (readonly (string)[]);
};
/** A DuckDB database, which is opened read-only; relative to the pipeline file. */
readonly database?: string;
/** The number of rows per record batch. By default, the power of 2 that gives about 4 MB. */
readonly batchRows?: number;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
readonly [option: string]: unknown;
});
/** An entry that names a transform stage. */
readonly transform:
  | StageObject<"transform">
  | ("horizontal-flip" | "log" | "normalize" | "one-hot" | "random-crop") | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use: "cast";
/** training: only when training, not when evaluating. all: always. The default for augmentation is training. */
readonly on?: "training" | "all";
/** The new type of the values. Conversion to int32 truncates fractions. */
readonly dtype: "float32" | "int32";
/** The feature, or a list of features; by default, all suitable features. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "crop";
/** training: only when training, not when evaluating. all: always. The default for augmentation is training. */
readonly on?: "training" | "all";
/** The height and width to keep. */
readonly to: readonly [number, number];
/** The feature, or a list of features; by default, all suitable features. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "horizontal-flip";
/** training: only when training, not when evaluating. all: always. The default for augmentation is training. */
readonly on?: "training" | "all";
/** The fraction of images to flip. */
readonly probability?: number;
/** The feature, or a list of features; by default, all suitable features. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "log";
/** training: only when training, not when evaluating. all: always. The default for augmentation is training. */
readonly on?: "training" | "all";
/** The number to add before taking the logarithm. */
readonly offset?: number;
/** The feature, or a list of features; by default, all suitable features. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "normalize";
/** training: only when training, not when evaluating. all: always. The default for augmentation is training. */
readonly on?: "training" | "all";
/** The mean: one number, or one per channel (or value). By default, it is measured on the training rows. */
readonly mean?: (number) | (readonly (number)[]);
/** The standard deviation, in the same form as `mean`. */
readonly std?: (number) | (readonly (number)[]);
/** What to measure separately: each channel (the last dimension), each value of a row, or all values together. */
readonly per?: "channel" | "value" | "all";
/** The feature, or a list of features; by default, all suitable features. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "one-hot";
/** training: only when training, not when evaluating. all: always. The default for augmentation is training. */
readonly on?: "training" | "all";
/** The number of ids. By default, the number that the pipeline knows, as for strings and `ids:`. */
readonly count?: number;
/** The feature, or a list of features; by default, all suitable features. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "pad";
/** training: only when training, not when evaluating. all: always. The default for augmentation is training. */
readonly on?: "training" | "all";
/** The number of pixels to add on each side. */
readonly size: number;
/** The padding. zero: zeros. reflect: the image mirrored at its outermost pixels. symmetric: the image mirrored at its edges, which repeats the outermost pixels. */
readonly mode?: "zero" | "reflect" | "symmetric";
/** The feature, or a list of features; by default, all suitable features. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "random-crop";
/** training: only when training, not when evaluating. all: always. The default for augmentation is training. */
readonly on?: "training" | "all";
/** The number of pixels to add on each side first. */
readonly pad?: number;
/** The padding. zero: zeros. reflect: the image mirrored at its outermost pixels. symmetric: the image mirrored at its edges, which repeats the outermost pixels. */
readonly mode?: "zero" | "reflect" | "symmetric";
/** The height and width of the window; by default, those of the image. */
readonly to?: readonly [number, number];
/** The feature, or a list of features; by default, all suitable features. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "rename";
/** training: only when training, not when evaluating. all: always. The default for augmentation is training. */
readonly on?: "training" | "all";
/** The new name for each old name, such as { pixels: image }. */
readonly names: {
readonly [name: string]: string;
};
}) | ({
readonly use: "reshape";
/** training: only when training, not when evaluating. all: always. The default for augmentation is training. */
readonly on?: "training" | "all";
/** The new shape of one row, such as [28, 28, 1]. One length may be -1, which stands for the remaining values. */
readonly shape: readonly (number)[];
/** The feature, or a list of features; by default, all suitable features. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "resize";
/** training: only when training, not when evaluating. all: always. The default for augmentation is training. */
readonly on?: "training" | "all";
/** The new height and width of images. */
readonly to: readonly [number, number];
/** area: the mean of the pixels that a new pixel covers, to make images smaller. bilinear: interpolation of the four nearest pixels. */
readonly mode?: "area" | "bilinear";
/** The feature, or a list of features; by default, all suitable features. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "scale";
/** training: only when training, not when evaluating. all: always. The default for augmentation is training. */
readonly on?: "training" | "all";
/** The factor. */
readonly by: number;
/** The number to add afterwards. */
readonly offset?: number;
/** The feature, or a list of features; by default, all suitable features. */
readonly feature?: (string) | (readonly (string)[]);
}) | ({
readonly use: "select";
/** training: only when training, not when evaluating. all: always. The default for augmentation is training. */
readonly on?: "training" | "all";
/** The features to keep, in this order. */
readonly features: readonly (string)[];
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
/** training: only when training, not when evaluating. all: always. The default for augmentation is training. */
readonly on?: "training" | "all";
readonly [option: string]: unknown;
});
/** An entry that names a network stage. */
readonly network:
  | StageObject<"network">
  | ("ctr" | "mlp") | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use: "ctr";
/** Initial weights instead of random ones: from one run for all variables, or by net. Table rows, inputs, and classes are matched by value. */
readonly initial?: ({
/** The initial weights of the light net. */
readonly light?: ({
/** A safetensors file. */
readonly file: string;
/** pytorch: kernels have the shapes [out, in, height, width] and [out, in], and are transposed. */
readonly layout?: "rocket" | "pytorch";
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** For each feature, the values that the rows of its table belong to: a text file with one value per line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, if they read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, if the label has named classes. */
readonly classes?: readonly (string)[];
}) | ({
/** The run folder of an earlier run. */
readonly run: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
});
/** The initial weights of the booster and of the shared variables. */
readonly booster?: ({
/** A safetensors file. */
readonly file: string;
/** pytorch: kernels have the shapes [out, in, height, width] and [out, in], and are transposed. */
readonly layout?: "rocket" | "pytorch";
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** For each feature, the values that the rows of its table belong to: a text file with one value per line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, if they read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, if the label has named classes. */
readonly classes?: readonly (string)[];
}) | ({
/** The run folder of an earlier run. */
readonly run: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
});
}) | ({
/** The run folder of an earlier run. */
readonly run: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** Whether to load the optimizer's state as well: its slots, which are matched like the weights, and its number of steps. Schedules start from the beginning. */
readonly optimizer?: boolean;
});
/** bottom: both nets read the same embeddings and shared layers. separate: each net has its own, for a booster that was trained beforehand. */
readonly sharing?: "bottom" | "separate";
/** The size of embeddings. */
readonly embedding?: number;
/** How to read individual features, by name. All other features are read with the defaults. */
readonly features?: {
readonly [name: string]: {
/** The size of the embedding; by default `embedding` of the network. */
readonly size?: number;
/** How to combine a list's embeddings, without empty places; mean by default. */
readonly pooling?: "mean" | "sum";
/** Attention (DIN): the weighted sum of a list's embeddings, with weights that depend on the candidate. */
readonly attention?: {
/** The feature of the candidate, with one id per row. */
readonly to: string;
/** Units of the activation unit's hidden layers. */
readonly hidden?: readonly (number)[];
/** The activation after each of these layers. */
readonly activation?: "relu" | "prelu" | "dice";
};
};
};
/** Units of the shared layers, one number per layer, from the bottom up. */
readonly shared?: readonly (number)[];
/** The light net's own layers. */
readonly light?: {
/** Units of the light net's own hidden layers, one number per layer, from the bottom up. */
readonly hidden?: readonly (number)[];
};
/** The booster's own layers. */
readonly booster?: {
/** Units of the booster's own hidden layers, one number per layer, from the bottom up. */
readonly hidden?: readonly (number)[];
};
/** The activation after each hidden layer: relu, prelu, or dice. */
readonly activation?: "relu" | "prelu" | "dice";
/** Whether to apply batch norm to hidden layers before their activation. */
readonly batchNorm?: boolean;
/** The fraction of each hidden layer's units to drop during training. */
readonly dropout?: number;
}) | ({
readonly use: "mlp";
/** Initial weights instead of random ones: from one run for all variables, or by net. Table rows, inputs, and classes are matched by value. */
readonly initial?: ({
/** The initial weights of the light net. */
readonly light?: ({
/** A safetensors file. */
readonly file: string;
/** pytorch: kernels have the shapes [out, in, height, width] and [out, in], and are transposed. */
readonly layout?: "rocket" | "pytorch";
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** For each feature, the values that the rows of its table belong to: a text file with one value per line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, if they read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, if the label has named classes. */
readonly classes?: readonly (string)[];
}) | ({
/** The run folder of an earlier run. */
readonly run: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
});
/** The initial weights of the booster and of the shared variables. */
readonly booster?: ({
/** A safetensors file. */
readonly file: string;
/** pytorch: kernels have the shapes [out, in, height, width] and [out, in], and are transposed. */
readonly layout?: "rocket" | "pytorch";
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** For each feature, the values that the rows of its table belong to: a text file with one value per line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, if they read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, if the label has named classes. */
readonly classes?: readonly (string)[];
}) | ({
/** The run folder of an earlier run. */
readonly run: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
});
}) | ({
/** The run folder of an earlier run. */
readonly run: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** Whether to load the optimizer's state as well: its slots, which are matched like the weights, and its number of steps. Schedules start from the beginning. */
readonly optimizer?: boolean;
});
/** Units of the shared layers, one number per layer, from the bottom up. */
readonly shared?: readonly (number)[];
/** Units of the light net's own hidden layers, one number per layer, from the bottom up. */
readonly light?: readonly (number)[];
/** Units of the booster's own hidden layers, one number per layer, from the bottom up. */
readonly booster?: readonly (number)[];
}) | ({
readonly use: "wide-resnet";
/** Initial weights instead of random ones: from one run for all variables, or by net. Table rows, inputs, and classes are matched by value. */
readonly initial?: ({
/** The initial weights of the light net. */
readonly light?: ({
/** A safetensors file. */
readonly file: string;
/** pytorch: kernels have the shapes [out, in, height, width] and [out, in], and are transposed. */
readonly layout?: "rocket" | "pytorch";
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** For each feature, the values that the rows of its table belong to: a text file with one value per line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, if they read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, if the label has named classes. */
readonly classes?: readonly (string)[];
}) | ({
/** The run folder of an earlier run. */
readonly run: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
});
/** The initial weights of the booster and of the shared variables. */
readonly booster?: ({
/** A safetensors file. */
readonly file: string;
/** pytorch: kernels have the shapes [out, in, height, width] and [out, in], and are transposed. */
readonly layout?: "rocket" | "pytorch";
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** For each feature, the values that the rows of its table belong to: a text file with one value per line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, if they read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, if the label has named classes. */
readonly classes?: readonly (string)[];
}) | ({
/** The run folder of an earlier run. */
readonly run: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
});
}) | ({
/** The run folder of an earlier run. */
readonly run: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** Whether to load the optimizer's state as well: its slots, which are matched like the weights, and its number of steps. Schedules start from the beginning. */
readonly optimizer?: boolean;
});
/** What both nets share. interval: the first blocks of each group of the booster. bottom: the booster's first two groups. none: only the first convolution. separate: nothing, for a booster that was trained beforehand. */
readonly sharing?: "interval" | "bottom" | "none" | "separate";
/** The light net. Omit it with sharing: bottom, where it is a part of the booster. */
readonly light?: {
/** The number of layers of the light net, 6n + 4 for n blocks per group: 10, 16, 22, 28, 40. */
readonly depth: number;
/** The factor on the channels [16, 32, 64] of the three groups. */
readonly width?: number;
/** The number of groups; 2 for a light net like that of sharing: bottom, but with kernels of its own. */
readonly groups?: number;
};
/** The booster. */
readonly booster: {
/** The number of layers of the booster, 6n + 4 for n blocks per group: 10, 16, 22, 28, 40. */
readonly depth: number;
/** The factor on the channels [16, 32, 64] of the three groups. */
readonly width?: number;
};
/** The image feature; the only feature by default. */
readonly feature?: string;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
/** Initial weights instead of random ones: from one run for all variables, or by net. Table rows, inputs, and classes are matched by value. */
readonly initial?: ({
/** The initial weights of the light net. */
readonly light?: ({
/** A safetensors file. */
readonly file: string;
/** pytorch: kernels have the shapes [out, in, height, width] and [out, in], and are transposed. */
readonly layout?: "rocket" | "pytorch";
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** For each feature, the values that the rows of its table belong to: a text file with one value per line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, if they read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, if the label has named classes. */
readonly classes?: readonly (string)[];
}) | ({
/** The run folder of an earlier run. */
readonly run: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
});
/** The initial weights of the booster and of the shared variables. */
readonly booster?: ({
/** A safetensors file. */
readonly file: string;
/** pytorch: kernels have the shapes [out, in, height, width] and [out, in], and are transposed. */
readonly layout?: "rocket" | "pytorch";
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** For each feature, the values that the rows of its table belong to: a text file with one value per line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, if they read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, if the label has named classes. */
readonly classes?: readonly (string)[];
}) | ({
/** The run folder of an earlier run. */
readonly run: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
});
}) | ({
/** The run folder of an earlier run. */
readonly run: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** Whether to load the optimizer's state as well: its slots, which are matched like the weights, and its number of steps. Schedules start from the beginning. */
readonly optimizer?: boolean;
});
readonly [option: string]: unknown;
});
/** An entry that names a loss stage. */
readonly loss:
  | StageObject<"loss">
  | ("attention-transfer" | "binary-cross-entropy" | "cross-entropy" | "decoupled-kd" | "dist" | "fitnet" | "hidden-similarity" | "kl" | "knowledge-distillation" | "logit-standardization" | "mean-squared-error" | "mse-hint" | "mse-probability" | "relational-kd" | "similarity-preserving" | "soft-label") | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use: "attention-transfer";
/** The name in metrics; by default STAGE(on) or STAGE(from→to). */
readonly name?: string;
/** The output to compare with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. With a list, the loss is the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list has the same length as `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** The gradient policy. The default is block for hints and none for losses on the label. */
readonly gradient?: StageEntries["gradient"];
/** The exponent of the activations, p. */
readonly power?: number;
}) | ({
readonly use: "binary-cross-entropy";
/** The name in metrics; by default STAGE(on) or STAGE(from→to). */
readonly name?: string;
/** The output to compare with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. With a list, the loss is the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list has the same length as `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** The gradient policy. The default is block for hints and none for losses on the label. */
readonly gradient?: StageEntries["gradient"];
}) | ({
readonly use: "cross-entropy";
/** The name in metrics; by default STAGE(on) or STAGE(from→to). */
readonly name?: string;
/** The output to compare with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. With a list, the loss is the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list has the same length as `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** The gradient policy. The default is block for hints and none for losses on the label. */
readonly gradient?: StageEntries["gradient"];
/** The fraction of the label that is distributed evenly over all classes. */
readonly labelSmoothing?: number;
}) | ({
readonly use: "decoupled-kd";
/** The name in metrics; by default STAGE(on) or STAGE(from→to). */
readonly name?: string;
/** The output to compare with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. With a list, the loss is the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list has the same length as `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** The gradient policy. The default is block for hints and none for losses on the label. */
readonly gradient?: StageEntries["gradient"];
/** The temperature T that divides the logits. */
readonly temperature?: number;
/** The weight of the label's class, α. */
readonly alpha?: number;
/** The weight of the other classes, β. */
readonly beta?: number;
/** Whether to multiply by T². */
readonly scaleByTemperature?: boolean;
}) | ({
readonly use: "dist";
/** The name in metrics; by default STAGE(on) or STAGE(from→to). */
readonly name?: string;
/** The output to compare with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. With a list, the loss is the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list has the same length as `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** The gradient policy. The default is block for hints and none for losses on the label. */
readonly gradient?: StageEntries["gradient"];
/** The weight of the relation within a row, β. */
readonly beta?: number;
/** The weight of the relation within a class, γ. */
readonly gamma?: number;
/** The temperature τ that divides the logits. */
readonly temperature?: number;
/** Whether to multiply by τ². */
readonly scaleByTemperature?: boolean;
}) | ({
readonly use: "fitnet";
/** The name in metrics; by default STAGE(on) or STAGE(from→to). */
readonly name?: string;
/** The output to compare with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. With a list, the loss is the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list has the same length as `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** The gradient policy. The default is block for hints and none for losses on the label. */
readonly gradient?: StageEntries["gradient"];
/** Whether to use a regressor for outputs of equal shape as well. */
readonly regressor?: "where-shapes-differ" | "always";
/** mean: over the output; half-sum: the paper's ½ Σ. */
readonly reduce?: "mean" | "half-sum";
}) | ({
readonly use: "hidden-similarity";
/** The name in metrics; by default STAGE(on) or STAGE(from→to). */
readonly name?: string;
/** The output to compare with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. With a list, the loss is the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list has the same length as `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** The gradient policy. The default is block for hints and none for losses on the label. */
readonly gradient?: StageEntries["gradient"];
/** The measure of similarity. */
readonly measure?: "cosine" | "euclid";
}) | ({
readonly use: "kl";
/** The name in metrics; by default STAGE(on) or STAGE(from→to). */
readonly name?: string;
/** The output to compare with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. With a list, the loss is the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list has the same length as `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** The gradient policy. The default is block for hints and none for losses on the label. */
readonly gradient?: StageEntries["gradient"];
/** The temperature T that divides the logits. */
readonly temperature?: number;
/** Whether to multiply by T². */
readonly scaleByTemperature?: boolean;
}) | ({
readonly use: "knowledge-distillation";
/** The name in metrics; by default STAGE(on) or STAGE(from→to). */
readonly name?: string;
/** The output to compare with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. With a list, the loss is the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list has the same length as `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** The gradient policy. The default is block for hints and none for losses on the label. */
readonly gradient?: StageEntries["gradient"];
/** The temperature T that divides the logits. */
readonly temperature?: number;
/** The weight of the soft label, α. The weight of the label is 1 − α. */
readonly alpha?: number;
/** Whether to multiply the term of the soft label by T². */
readonly scaleByTemperature?: boolean;
}) | ({
readonly use: "logit-standardization";
/** The name in metrics; by default STAGE(on) or STAGE(from→to). */
readonly name?: string;
/** The output to compare with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. With a list, the loss is the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list has the same length as `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** The gradient policy. The default is block for hints and none for losses on the label. */
readonly gradient?: StageEntries["gradient"];
/** The temperature τ that divides the standardized logits. */
readonly temperature?: number;
/** Whether to multiply by τ². */
readonly scaleByTemperature?: boolean;
}) | ({
readonly use: "mean-squared-error";
/** The name in metrics; by default STAGE(on) or STAGE(from→to). */
readonly name?: string;
/** The output to compare with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. With a list, the loss is the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list has the same length as `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** The gradient policy. The default is block for hints and none for losses on the label. */
readonly gradient?: StageEntries["gradient"];
}) | ({
readonly use: "mse-hint";
/** The name in metrics; by default STAGE(on) or STAGE(from→to). */
readonly name?: string;
/** The output to compare with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. With a list, the loss is the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list has the same length as `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** The gradient policy. The default is block for hints and none for losses on the label. */
readonly gradient?: StageEntries["gradient"];
}) | ({
readonly use: "mse-probability";
/** The name in metrics; by default STAGE(on) or STAGE(from→to). */
readonly name?: string;
/** The output to compare with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. With a list, the loss is the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list has the same length as `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** The gradient policy. The default is block for hints and none for losses on the label. */
readonly gradient?: StageEntries["gradient"];
}) | ({
readonly use: "relational-kd";
/** The name in metrics; by default STAGE(on) or STAGE(from→to). */
readonly name?: string;
/** The output to compare with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. With a list, the loss is the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list has the same length as `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** The gradient policy. The default is block for hints and none for losses on the label. */
readonly gradient?: StageEntries["gradient"];
/** The weight of distances, λ_D. */
readonly distance?: number;
/** The weight of angles, λ_A. Angles need n³ numbers for n rows. */
readonly angle?: number;
}) | ({
readonly use: "similarity-preserving";
/** The name in metrics; by default STAGE(on) or STAGE(from→to). */
readonly name?: string;
/** The output to compare with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. With a list, the loss is the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list has the same length as `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** The gradient policy. The default is block for hints and none for losses on the label. */
readonly gradient?: StageEntries["gradient"];
}) | ({
readonly use: "soft-label";
/** The name in metrics; by default STAGE(on) or STAGE(from→to). */
readonly name?: string;
/** The output to compare with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. With a list, the loss is the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list has the same length as `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** The gradient policy. The default is block for hints and none for losses on the label. */
readonly gradient?: StageEntries["gradient"];
/** The temperature T that divides the logits. */
readonly temperature?: number;
/** Whether to multiply by T². */
readonly scaleByTemperature?: boolean;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
/** The name in metrics; by default STAGE(on) or STAGE(from→to). */
readonly name?: string;
/** The output to compare with the label. */
readonly on?: string;
/** The teacher's output; booster.logits by default. With a list, the loss is the sum over several layers. */
readonly from?: (string) | (readonly (string)[]);
/** The student's output; light.logits by default. A list has the same length as `from`. */
readonly to?: (string) | (readonly (string)[]);
/** The factor in the total loss. */
readonly weight?: number;
/** The gradient policy. The default is block for hints and none for losses on the label. */
readonly gradient?: StageEntries["gradient"];
readonly [option: string]: unknown;
});
/** An entry that names a gradient stage. */
readonly gradient:
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
/** The gradient whose factor changes. */
readonly side?: "from" | "to" | "shared";
/** The factor before the span. */
readonly start?: number;
/** The factor after the span. */
readonly end?: number;
/** The start of the span. */
readonly after?: number;
/** The length of the span. */
readonly over: number;
/** The unit of `after` and `over`. */
readonly unit?: "steps" | "epochs";
}) | ({
readonly use: "scale";
/** The factor on the gradient to the teacher. */
readonly from?: number;
/** The factor on the gradient to the student. */
readonly to?: number;
/** The factor on the gradient into shared layers. */
readonly shared?: number;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
readonly [option: string]: unknown;
});
/** An entry that names an optimizer stage. */
readonly optimizer:
  | StageObject<"optimizer">
  | ({
readonly use: "adagrad";
/** The learning rate, before the schedule's factor. */
readonly learningRate: number;
/** How the learning rate changes over the run. */
readonly schedule?: StageEntries["schedule"];
/** lazy: a step updates only the rows of embedding tables that it reads, as PyTorch's SparseAdam does. Other rows get no weight decay, momentum, or Adam update. exact: each step updates all rows, as PyTorch does without sparse gradients. Time and memory then depend on the size of the tables. */
readonly tables?: "lazy" | "exact";
/** The initial value of the sum of squares. */
readonly initial?: number;
/** The constant added to the square root in the denominator. */
readonly epsilon?: number;
/** The factor of the L2 penalty. */
readonly weightDecay?: number;
}) | ({
readonly use: "adam";
/** The learning rate, before the schedule's factor. */
readonly learningRate: number;
/** How the learning rate changes over the run. */
readonly schedule?: StageEntries["schedule"];
/** lazy: a step updates only the rows of embedding tables that it reads, as PyTorch's SparseAdam does. Other rows get no weight decay, momentum, or Adam update. exact: each step updates all rows, as PyTorch does without sparse gradients. Time and memory then depend on the size of the tables. */
readonly tables?: "lazy" | "exact";
/** The decay rates of the running means of the gradient and of its square. */
readonly betas?: readonly [number, number];
/** The constant added to the square root in the denominator. */
readonly epsilon?: number;
/** The factor of the L2 penalty. */
readonly weightDecay?: number;
}) | ({
readonly use: "adamw";
/** The learning rate, before the schedule's factor. */
readonly learningRate: number;
/** How the learning rate changes over the run. */
readonly schedule?: StageEntries["schedule"];
/** lazy: a step updates only the rows of embedding tables that it reads, as PyTorch's SparseAdam does. Other rows get no weight decay, momentum, or Adam update. exact: each step updates all rows, as PyTorch does without sparse gradients. Time and memory then depend on the size of the tables. */
readonly tables?: "lazy" | "exact";
/** The decay rates of the running means of the gradient and of its square. */
readonly betas?: readonly [number, number];
/** The constant added to the square root in the denominator. */
readonly epsilon?: number;
/** The decoupled weight decay: weights are multiplied by 1 − learning rate × this factor. */
readonly weightDecay?: number;
}) | ({
readonly use: "sgd";
/** The learning rate, before the schedule's factor. */
readonly learningRate: number;
/** How the learning rate changes over the run. */
readonly schedule?: StageEntries["schedule"];
/** lazy: a step updates only the rows of embedding tables that it reads, as PyTorch's SparseAdam does. Other rows get no weight decay, momentum, or Adam update. exact: each step updates all rows, as PyTorch does without sparse gradients. Time and memory then depend on the size of the tables. */
readonly tables?: "lazy" | "exact";
/** The momentum factor. */
readonly momentum?: number;
/** Whether to use Nesterov momentum; requires momentum. */
readonly nesterov?: boolean;
/** The factor of the L2 penalty. */
readonly weightDecay?: number;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
/** The learning rate, before the schedule's factor. */
readonly learningRate: number;
/** How the learning rate changes over the run. */
readonly schedule?: StageEntries["schedule"];
/** lazy: a step updates only the rows of embedding tables that it reads, as PyTorch's SparseAdam does. Other rows get no weight decay, momentum, or Adam update. exact: each step updates all rows, as PyTorch does without sparse gradients. Time and memory then depend on the size of the tables. */
readonly tables?: "lazy" | "exact";
readonly [option: string]: unknown;
});
/** An entry that names a schedule stage. */
readonly schedule:
  | StageObject<"schedule">
  | ("constant" | "cosine") | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use: "constant";
}) | ({
readonly use: "cosine";
/** The final fraction of the learning rate. */
readonly to?: number;
}) | ({
readonly use: "steps";
/** The numbers of epochs or steps after which the learning rate changes. */
readonly at: readonly (number)[];
/** The factor at each of these points. */
readonly by?: number;
/** The unit of `at`. */
readonly unit?: "epochs" | "steps";
}) | ({
readonly use: "warm-up";
/** The length of the warm-up. */
readonly for: number;
/** The unit of `for`. */
readonly unit?: "epochs" | "steps";
/** The initial fraction of the learning rate. */
readonly from?: number;
/** The schedule after the warm-up; constant by default. */
readonly then?: StageEntries["schedule"];
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
readonly [option: string]: unknown;
});
/** An entry that names a metric stage. */
readonly metric:
  | StageObject<"metric">
  | ("accuracy" | "agreement" | "auc" | "calibration" | "log-loss" | "loss" | "mean-absolute-error" | "top-k") | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use: "accuracy";
/** The metric's key in results; the stage's name by default. */
readonly name?: string;
}) | ({
readonly use: "agreement";
/** The metric's key in results; the stage's name by default. */
readonly name?: string;
}) | ({
readonly use: "auc";
/** The metric's key in results; the stage's name by default. */
readonly name?: string;
}) | ({
readonly use: "calibration";
/** The metric's key in results; the stage's name by default. */
readonly name?: string;
/** The number of bins of equal width for the ECE. */
readonly bins?: number;
}) | ({
readonly use: "gauc";
/** The metric's key in results; the stage's name by default. */
readonly name?: string;
/** The column of the source that identifies the owner of a row, such as a user's id. */
readonly by: string;
}) | ({
readonly use: "log-loss";
/** The metric's key in results; the stage's name by default. */
readonly name?: string;
}) | ({
readonly use: "loss";
/** The metric's key in results; the stage's name by default. */
readonly name?: string;
}) | ({
readonly use: "mean-absolute-error";
/** The metric's key in results; the stage's name by default. */
readonly name?: string;
}) | ({
readonly use: "recall-at-k";
/** The metric's key in results; the stage's name by default. */
readonly name?: string;
/** The column of the source that identifies the owner of a row, such as a user's id. */
readonly by: string;
/** The number of highest scores per user to consider. */
readonly k?: number;
}) | ({
readonly use: "top-k";
/** The metric's key in results; the stage's name by default. */
readonly name?: string;
/** The number of most probable classes to consider. */
readonly k?: number;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
/** The metric's key in results; the stage's name by default. */
readonly name?: string;
readonly [option: string]: unknown;
});
/** An entry that names an output stage. */
readonly output:
  | StageObject<"output">
  | ("checkpoint" | "metrics" | "progress" | "result") | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use: "checkpoint";
/** Epochs between checkpoints. */
readonly every?: number;
/** Steps between checkpoints, in addition to those after epochs. */
readonly everySteps?: number;
/** Minutes between checkpoints, in addition to those after epochs. */
readonly everyMinutes?: number;
/** The number of latest checkpoints to keep. With 1, there is no other checkpoint if it is damaged. */
readonly keep?: number;
/** Epochs between checkpoints that are kept permanently. */
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
}

/** As {@linkcode StageEntries}, for pipelines that extend others: what is not written stays as it is there. */
export interface ChangedStageEntries {
/** What a pipeline that extends others changes of a source stage. */
readonly source:
  | StageObject<"source">
  | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use?: "arrow";
/** A file, a glob such as data/part-*.arrow (read in the order of their names), an http(s) address, or a list of them; relative to the pipeline file. */
readonly path?: (string) | (readonly (string)[]);
}) | ({
readonly use?: "csv";
/** A file, a glob such as data/part-*.csv (read in the order of their names), or a list of them; relative to the pipeline file. They may be packed with gzip. */
readonly path?: (string) | (readonly (string)[]);
/** The separator of values. By default, a tab in .tsv and .tab files, and a comma in others. */
readonly delimiter?: string;
/** The character that encloses values with a delimiter or a line break. Within a value, it is written twice. */
readonly quote?: string;
/** Whether the first line has the names of the columns. Otherwise, the names come from `columns`, or are column0, column1, … */
readonly header?: boolean;
/** The types of columns. The types of other columns are inferred from all values. Without a header: all columns in order. */
readonly columns?: {
readonly [name: string]: "bool" | "int8" | "int16" | "int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64" | "float32" | "float64" | "string" | "date" | "time" | "timestamp";
};
/** The texts that stand for a null. */
readonly nullValues?: readonly (string)[];
/** The number of rows per record batch. By default, the power of 2 that gives about 4 MB. */
readonly batchRows?: number;
}) | ({
readonly use?: "parquet";
/** A file, a glob such as data/part-*.parquet (read in the order of their names), or a list of them; relative to the pipeline file. */
readonly path?: (string) | (readonly (string)[]);
/** The number of rows per record batch. By default, the power of 2 that gives about 4 MB. */
readonly batchRows?: number;
}) | ({
readonly use?: "sql";
/** One SELECT in DuckDB's SQL. It can read the tables named here and the tables of the database, and no other file. */
readonly query?: string;
/** Parquet, CSV, and TSV files by their name in the query: a path, a glob, or a list; relative to the pipeline file. */
readonly tables?: {
readonly [name: string]: (string) | (readonly (string)[]);
};
/** A DuckDB database, which is opened read-only; relative to the pipeline file. */
readonly database?: string;
/** The number of rows per record batch. By default, the power of 2 that gives about 4 MB. */
readonly batchRows?: number;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
readonly [option: string]: unknown;
});
/** What a pipeline that extends others changes of a network stage. */
readonly network:
  | StageObject<"network">
  | ("ctr" | "mlp") | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use?: "ctr";
/** Initial weights instead of random ones: from one run for all variables, or by net. Table rows, inputs, and classes are matched by value. */
readonly initial?: ({
/** The initial weights of the light net. */
readonly light?: ({
/** A safetensors file. */
readonly file?: string;
/** pytorch: kernels have the shapes [out, in, height, width] and [out, in], and are transposed. */
readonly layout?: "rocket" | "pytorch";
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** For each feature, the values that the rows of its table belong to: a text file with one value per line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, if they read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, if the label has named classes. */
readonly classes?: readonly (string)[];
}) | ({
/** The run folder of an earlier run. */
readonly run?: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
});
/** The initial weights of the booster and of the shared variables. */
readonly booster?: ({
/** A safetensors file. */
readonly file?: string;
/** pytorch: kernels have the shapes [out, in, height, width] and [out, in], and are transposed. */
readonly layout?: "rocket" | "pytorch";
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** For each feature, the values that the rows of its table belong to: a text file with one value per line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, if they read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, if the label has named classes. */
readonly classes?: readonly (string)[];
}) | ({
/** The run folder of an earlier run. */
readonly run?: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
});
}) | ({
/** The run folder of an earlier run. */
readonly run?: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** Whether to load the optimizer's state as well: its slots, which are matched like the weights, and its number of steps. Schedules start from the beginning. */
readonly optimizer?: boolean;
});
/** bottom: both nets read the same embeddings and shared layers. separate: each net has its own, for a booster that was trained beforehand. */
readonly sharing?: "bottom" | "separate";
/** The size of embeddings. */
readonly embedding?: number;
/** How to read individual features, by name. All other features are read with the defaults. */
readonly features?: {
readonly [name: string]: {
/** The size of the embedding; by default `embedding` of the network. */
readonly size?: number;
/** How to combine a list's embeddings, without empty places; mean by default. */
readonly pooling?: "mean" | "sum";
/** Attention (DIN): the weighted sum of a list's embeddings, with weights that depend on the candidate. */
readonly attention?: {
/** The feature of the candidate, with one id per row. */
readonly to?: string;
/** Units of the activation unit's hidden layers. */
readonly hidden?: readonly (number)[];
/** The activation after each of these layers. */
readonly activation?: "relu" | "prelu" | "dice";
};
};
};
/** Units of the shared layers, one number per layer, from the bottom up. */
readonly shared?: readonly (number)[];
/** The light net's own layers. */
readonly light?: {
/** Units of the light net's own hidden layers, one number per layer, from the bottom up. */
readonly hidden?: readonly (number)[];
};
/** The booster's own layers. */
readonly booster?: {
/** Units of the booster's own hidden layers, one number per layer, from the bottom up. */
readonly hidden?: readonly (number)[];
};
/** The activation after each hidden layer: relu, prelu, or dice. */
readonly activation?: "relu" | "prelu" | "dice";
/** Whether to apply batch norm to hidden layers before their activation. */
readonly batchNorm?: boolean;
/** The fraction of each hidden layer's units to drop during training. */
readonly dropout?: number;
}) | ({
readonly use?: "mlp";
/** Initial weights instead of random ones: from one run for all variables, or by net. Table rows, inputs, and classes are matched by value. */
readonly initial?: ({
/** The initial weights of the light net. */
readonly light?: ({
/** A safetensors file. */
readonly file?: string;
/** pytorch: kernels have the shapes [out, in, height, width] and [out, in], and are transposed. */
readonly layout?: "rocket" | "pytorch";
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** For each feature, the values that the rows of its table belong to: a text file with one value per line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, if they read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, if the label has named classes. */
readonly classes?: readonly (string)[];
}) | ({
/** The run folder of an earlier run. */
readonly run?: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
});
/** The initial weights of the booster and of the shared variables. */
readonly booster?: ({
/** A safetensors file. */
readonly file?: string;
/** pytorch: kernels have the shapes [out, in, height, width] and [out, in], and are transposed. */
readonly layout?: "rocket" | "pytorch";
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** For each feature, the values that the rows of its table belong to: a text file with one value per line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, if they read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, if the label has named classes. */
readonly classes?: readonly (string)[];
}) | ({
/** The run folder of an earlier run. */
readonly run?: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
});
}) | ({
/** The run folder of an earlier run. */
readonly run?: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** Whether to load the optimizer's state as well: its slots, which are matched like the weights, and its number of steps. Schedules start from the beginning. */
readonly optimizer?: boolean;
});
/** Units of the shared layers, one number per layer, from the bottom up. */
readonly shared?: readonly (number)[];
/** Units of the light net's own hidden layers, one number per layer, from the bottom up. */
readonly light?: readonly (number)[];
/** Units of the booster's own hidden layers, one number per layer, from the bottom up. */
readonly booster?: readonly (number)[];
}) | ({
readonly use?: "wide-resnet";
/** Initial weights instead of random ones: from one run for all variables, or by net. Table rows, inputs, and classes are matched by value. */
readonly initial?: ({
/** The initial weights of the light net. */
readonly light?: ({
/** A safetensors file. */
readonly file?: string;
/** pytorch: kernels have the shapes [out, in, height, width] and [out, in], and are transposed. */
readonly layout?: "rocket" | "pytorch";
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** For each feature, the values that the rows of its table belong to: a text file with one value per line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, if they read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, if the label has named classes. */
readonly classes?: readonly (string)[];
}) | ({
/** The run folder of an earlier run. */
readonly run?: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
});
/** The initial weights of the booster and of the shared variables. */
readonly booster?: ({
/** A safetensors file. */
readonly file?: string;
/** pytorch: kernels have the shapes [out, in, height, width] and [out, in], and are transposed. */
readonly layout?: "rocket" | "pytorch";
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** For each feature, the values that the rows of its table belong to: a text file with one value per line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, if they read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, if the label has named classes. */
readonly classes?: readonly (string)[];
}) | ({
/** The run folder of an earlier run. */
readonly run?: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
});
}) | ({
/** The run folder of an earlier run. */
readonly run?: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** Whether to load the optimizer's state as well: its slots, which are matched like the weights, and its number of steps. Schedules start from the beginning. */
readonly optimizer?: boolean;
});
/** What both nets share. interval: the first blocks of each group of the booster. bottom: the booster's first two groups. none: only the first convolution. separate: nothing, for a booster that was trained beforehand. */
readonly sharing?: "interval" | "bottom" | "none" | "separate";
/** The light net. Omit it with sharing: bottom, where it is a part of the booster. */
readonly light?: {
/** The number of layers of the light net, 6n + 4 for n blocks per group: 10, 16, 22, 28, 40. */
readonly depth?: number;
/** The factor on the channels [16, 32, 64] of the three groups. */
readonly width?: number;
/** The number of groups; 2 for a light net like that of sharing: bottom, but with kernels of its own. */
readonly groups?: number;
};
/** The booster. */
readonly booster?: {
/** The number of layers of the booster, 6n + 4 for n blocks per group: 10, 16, 22, 28, 40. */
readonly depth?: number;
/** The factor on the channels [16, 32, 64] of the three groups. */
readonly width?: number;
};
/** The image feature; the only feature by default. */
readonly feature?: string;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
/** Initial weights instead of random ones: from one run for all variables, or by net. Table rows, inputs, and classes are matched by value. */
readonly initial?: ({
/** The initial weights of the light net. */
readonly light?: ({
/** A safetensors file. */
readonly file?: string;
/** pytorch: kernels have the shapes [out, in, height, width] and [out, in], and are transposed. */
readonly layout?: "rocket" | "pytorch";
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** For each feature, the values that the rows of its table belong to: a text file with one value per line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, if they read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, if the label has named classes. */
readonly classes?: readonly (string)[];
}) | ({
/** The run folder of an earlier run. */
readonly run?: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
});
/** The initial weights of the booster and of the shared variables. */
readonly booster?: ({
/** A safetensors file. */
readonly file?: string;
/** pytorch: kernels have the shapes [out, in, height, width] and [out, in], and are transposed. */
readonly layout?: "rocket" | "pytorch";
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** For each feature, the values that the rows of its table belong to: a text file with one value per line, or a JSON file with a list. */
readonly vocabularies?: {
readonly [name: string]: string;
};
/** The features in the order in which the file's first layers read them, if they read more than one. */
readonly features?: readonly (string)[];
/** The classes in the order of the file's logits, if the label has named classes. */
readonly classes?: readonly (string)[];
}) | ({
/** The run folder of an earlier run. */
readonly run?: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
});
}) | ({
/** The run folder of an earlier run. */
readonly run?: string;
/** The checkpoint of the run: best, last, best-PHASE, or the name of a checkpoint. */
readonly checkpoint?: string;
/** Maps names in the file to variables: a name, or a pattern in which each * matches the same text on both sides. The first match applies. Without a match, the name in the file is the variable's name. */
readonly names?: {
readonly [name: string]: string;
};
/** Whether to load the optimizer's state as well: its slots, which are matched like the weights, and its number of steps. Schedules start from the beginning. */
readonly optimizer?: boolean;
});
readonly [option: string]: unknown;
});
/** What a pipeline that extends others changes of an optimizer stage. */
readonly optimizer:
  | StageObject<"optimizer">
  | ({
readonly use?: "adagrad";
/** The learning rate, before the schedule's factor. */
readonly learningRate?: number;
/** How the learning rate changes over the run. */
readonly schedule?: ChangedStageEntries["schedule"];
/** lazy: a step updates only the rows of embedding tables that it reads, as PyTorch's SparseAdam does. Other rows get no weight decay, momentum, or Adam update. exact: each step updates all rows, as PyTorch does without sparse gradients. Time and memory then depend on the size of the tables. */
readonly tables?: "lazy" | "exact";
/** The initial value of the sum of squares. */
readonly initial?: number;
/** The constant added to the square root in the denominator. */
readonly epsilon?: number;
/** The factor of the L2 penalty. */
readonly weightDecay?: number;
}) | ({
readonly use?: "adam";
/** The learning rate, before the schedule's factor. */
readonly learningRate?: number;
/** How the learning rate changes over the run. */
readonly schedule?: ChangedStageEntries["schedule"];
/** lazy: a step updates only the rows of embedding tables that it reads, as PyTorch's SparseAdam does. Other rows get no weight decay, momentum, or Adam update. exact: each step updates all rows, as PyTorch does without sparse gradients. Time and memory then depend on the size of the tables. */
readonly tables?: "lazy" | "exact";
/** The decay rates of the running means of the gradient and of its square. */
readonly betas?: readonly [number, number];
/** The constant added to the square root in the denominator. */
readonly epsilon?: number;
/** The factor of the L2 penalty. */
readonly weightDecay?: number;
}) | ({
readonly use?: "adamw";
/** The learning rate, before the schedule's factor. */
readonly learningRate?: number;
/** How the learning rate changes over the run. */
readonly schedule?: ChangedStageEntries["schedule"];
/** lazy: a step updates only the rows of embedding tables that it reads, as PyTorch's SparseAdam does. Other rows get no weight decay, momentum, or Adam update. exact: each step updates all rows, as PyTorch does without sparse gradients. Time and memory then depend on the size of the tables. */
readonly tables?: "lazy" | "exact";
/** The decay rates of the running means of the gradient and of its square. */
readonly betas?: readonly [number, number];
/** The constant added to the square root in the denominator. */
readonly epsilon?: number;
/** The decoupled weight decay: weights are multiplied by 1 − learning rate × this factor. */
readonly weightDecay?: number;
}) | ({
readonly use?: "sgd";
/** The learning rate, before the schedule's factor. */
readonly learningRate?: number;
/** How the learning rate changes over the run. */
readonly schedule?: ChangedStageEntries["schedule"];
/** lazy: a step updates only the rows of embedding tables that it reads, as PyTorch's SparseAdam does. Other rows get no weight decay, momentum, or Adam update. exact: each step updates all rows, as PyTorch does without sparse gradients. Time and memory then depend on the size of the tables. */
readonly tables?: "lazy" | "exact";
/** The momentum factor. */
readonly momentum?: number;
/** Whether to use Nesterov momentum; requires momentum. */
readonly nesterov?: boolean;
/** The factor of the L2 penalty. */
readonly weightDecay?: number;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
/** The learning rate, before the schedule's factor. */
readonly learningRate?: number;
/** How the learning rate changes over the run. */
readonly schedule?: ChangedStageEntries["schedule"];
/** lazy: a step updates only the rows of embedding tables that it reads, as PyTorch's SparseAdam does. Other rows get no weight decay, momentum, or Adam update. exact: each step updates all rows, as PyTorch does without sparse gradients. Time and memory then depend on the size of the tables. */
readonly tables?: "lazy" | "exact";
readonly [option: string]: unknown;
});
/** What a pipeline that extends others changes of a schedule stage. */
readonly schedule:
  | StageObject<"schedule">
  | ("constant" | "cosine") | (`${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`) | ({
readonly use?: "constant";
}) | ({
readonly use?: "cosine";
/** The final fraction of the learning rate. */
readonly to?: number;
}) | ({
readonly use?: "steps";
/** The numbers of epochs or steps after which the learning rate changes. */
readonly at?: readonly (number)[];
/** The factor at each of these points. */
readonly by?: number;
/** The unit of `at`. */
readonly unit?: "epochs" | "steps";
}) | ({
readonly use?: "warm-up";
/** The length of the warm-up. */
readonly for?: number;
/** The unit of `for`. */
readonly unit?: "epochs" | "steps";
/** The initial fraction of the learning rate. */
readonly from?: number;
/** The schedule after the warm-up; constant by default. */
readonly then?: ChangedStageEntries["schedule"];
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}` | `${string}.${"ts" | "js"}`;
readonly [option: string]: unknown;
});
}
