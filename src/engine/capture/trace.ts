/**
 * The recorded ops of a function, and comparisons of several recordings.
 *
 * @module
 */

import type { OpAttribute } from "./graph.ts";

/** The shape and type of a tensor in a trace. */
export interface TracedTensor {
  /** Its shape. */
  readonly shape: readonly number[];
  /** TensorFlow's number for its type. */
  readonly type: number;
}

/** An operation or a constant in the recording of a function. */
export interface TraceEntry {
  /** The name of the op; `Const` for a constant. */
  readonly op: string;
  /**
   * The inputs: `input 3` is the fourth input of the function, and `17:0` the first output of entry
   * 17.
   */
  readonly inputs: readonly string[];
  /** Its attributes. */
  readonly attributes: readonly OpAttribute[];
  /** The outputs of the op. */
  readonly outputs: readonly TracedTensor[];
  /** A hash of a constant's values. */
  readonly hash?: number;
  /** The values of a small constant of integers, such as a shape, axes, or paddings. */
  readonly whole?: readonly number[] | undefined;
  /** The stage that ran the op, as text for messages, if it is known. */
  readonly origin: string | undefined;
}

/**
 * Finds the first entry in which two recordings of a function differ. Shapes of results are
 * ignored, because they may depend on values.
 *
 * @param one A recording.
 * @param other The other recording.
 * @returns The entry, taken from the longer recording if one is longer, or `undefined` if the
 *   recordings are the same.
 */
export function firstDifference(
  one: readonly TraceEntry[],
  other: readonly TraceEntry[],
): TraceEntry | undefined {
  const longer = one.length > other.length ? one : other;
  return longer.find((_, index) => textOf(one[index]) !== textOf(other[index]));
}

/** The outputs whose number of rows depends on the values of the op's inputs, by index. */
const byValue: Readonly<Record<string, readonly number[]>> = {
  ListDiff: [0, 1],
  Unique: [0],
  UniqueV2: [0],
  UniqueWithCounts: [0, 2],
  Where: [0],
};

/**
 * Lists the outputs of an op whose number of rows depends on the values of the op's inputs, as it
 * does for an op that removes duplicates.
 *
 * @param op The name of the op.
 * @returns The indices of the outputs; empty for most ops.
 */
export function sizedByValue(op: string): readonly number[] {
  return byValue[op] ?? [];
}

/**
 * Checks whether the recordings of a function have an output whose number of rows depends on the
 * values of inputs, but which happens to have the same number of rows in all recordings. If so, the
 * recordings do not show which other sizes depend on this number, so the function has to be
 * recorded again.
 *
 * @param traces Recordings of the same ops.
 * @returns Whether such a size exists.
 */
export function sameByChance([first, ...others]: readonly (readonly TraceEntry[])[]): boolean {
  return first!.some(({ op, outputs }, index) =>
    sizedByValue(op).some((output) =>
      others.every((other) => other[index]!.outputs[output]?.shape[0] === outputs[output]?.shape[0])
    )
  );
}

function textOf(entry: TraceEntry | undefined): string | undefined {
  if (!entry) return undefined;
  const { op, inputs, attributes, hash } = entry;
  return JSON.stringify([op, inputs, attributes, hash, hash === undefined || entry.outputs]);
}

/** A recording of a function, together with the number of rows of its inputs. */
export interface SizedTrace {
  /** The number of rows of the inputs. */
  readonly rows: number;
  /** The recording. */
  readonly trace: readonly TraceEntry[];
}

/**
 * Predicts which ops a function calls for any number of rows. The prediction is based on recordings
 * with three small numbers of rows. Each number in attributes and result shapes is extrapolated as
 * a + c · rows. A size that does not have this form depends on the values of tensors, and is not
 * known in advance; a unique placeholder number (a stand-in) represents it.
 */
export class TrialTraces {
  readonly #traces: readonly SizedTrace[];
  readonly #unknown: string[] = [];

  /**
   * Takes over recordings.
   *
   * @param traces Three recordings with different numbers of rows.
   * @throws {Unforeseen} If the recordings consist of different ops.
   */
  constructor(traces: readonly SizedTrace[]) {
    this.#traces = traces;
    const [first, ...rest] = traces;
    if (rest.some(({ trace }) => trace.length !== first!.trace.length)) {
      throw new Unforeseen("it runs different ops for different numbers of rows");
    }
  }

