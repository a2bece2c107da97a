/** The number of first steps whose time is left out, since they include tracing and compilation. */
const FIRST = 3;

/** The time over which the mean time of a step is taken, in milliseconds. */
const MEMORY = 20_000;

/** The time of measured steps that an estimate needs, in milliseconds. */
const ENOUGH = 1_000;

/**
 * The time within which the remaining time follows a changed estimate, in milliseconds. Near the end
 * it is this share of the remaining time.
 */
const SMOOTHING = 10_000, SMOOTHING_SHARE = 0.2;

/** A step counts with at most this multiple of the mean, so a single pause changes little. */
const LARGEST = 4;

/** The share of older epochs in the mean time between two epochs. */
const OLDER = 0.7;

/**
 * Estimates the remaining time of a job from the times of its steps. The first steps of a job and of
 * a phase, which include the set-up, do not count, and the time between epochs (evaluation,
 * checkpoints) counts separately. The estimate follows changes smoothly, and a single pause does not
 * change it.
 */
export class RemainingTime {
  readonly #epochs: number;
  readonly #stepsPerEpoch: number;
  /** The position: the number of steps done, the epoch, and the phase. */
  #step: number;
  #epoch = 0;
  #phase: string | undefined;
  /** When the previous step ended; undefined before the first one. */
  #before: number | undefined;
  /** The number of next steps whose time does not count. */
  #skipped = FIRST;
  /** The sums of times and numbers of steps, in which older steps count less. */
  #time = 0;
  #count = 0;
  #measured = 0;
  /** The same for the times between epochs; the number of times that were measured. */
  #pauses = 0;
  #pauseCount = 0;
  #pausesSeen = 0;
  /** The estimated remaining time after the previous step. */
  #left: number | undefined;

  /**
   * Starts the estimate.
   *
   * @param epochs The number of epochs of the job.
   * @param stepsPerEpoch The number of steps of an epoch.
   * @param step The number of steps that are done already.
   */
  constructor(epochs: number, stepsPerEpoch: number, step: number) {
    this.#epochs = epochs;
    this.#stepsPerEpoch = stepsPerEpoch;
    this.#step = step;
  }

  /**
   * Receives the end of a step.
   *
   * @param step The number of steps that are done.
   * @param epoch The epoch of the step, from 1.
   * @param phase The phase.
   * @param now The time in milliseconds.
   */
  add(step: number, epoch: number, phase: string | undefined, now: number): void {
    const isNewPhase = phase !== this.#phase && this.#before !== undefined;
    if (isNewPhase) {
      this.#skipped = FIRST;
      this.#time = this.#count = this.#measured = 0;
    }
    const steps = step - this.#step, isNewEpoch = epoch !== this.#epoch;
    const passed = now - (this.#before ?? now);
    const expectedPause = isNewEpoch ? Math.min(this.#pause(), passed) : 0;
    if (this.#before !== undefined && steps > 0) {
      this.#measure(now - this.#before, steps, isNewEpoch);
    }
    [this.#step, this.#epoch, this.#phase, this.#before] = [step, epoch, phase, now];
    this.#update(steps, expectedPause);
  }

  #measure(time: number, steps: number, isNewEpoch: boolean): void {
    if (this.#skipped > 0) {
      this.#skipped -= steps;
      return;
    }
    const mean = this.#mean() ?? time / steps;
    if (isNewEpoch && this.#count > 0) {
      // The first evaluation includes its set-up. It counts until there is another one, and at most
      // as half an epoch.
      const seen = this.#pausesSeen++, kept = seen === 1 ? 0 : OLDER;
      const most = seen === 0 ? mean * this.#stepsPerEpoch / 2 : Infinity;
      this.#pauses = kept * this.#pauses + Math.min(Math.max(0, time - mean * steps), most);
      this.#pauseCount = kept * this.#pauseCount + 1;
      return;
    }
    const counted = Math.min(time, LARGEST * mean * steps);
    const kept = Math.exp(-counted / MEMORY);
    this.#time = kept * this.#time + counted;
    this.#count = kept * this.#count + steps;
    this.#measured += counted;
  }

  #mean(): number | undefined {
    return this.#count > 0 ? this.#time / this.#count : undefined;
  }

  /** Returns the mean time between two epochs, without that of a step. */
  #pause(): number {
    return this.#pauseCount > 0 ? this.#pauses / this.#pauseCount : 0;
  }

  #update(steps: number, expectedPause: number): void {
    const mean = this.#mean();
    if (mean === undefined || this.#measured < ENOUGH) return;
    // The evaluation after the last epoch has still to come.
    const left = (this.#epochs * this.#stepsPerEpoch - this.#step) * mean +
      (this.#epochs - this.#epoch + 1) * this.#pause();
    const passed = steps * mean + expectedPause;
    const expected = (this.#left ?? left + passed) - passed;
    const smoothing = Math.min(SMOOTHING, SMOOTHING_SHARE * left + mean);
    this.#left = expected + (1 - Math.exp(-passed / smoothing)) * (left - expected);
  }

  /**
   * Returns the remaining time after the last step in milliseconds; undefined if too few steps have
   * been measured.
   */
  get left(): number | undefined {
    return this.#left === undefined ? undefined : Math.max(0, this.#left);
  }
}

/**
 * Formats a remaining time. A long time has a coarse unit, so the text changes slowly.
 *
 * @param milliseconds The time; undefined if it is not known.
 * @returns A text of at most 16 characters.
 */
export function remainingText(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return "";
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 20) return `${seconds} s left`;
  if (seconds < 115) return `${10 * Math.round(seconds / 10)} s left`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min left`;
  const hours = Math.floor(minutes / 60);
  return hours < 24
    ? `${hours} h ${10 * Math.floor((minutes % 60) / 10)} min left`
    : `${Math.floor(hours / 24)} d ${hours % 24} h left`;
}
