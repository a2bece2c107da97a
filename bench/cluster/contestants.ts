import { SIZES } from "./reductions.ts";
import type { StepName } from "./tasks.ts";

/** What a process computes. */
export type TaskName = StepName | "reductions";

/**
 * What a process exchanges with the other one: nothing, as it is alone; nothing, although its graph
 * is that of one of two processes; or everything.
 */
export type Exchange = "none" | "left-out" | "all";

/** One or two processes that compute at the same time. */
export interface Contestant {
  /** Its name in the results. */
  readonly name: string;
  /** What each process computes. */
  readonly task: TaskName;
  /** What the processes exchange. */
  readonly exchange: Exchange;
  /** How many processes compute at the same time. */
  readonly processes: 1 | 2;
}

/** Contestants that take turns. */
export interface ClusterRow {
  /** Its short name. */
  readonly id: "reductions" | "wrn" | "ctr";
  /** The task. */
  readonly name: string;
  /** The number of steps of a turn. */
  readonly steps: number;
  /** The contestants. */
  readonly contestants: readonly Contestant[];
}

const both = (task: StepName) =>
  [
    { name: "two processes without the exchange", task, exchange: "left-out", processes: 2 },
    { name: "two processes", task, exchange: "all", processes: 2 },
  ] as const;

const all = (task: StepName) =>
  [
    { name: "one process", task, exchange: "none", processes: 1 },
    { name: "two independent processes", task, exchange: "none", processes: 2 },
    ...both(task),
  ] as const;

/** The rows of the bench. */
export const clusterRows: readonly ClusterRow[] = [
  {
    id: "reductions",
    name: "sums of float32 numbers",
    steps: 20 * SIZES.length,
    contestants: [{ name: "two processes", task: "reductions", exchange: "all", processes: 2 }],
  },
  {
    id: "wrn",
    name: "WRN-16-1 in WRN-40-1, 128 images per process",
    steps: 4,
    contestants: all("wrn"),
  },
  {
    id: "ctr",
    name: "clicks, 8192 rows per process",
    steps: 6,
    contestants: [
      ...all("ctr"),
      ...both("ctr-sharded").map((one) => ({ ...one, name: `${one.name}, sharded tables` })),
    ],
  },
];
