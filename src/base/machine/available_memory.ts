import { leftInGroups } from "../machine/control_groups.ts";
import { handed, handedOver } from "../machine/system_file.ts";

/**
 * Returns the memory that is available to this process: the available memory of the machine or, if
 * it is less, the limit that the launcher has set. Without a launcher, the limits of Linux control
 * groups (of a container, for example) apply.
 *
 * @returns The memory in bytes.
 */
export async function availableMemory(): Promise<number> {
  const { available } = Deno.systemMemoryInfo();
  const left = handed(handedOver.memory);
  return Math.min(available, left === undefined ? await leftInGroups() : Number(left));
}
