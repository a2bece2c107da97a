import type { Contestant, Row } from "./rows.ts";
import type { Entry, RowResult, Skipped } from "./results.ts";
import type { Runner } from "./runner.ts";
import { median } from "../src/sweep/statistics.ts";

/** How a row is run. */
export interface RaceOptions {
  /** How many turns each program has. */
  readonly rounds: number;
  /** Starts a program; throws where it cannot be. */
  readonly start: (contestant: Contestant) => Promise<Runner>;
  /** Takes lines for a person to read. */
  readonly report: (line: string) => void;
}

/** What a race gives: times and those who did not finish. */
export type RaceResult = Pick<RowResult, "entries" | "skipped">;

/**
 * Runs the programs of a row in alternation: all are started, warmed up, and take turns, so that
 * whatever else the machine does hits all alike. A program that fails is left out, with a word.
 *
 * @param row The row.
 * @param options How to run it.
 * @returns The times.
 */
export async function race(row: Row, { rounds, start, report }: RaceOptions): Promise<RaceResult> {
  const skipped: Skipped[] = [];
  const running = new Set<Runner>();
  const skip = (name: string, error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    skipped.push({ name, reason });
    report(`  ${name}: skipped: ${reason}`);
  };
  try {
    // One by one: two programs that warm up at once would disturb each other.
    for (const contestant of row.contestants) {
      await start(contestant).then(
        (runner) => running.add(runner),
        (error) => skip(contestant.name, error),
      );
    }
    for (let round = 0; round < rounds; round++) {
      for (const runner of running) {
        await runner.turn(row.steps).catch((error) => {
          running.delete(runner);
          skip(runner.name, error);
        });
      }
    }
    const entries: Entry[] = [];
    for (const runner of running) entries.push(await entryOf(runner));
    for (const name of others(entries)) {
      report(`  ${name}: trains another number of parameters than ${entries[0]!.name}`);
    }
    return { entries, skipped };
  } finally {
    for (const runner of running) await runner.stop();
  }
}

async function entryOf(runner: Runner): Promise<Entry> {
  const { name, times, facts: { losses = [], ...facts } } = runner;
  const peakMemory = await runner.peakMemory();
  return {
    name,
    ...facts,
    ...(losses.length === 0 ? {} : { losses }),
    milliseconds: rounded(median(times)),
    times: times.map(rounded),
    ...(peakMemory === undefined ? {} : { peakMemory }),
  };
}

/** Those whose task is not that of the first: it would be no race. */
function others(entries: readonly Entry[]): string[] {
  const counted = entries.filter(({ parameters }) => parameters !== undefined);
  return counted.filter(({ parameters }) => parameters !== counted[0]!.parameters)
    .map(({ name }) => name);
}

/** To a microsecond: more is noise. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
