/**
 * Matches the positions along the axes of variables in two runs by what they represent, such as the
 * feature value that a row of an embedding table belongs to.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import { hint, type HintText } from "../../base/hints.ts";
import { appendTo } from "../../base/long_lists.ts";
import { indexesOf } from "../../base/large_map.ts";
import { idKeysOf, type LabelSpec, type PlaceAxis } from "../../stages/batch.ts";
import { labelParts } from "../../stages/labels.ts";
import type { AxisPart, VariableAxis } from "../../stages/network.ts";
import { sizeOf } from "../../input/columns.ts";
import type { ModelFile, ModelInput } from "./model_file.ts";

/**
 * The features and classes of a run. They determine what each position along an axis of a variable
 * represents, such as a feature or a class.
 */
export interface Meaning {
  /** The features of the source. */
  readonly features: readonly Pick<ModelFile["features"][number], "name" | "spec">[];
  /** The features as the nets receive them. */
  readonly inputs: readonly ModelInput[];
  /** The label. */
  readonly label: LabelSpec;
}

/**
 * Returns the features and classes of a run.
 *
 * @param model The content of the run's `model.json`.
 */
export function meaningOf({ features, inputs, label }: Omit<Meaning, "label"> & {
  readonly label: { readonly spec: LabelSpec };
}): Meaning {
  return { features, inputs, label: label.spec };
}

/** Consecutive positions of an axis that belong together, such as the values of one feature. */
interface Segment {
  /** Identifies the segment: segments with the same key are matched. */
  readonly key: string;
  /** Describes the segment in messages. */
  readonly what: string;
  /** The segment's positions, row-major. */
  readonly places: readonly PlaceAxis[];
  /**
   * The features of the source with ids from which the segment is computed, if the transform does
   * not declare how. Their ids must be the same in both runs.
   */
  readonly of?: readonly string[] | undefined;
}

/** An axis of a variable, with the features and classes of the run that the variable belongs to. */
export interface AxisIn {
  /** The declaration of the axis. */
  readonly axis: VariableAxis;
  /** The size of the axis. */
  readonly size: number;
  /** The features and classes of that run. */
  readonly meaning: Meaning;
}

/** The counts of values or classes that were matched along an axis. */
export interface MatchCount {
  /** What is counted, such as `values of item` or `classes`. */
  readonly what: string;
  /** The number that both runs have. */
  readonly kept: number;
  /** The number that only the new run has. */
  readonly added: number;
  /** The number that only the earlier run has. */
  readonly gone: number;
}

/**
 * For each position along an axis of a variable, the position that represents the same feature
 * value, class, or input in an earlier run.
 */
export interface AxisMatch {
  /**
   * For each position, the position in the earlier run, or −1 if it is new. Undefined if each
   * position corresponds to the same position.
   */
  readonly from: Int32Array | undefined;
  /** The counts of values or classes that were matched. */
  readonly counts: readonly MatchCount[];
}

/**
 * Thrown if the positions along an axis of a variable cannot be matched with those of an earlier
 * run's variable.
 */
export class Mismatch extends Error {
  /** The hint for the user; undefined if the tensor belongs to a different net. */
  readonly hint: HintText | undefined;

  /**
   * Creates the error.
   *
   * @param message The reason.
   * @param hint The hint for the user; undefined if the tensor belongs to a different net.
   */
  constructor(message: string, hint?: HintText) {
    super(message);
    this.hint = hint;
  }
}

/**
 * Checks whether an axis has as many positions as its declaration requires: for example, one per
 * class.
 *
 * @param axis The axis.
 * @returns The problem, in words that continue a sentence, or undefined.
 */
export function axisProblem({ axis, size, meaning }: AxisIn): string | undefined {
  try {
    const segments = segmentsOf({ axis, size, meaning });
    const all = segments.reduce((sum, segment) => sum + placesIn(segment), 0);
    return all === size ? undefined : `has size ${all}, not ${size}`;
  } catch (error) {
    if (error instanceof Mismatch) return error.message;
    throw error;
  }
}

/**
 * Matches the positions of an axis with those of an earlier run's axis. The result lists the
 * corresponding position of the earlier axis for each position.
 *
 * @param now The axis.
 * @param before The axis of the tensor that its values come from.
 * @throws {Mismatch} If the axes cannot be matched.
 */
