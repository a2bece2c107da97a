/** The name of the network stage that consists of two network stages. */
export const PAIR = "pair";

/**
 * Adds `use: pair` to the entry of two networks, `{ light: { use: … }, booster: { use: … } }`.
 *
 * @param network The value of `network` in a pipeline, which may be invalid.
 * @returns The entry with `use`; other values unchanged.
 */
export function asPair(network: unknown): unknown {
  if (typeof network !== "object" || network === null || "use" in network) return network;
  const { light, booster } = network as { readonly light?: unknown; readonly booster?: unknown };
  return [light, booster].every(namesStage) ? { use: PAIR, ...network } : network;
}

const namesStage = (value: unknown) =>
  typeof value === "string" ||
  typeof value === "object" && value !== null && "use" in Object(asPair(value));
