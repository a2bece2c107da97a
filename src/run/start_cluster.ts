import type { ClusterRun } from "./cluster_run.ts";

/**
 * Waits for the other processes of a cluster, and refuses those that would compute something else.
 * The native engine must have joined the cluster already.
 *
 * @param out The run folder that can be resumed if a process is gone; undefined for a command that is
 *   repeated instead.
 * @param report Receives a line if this takes long.
 * @param facts What must be equal in all processes, by what it is called in messages.
 * @throws {UserError} If a process is not there in time, or differs from the first one.
 */
export async function startCluster(
  out: string | undefined,
  report: (line: string) => void,
  facts: Readonly<Record<string, unknown>>,
): Promise<ClusterRun> {
  // Only a cluster needs this module.
  const { ClusterRun } = await import("./cluster_run.ts");
  const cluster = await ClusterRun.start(out, report);
  cluster.refuseOthers(facts);
  return cluster;
}
