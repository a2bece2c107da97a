/**
 * Hints about features that have no entry of their own, because the pipeline lists features or uses
 * a pattern.
 *
 * @module
 */

import { type Place, type Problem, UserError } from "../base/errors.ts";
import { explained } from "../base/hints.ts";
import { yamlName } from "../base/quoted.ts";
import type { CompletePlan, Plan } from "../pipeline/plan.ts";
import { escapedName, isList, namesOfEntries } from "./choose_features.ts";

/** The features without an entry of their own, by the places of problems with them. */
const features = new WeakMap<Place, string>();

/** The number of entries up to which a hint shows all of them. */
const MAX_ENTRIES = 6;

/**
 * Returns a list of features without a feature; undefined if the pipeline has a map of features.
 *
 * @param plan The plan.
 * @param feature The name of the feature to leave out.
 */
export function featuresWithout(
  { chosen }: Pick<Plan, "chosen">,
  feature: string,
): string[] | undefined {
  const name = escapedName(feature);
  if (chosen === "rest") return ["*", `!${name}`];
  if (!isList(chosen)) return undefined;
  return chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, `!${name}`];
}

/**
 * Returns the place of a feature, or of one of its options, in the pipeline file.
 *
 * @param plan The plan.
 * @param feature The name of the feature.
 * @param path The path of the option.
 */
export function featurePlace(
  { document, chosen }: Pick<Plan, "document" | "chosen">,
  feature: string,
  ...path: readonly string[]
): Place {
  const place = document.place(["data", "features", feature, ...path]);
  if (!isList(chosen) && namesOfEntries(chosen).includes(feature)) return place;
  const own = { ...place };
  features.set(own, feature);
  return own;
}

/**
 * Extends the hint of a problem that suggests an option of a feature: if `data.features` has no
 * entry for the feature, the hint also explains how to add one.
 *
 * @param problem The problem, whose place is that of {@linkcode featurePlace}.
 * @param plan The plan.
 */
export function withEntry(problem: Problem, { chosen }: Pick<CompletePlan, "chosen">): Problem {
  const { place, hint = "" } = problem, feature = place && features.get(place);
  const [, options] = OPTIONS.exec(hint) ?? [];
  if (feature === undefined || options === undefined) return problem;
  const entry = `${yamlName(escapedName(feature))}: { ${options} }`;
  const write = (text: string) => ({
    ...problem,
    hint: explained(hint, `for this, ${text}`),
  });
  const others = chosen === "rest" ? ["*"] : isList(chosen) ? chosen : undefined;
  if (!others) return write(`add the entry \`${entry}\` to \`features\``);
  const rest = others.filter((name) => name !== escapedName(feature)).map((name) =>
    `${yamlName(name)}: {}`
  );
  return write(
    rest.length <= MAX_ENTRIES
      ? `write \`features: { ${[...rest, entry].join(", ")} }\``
      : `turn \`features\` into a map with the entries \`${rest[0]}\`, … and \`${entry}\``,
  );
}

/** The first options of a feature in a hint, such as `ids: train`. */
const OPTIONS = /`((?:dtype|ids|image|keep|length|nan|nulls|pad|shape): [^`]*)`/;

/**
 * Extends the hints of an error as {@linkcode withEntry} does for a single problem.
 *
 * @param error The error; other errors than {@linkcode UserError} are returned as they are.
 * @param plan The plan.
 */
export function withEntries(error: unknown, plan: Pick<CompletePlan, "chosen">): unknown {
  if (!(error instanceof UserError)) return error;
  const problems = error.problems.map((problem) => withEntry(problem, plan));
  if (problems.every((problem, index) => problem === error.problems[index])) return error;
  return new UserError(problems, { exitCode: error.exitCode, cause: error.cause });
}
