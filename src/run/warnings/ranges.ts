import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { sizeOf } from "../../input/columns.ts";
import type { Facts } from "./facts.ts";

/** The largest acceptable ratio of the widest range to the narrowest one. */
const WIDEST = 1e3;

/** The range of a feature's values, or of one position in a list feature. */
interface Range {
  readonly feature: string;
  readonly name: string;
  readonly width: number;
}

/**
 * Warns about features whose ranges differ so much after transforms that features with a narrow
 * range have almost no effect.
 *
 * @param facts Facts about the run.
 */
export function differentRanges(facts: Facts): Problem[] {
  const ranges = rangesOf(facts).filter(({ width }) => width > 0);
  if (ranges.length < 2) return [];
  const widest = ranges.reduce((one, other) => other.width > one.width ? other : one);
  const narrowest = ranges.reduce((one, other) => other.width < one.width ? other : one);
  if (widest.width <= WIDEST * narrowest.width) return [];
  const { document, transforms } = facts.plan;
  const add = transforms.length > 0 ? "/data/transforms/-" : "/data/transforms";
  const normalize = { use: "normalize", per: "value" };
  return [{
    message:
      `the values of the feature ${widest.name} have a range of ${
        short(widest.width)
      }, but those ` +
      `of ${narrowest.name} only ${
        short(narrowest.width)
      }: the nets will hardly use the narrow feature`,
    place: document.place(["data", "features", widest.feature]),
    hint: hint(
      "warning/ranges",
      "add `{ use: normalize, per: value }` as the last of `transforms` in data",
      { set: { [add]: transforms.length > 0 ? normalize : [normalize] } },
    ),
  }];
}

function rangesOf({ inputs, sample }: Facts): Range[] {
  const ranges: Range[] = [];
  for (const [feature, { dtype, shape }] of Object.entries(inputs)) {
    if (dtype !== "float32") continue;
    // All values of an image have the same unit; each position of a list is a separate quantity.
    const groups = shape.length === 1 ? sizeOf(shape) : 1;
    const least = new Float64Array(groups).fill(Infinity);
    const most = new Float64Array(groups).fill(-Infinity);
    for (const { transformed } of sample) {
      const { values } = transformed.features[feature]!;
      for (let index = 0; index < values.length; index++) {
        const group = index % groups, value = values[index]!;
        if (value < least[group]!) least[group] = value;
        if (value > most[group]!) most[group] = value;
      }
    }
    for (let group = 0; group < groups; group++) {
      const name = groups > 1 ? `${feature}[${group}]` : feature;
      ranges.push({ feature, name, width: most[group]! - least[group]! });
    }
  }
  return ranges;
}

const short = (width: number) =>
  width >= 1e6 || width < 1e-3
    ? width.toExponential(1)
    : Number(width.toPrecision(3)).toLocaleString("en");
