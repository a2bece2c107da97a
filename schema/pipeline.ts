// Made by `deno task schema` from the schemas of the stages' options.
// deno-lint-ignore-file
/**
 * The types of pipelines in TypeScript.
 *
 * @module
 */

import type { AnyStage, StageKind } from "../pipeline/stages/stage.ts";

/** A stage itself, in the place of its name. */
export interface StageObject<Kind extends StageKind> {
  readonly use: AnyStage & { readonly kind: Kind };
  readonly [option: string]: unknown;
}

/** A pipeline. */
export interface Pipeline {
/** A pipeline file, or several, whose values hold where this one has none. */
readonly extends?: (string) | (readonly (string)[]);
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
/** What the nets read: columns by the name that stages use. */
readonly features: {
readonly [name: string]: ({
/** The column; the feature's name by default. */
readonly column?: string;
/** The shape of one row, such as [28, 28, 1]; as the column's type has it by default. */
readonly shape?: readonly (number)[];
/** What the nets get: int32 for ids; float32 by default, and int32 for strings. */
readonly dtype?: "float32" | "int32";
/** What becomes of nulls: an error, the row dropped, or a value in their place. */
readonly nulls?: ("error" | "drop") | ({
/** The value that takes a null's place. */
readonly fill: unknown;
});
/** Pads lists that are shorter than `shape` with this value, and cuts longer ones. */
readonly pad?: number;
}) | (null);
};
/** What the nets predict. */
readonly label: (string) | ({
/** The column. */
readonly column: string;
/** class: one of several; binary: 0 or 1; number: a value to predict. By the column's type by default: number for floats, class for all else. */
readonly kind?: "class" | "binary" | "number";
/** How many classes there are, or their names in order; what the training rows have by default. */
readonly classes?: (number) | (readonly (string)[]);
/** What becomes of nulls: an error, the row dropped, or a value in their place. */
readonly nulls?: ("error" | "drop") | ({
/** The value that takes a null's place. */
readonly fill: unknown;
});
});
/** Changes of batches, in this order. */
readonly transforms?: readonly (TransformEntry)[];
};
/** The light net and its booster. */
readonly network: NetworkEntry;
/** The total loss is the weighted sum of these. */
readonly losses: readonly (LossEntry)[];
/** How variables follow their gradients. */
readonly optimizer: OptimizerEntry;
/** How long and how much at once. */
readonly train: {
/** How often all training rows are seen. */
readonly epochs: number;
/** The rows of a step. */
readonly batch: number;
/** light-alone: also trains the light net without the booster, with the same seed and budget. */
readonly baseline?: "none" | "light-alone";
/** The metric by which the best epoch is chosen; the light net's first metric by default. */
readonly select?: (string) | (string);
};
/** What is measured after each epoch. */
readonly metrics?: readonly (MetricEntry)[];
/** Who listens to the run; metrics.jsonl and result.json are always written. */
readonly outputs?: readonly (OutputEntry)[];
}

/** An entry that names a source stage. */
export type SourceEntry =
  | StageObject<"source">
  | ({
readonly use: "arrow";
/** A file, a glob such as data/part-*.arrow (read in the order of their names), or a list of them; relative to the pipeline file. */
readonly path: (string) | (readonly (string)[]);
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}`;
readonly [option: string]: unknown;
});

/** An entry that names a transform stage. */
export type TransformEntry =
  | StageObject<"transform">
  | ({
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
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}`;
/** training: not applied when measuring; all: always. Augmentation has training by default. */
readonly on?: "training" | "all";
readonly [option: string]: unknown;
});

