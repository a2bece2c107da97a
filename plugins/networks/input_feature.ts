import { type ColumnSpec, hint, nearest, notNumbers, UserError } from "../../plugin.ts";

/**
 * Finds the feature that a network with one input reads: the configured one, or the only one.
 *
 * @param features The features.
 * @param name The configured name, if any.
 * @returns The name and specification of the feature.
 * @throws {UserError} If the feature does not exist, or if there are several and none is named.
 */
export function inputFeature(
  features: Readonly<Record<string, ColumnSpec>>,
  name: string | undefined,
): { name: string; spec: ColumnSpec } {
  const names = Object.keys(features);
  const chosen = name ?? (names.length === 1 ? names[0]! : undefined);
  if (chosen === undefined) {
    throw new UserError(`the network reads a single feature, but there are ${names.length}`, {
      hint: hint(
        "network/feature",
        `add \`feature:\` to the network; the features are ${names.join(", ")}`,
        names.map((feature) => ({ set: { feature } })),
      ),
      exitCode: 2,
    });
  }
  const spec = Object.hasOwn(features, chosen) && features[chosen];
  if (!spec) {
    throw new UserError(`there is no feature ${JSON.stringify(chosen)}`, {
      hint: hint("network/features", `the features are ${names.join(", ")}`, {
        set: { feature: nearest(chosen, names) ?? names[0] },
      }),
      exitCode: 2,
    });
  }
  const no = notNumbers(chosen, spec);
  if (no) {
    throw new UserError(`the feature ${chosen} ${no.holds}, but the network reads numbers`, {
      hint: no.hint,
      exitCode: 2,
    });
  }
  return { name: chosen, spec };
}
