import { leftInGroups } from "../machine/control_groups.ts";
import { handed, handedOver } from "../machine/system_file.ts";

/**
 * Returns the memory that is available to this process: the minimum of the machine's available
 * memory and what the control groups of a container leave.
 *
 * @returns The memory in bytes.
 */
export async function availableMemory(): Promise<number> {
  const { available } = Deno.systemMemoryInfo();
  const left = handed(handedOver.memory);
  return Math.min(available, left === undefined ? await leftInGroups() : Number(left));
}