/** An entry that names a network stage. */
export type NetworkEntry =
  | StageObject<"network">
  | ("mlp") | ({
readonly use: "wide-resnet";
/** interval: the light net runs the first blocks of each group of the booster; bottom: its first two groups; none: only the first convolution. */
readonly sharing?: "interval" | "bottom" | "none";
/** The light net; left out with sharing: bottom, where it is a part of the booster. */
readonly light?: {
/** Layers of the light net, 6n + 4 for n blocks a group: 10, 16, 22, 28, 40. */
readonly depth: number;
/** Factor on the channels [16, 32, 64] of the three groups. */
readonly width?: number;
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
readonly use: "mlp";
/** Units of the shared layers, one number a layer, from the bottom up. */
readonly shared?: readonly (number)[];
/** Units of the light net's own hidden layers, one number a layer, from the bottom up. */
readonly light?: readonly (number)[];
/** Units of the booster's own hidden layers, one number a layer, from the bottom up. */
readonly booster?: readonly (number)[];
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}`;
readonly [option: string]: unknown;
});

/** An entry that names a loss stage. */
export type LossEntry =
  | StageObject<"loss">
  | ("cross-entropy" | "mse-hint") | ({
readonly use: "cross-entropy";
/** The name in metrics; USE(on) or USE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The guide's output; booster.logits by default. */
readonly from?: string;
/** The guided output; light.logits by default. */
readonly to?: string;
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
}) | ({
readonly use: "mse-hint";
/** The name in metrics; USE(on) or USE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The guide's output; booster.logits by default. */
readonly from?: string;
/** The guided output; light.logits by default. */
readonly to?: string;
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}`;
/** The name in metrics; USE(on) or USE(from→to) by default. */
readonly name?: string;
/** The output that is compared with the label. */
readonly on?: string;
/** The guide's output; booster.logits by default. */
readonly from?: string;
/** The guided output; light.logits by default. */
readonly to?: string;
/** The factor in the total loss. */
readonly weight?: number;
/** What passes to whom; block for hints by default, none for losses with the label. */
readonly gradient?: GradientEntry;
readonly [option: string]: unknown;
});

/** An entry that names a gradient stage. */
export type GradientEntry =
  | StageObject<"gradient">
  | ("block" | "none") | ({
readonly use: "block";
}) | ({
readonly use: "none";
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}`;
readonly [option: string]: unknown;
});

/** An entry that names a optimizer stage. */
export type OptimizerEntry =
  | StageObject<"optimizer">
  | ({
readonly use: "sgd";
/** The learning rate, before the schedule's factor. */
readonly rate: number;
/** How the rate changes over the run. */
readonly schedule?: ScheduleEntry;
readonly momentum: number;
readonly weightDecay: number;
readonly nesterov?: boolean;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}`;
/** The learning rate, before the schedule's factor. */
readonly rate: number;
/** How the rate changes over the run. */
readonly schedule?: ScheduleEntry;
readonly [option: string]: unknown;
});

/** An entry that names a schedule stage. */
export type ScheduleEntry =
  | StageObject<"schedule">
  | ("constant") | ({
readonly use: "constant";
}) | ({
readonly use: "steps";
readonly at: readonly (number)[];
readonly by: number;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}`;
readonly [option: string]: unknown;
});

/** An entry that names a metric stage. */
export type MetricEntry =
  | StageObject<"metric">
  | ("accuracy" | "loss" | "agreement") | ({
readonly use: "accuracy";
/** The key in results; the stage's name by default. */
readonly name?: string;
}) | ({
readonly use: "loss";
/** The key in results; the stage's name by default. */
readonly name?: string;
}) | ({
readonly use: "agreement";
/** The key in results; the stage's name by default. */
readonly name?: string;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}`;
/** The key in results; the stage's name by default. */
readonly name?: string;
readonly [option: string]: unknown;
});

/** An entry that names a output stage. */
export type OutputEntry =
  | StageObject<"output">
  | ("progress" | "metrics" | "result" | "checkpoint") | ({
readonly use: "progress";
}) | ({
readonly use: "metrics";
}) | ({
readonly use: "result";
}) | ({
readonly use: "checkpoint";
/** Epochs between writes of last.safetensors. */
readonly every?: number;
}) | ({
readonly use: `${"." | "/" | "jsr:" | "npm:" | "https:" | "file:"}${string}`;
readonly [option: string]: unknown;
});
