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

/** How to handle a step whose losses or gradients are NaN or infinite. */
export type NonFinite = "stop" | "skip" | "back";

/** The input of a training step. */
export interface TrainInput {
  /** The variables and the optimizer's slots. */
  readonly state: State;
  /** The batch, or its first part, the learning rate, and the seed. */
  readonly input: StepInput;
  /** The other parts of the batch, if the step computes it in parts. */
  readonly others?: readonly StepInput[];
}

/**
 * The options of {@linkcode Steps}: the model, and how to handle steps whose losses or gradients
 * are NaN or infinite.
 */
export interface StepsOptions {
  /** The nets, losses and optimizer. */
  readonly model: Model;
  /** The network's stage, for messages. */
  readonly network: StageReference;
  /** The place of the losses in the pipeline file, for messages. */
  readonly place: Place | undefined;
  /** How to handle a step whose losses or gradients are NaN or infinite. */
  readonly nonFinite: NonFinite;
  /** The maximum number of steps that may be skipped in a row. */
  readonly maxSkipped: number;
}

/**
 * The result of a training step whose numbers have been checked: it was either applied or skipped.
 */
export interface StepResult {
  /** The state after the step; if the step was skipped, the state before it. */
  readonly state: State;
  /** The total loss, then each term before its weight. */
  readonly losses: Float32Array;
  /** The L2 norm of all gradients, before they are clipped. */
  readonly gradientNorm: number;
  /** Whether the step was skipped because its losses or gradients are not finite. */
  readonly skipped: boolean;
  /** Whether a process of the cluster has been asked to stop. */
  readonly stops: boolean;
}

/**
 * Takes training steps. A step with non-finite losses or gradients is skipped, or an error is
 * thrown.
 */
export class Steps {
  readonly #train: Pick<CapturedFunction<TrainInput, StepOutput>, "call">;
  readonly #options: StepsOptions;
  #inARow: number;

  /**
   * Creates the steps of a phase.
   *
   * @param train The function that computes a training step.
   * @param options The model, and how to handle steps with non-finite losses or gradients.
   * @param skippedInARow The number of steps that were skipped in a row just before the first one.
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

  /** The number of steps that were skipped in a row just before now. */
  get skippedInARow(): number {
    return this.#inARow;
  }

  /**
   * Takes one step, and disposes of the state that is no longer needed.
   *
   * @param state The state before the step.
   * @param parts The parts of the batch; only one if the step computes the batch as a whole.
   * @param when The time of the step for messages, such as `at step 3 (epoch 1)`.
   * @returns The result of the step.
   * @throws {NonFiniteError} If losses or gradients are not finite and the step may not be skipped.
   */
  async take(
    state: State,
    parts: readonly StepInput[],
    when: string,
  ): Promise<StepResult> {
    const [input, ...others] = parts as [StepInput, ...StepInput[]];
    const output = this.#train.call({ state, input, ...(others.length > 0 && { others }) });
    const [losses, [gradientNorm], [asked = 0] = []] = await Promise.all([
      output.losses.data<"float32">(),
      output.norm.data<"float32">(),
      output.stops?.data<"float32">(),
    ]) as [Float32Array, Float32Array, Float32Array | undefined];
    output.losses.dispose();
    output.norm.dispose();
    output.stops?.dispose();
    const stops = asked > 0;
    const finite = Number.isFinite(gradientNorm) && losses.every(Number.isFinite);
    if (finite) {
      this.#inARow = 0;
      disposeState(state, output.state);
      return { state: output.state, losses, gradientNorm: gradientNorm!, skipped: false, stops };
    }
    disposeState(output.state, state);
    const { nonFinite, maxSkipped, ...about } = this.#options;
    if (nonFinite !== "skip" || this.#inARow === maxSkipped) {
      const words = nonFinite !== "skip" ? when : `${when}, after ${skips(this.#inARow)}`;
      await refuseBroken({
        ...about,
        state,
        parts,
        losses,
        norm: gradientNorm!,
        when: words,
      });
    }
    this.#inARow++;
    return { state, losses, gradientNorm: gradientNorm!, skipped: true, stops };
  }
}

const skips = (count: number) => `${count} skipped ${count === 1 ? "step" : "steps"} in a row`;
