import { Runner } from "../runner.ts";
import type { Contestant } from "./contestants.ts";

/** The milliseconds of each step of a turn. */
export interface Times {
  /** The mean of the processes. */
  readonly mean: readonly number[];
  /** The slower process. */
  readonly slower: readonly number[];
}

/** Options for starting a team. */
export interface TeamOptions {
  /** The flags with which Deno finds the project's modules. */
  readonly flags: readonly string[];
  /** Whether to use small nets, only to test the bench. */
  readonly small: boolean;
}

/** Two processes, warmed up and waiting for their turn. */
export class Team {
  readonly #runners: readonly Runner[];

  private constructor(runners: readonly Runner[]) {
    this.#runners = runners;
  }

  /**
   * Starts two processes, and waits until they have warmed up.
   *
   * @param contestant What they compute.
   * @param options The flags, and the size of the nets.
   * @throws {Error} If one of them cannot start, with the reason.
   */
  static async start(
    { task, exchange, name }: Contestant,
    { flags, small }: TeamOptions,
  ): Promise<Team> {
    const addresses = freePorts(2).map((port) => `127.0.0.1:${port}`).join();
    const start = (rank: number) =>
      Runner.start({
        name: `${name}, process ${rank}`,
        program: "cluster/process.ts",
        args: [
          ...["--task", task, "--exchange", exchange, "--rank", String(rank)],
          ...["--addresses", addresses, ...small ? ["--small"] : []],
        ],
      }, { flags, python: undefined });
    // Both at the same time, because they wait for each other.
    return new Team(await Promise.all([start(0), start(1)]));
  }

  /** The library that computes, with its version. */
  get detail(): string | undefined {
    return this.#runners[0]!.facts.detail;
  }

  /** The bytes that each process passes to the exchange in a step, if they were counted. */
  get exchanged(): number | undefined {
    return this.#runners[0]!.facts.exchanged;
  }

  /**
   * Lets the first processes of the team compute at the same time.
   *
   * @param processes How many.
   * @param steps The number of steps.
   */
  async turn(processes: number, steps: number): Promise<Times> {
    const chosen = this.#runners.slice(0, processes);
    await Promise.all(chosen.map((runner) => runner.turn(steps)));
    const times = chosen.map(({ measured }) =>
      measured.slice(-steps).map(({ milliseconds }) => milliseconds)
    );
    const each = times[0]!.map((_, step) => times.map((own) => own[step]!));
    return {
      mean: each.map((own) => own.reduce((sum, one) => sum + one, 0) / own.length),
      slower: each.map((own) => Math.max(...own)),
    };
  }

  /** Ends the processes. */
  async stop(): Promise<void> {
    await Promise.all(this.#runners.map((runner) => runner.stop()));
  }
}

/** Returns ports on which nothing listens at the moment. */
function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ port: 0 }));
  const ports = listeners.map(({ addr }) => (addr as Deno.NetAddr).port);
  for (const listener of listeners) listener.close();
  return ports;
}
