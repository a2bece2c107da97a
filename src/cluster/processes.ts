/** The processes that train together, and which of them this process is. */
export interface Cluster {
  /** The number of this process, from 0. It is the index of its address. */
  readonly rank: number;
  /** The address of each process, as `HOST:PORT`; at least two. */
  readonly addresses: readonly string[];
  /** The environment variable without which this process trains alone. */
  readonly variable: string;
}

/**
 * Whether a process is the first one of its cluster, which prints and writes files for all; also
 * true for a process that is alone.
 *
 * @param cluster The cluster; undefined if the process is alone.
 */
export function isFirstProcess(cluster: Pick<Cluster, "rank"> | undefined): boolean {
  return cluster === undefined || cluster.rank === 0;
}