export function matchAxis(now: AxisIn, before: AxisIn): AxisMatch {
  if (kindOf(now.axis) !== kindOf(before.axis)) {
    throw new Mismatch(
      `the positions along its axis are ${kindOf(before.axis)} there and ${kindOf(now.axis)} here`,
    );
  }
  if (now.axis === "units") {
    if (now.size === before.size) return { from: undefined, counts: [] };
    throw new Mismatch(`it has ${before.size} units there and ${now.size} here`);
  }
  const segments = segmentsOf(now), earlier = segmentsOf(before);
  const from = new Int32Array(now.size), counts: MatchCount[] = [];
  const starts = new Map<string, { readonly segment: Segment; readonly start: number }>();
  let start = 0;
  for (const segment of earlier) {
    starts.set(segment.key, { segment, start });
    start += placesIn(segment);
  }
  if (start !== before.size) {
    throw new Mismatch(`its axis has size ${before.size} there; expected ${start}`);
  }
  let next = 0;
  for (const segment of segments) {
    const found = starts.get(segment.key), length = placesIn(segment);
    starts.delete(segment.key);
    if (found) {
      const matched = matchSegment(segment, found.segment, now.meaning, before.meaning);
      matched.from.forEach((place, index) =>
        from[next + index] = place < 0 ? -1 : found.start + place
      );
      appendTo(counts, matched.counts);
    } else {
      from.fill(-1, next, next + length);
      if (segment.key !== BEFORE) counts.push({ what: segment.what, kept: 0, added: 1, gone: 0 });
    }
    next += length;
  }
  if (next !== now.size) {
    throw new Mismatch(`its axis has size ${now.size} here; expected ${next}`);
  }
  for (const { segment } of starts.values()) {
    if (segment.key !== BEFORE) counts.push({ what: segment.what, kept: 0, added: 0, gone: 1 });
  }
  const same = now.size === before.size && from.every((place, index) => place === index);
  return { from: same ? undefined : from, counts };
}

/**
 * The key of a table's rows that belong to no value, such as the row for padding. Tables from other
 * programs have no such rows.
 */
const BEFORE = "before";

function kindOf(axis: VariableAxis): string {
  return typeof axis === "string" ? axis : Object.keys(axis).find((key) => key !== "before")!;
}

function segmentsOf({ axis, size, meaning }: AxisIn): Segment[] {
  if (axis === "units") return [{ key: "units", what: "units", places: [{ size }] }];
  if (axis === "classes") {
    const parts = labelParts(meaning.label);
    return parts.length === 0
      ? [classesOf(meaning.label)]
      : parts.map(({ name, spec }) => classesOf(spec, name));
  }
  if ("features" in axis) {
    let unnamed = 0;
    return axis.features.map((part) => partOf(part, meaning, () => ++unnamed));
  }
  if ("channels" in axis) {
    const { spec: { shape }, ...input } = inputNamed(axis.channels, meaning);
    const declared = declaredPlaces(input.name, meaning);
    const last = declared ? declared.at(-1)! : { size: shape.at(-1) ?? 1 };
    return [{
      key: "channels",
      what: `channels of ${input.name}`,
      places: [last],
      of: declared ? undefined : hidden(input, meaning),
    }];
  }
  const { spec } = inputNamed(axis.ids, meaning);
  const ids = idKeysOf(axis.ids, spec), before = axis.before ?? 0;
  if (!ids) throw new Mismatch(`the feature ${axis.ids} has no ids`);
  return [
    ...before > 0 ? [{ key: BEFORE, what: "rows before the ids", places: [{ size: before }] }] : [],
    { key: "ids", what: `values of ${ids.name}`, places: [{ size: ids.count, ids }] },
  ];
}

/** Returns the logits of a label, or of one of several labels. */
function classesOf({ kind, classes, vocabulary }: LabelSpec, name?: string): Segment {
  const of = name === undefined ? "" : ` of ${name}`;
  if (kind !== "class" && kind !== "multi-label") {
    // A single logit: the order of the class names decides which class it scores.
    const order = vocabulary ? `, ${vocabulary.join(" before ")}` : "";
    return { key: `${kind}${of}`, what: `${kind}${of}${order}`, places: [{ size: 1 }] };
  }
  const ids = {
    kind: vocabulary ? "vocabulary" as const : "count" as const,
    name: "the label",
    count: classes,
    ...(vocabulary && { vocabulary }),
  };
  return { key: `${kind}${of}`, what: `classes${of}`, places: [{ size: classes, ids }] };
}

function partOf(part: AxisPart, meaning: Meaning, number: () => number): Segment {
  if (typeof part !== "string") {
    const { feature, units } = part;
    return feature === undefined
      ? { key: `units ${number()}`, what: "units", places: [{ size: units }] }
      : { key: `made of ${feature}`, what: `the feature ${feature}`, places: [{ size: units }] };
  }
  const { spec, ...input } = inputNamed(part, meaning);
  const declared = declaredPlaces(part, meaning);
  return {
    key: `values of ${part}`,
    what: `the feature ${part}`,
    places: declared ?? spec.shape.map((size) => ({ size })),
    of: declared ? undefined : hidden(input, meaning),
  };
}

