import type { ColumnSpec, LabelSpec } from "../stages/batch.ts";

/** What `checkStage()` tries a stage with; all of it has defaults that suit most stages. */
export interface StageChecks {
  /**
   * The options, as a pipeline file writes them; defaults are filled in. The place of an option
   * that is itself a stage, such as the schedule after a warm-up, takes what that stage makes.
   */
  readonly options?: Readonly<Record<string, unknown>>;
  /**
   * The features for a network or a transform. By default several samples are tried, each with one
   * float32 feature called `image` (images of two sizes, vectors); the stage may refuse all but
   * one. A stage for ids, or with a feature of another name, is given its own.
   */
  readonly features?: Readonly<Record<string, ColumnSpec>>;
  /**
   * The label for a loss, a network or a metric. By default classes, a binary label and a number
   * are tried; the stage may refuse all but one.
   */
  readonly label?: LabelSpec;
  /**
   * The shapes, without the batch, of the outputs that a loss compares: one for a loss with the
   * label, two for a hint. By default logits are tried, and maps for hints that can take them.
   */
  readonly shapes?: readonly (readonly number[])[];
  /** The folder that a source's relative paths start from; the current one by default. */
  readonly folder?: string;
  /** The engines to compute on; all that can be had here by default. */
  readonly engines?: readonly ("native" | "wasm")[];
}
