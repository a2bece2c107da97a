import { median } from "../../src/sweep/statistics.ts";
import { timesOf } from "../race.ts";
import type { Entry } from "../results.ts";
import { SIZES } from "./reductions.ts";
import type { Times } from "./team.ts";

/** The time of a sum. */
export interface ReductionFigure extends Pick<Entry, "steps" | "milliseconds" | "percentiles"> {
  /** The size of the tensor in bytes. */
  readonly bytes: number;
}

/**
 * Summarizes sums of all sizes.
 *
 * @param times The milliseconds of sums, whose sizes take turns.
 */
export function reductionFigures(times: readonly number[]): ReductionFigure[] {
  return SIZES.map((bytes, at) => ({
    bytes,
    ...timesOf(times.filter((_, index) => index % SIZES.length === at)),
  }));
}

/** The times from which the figures of a step are computed. */
export interface StepTimes {
  /** One process. */
  readonly one: Times;
  /** Two processes that have nothing to do with each other, at the same time. */
  readonly independent: Times;
  /** Two processes with the graph of the cluster, in which the exchange is left out. */
  readonly leftOut: Times;
  /** Two processes of a cluster. */
  readonly two: Times;
}

/** Where the time of a step goes, in milliseconds. */
export interface StepFigures {
  /** The time with one process. */
  readonly one: number;
  /** The time with two processes, which compute twice as many rows. */
  readonly two: number;
  /** The time with one process divided by that with two: 1 if the exchange costs nothing. */
  readonly efficiency: number;
  /**
   * The parts of the difference of the two times. They add up to it, and each can be negative by
   * chance.
   */
  readonly more: {
    /** Two cores share caches and memory. */
    readonly sharedMemory: number;
    /** The graph copies tensors to exchange them, and updates the table rows of both processes. */
    readonly graph: number;
    /** The faster process of each step waits for the slower one. */
    readonly waiting: number;
    /** The exchange itself. */
    readonly exchange: number;
  };
}

/**
 * Computes the efficiency of two processes, and where the time goes.
 *
 * @param times The times.
 */
export function stepFigures({ one, independent, leftOut, two }: StepTimes): StepFigures {
  const [alone, apart, without, slower, both] = [
    one.mean,
    independent.mean,
    leftOut.mean,
    leftOut.slower,
    two.mean,
  ].map(median) as [number, number, number, number, number];
  return {
    one: alone,
    two: both,
    efficiency: alone / both,
    more: {
      sharedMemory: apart - alone,
      graph: without - apart,
      waiting: slower - without,
      exchange: both - slower,
    },
  };
}
