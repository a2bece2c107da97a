import type { tf } from "./tf.ts";
import type { z } from "./z.ts";
import type { LabelSpec } from "./batch.ts";
import type { Variable, VariableSpec } from "./network.ts";
import {
  type Create,
  defineStage,
  oneOf,
  type OptionsSchema,
  type Stage,
  type StageDefinition,
} from "./stage.ts";

/**
 * The information that a loss receives when it is created, such as the label and the shapes of the
 * outputs that it compares.
 */
export interface LossContext {
  /** The label. */
  readonly label: LabelSpec;
  /** The shapes of the compared outputs, without the batch axis: of `on`, or of `from` and `to`. */
  readonly shapes: readonly (readonly number[])[];
  /**
   * Declares variables that belong to the loss, such as those of a regressor between two feature
   * maps. The optimizer updates them together with those of the nets. They do not count as
   * parameters of either net and are not exported with the light net.
   */
  readonly variables: LossVariables;
}

/** Declares the variables that a loss trains, such as the weights of a regressor. */
export interface LossVariables {
  /**
   * Declares a variable.
   *
   * @param spec The variable's name, unique within the loss, its shape and its initializer.
   * @returns The variable, for {@linkcode LossScope.read}. Its name is prefixed with the loss's
   *   name.
   * @throws {Error} If the loss has already declared a variable with this name.
   */
  add(spec: Omit<VariableSpec, "owner" | "table">): Variable;
}

/**
 * Gives a loss access to the label and to the variables of the loss while the loss is computed for
 * a batch.
 */
export interface LossScope {
  /**
   * The label, `[batch]`: int32 classes, or float32. A label of kind `multi-label` is
   * `[batch, classes]`, float32.
   */
  readonly label: tf.Tensor;
  /**
   * The columns of the source that the loss names with a `columnOption()`, `[batch]`, int32. Two rows
   * of a batch have equal numbers if they have equal values, and different numbers otherwise. The
   * numbers themselves have no meaning and differ from batch to batch.
   */
  readonly columns: Readonly<Record<string, tf.Tensor>>;
  /**
   * Reads the value of a variable in this step.
   *
   * @param variable The variable that {@linkcode LossVariables.add} returned.
   */
  read(variable: Variable): tf.Tensor;
}

/**
 * Compares an output of one net with the label.
 *
 * @param output The output, `[batch, units]` for logits.
 * @param label The label, as in {@linkcode LossScope.label}.
 * @param scope The variables of this step.
 * @returns One loss per row, `[batch]`, or their mean, a scalar.
 */
export type TaskLoss = (output: tf.Tensor, label: tf.Tensor, scope: LossScope) => tf.Tensor;

/**
 * Compares an output of the teacher (`from`) with one of the student (`to`). A gradient stage
 * decides how much of the gradient reaches each of them.
 *
 * @param from The teacher's output, `[batch, ...]`.
 * @param to The student's output, `[batch, ...]`.
 * @param scope The label and the variables of this step.
 * @returns One loss per row, `[batch]`; a scalar if rows are compared with one another.
 */
export type HintLoss = (from: tf.Tensor, to: tf.Tensor, scope: LossScope) => tf.Tensor;

/**
 * A stage that computes a loss: it compares an output of a net with the label or with another
 * output.
 */
export interface LossStage extends Stage<"loss", LossContext, TaskLoss | HintLoss> {
  /**
   * `task`: compares an output with the label (`on:`). `hint`: compares two outputs (`from:`,
   * `to:`).
   */
  readonly form: "task" | "hint";
  /**
   * Whether the loss supports labels of kind `multi-label`, whose logits are compared with 0 or 1
   * for each class; undefined if the stage does not declare it.
   */
  readonly multiLabel?: boolean | undefined;
  /** Whether the loss reads `label.training`; undefined if the stage does not declare it. */
  readonly labelStatistics?: LabelStatisticsNeed | undefined;
}

/** Whether a loss reads the statistics of the label: a constant, or a function of the options. */
// deno-lint-ignore no-explicit-any -- the options are the stage's own
export type LabelStatisticsNeed = boolean | ((options: any) => boolean);

/** The definition of a loss, for {@linkcode defineLoss}. */
export type LossDefinition<Schema extends OptionsSchema> =
  & StageDefinition<Schema>
  & {
    /**
     * Whether `create()` reads `label.training`, the statistics of the label over the training
     * rows, such as the number of rows of each class; `false` by default. Rows that do not fit in
     * memory are then read once more before training.
     */
    readonly labelStatistics?: boolean | ((options: z.output<Schema>) => boolean);
    /**
     * Whether the loss supports labels of kind `multi-label`; `false` by default. The label is then
     * `[batch, classes]`, float32, with 0 or 1 for each class, and each logit belongs to one class.
     * Hint losses that do not read logits need no declaration.
     */
    readonly multiLabel?: boolean;
  }
  & (
    | { readonly form: "task"; readonly create: Create<Schema, LossContext, TaskLoss> }
    | { readonly form: "hint"; readonly create: Create<Schema, LossContext, HintLoss> }
  );

/**
 * Defines a loss. The keys `name`, `on`, `from`, `to`, `teacherScale`, `weight`, `schedule`, and
 * `gradient` of its entry in a pipeline file belong to the pipeline, so they are not options of the
 * loss.
 *
 * @param definition The loss's name, summary, form, options and `create` function.
 * @returns The stage.
 *
 * @example
 * ```ts
 * import { defineLoss, type LossStage, tf, z } from "@rocket-launching/rocket/plugin";
 *
 * const absoluteHint: LossStage = defineLoss({
 *   name: "absolute-hint",
 *   summary: "The absolute difference between the logits.",
 *   form: "hint",
 *   options: z.object({ scale: z.number().positive().default(1) }),
 *   create: ({ scale }) => (from, to) => tf.mul(tf.sum(tf.abs(tf.sub(from, to)), -1), scale),
 * });
 * ```
 */
export function defineLoss<Schema extends OptionsSchema>(
  definition: LossDefinition<Schema>,
): LossStage {
  const { labelStatistics, multiLabel, ...rest } = definition;
  const stage = defineStage<"loss", Schema, LossContext, TaskLoss | HintLoss>("loss", rest);
  return {
    ...stage,
    kind: "loss",
    form: oneOf(definition, "form", ["task", "hint"], definition.form),
    ...(labelStatistics !== undefined && { labelStatistics }),
    ...(multiLabel !== undefined && { multiLabel }),
  } as LossStage;
}

/**
 * Checks whether a loss stage reads the statistics of the label.
 *
 * @param stage The loss stage.
 * @param options The stage's checked options.
 */
export function needsLabelStatistics(
  { labelStatistics = false }: Pick<LossStage, "labelStatistics">,
  options: unknown,
): boolean {
  return typeof labelStatistics === "function" ? labelStatistics(options) : labelStatistics;
}
