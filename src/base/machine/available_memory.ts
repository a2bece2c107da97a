import { leftInGroups } from "../machine/control_groups.ts";
import { handed, handedOver } from "../machine/system_file.ts";

/**
 * The memory that is available to this process: the minimum of what the machine and its control
 * groups, which limit containers, have available.
 *
 * @returns The memory in bytes.
 */
export async function availableMemory(): Promise<number> {
  const { available } = Deno.systemMemoryInfo();
  const left = handed(handedOver.memory);
  return Math.min(available, left === undefined ? await leftInGroups() : Number(left));
}
