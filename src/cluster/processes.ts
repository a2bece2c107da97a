/** The processes that train together, and which of them this process is. */
export interface Cluster {
  /** The number of this process, from 0. It is the index of its address. */
  readonly rank: number;
  /** The address of each process, as `HOST:PORT`; at least two. */
  readonly addresses: readonly string[];
  /** The environment variable without which this process trains alone. */
  readonly variable: string;
}
