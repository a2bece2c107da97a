import os from "node:os";

/** What of a machine its speeds depend on. */
export interface Machine {
  /** The processor's model. */
  readonly processor: string;
  /** How many cores the bench may use. */
  readonly cores: number;
  /** The memory in GiB. */
  readonly memory: number;
  /** The system, such as `linux x86_64`. */
  readonly system: string;
  /** Deno's version. */
  readonly deno: string;
}

/** What this machine is. */
export function thisMachine(): Machine {
  return {
    processor: os.cpus()[0]?.model.trim() ?? "unknown",
    cores: navigator.hardwareConcurrency,
    memory: Math.round(os.totalmem() / 2 ** 30),
    system: `${Deno.build.os} ${Deno.build.arch}`,
    deno: Deno.version.deno,
  };
}
