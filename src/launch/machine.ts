import { leftInGroups } from "../base/machine/control_groups.ts";
import { featureLine, handedOver, readByProgram } from "../base/machine/system_file.ts";

/**
 * Reads information about the machine that a run may not read itself, and returns it as environment
 * variables for the run. There are none on systems other than Linux.
 */
export async function machineVariables(): Promise<Record<string, string>> {
  if (Deno.build.os !== "linux") return {};
  const [left, cpuinfo] = await Promise.all([
    leftInGroups(readByProgram),
    readByProgram("/proc/cpuinfo"),
  ]);
  const features = featureLine(cpuinfo ?? "");
  return {
    ...(left < Infinity && { [handedOver.memory]: String(left) }),
    ...(features !== undefined && { [handedOver.processor]: features }),
  };
}
