import type { ColumnSpec, LabelSpec } from "../stages/batch.ts";

/** The options of `checkStage()`. All have defaults that suit most stages. */
export interface StageChecks {
  /**
   * The stage's options, as in a pipeline file; defaults are filled in. For an option that is
   * itself a stage, such as the schedule after a warm-up, pass what that stage's `create` function
   * returns.
   */
  readonly options?: Readonly<Record<string, unknown>>;
  /**
   * The features for a network or a transform. By default, several samples are checked, each with
   * one float32 feature named `image` (images of two sizes, and vectors), and the stage must accept
   * at least one of them. Set this for a stage that needs ids or a feature with another name.
   */
  readonly features?: Readonly<Record<string, ColumnSpec>>;
  /**
   * The label for a loss, a network, or a metric. By default, classes, a binary label, and a number
   * are checked, and the stage must accept at least one of them.
   */
  readonly label?: LabelSpec;
  /**
   * The shapes of the outputs that a loss or the loss of a gradient policy compares, without the
   * batch axis: one for a loss with the label, two for a hint. By default, logits are checked, and feature maps for hints that support
   * them.
   */
  readonly shapes?: readonly (readonly number[])[];
  /**
   * The shapes of outputs that a gradient policy asks for, by name and without the batch axis, such
   * as `{ "booster.group3": [8, 8, 64] }`. By default, the logits and the `features` of both nets.
   */
  readonly outputs?: Readonly<Record<string, readonly number[]>>;
  /** The folder for a source's relative paths; the current folder by default. */
  readonly folder?: string;
  /** The engines to check; all available ones by default. */
  readonly engines?: readonly ("native" | "wasm")[];
}
