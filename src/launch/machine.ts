import { leftInGroups } from "../base/machine/control_groups.ts";
import { featureLine, handedOver, readByProgram } from "../base/machine/system_file.ts";

/**
 * What a run may not read of the machine, as the variables by which it gets it; none but on Linux.
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
