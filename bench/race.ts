import { thrownMessage } from "../src/base/printable.ts";
import { cutToWidth } from "../src/base/text_table.ts";
import type { Contestant, Row } from "./rows.ts";
import type { Entry, RowResult, Skipped } from "./results.ts";
import type { Runner } from "./runner.ts";
import type { Measured } from "./worker.ts";
import { median } from "../src/sweep/statistics.ts";

/** The options for running a row. */
export interface RaceOptions {
  /** The number of turns of each program. */
  readonly rounds: number;
  /** Starts a program, or throws an error if it cannot start. */
  readonly start: (contestant: Contestant) => Promise<Runner>;
  /** Receives progress lines for the user. */
  readonly report: (line: string) => void;
}

/** The times of the programs of a row, and the programs that did not finish. */
export type RaceResult = Pick<RowResult, "entries" | "skipped">;

/**
 * Runs the programs of a row in alternation: all are started and warmed up, then take turns, so that
 * other load on the machine affects all of them equally. Each round begins with another program, so
 * that no program always follows the same one, which may leave threads that still spin. A program
 * that fails is skipped and reported.
 *
 * @param row The row.
 * @param options The options for running the row.
 * @returns The times, and the skipped programs.
 */
export async function race(
  row: Row,
  { rounds: most, start, report }: RaceOptions,
): Promise<RaceResult> {
  const rounds = Math.min(most, row.rounds ?? most);
  const skipped: Skipped[] = [];
  const running = new Set<Runner>();
  const skip = (name: string, error: unknown) => {
    // The output of a program that failed can be very long.
    const reason = cutToWidth(thrownMessage(error), 100);
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
      const order = [...running], first = round % Math.max(1, order.length);
      for (const runner of [...order.slice(first), ...order.slice(0, first)]) {
        await runner.turn(row.steps).catch((error) => {
          running.delete(runner);
          skip(runner.name, error);
        });
      }
    }
    const entries: Entry[] = [];
    for (const runner of running) entries.push(await entryOf(runner));
    for (const name of others(entries)) {
      report(`  ${name}: trains a different number of parameters than ${entries[0]!.name}`);
    }
    return { entries, skipped };
  } finally {
    for (const runner of running) await runner.stop();
  }
}

async function entryOf(runner: Runner): Promise<Entry> {
  const { name, measured, facts: { losses = [], ...facts } } = runner;
  const peakMemory = await runner.peakMemory();
  return {
    name,
    ...facts,
    ...(losses.length === 0 ? {} : { losses }),
    ...timesOf(measured.map(({ milliseconds }) => milliseconds)),
    ...listOf(measured, "auc"),
    ...listOf(measured, "waitingShare"),
    ...(peakMemory === undefined ? {} : { peakMemory }),
  };
}

/** Lists what each step measured itself, under the name of the measure. */
function listOf(
  measured: readonly Measured[],
  key: "auc" | "waitingShare",
): Readonly<Record<string, readonly number[]>> {
  const values = measured.flatMap((one) => one[key] ?? []);
  return values.length === 0 ? {} : { [key]: values };
}

/**
 * Summarizes the times of a program's steps.
 *
 * @param times The milliseconds of each step; at least one.
 */
export function timesOf(
  times: readonly number[],
): Pick<Entry, "steps" | "milliseconds" | "percentiles"> {
  const sorted = times.toSorted((a, b) => a - b), steps = times.length;
  const within = (percent: number) => rounded(sorted[Math.ceil(steps * percent / 100) - 1]!);
  return {
    steps,
    milliseconds: rounded(median(times)),
    percentiles: { 10: within(10), 90: within(90), 99: within(99) },
  };
}

/** Returns the programs that train a different number of parameters than the first one. */
function others(entries: readonly Entry[]): string[] {
  const counted = entries.filter(({ parameters }) => parameters !== undefined);
  return counted.filter(({ parameters }) => parameters !== counted[0]!.parameters)
    .map(({ name }) => name);
}

/** Rounds to a microsecond, because smaller differences are noise. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
