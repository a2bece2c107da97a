import { type ReductionFigure, reductionFigures, stepFigures } from "./figures.ts";
import { type ClusterRow, clusterRows, type Contestant } from "./contestants.ts";
import type { StepResult } from "./table.ts";
import { Team, type TeamOptions, type Times } from "./team.ts";

/** Options for running rows. */
export interface RunOptions extends TeamOptions {
  /** The number of turns of each contestant. */
  readonly rounds: number;
  /** Receives progress lines for the user. */
  readonly report: (line: string) => void;
}

/** The figures of all rows. */
export interface Figures {
  /** The library that computes, with its version. */
  readonly detail: string;
  /** The sums. */
  readonly reductions: readonly ReductionFigure[];
  /** The steps. */
  readonly steps: readonly StepResult[];
}

/**
 * Runs all rows one after another. The contestants of a row take turns, and each round begins with
 * another one.
 *
 * @param options The number of turns, and how to start processes.
 */
export async function runRows(options: RunOptions): Promise<Figures> {
  let detail = "";
  let reductions: ReductionFigure[] = [];
  const steps: StepResult[] = [];
  for (const row of clusterRows) {
    options.report(row.name);
    const results = await runRow(row, options);
    detail = results[0]!.team.detail ?? "";
    if (row.id === "reductions") reductions = reductionFigures(results[0]!.times.mean);
    else steps.push(...stepResults(row, results));
  }
  return { detail, reductions, steps };
}

/** The times of a contestant. */
interface Raced {
  readonly contestant: Contestant;
  readonly team: Team;
  readonly times: Times;
}

async function runRow(
  { contestants, steps }: ClusterRow,
  { rounds, report, ...options }: RunOptions,
): Promise<Raced[]> {
  const teams = new Map<string, Team>();
  const keyOf = ({ task, exchange }: Contestant) => `${task} ${exchange}`;
  try {
    for (const contestant of contestants) {
      const key = keyOf(contestant);
      if (!teams.has(key)) teams.set(key, await Team.start(contestant, options));
    }
    const raced = contestants.map((contestant) => ({
      contestant,
      team: teams.get(keyOf(contestant))!,
      times: { mean: [] as number[], slower: [] as number[] },
    }));
    for (let round = 0; round < rounds; round++) {
      const first = round % raced.length;
      for (const { contestant, team, times } of [...raced.slice(first), ...raced.slice(0, first)]) {
        const { mean, slower } = await team.turn(contestant.processes, steps);
        times.mean.push(...mean);
        times.slower.push(...slower);
      }
      report(`  round ${round + 1} of ${rounds}`);
    }
    return raced;
  } finally {
    for (const team of teams.values()) await team.stop();
  }
}

/** Returns a result for each kind of cluster in a row. */
function stepResults({ name }: ClusterRow, raced: readonly Raced[]): StepResult[] {
  const [one, independent] = [1, 2].map((processes) =>
    raced.find(({ contestant }) =>
      contestant.exchange === "none" && contestant.processes === processes
    )!
  ) as [Raced, Raced];
  return raced.filter(({ contestant }) => contestant.exchange === "all").map((two) => {
    const { task } = two.contestant;
    const leftOut = raced.find(({ contestant }) =>
      contestant.exchange === "left-out" && contestant.task === task
    )!;
    return {
      name: `${name}${task === "ctr-sharded" ? ", sharded tables" : ""}`,
      steps: two.times.mean.length,
      exchanged: leftOut.team.exchanged!,
      ...stepFigures({
        one: one.times,
        independent: independent.times,
        leftOut: leftOut.times,
        two: two.times,
      }),
    };
  });
}
