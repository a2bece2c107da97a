import { commandName } from "../../base/command_name.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import type { Cluster } from "../../cluster/processes.ts";
import type { Build } from "../native/build.ts";
import { libraryOf } from "../tensorflow.ts";
import { ClusterMember } from "./member.ts";

let current: ClusterMember | undefined;

/**
 * Makes this process a member of a cluster. Later calls return the same member, because a process
 * has only one context of TensorFlow.
 *
 * @param build The build of the native engine, whose context joins the cluster when it is made.
 * @param cluster The cluster.
 * @param gpu The number of the GPU that this process uses; undefined for none.
 * @throws {UserError} If the build makes contexts that cannot join a cluster.
 */
export function memberOf(build: Build, cluster: Cluster, gpu?: number): ClusterMember {
  if (!build.takesContext) {
    throw new UserError(
      "the TensorFlow that tfjs-node's own installer has set up cannot train in a cluster",
      {
        hint: hint(
          "cluster/installer",
          `install a C++ compiler, and run \`${commandName()} native --force\``,
          { outside: "another TensorFlow is set up" },
        ),
      },
    );
  }
  return current ??= new ClusterMember(libraryOf(build), cluster, { gpu });
}

/**
 * Loads the native engine as a member of a cluster.
 *
 * @param build The build of the native engine.
 * @param cluster The cluster.
 * @param load Loads the engine.
 * @param gpu The number of the GPU that this process uses; undefined for none.
 * @throws {UserError} If TensorFlow cannot join the cluster.
 */
export async function loadMember(
  build: Build,
  cluster: Cluster,
  load: (member: ClusterMember) => Promise<void>,
  gpu?: number,
): Promise<void> {
  try {
    await load(memberOf(build, cluster, gpu));
  } catch (error) {
    // TensorFlow does not say why.
    const isServer = error instanceof Error && /\bserver\b/i.test(error.message);
    if (error instanceof UserError || !isServer) throw error;
    const { addresses, rank } = cluster;
    throw new UserError(
      `TensorFlow cannot listen on ${addresses[rank]}: ${error.message}`,
      {
        hint: hint("cluster/listen", "choose a port that no other program of the machine uses", {
          outside: "the ports of all processes have to change",
        }),
        cause: error,
      },
    );
  }
}

/** Returns this process as a member of its cluster; undefined if it has not joined one. */
export function currentMember(): ClusterMember | undefined {
  return current;
}
