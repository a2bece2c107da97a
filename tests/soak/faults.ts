import type { Random } from "../../src/base/random.ts";

/** The faults that end a process, or try to. */
export const ends = [
  "kill",
  "kill in a checkpoint",
  "SIGTERM",
  "SIGINT",
  "two signals",
  "full disk",
  "SIGTERM on a full disk",
  "file limit",
] as const;

/** The damage to files between two processes. */
export const damages = [
  "flipped checkpoint",
  "torn checkpoint",
  "flipped checkpoint JSON",
  "torn checkpoint JSON",
  "torn metrics",
] as const;

/** One of {@linkcode ends}. */
export type End = typeof ends[number];

/** One of {@linkcode damages}. */
export type Damage = typeof damages[number];

/** The time of a fault, relative to a step of the process; step 0 is the start of the process. */
export interface Moment {
  /** The number of steps that the process has completed. */
  readonly steps: number;
  /** The time after that step, in milliseconds. */
  readonly milliseconds: number;
}

/** The faults of one process. */
export interface Faults {
  /** The damage to files before the process starts. */
  readonly damage: Damage | undefined;
  /** When to suspend the process with SIGSTOP, and for how many milliseconds. */
  readonly pause: { readonly at: Moment; readonly milliseconds: number } | undefined;
  /** The fault that ends the process, and its time; absent if the process may complete the run. */
  readonly end: { readonly kind: End; readonly at: Moment; readonly room: number } | undefined;
  /** Whether to start the process through the launcher, like `deno task pipeline`, or directly. */
  readonly launcher: boolean;
}

/** The faults that can be drawn. */
export interface FaultChoice {
  /** The number of steps of a complete run. */
  readonly steps: number;
  /** The faults that are possible on this machine. */
  readonly ends: readonly End[];
  /** Whether the process may complete the run. */
  readonly last: boolean;
}

/**
 * Draws the faults of a process at random.
 *
 * @param random The generator of random numbers. Equal seeds give equal faults.
 * @param choice The possible faults.
 */
export function drawFaults(random: Random, choice: FaultChoice): Faults {
  // All numbers are drawn, even if they are not used, so that one draw does not affect the others.
  const damage = random.uniform() < 0.3 ? pick(random, damages) : undefined;
  const pause = { at: drawMoment(random, choice.steps), milliseconds: random.integer(20, 800) };
  const pauses = random.uniform() < 0.2;
  const kind = pick(random, choice.ends);
  const at = drawMoment(random, choice.steps);
  const room = random.uniform() < 0.5 ? 0 : random.uniform() * 1.3;
  const launcher = kind !== "file limit" && random.uniform() < 0.3;
  return {
    damage,
    pause: pauses ? pause : undefined,
    end: choice.last ? undefined : { kind, at, room },
    launcher,
  };
}

function drawMoment(random: Random, steps: number): Moment {
  const early = random.uniform() < 0.15;
  return early
    ? { steps: 0, milliseconds: random.integer(0, 3000) }
    : { steps: random.integer(1, Math.ceil(steps * 0.4)), milliseconds: random.integer(0, 40) };
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.integer(0, values.length - 1)]!;
}

/**
 * Describes faults in one line, for people who want to reproduce them.
 *
 * @param faults The faults.
 */
export function describeFaults({ damage, pause, end, launcher }: Faults): string {
  const when = ({ steps, milliseconds }: Moment) =>
    `${milliseconds} ms after ${steps === 0 ? "the start" : `step ${steps} of the process`}`;
  const parts = [
    damage && `first ${damage}`,
    launcher ? "by the launcher" : "by cli.ts",
    pause && `stopped for ${pause.milliseconds} ms ${when(pause.at)}`,
    end ? `${end.kind} ${when(end.at)}` : "to its end",
  ];
  return parts.filter(Boolean).join(", ");
}
