import { leftInGroups } from "../machine/control_groups.ts";
import { handed, handedOver } from "../machine/system_file.ts";

/**
 * The memory that is available to this process: of the machine, and of its control groups, by which containers are
 * limited.
 *
 * @returns Bytes.
 */
export async function availableMemory(): Promise<number> {
  const { available } = Deno.systemMemoryInfo();
  const left = handed(handedOver.memory);
  return Math.min(available, left === undefined ? await leftInGroups() : Number(left));
}
