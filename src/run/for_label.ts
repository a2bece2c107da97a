/**
 * Checks and messages of losses and metrics that read a label.
 *
 * @module
 */

import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { LabelSpec } from "../stages/batch.ts";
import type { LabelPart } from "../stages/labels.ts";
import type { LossStage } from "../stages/loss.ts";
import type { MetricStage } from "../stages/metric.ts";
import { StageError, type StageReference } from "../stages/stage_error.ts";

/**
 * Creates a loss or a metric. If it does not suit one of several labels, the error names the label.
 *
 * @param part The label among several; undefined for a single label.
 * @param create Creates the loss or the metric.
 */
export function forLabel<T>(part: LabelPart | undefined, create: () => T): T {
  try {
    return create();
  } catch (error) {
    if (!part || !(error instanceof UserError) || error instanceof StageError) throw error;
    const { exitCode, problems } = error;
    throw new UserError(
      problems.map(({ message, ...rest }) => ({
        ...rest,
        message: `for the label ${part.name}: ${message}`,
      })),
      { exitCode, cause: error },
    );
  }
}

/**
 * Rejects a loss or a metric that does not support labels of kind `multi-label`: it would take the
 * logits of classes that a row may have together for those of classes that exclude each other.
 *
 * @param stage The stage.
 * @param reference The stage, for messages.
 * @param label The label.
 * @throws {UserError} If the stage does not support the label.
 */
export function refuseMultiLabel(
  stage: LossStage | MetricStage,
  { name, place }: StageReference,
  { kind }: LabelSpec,
): void {
  if (kind !== "multi-label" || stage.multiLabel) return;
  if (stage.kind === "metric" && stage.readsLabel === false) return;
  const others = stage.kind === "metric"
    ? ["auc", "pr-auc", "f1", "log-loss", "accuracy"]
    : stage.form === "task"
    ? ["binary-cross-entropy"]
    : ["mse-hint", "kl"];
  const message = `the ${stage.kind} ${name} does not support a label of kind multi-label`;
  throw new UserError(message, {
    place,
    hint: hint(
      "labels/multi-label",
      `use ${others.join(", ")}; a stage that supports such labels declares \`multiLabel: true\``,
      others.map((use) => ({ set: { use } })),
    ),
    exitCode: 2,
  });
}
