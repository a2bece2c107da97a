import type { BuiltNets, Net, NetName } from "../../plugin.ts";

/**
 * Returns the owner of the variables that both nets share: the net itself if it is built alone.
 *
 * @param nets The nets to build.
 */
export function sharedOwner(nets: readonly NetName[]): NetName | "shared" {
  return nets.length === 1 ? nets[0]! : "shared";
}

/**
 * Builds the nets that are requested.
 *
 * @param nets The nets to build.
 * @param build Builds a net.
 */
export function eachNet(nets: readonly NetName[], build: (net: NetName) => Net): BuiltNets {
  return Object.fromEntries(nets.map((net) => [net, build(net)]));
}
