import { handed, handedOver } from "../base/machine/system_file.ts";
import type { Cluster } from "../cluster/processes.ts";

/**
 * Returns the cluster in which this process computes, as the launcher has determined it; undefined if
 * it is alone.
 */
export function handedCluster(): Cluster | undefined {
  const text = handed(handedOver.cluster);
  return text === undefined ? undefined : JSON.parse(text);
}
