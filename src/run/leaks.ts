import * as tf from "@tensorflow/tfjs";
import { hint } from "../base/hints.ts";
import { calledStage, StageError, type StageReference } from "../stages/stage_error.ts";

/**
 * Detects stages that leak tensors: it compares the number of tensors after each step, and finds the
 * stage that created the additional ones.
 */
export class LeakGuard {
  #tensors: number | undefined;
  #leaking = false;

  /**
   * Runs a step, which should not change the number of tensors.
   *
   * @param run The step; it returns the tensors that stay in use.
   * @throws {StageError} If a stage leaks tensors. The first leaking step only shows that there is a
   *   leak; the stage is found in the second one.
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
  // tfjs has no list of its tensors, but calls track() for each one that it creates.
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
    `leaks ${
      count === 1 ? "a tensor" : `${count} tensors`
    } of shape [${tensor.shape}] in each step`,
    {
      hint: hint(
        "stage/leak",
        "dispose of tensors made outside tf.tidy(), and do not tf.keep() them",
        { edit: "the stage" },
      ),
    },
  );
}
