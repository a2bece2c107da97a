import * as tf from "@tensorflow/tfjs";
import { hint } from "../base/hints.ts";
import { calledStage, StageError, type StageReference } from "../stages/stage_error.ts";

/**
 * Watches that a step leaves no more tensors behind than the one before, and finds out which stage
 * does when it happens.
 */
export class LeakGuard {
  #tensors: number | undefined;
  #leaking = false;

  /**
   * Runs a part of a run that should leave as many tensors as it found.
   *
   * @param run The part; it returns the tensors that live on.
   * @throws {StageError} If a stage leaves tensors behind that nobody disposes of. The first time
   * shows that there are some, the second whose they are.
   */
  async watch(run: () => Promise<Iterable<tf.Tensor>>): Promise<void> {
    const born = new Map<tf.Tensor, StageReference>();
    const living = this.#leaking ? await recordBirths(run, born) : await run();
    if (this.#leaking) accuse(born, new Set(living));
    const tensors = tf.memory().numTensors;
    this.#leaking = this.#tensors !== undefined && tensors > this.#tensors;
    this.#tensors = tensors;
  }
}

async function recordBirths<T>(
  run: () => Promise<T>,
  born: Map<tf.Tensor, StageReference>,
): Promise<T> {
  // tfjs has no list of its tensors, but each goes through track() when it is made.
  const engine = tf.engine() as unknown as { track(tensor: tf.Tensor): tf.Tensor };
  const track = engine.track;
  engine.track = (tensor) => {
    const stage = calledStage();
    if (stage && !born.has(tensor)) born.set(tensor, stage);
    return track.call(engine, tensor);
  };
  try {
    return await run();
  } finally {
    engine.track = track;
  }
}

function accuse(born: ReadonlyMap<tf.Tensor, StageReference>, living: Set<tf.Tensor>): void {
  const left = [...born].filter(([tensor]) => !tensor.isDisposed && !living.has(tensor));
  if (left.length === 0) return;
  const [tensor, stage] = left[0]!;
  const count = left.filter(([, other]) => other === stage).length;
  throw new StageError(
    stage,
    `leaves ${count === 1 ? "a tensor" : `${count} tensors`} behind in each step, of shape ` +
      `[${tensor.shape}]`,
    {
      hint: hint(
        "stage/leak",
        "dispose of tensors made outside tf.tidy(), and do not tf.keep() them",
        { edit: "the stage" },
      ),
    },
  );
}