  /**
   * Predicts the outputs of an op at a number of rows.
   *
   * @param index The op's index in the trace.
   * @param entry The op as it is called now. Its `outputs` are used only for constants.
   * @param rows The number of rows of the inputs.
   * @param unknown The base of the stand-ins for unknown sizes; another number gives other
   *   stand-ins.
   * @returns The shapes and types of the outputs.
   * @throws {Unforeseen} If the op is not the one that the recordings predict.
   */
  outputs(
    index: number,
    entry: TraceEntry,
    rows: number,
    unknown: number,
  ): readonly TracedTensor[] {
    const samples = this.#traces.map(({ trace }) => trace[index]);
    if (samples.some((sample) => sample === undefined)) {
      throw new Unforeseen("it runs more ops for more rows");
    }
    const line = new Line(this.#traces.map(({ rows }) => rows), rows);
    const foreseen = line.extend(samples.map((sample) => called(sample!)));
    if (JSON.stringify(foreseen) !== JSON.stringify(called(entry))) {
      throw new Unforeseen(`it calls the op ${entry.op} differently for different numbers of rows`);
    }
    const outputs = samples.map((sample) => sample!.outputs);
    return outputs[0]!.map(({ type, shape }, output) => ({
      type,
      shape: shape.map((_, axis) => {
        const sizes = outputs.map((outputs) => outputs[output]?.shape[axis]);
        const size = line.number(sizes as number[]);
        return size ?? this.#standIn(sizes.join(), unknown);
      }),
    }));
  }

  /**
   * Returns the stand-in for a size. Sizes that were the same in all recordings share one stand-in.
   */
  #standIn(sizes: string, unknown: number): number {
    if (!this.#unknown.includes(sizes)) this.#unknown.push(sizes);
    return unknown + this.#unknown.indexOf(sizes);
  }
}

/**
 * Thrown if a function calls other operations than its trial traces predicted. Trial traces are
 * executions of the function with few rows, which record its operations.
 */
export class Unforeseen extends Error {
  override name = "Unforeseen";
}

/**
 * Returns the parts of a call that must be predictable. Values of small constants belong to them,
 * because they can be shapes.
 */
function called({ op, inputs, attributes, outputs, whole }: TraceEntry): unknown[] {
  return op === "Const" ? [op, outputs, whole ?? null] : [op, inputs, attributes];
}

/** Extrapolates numbers to a number of rows. */
class Line {
  readonly #at: readonly number[];
  readonly #rows: number;

  constructor(at: readonly number[], rows: number) {
    this.#at = at;
    this.#rows = rows;
  }

  /** Returns the number a + c · rows, or `undefined` if the samples are not of this form. */
  number(samples: readonly number[]): number | undefined {
    const [first, second] = samples as [number, number], [from, to] = this.#at as [number, number];
    const slope = (second - first) / (to - from);
    const at = (rows: number) => first + slope * (rows - from);
    if (!samples.every((sample, index) => Object.is(sample, at(this.#at[index]!)))) {
      return samples.every((sample) => Object.is(sample, first)) ? first : undefined;
    }
    return at(this.#rows);
  }

  /**
   * Extrapolates all numbers within a value. Parts without a common structure become `undefined`.
   */
  extend(samples: readonly unknown[]): unknown {
    const [first] = samples;
    if (typeof first === "number") return this.number(samples as number[]);
    if (Array.isArray(first)) {
      if (samples.some((sample) => (sample as unknown[])?.length !== first.length)) {
        return undefined;
      }
      return first.map((_, index) =>
        this.extend(samples.map((sample) => (sample as unknown[])[index]))
      );
    }
    if (typeof first === "object" && first !== null) {
      return Object.fromEntries(
        Object.keys(first).map((key) => [
          key,
          this.extend(samples.map((sample) => (sample as Record<string, unknown>)?.[key])),
        ]),
      );
    }
    return samples.every((sample) => sample === first) ? first : undefined;
  }
}