/**
 * Returns the source's features with ids from which a feature is computed without declared
 * positions.
 */
function hidden({ of }: Pick<ModelInput, "of">, { features }: Meaning): string[] {
  return of.filter((name) => {
    const spec = features.find((feature) => feature.name === name)?.spec;
    return spec && idKeysOf(name, spec) !== undefined;
  });
}

function inputNamed(name: string, { inputs }: Meaning): ModelInput {
  const input = inputs.find((input) => input.name === name);
  if (input) return input;
  throw new Mismatch(`the feature ${name} does not exist`);
}

function declaredPlaces(name: string, meaning: Meaning): readonly PlaceAxis[] | undefined {
  const { spec: { places, shape } } = inputNamed(name, meaning);
  return places && sizeOf(places.map(({ size }) => size)) === sizeOf(shape) ? places : undefined;
}

const placesIn = ({ places }: Segment) => sizeOf(places.map(({ size }) => size));

/** Returns the earlier position of each position of a segment, or −1, for segments of one key. */
function matchSegment(
  now: Segment,
  before: Segment,
  meaning: Meaning,
  earlier: Meaning,
): { from: Int32Array; counts: MatchCount[] } {
  if (now.what !== before.what && /^(binary|number)( of |$)/.test(now.key)) {
    const spec = earlier.label.labels?.[nameIn(now.key) ?? ""] ?? earlier.label;
    throw new Mismatch(
      `its logit is for ${before.what} there, and for ${now.what} here`,
      classesHint(spec.vocabulary ?? ["0", "1"], now.key),
    );
  }
  refuseOtherSources(now, before, meaning, earlier);
  const sizes = (places: readonly PlaceAxis[]) => `[${places.map(({ size }) => size).join(", ")}]`;
  if (now.places.length !== before.places.length) {
    throw new Mismatch(
      `${now.what} has the shape ${sizes(before.places)} there and ${sizes(now.places)} here`,
    );
  }
  const counts: MatchCount[] = [];
  const axes = now.places.map((place, axis) => {
    const other = before.places[axis]!;
    if (!place.ids && !other.ids) {
      if (place.size === other.size) return undefined;
      throw new Mismatch(
        `${now.what} has the shape ${sizes(before.places)} there and ${sizes(now.places)} here`,
      );
    }
    const matched = matchIds(now.what, place, other);
    counts.push(matched.count);
    return matched.from;
  });
  return { from: product(now.places, before.places, axes), counts };
}

/**
 * Rejects features that are computed from ids without declared positions, unless both runs have the
 * same ids.
 */
function refuseOtherSources(
  now: Segment,
  before: Segment,
  meaning: Meaning,
  earlier: Meaning,
): void {
  const names = [...new Set([...now.of ?? [], ...before.of ?? []])];
  const other = names.find((name) => !sameIds(name, meaning, earlier));
  if (other === undefined) return;
  throw new Mismatch(
    `${now.what} is computed from the ids of ${other}, which differ from those of the earlier run, and its transform does not declare the meaning of its values`,
    hint(
      "initial/places",
      "declare `places` in the `features` of the transform, as one-hot does; or start from random weights, without `network.initial`",
      [{ edit: "the stage" }, { remove: ["/network/initial"] }],
    ),
  );
}

function sameIds(name: string, one: Meaning, other: Meaning): boolean {
  const [a, b] = [one, other].map(({ features }) => {
    const found = features.find((feature) => feature.name === name);
    return found && idKeysOf(name, found.spec);
  });
  return a?.kind === b?.kind && a?.count === b?.count && sameValues(a?.vocabulary, b?.vocabulary);
}

function sameValues(one: readonly string[] | undefined, other: readonly string[] | undefined) {
  return one === other ||
    one?.length === other?.length && one!.every((value, id) => value === other![id]);
}

