import type { RowResult } from "../../bench/results.ts";

/** The times of a program whose only step took some milliseconds. */
export const oneStep = (milliseconds: number) => ({
  steps: 1,
  milliseconds,
  percentiles: { 10: milliseconds, 90: milliseconds, 99: milliseconds },
});

/** A result to write and to print. */
export function result(changes: Partial<RowResult> = {}): RowResult {
  return {
    id: "step-16-1-in-40-1",
    row: "step, WRN-16-1 in 40-1",
    date: "2030-01-02T03:04:05.000Z",
    machine: { processor: "Abacus 9", cores: 2, memory: 8, system: "linux x86_64", deno: "2.9.6" },
    rounds: 3,
    load: 0,
    entries: [
      { name: "Rocket", detail: "Fast 1.0", ...oneStep(50), peakMemory: 2e9 },
      { name: "Peer", detail: "Peer 2.0", ...oneStep(75), peakMemory: 1.6e9 },
    ],
    skipped: [],
    ...changes,
  };
}
