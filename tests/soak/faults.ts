import type { Random } from "../../src/base/random.ts";

/** What ends a process, or tries to. */
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

/** What is done to files between two processes. */
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

/** When something is done to a process: so long after its so-many-th step; 0 is its start. */
export interface Moment {
  /** Steps that the process has to have made. */
  readonly steps: number;
  /** Milliseconds after that. */
  readonly milliseconds: number;
}

/** What is done to one process. */
export interface Faults {
  /** Done to files before it starts. */
  readonly damage: Damage | undefined;
  /** For how many milliseconds it is stopped (SIGSTOP), and when. */
  readonly pause: { readonly at: Moment; readonly milliseconds: number } | undefined;
  /** What ends it, and when; absent if it may come to its end. */
  readonly end: { readonly kind: End; readonly at: Moment; readonly room: number } | undefined;
  /** Whether it is started by the launcher, as `deno task pipeline` is, or by itself. */
  readonly launcher: boolean;
}

/** What faults may be drawn. */
export interface FaultChoice {
  /** The steps of a whole run. */
  readonly steps: number;
  /** Kinds of ends that this machine can have. */
  readonly ends: readonly End[];
  /** Whether the process may come to its end. */
  readonly last: boolean;
}

/**
 * Draws what is done to a process.
 *
 * @param random The generator; the same one gives the same faults.
 * @param choice What may be drawn.
 */
export function drawFaults(random: Random, choice: FaultChoice): Faults {
  // All is drawn, whether it is used or not, so that one draw does not move the others.
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
 * Faults in a line, for people who replay them.
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
