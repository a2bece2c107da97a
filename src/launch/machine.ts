import { featureLine, handedOver, readByProgram } from "../base/machine/system_file.ts";

/**
 * Reads information about the machine that a run may not read itself, and returns it as environment
 * variables for the run. There are none on systems other than Linux.
 */
export async function machineVariables(): Promise<Record<string, string>> {
  if (Deno.build.os !== "linux") return {};
  const features = featureLine(await readByProgram("/proc/cpuinfo") ?? "");
  return features === undefined ? {} : { [handedOver.processor]: features };
}