function matchIds(
  what: string,
  { size, ids }: PlaceAxis,
  before: PlaceAxis,
): { from: Int32Array; count: MatchCount } {
  const from = new Int32Array(size).fill(-1);
  const [now, then] = [keysIn(ids, what), keysIn(before.ids, what)];
  const named = ids?.name ?? before.ids!.name;
  const isClasses = /^classes( of |$)/.test(what);
  const about = isClasses ? what : `values of ${named}`;
  if (now.kind === "hash" || then.kind === "hash") {
    if (now.kind !== then.kind || now.count !== then.count) {
      throw new Mismatch(
        `the ids of ${named} are ${idsInWords(then)} there and ${idsInWords(now)} here`,
        idsHint(named, then),
      );
    }
    for (let id = 0; id < Math.min(size, now.count); id++) from[id] = id;
    return { from, count: { what: `hashes of ${named}`, kept: now.count, added: 0, gone: 0 } };
  }
  if (now.kind !== then.kind && !isClasses) {
    throw new Mismatch(
      `the ids of ${named} are ${idsInWords(then)} there and ${idsInWords(now)} here`,
      idsHint(named, then),
    );
  }
  if (now.kind === "count" && then.kind === "count") {
    const kept = Math.min(now.count, then.count);
    for (let id = 0; id < kept; id++) from[id] = id;
    const added = now.count - kept, gone = then.count - kept;
    return { from, count: { what: about, kept, added, gone } };
  }
  const values = valuesOf(now), earlier = valuesOf(then);
  const places = indexesOf(earlier);
  let kept = 0;
  values.forEach((value, id) => {
    const place = places.get(value);
    if (place === undefined) return;
    from[id] = place;
    kept++;
  });
  if (kept === 0 && isClasses) {
    throw new Mismatch(
      `the earlier run has the classes ${few(earlier)}, but none of ${few(values)}`,
      classesHint(earlier, what),
    );
  }
  // The id of unknown values comes after the ids of the vocabulary.
  if (now.count > values.length && then.count > earlier.length) {
    from[values.length] = earlier.length;
  }
  const count = { what: about, kept, added: values.length - kept, gone: earlier.length - kept };
  return { from, count };
}

/** Returns the hint to set the option `ids` of a feature as in the earlier run. */
function idsHint(name: string, { kind, count }: NonNullable<PlaceAxis["ids"]>): HintText {
  const ids = kind === "vocabulary" ? "train" : { [kind]: count };
  const words = kind === "vocabulary" ? "train" : `{ ${kind}: ${count} }`;
  return hint(
    "initial/ids",
    `write \`ids: ${words}\` at the feature ${name}, as in the earlier run`,
    {
      set: { [`/data/features/${name}/ids`]: ids },
    },
  );
}

/** Returns the hint to name the classes as in the earlier run. */
function classesHint(classes: readonly string[], what: string): HintText {
  const name = nameIn(what);
  return hint(
    "initial/label",
    `name the classes as in the earlier run: \`${name ?? "label"}: { column, classes: [${
      few(classes)
    }] }\``,
    {
      set: { [`/data/${name === undefined ? "label" : `labels/${name}`}/classes`]: [...classes] },
    },
  );
}

/** Returns the label in a description such as `classes of kind`; undefined for a single label. */
const nameIn = (what: string) => / of ([^,]+)/.exec(what)?.[1];

function keysIn(ids: PlaceAxis["ids"], what: string): NonNullable<PlaceAxis["ids"]> {
  if (ids) return ids;
  throw new Mismatch(`${what} has ids in one run and numbers in the other`);
}

const valuesOf = ({ count, vocabulary }: NonNullable<PlaceAxis["ids"]>) =>
  vocabulary ?? Array.from({ length: count }, (_, id) => String(id));

const idsInWords = ({ kind, count }: NonNullable<PlaceAxis["ids"]>) =>
  ({
    vocabulary: "values of a vocabulary",
    hash: `hashes into ${count} buckets`,
    count: `integers below ${count}`,
  })[kind];

const few = (values: readonly string[]) =>
  values.slice(0, 5).join(", ") + (values.length > 5 ? ", …" : "");

/**
 * Combines matches of several axes into one over all positions; undefined for an unchanged axis.
 */
function product(
  now: readonly PlaceAxis[],
  before: readonly PlaceAxis[],
  axes: readonly (Int32Array | undefined)[],
): Int32Array {
  let from = Int32Array.of(0);
  now.forEach(({ size }, axis) => {
    const map = axes[axis], earlier = before[axis]!.size, next = new Int32Array(from.length * size);
    from.forEach((outer, index) => {
      for (let place = 0; place < size; place++) {
        const inner = map ? map[place]! : place;
        next[index * size + place] = outer < 0 || inner < 0 ? -1 : outer * earlier + inner;
      }
    });
    from = next;
  });
  return from;
}

/**
 * Checks whether two runs have the same features, vocabularies and classes in the same order. Then
 * each position of a tensor represents the same in both runs, even if its axes are not declared.
 *
 * @param one One run.
 * @param other The other one.
 */
export function sameMeaning(one: Meaning, other: Meaning): boolean {
  // A spec may have keys with the value undefined, which are lost when it is written and read.
  const column = ({ name, spec: { text: _, ...spec } }: Pick<ModelInput, "name" | "spec">) => ({
    name,
    spec,
  });
  const plain = ({ features, inputs, label: { text: _, ...label } }: Meaning) =>
    JSON.parse(JSON.stringify([features.map(column), inputs.map(column), label]));
  return isDeepStrictEqual(plain(one), plain(other));
}
