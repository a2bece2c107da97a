import os from "node:os";

/** The properties of a machine that affect its speed. */
export interface Machine {
  /** The processor's model. */
  readonly processor: string;
  /** The number of cores that the bench can use. */
  readonly cores: number;
  /** The memory in GiB. */
  readonly memory: number;
  /** The operating system and architecture, such as `linux x86_64`. */
  readonly system: string;
  /** Deno's version. */
  readonly deno: string;
}

/** Returns the properties of this machine. */
export function thisMachine(): Machine {
  return {
    processor: os.cpus()[0]?.model.trim() ?? "unknown",
    cores: navigator.hardwareConcurrency,
    memory: Math.round(os.totalmem() / 2 ** 30),
    system: `${Deno.build.os} ${Deno.build.arch}`,
    deno: Deno.version.deno,
  };
}
