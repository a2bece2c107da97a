import { counted } from "../../src/base/text_table.ts";
import type { Machine } from "../machine.ts";
import type { ReductionFigure, StepFigures } from "./figures.ts";

/** A step in the results. */
export interface StepResult extends StepFigures {
  /** The step. */
  readonly name: string;
  /** The number of timed steps of each contestant. */
  readonly steps: number;
  /** The bytes that each process passes to the exchange in a step. */
  readonly exchanged: number;
}

/** The results of the bench of clusters. */
export interface ClusterResult {
  /** The time of the bench as an ISO date. */
  readonly date: string;
  /** The machine. */
  readonly machine: Machine;
  /** The library that computes, with its version. */
  readonly detail: string;
  /** The number of turns. */
  readonly rounds: number;
  /** The system's load average of the last minute before the bench. */
  readonly load: number;
  /** Whether the nets were small, only to test the bench. */
  readonly small: boolean;
  /** The sums. */
  readonly reductions: readonly ReductionFigure[];
  /** The steps. */
  readonly steps: readonly StepResult[];
}

/**
 * Formats the results as a Markdown page.
 *
 * @param result The results.
 */
export function clusterTable(
  { date, machine, detail, rounds, load, small, reductions, steps }: ClusterResult,
): string {
  const { processor, cores, memory, system, deno } = machine;
  const pinned = system.startsWith("linux") ? "one core" : "one thread";
  return `# Two processes beside one

${
    date.slice(0, 10)
  }, ${processor}, ${cores} cores, ${memory} GiB, ${system}, Deno ${deno}, ${detail},
load ${load.toFixed(1)}. Medians of ${counted(rounds, "turn")}, by \`deno task bench:cluster\`.
${
    small
      ? "\n**With small nets and few rows, only to test the program: no step is as named.**\n"
      : ""
  }
Each process has ${pinned}. The processes are on one machine and exchange numbers over its loopback
interface.

## Sums

Both processes pass a float32 tensor of this size, and get the sum.

| size | sums | median, ms | 10%, ms | 90%, ms | MB/s |
| ---: | ---: | ---: | ---: | ---: | ---: |
${reductions.map(reductionLine).join("\n")}

## Training steps

With two processes, a step computes twice as many rows. The efficiency is the time of a step of one
process divided by that of two.

| step | steps | one process, ms | two processes, ms | efficiency |
| --- | ---: | ---: | ---: | ---: |
${steps.map(efficiencyLine).join("\n")}

The following table says where the difference of the two times goes. Each value is a difference of
medians, so small ones can be negative.

- Shared memory: two processes that have nothing to do with each other, at the same time, are slower
  than one alone.
- Other graph: the graph for two processes copies tensors for the exchange, and updates the table
  rows that both processes have read. This is measured without the exchange.
- Waiting: in each step, the faster process waits for the slower one.
- Exchange: the remaining time, in which the processes send and receive the data of the last column.

| step | shared memory, ms | other graph, ms | waiting, ms | exchange, ms | data of a process, MB |
| --- | ---: | ---: | ---: | ---: | ---: |
${steps.map(differenceLine).join("\n")}
`;
}

function reductionLine({ bytes, steps, milliseconds, percentiles }: ReductionFigure): string {
  const speed = bytes / 1e3 / milliseconds;
  return line(
    bytes < 1e6 ? `${bytes / 1e3} kB` : `${bytes / 1e6} MB`,
    String(steps),
    digits(milliseconds),
    digits(percentiles[10]),
    digits(percentiles[90]),
    digits(speed),
  );
}

function efficiencyLine({ name, steps, one, two, efficiency }: StepResult): string {
  return line(name, String(steps), digits(one), digits(two), `${(efficiency * 100).toFixed(0)}%`);
}

function differenceLine({ name, more, exchanged }: StepResult): string {
  const { sharedMemory, graph, waiting, exchange } = more;
  const parts = [sharedMemory, graph, waiting, exchange].map((part) => part.toFixed(1));
  return line(name, ...parts, (exchanged / 1e6).toFixed(2));
}

/** Formats a number with three significant digits, or as an integer from 100. */
function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function line(...cells: string[]): string {
  return `| ${cells.join(" | ")} |`;
}
