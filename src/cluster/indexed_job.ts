import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { checkAddress, portOf, refuseTwice } from "./address.ts";
import type { ClusterVariables } from "./cluster.ts";
import type { Cluster } from "./processes.ts";
import { indexOf } from "./index_of.ts";

/**
 * Reads `JOB_COMPLETION_INDEX`, which Kubernetes sets for each process of an indexed job, and
 * `ROCKET_HOSTS`, the hosts of all processes, separated by commas.
 *
 * @param variables The environment variables.
 * @returns The cluster, which may have only one process; undefined if there are no hosts.
 * @throws {UserError} If the variables do not describe a cluster; exit code 2.
 */
export function indexedJob(variables: ClusterVariables): Cluster | undefined {
  const { JOB_COMPLETION_INDEX: index = "", ROCKET_HOSTS: hosts = "" } = variables;
  // An indexed job can also consist of runs that have nothing to do with each other.
  if (hosts === "") return undefined;
  if (index === "") {
    throw new UserError("ROCKET_HOSTS is set, but JOB_COMPLETION_INDEX is not", {
      place: { file: "ROCKET_HOSTS" },
      hint: hint(
        "cluster/hosts",
        "set it to the number of this process, from 0; without ROCKET_HOSTS, the run is one process",
        { variables: { ROCKET_HOSTS: "" } },
      ),
      exitCode: 2,
    });
  }
  const port = portOf(variables.ROCKET_PORT);
  const origin = { place: { file: "ROCKET_HOSTS" }, variable: "ROCKET_HOSTS" };
  const addresses = hosts.split(",").map((host) => checkAddress(host.trim(), origin, port));
  refuseTwice(addresses, origin);
  const rank = indexOf(index, { variable: "JOB_COMPLETION_INDEX", below: addresses.length });
  return { rank, addresses, variable: "ROCKET_HOSTS" };
}
