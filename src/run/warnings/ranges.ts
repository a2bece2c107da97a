import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { sizeOf } from "../../input/columns.ts";
import type { Facts } from "./facts.ts";

/** How many times as wide as another range a range may be. */
const WIDEST = 1e3;

/** The range of a feature, or of one of the values of its rows. */
interface Range {
  readonly feature: string;
  readonly name: string;
  readonly width: number;
}

/**
 * Warns of features whose ranges differ so much, as the nets get them, that the widest drowns the
 * others.
 *
 * @param facts What is known of the run.
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
      `the nets get ${widest.name}, whose values have a range of ${short(widest.width)}, beside ` +
      `${narrowest.name}, whose values have a range of ${
        short(narrowest.width)
      }: the narrow one hardly counts`,
    place: document.place(["data", "features", widest.feature]),
    hint: hint(
      "warning/ranges",
      "add `{ use: normalize, per: value }` as the last of `transforms` at data",
      { set: { [add]: transforms.length > 0 ? normalize : [normalize] } },
    ),
  }];
}

function rangesOf({ inputs, sample }: Facts): Range[] {
  const ranges: Range[] = [];
  for (const [feature, { dtype, shape }] of Object.entries(inputs)) {
    if (dtype !== "float32") continue;
    // Of images and the like all values are of one kind; those of a list are features of their own.
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
