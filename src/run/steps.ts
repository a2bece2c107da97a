import type { CapturedFunction } from "../engine/capture/capture.ts";
import type { Place } from "../base/errors.ts";
import type { StageReference } from "../stages/stage_error.ts";
import { refuseBroken } from "../train/diagnose.ts";
import {
  disposeState,
  type Model,
  type State,
  type StepInput,
  type StepOutput,
} from "../train/step.ts";

/** What becomes of a step whose losses or gradients are NaN or infinite. */
export type NonFinite = "stop" | "skip" | "back";

/** What a training step computes with. */
export interface TrainInput {
  /** Variables and slots. */
  readonly state: State;
  /** The batch, the learning rate, and the seed. */
  readonly input: StepInput;
}

/** How steps are made and what becomes of broken ones. */
export interface StepsOptions {
  /** All that a step computes with. */
  readonly model: Model;
  /** The network's stage, for messages. */
  readonly network: StageReference;
  /** Where the pipeline file has its losses, for messages. */
  readonly place: Place | undefined;
  /** What becomes of a broken step. */
  readonly nonFinite: NonFinite;
  /** How many steps in a row may be skipped; one more ends the run. */
  readonly maxSkipped: number;
}

/** What a step came to. */
export interface Advanced {
  /** The state to go on with; after a step that is skipped it is the one before. */
  readonly state: State;
  /** The total loss, then each term before its weight. */
  readonly losses: Float32Array;
  /** The L2 norm of all gradients, before they are clipped. */
  readonly gradientNorm: number;
  /** Whether the step was skipped, as its losses or gradients are not finite. */
  readonly skipped: boolean;
}

/** Takes steps, and sees to those that are not finite. */
export class Steps {
  readonly #train: Pick<CapturedFunction<TrainInput, StepOutput>, "call">;
  readonly #options: StepsOptions;
  #inARow: number;

  /**
   * Prepares for steps.
   *
   * @param train The training step.
   * @param options What becomes of broken steps.
   * @param skippedInARow How many were skipped in a row just before the first one.
   */
  constructor(
    train: Pick<CapturedFunction<TrainInput, StepOutput>, "call">,
    options: StepsOptions,
    skippedInARow = 0,
  ) {
    this.#train = train;
    this.#options = options;
    this.#inARow = skippedInARow;
  }

  /** How many steps in a row were skipped by now. */
  get skippedInARow(): number {
    return this.#inARow;
  }

  /**
   * One step. The state that is not gone on with is disposed of.
   *
   * @param state The state before.
   * @param input The batch.
   * @param when When it is, in words: `at step 3 (epoch 1)`.
   * @returns What it came to.
   * @throws {NonFiniteError} If its losses or gradients are not finite, and it may not be skipped.
   */
  async take(state: State, input: StepInput, when: string): Promise<Advanced> {
    const output = this.#train.call({ state, input });
    const [losses, [gradientNorm]] = await Promise.all([
      output.losses.data<"float32">(),
      output.norm.data<"float32">(),
    ]) as [Float32Array, Float32Array];
    output.losses.dispose();
    output.norm.dispose();
    const finite = Number.isFinite(gradientNorm) && losses.every(Number.isFinite);
    if (finite) {
      this.#inARow = 0;
      disposeState(state, output.state);
      return { state: output.state, losses, gradientNorm: gradientNorm!, skipped: false };
    }
    disposeState(output.state, state);
    const { nonFinite, maxSkipped, ...about } = this.#options;
    if (nonFinite !== "skip" || this.#inARow === maxSkipped) {
      const words = nonFinite !== "skip" ? when : `${when}, after ${skips(this.#inARow)}`;
      await refuseBroken({
        ...about,
        state,
        input,
        losses,
        norm: gradientNorm!,
        when: words,
      });
    }
    this.#inARow++;
    return { state, losses, gradientNorm: gradientNorm!, skipped: true };
  }
}

const skips = (count: number) => `${count} skipped ${count === 1 ? "step" : "steps"} in a row`;
