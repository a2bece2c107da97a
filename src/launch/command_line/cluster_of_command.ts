import { clusterOf, clusterVariables } from "../../cluster/cluster.ts";
import type { Cluster } from "../../cluster/processes.ts";
import { isPublic } from "../../cluster/public_address.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import type { Arguments } from "./arguments.ts";
import type { CommandName } from "./grammar.ts";

/**
 * Determines the cluster in which a command runs. Commands other than those that train, evaluate, or
 * predict run in each process on their own.
 *
 * @param command The command.
 * @param parsed Its options.
 * @param engine The engine that it will use.
 * @returns The cluster; undefined if the command trains in this process alone.
 * @throws {UserError} If the environment does not describe a cluster, or the command or its engine
 *   cannot be used in one; exit code 2.
 */
export function clusterOfCommand(
  command: CommandName,
  { allowPublicCluster, engine: chosen }: Pick<Arguments, "allowPublicCluster" | "engine">,
  engine: string | undefined,
): Cluster | undefined {
  if (!["run", "resume", "evaluate", "predict", "check", "sweep"].includes(command)) {
    return undefined;
  }
  const cluster = clusterOf(
    Object.fromEntries(clusterVariables.map((name) => [name, variable(name)])),
  );
  if (!cluster || command === "check") return undefined;
  const { addresses, variable: described } = cluster;
  if (command === "sweep") {
    throw new UserError(
      `${described} describes a cluster, but each run of a sweep is one process`,
      {
        hint: hint("cluster/sweep", `unset ${described}, and start the sweep once`, {
          variables: { [described]: "" },
        }),
        exitCode: 2,
      },
    );
  }
  if (engine === "wasm" || engine === "onnx") {
    throw new UserError(
      `the engine ${engine} cannot compute in a cluster, which ${described} describes; the native engine can`,
      {
        hint: hint(
          "cluster/engine",
          `${
            chosen === undefined ? "add" : "write"
          } --engine native; without ${described}, one process computes`,
          { variables: { [described]: "" } },
        ),
        exitCode: 2,
      },
    );
  }
  const reachable = allowPublicCluster
    ? undefined
    : [...addresses.map(hostOf), ...ownAddresses()].find(isPublic);
  if (reachable !== undefined) refusePublic(reachable, described);
  return cluster;
}

function refusePublic(address: string, described: string): never {
  throw new UserError(
    `TensorFlow would listen on the public address ${address}, without a password`,
    {
      hint: hint(
        "cluster/public",
        `use a private network; if a firewall closes the port to others, add --allow-public-cluster; without ${described}, the run is one process`,
        { variables: { [described]: "" } },
      ),
      exitCode: 2,
    },
  );
}

const hostOf = (address: string) => address.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");

/** The addresses of this machine: TensorFlow listens on all of them, whatever the cluster names. */
function ownAddresses(): string[] {
  try {
    return Deno.networkInterfaces().map(({ address }) => address);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return [];
    throw error;
  }
}

/** An environment variable; undefined if it is not set, or this process may not read it. */
function variable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}
