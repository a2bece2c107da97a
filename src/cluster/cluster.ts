/**
 * The processes that train together, as environment variables describe them.
 *
 * @module
 */

import type { Cluster } from "./processes.ts";
import { indexedJob } from "./indexed_job.ts";
import { slurmStep } from "./slurm.ts";
import { tfConfig } from "./tf_config.ts";

/** The environment variables that can describe a cluster. */
export const clusterVariables = [
  "TF_CONFIG",
  "SLURM_PROCID",
  "SLURM_NTASKS",
  "SLURM_STEP_NODELIST",
  "SLURM_STEP_TASKS_PER_NODE",
  "SLURM_DISTRIBUTION",
  "JOB_COMPLETION_INDEX",
  "ROCKET_HOSTS",
  "ROCKET_PORT",
] as const;

/** The values of these variables. */
export type ClusterVariables = Readonly<
  Partial<Record<typeof clusterVariables[number], string | undefined>>
>;

/**
 * Determines the cluster that this process belongs to: from `TF_CONFIG`, otherwise from the
 * variables of a Slurm job step, otherwise from those of an indexed Kubernetes job. An empty variable
 * counts as one that is not set.
 *
 * @param variables The environment variables.
 * @returns The cluster; undefined if this process trains alone.
 * @throws {UserError} If the variables do not describe a cluster; exit code 2.
 *
 * @example
 * ```ts
 * import { clusterOf } from "./cluster.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const variables = { JOB_COMPLETION_INDEX: "1", ROCKET_HOSTS: "a.train,b.train" };
 * const { rank, addresses } = clusterOf(variables)!;
 * assertEquals([rank, ...addresses], [1, "a.train:7077", "b.train:7077"]);
 * assertEquals(clusterOf({}), undefined);
 * ```
 */
export function clusterOf(variables: ClusterVariables): Cluster | undefined {
  const cluster = tfConfig(variables) ?? slurmStep(variables) ?? indexedJob(variables);
  return cluster && cluster.addresses.length > 1 ? cluster : undefined;
}
