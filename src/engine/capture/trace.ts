/**
 * What a recorded function did, op by op, and how several recordings of it compare.
 *
 * @module
 */

import type { OpAttribute } from "./graph.ts";

/** The shape and type of a tensor in a trace. */
export interface TracedTensor {
  /** Its shape. */
  readonly shape: readonly number[];
  /** Its type, by TensorFlow's number. */
  readonly type: number;
}

/** An op or constant of a recording. */
export interface TraceEntry {
  /** The op; `Const` for a constant. */
  readonly op: string;
  /** What it computes with: `input 3`, or `17:0`, the first output of entry 17. */
  readonly inputs: readonly string[];
  /** Its attributes. */
  readonly attributes: readonly OpAttribute[];
  /** What came out. */
  readonly outputs: readonly TracedTensor[];
  /** A hash of a constant's values. */
  readonly hash?: number;
  /** The values of a small constant of whole numbers: a shape, axes, paddings. */
  readonly whole?: readonly number[] | undefined;
  /** Whose it is, in words, if the caller knows. */
  readonly origin: string | undefined;
}

/**
 * The first entry in which two recordings of a function differ; shapes of results are left out, as
 * they may depend on values.
 *
 * @param one A recording.
 * @param other Another.
 * @returns The entry, of the longer recording if one goes on, or `undefined` if they are the same.
 */
export function firstDifference(
  one: readonly TraceEntry[],
  other: readonly TraceEntry[],
): TraceEntry | undefined {
  const longer = one.length > other.length ? one : other;
  return longer.find((_, index) => textOf(one[index]) !== textOf(other[index]));
}

/** Results that have as many rows as the values of the op's inputs say, by number. */
const byValue: Readonly<Record<string, readonly number[]>> = {
  ListDiff: [0, 1],
  Unique: [0],
  UniqueV2: [0],
  UniqueWithCounts: [0, 2],
  Where: [0],
};

/**
 * Which results of an op have as many rows as the values of its inputs say.
 *
 * @param op The op.
 * @returns Their numbers; none for most ops.
 */
export function sizedByValue(op: string): readonly number[] {
  return byValue[op] ?? [];
}

/**
 * Whether a size that follows from values is the same in all recordings, so that it cannot be told
 * whether anything else was made of it.
 *
 * @param traces Recordings of the same ops.
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

/** A recording of a function at a number of rows. */
export interface SizedTrace {
  /** How many rows its inputs had. */
  readonly rows: number;
  /** The recording. */
  readonly trace: readonly TraceEntry[];
}

/**
 * What recordings of a function at three small numbers of rows say of it at any number: ops, their
 * attributes and the shapes of their results, each number of which is a + c · rows. A size that is
 * not, as it follows from values, is unknown, and stands in as a number that nothing else is.
 */
export class TrialTraces {
  readonly #traces: readonly SizedTrace[];
  readonly #unknown: string[] = [];

  /**
   * Takes over recordings.
   *
   * @param traces Three recordings, at different numbers of rows.
   * @throws {Unforeseen} If they are of different ops.
   */
  constructor(traces: readonly SizedTrace[]) {
    this.#traces = traces;
    const [first, ...rest] = traces;
    if (rest.some(({ trace }) => trace.length !== first!.trace.length)) {
      throw new Unforeseen("it runs other ops for other numbers of rows");
    }
  }

  /**
   * The results of an op at a number of rows.
   *
   * @param index The op's place in the trace.
   * @param entry The op as it is called now; its `outputs` are not looked at unless it is a
   *   constant.
   * @param rows How many rows the inputs have.
   * @param unknown What unknown sizes are taken for; another number gives other stand-ins.
   * @throws {Unforeseen} If it is not the op that the recordings foresee.
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
      throw new Unforeseen(`it calls ${entry.op} otherwise for other numbers of rows`);
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

  /** Sizes that were the same in all recordings are one size. */
  #standIn(sizes: string, unknown: number): number {
    if (!this.#unknown.includes(sizes)) this.#unknown.push(sizes);
    return unknown + this.#unknown.indexOf(sizes);
  }
}

/** A function did not do what its trial traces foresee. */
export class Unforeseen extends Error {
  override name = "Unforeseen";
}

/** What an op is called with. Values of small constants are shapes, which decide on shapes. */
function called({ op, inputs, attributes, outputs, whole }: TraceEntry): unknown[] {
  return op === "Const" ? [op, outputs, whole ?? null] : [op, inputs, attributes];
}

/** Numbers as a function of the number of rows. */
class Line {
  readonly #at: readonly number[];
  readonly #rows: number;

  constructor(at: readonly number[], rows: number) {
    this.#at = at;
    this.#rows = rows;
  }

  /** The number a + c · rows, or `undefined` if the samples are not on a line. */
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
   * The same for all numbers within a value; `undefined` where the samples have no form in common.
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
