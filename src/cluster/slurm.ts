import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { checkAddress, portOf } from "./address.ts";
import type { ClusterVariables } from "./cluster.ts";
import type { Cluster } from "./processes.ts";
import { hostsOf, MOST } from "./node_list.ts";
import { indexOf } from "./index_of.ts";

const NODES = "SLURM_STEP_NODELIST", TASKS = "SLURM_STEP_TASKS_PER_NODE";

/**
 * Reads the variables that Slurm's `srun` sets for each process of a job step. The processes of a
 * host listen on successive ports.
 *
 * @param variables The environment variables.
 * @returns The cluster, which may have only one process; undefined outside of a job step.
 * @throws {UserError} If the variables contradict each other; exit code 2.
 */
export function slurmStep(variables: ClusterVariables): Cluster | undefined {
  const { SLURM_PROCID: rank = "", SLURM_NTASKS: tasks = "", [NODES]: nodes = "" } = variables;
  // In the script of a batch job, which is no job step, Slurm sets only the first two.
  if (rank === "" || tasks === "" || nodes === "") return undefined;
  const size = indexOf(tasks, { variable: "SLURM_NTASKS", below: MOST + 1 });
  if (size < 2) return undefined;
  const hosts = hostsOf(nodes, NODES);
  const counts = tasksOfHosts(variables, size, hosts.length);
  const port = portOf(variables.ROCKET_PORT, Math.max(...counts) - 1);
  const origin = { place: { file: NODES }, variable: NODES };
  const addresses = hosts.flatMap((host, at) =>
    Array.from(
      { length: counts[at]! },
      (_, index) => checkAddress(`${host}:${port + index}`, origin),
    )
  );
  const variable = "SLURM_PROCID";
  return { rank: indexOf(rank, { variable, below: size }), addresses, variable };
}

/** The number of processes on each host. */
function tasksOfHosts(
  { [TASKS]: written = "", SLURM_DISTRIBUTION: distribution = "" }: ClusterVariables,
  size: number,
  hosts: number,
): number[] {
  if (size === hosts) return Array(hosts).fill(1);
  if (distribution !== "" && !/^block\b/.test(distribution)) {
    throw new UserError(
      `the processes are distributed over the hosts by ${JSON.stringify(distribution)}, ` +
        "so that their addresses are not known",
      {
        place: { file: "SLURM_DISTRIBUTION" },
        hint: hint("cluster/distribution", "start srun with --distribution=block", {
          variables: { SLURM_DISTRIBUTION: "block" },
        }),
        exitCode: 2,
      },
    );
  }
  // Such as `2(x3),1`: three hosts with two processes each, and one with one.
  const counts = hosts === 1 && written === "" ? [size] : countsIn(written, hosts);
  const sum = counts.reduce((sum, count) => sum + count, 0);
  if (counts.length === hosts && sum === size) return counts;
  throw new UserError(
    `${size} processes on ${hosts} hosts do not agree with ${TASKS}=${JSON.stringify(written)}`,
    {
      place: { file: TASKS },
      hint: hint(
        "cluster/tasks",
        `start the processes with srun, which sets ${TASKS}; without SLURM_PROCID, the run is one process`,
        { variables: { SLURM_PROCID: "" } },
      ),
      exitCode: 2,
    },
  );
}

/** Expands the numbers of processes; NaN stands for what is wrong, or for more than a host each. */
function countsIn(written: string, hosts: number): number[] {
  const counts: number[] = [];
  for (const item of written.split(",")) {
    const [, count, times = "1"] = /^(\d{1,6})(?:\(x(\d{1,6})\))?$/.exec(item) ?? [];
    if (count === undefined || counts.length + Number(times) > hosts) return [NaN];
    for (let host = 0; host < Number(times); host++) counts.push(Number(count));
  }
  return counts;
}
