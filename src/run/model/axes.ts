/**
 * Which places along an axis of a variable are which places of an earlier run's: by what they stand
 * for.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import { hint, type HintText } from "../../base/hints.ts";
import { idKeysOf, type LabelSpec, type PlaceAxis } from "../../stages/batch.ts";
import type { AxisPart, VariableAxis } from "../../stages/network.ts";
import { sizeOf } from "../../input/columns.ts";
import type { ModelFile, ModelInput } from "./model_file.ts";

/** What places can stand for: the features and classes of a run. */
export interface Meaning {
  /** The features of the source. */
  readonly features: readonly Pick<ModelFile["features"][number], "name" | "spec">[];
  /** The features as the nets get them. */
  readonly inputs: readonly ModelInput[];
  /** The label. */
  readonly label: LabelSpec;
}

/**
 * What places stand for in a run.
 *
 * @param model The run's model.
 */
export function meaningOf({ features, inputs, label }: Omit<Meaning, "label"> & {
  readonly label: { readonly spec: LabelSpec };
}): Meaning {
  return { features, inputs, label: label.spec };
}

/** Some places of an axis that follow one another and stand for one thing. */
interface Segment {
  /** What that is: the segment of the same key is matched with it. */
  readonly key: string;
  /** What that is, for people. */
  readonly what: string;
  /** Its places, row-major. */
  readonly places: readonly PlaceAxis[];
  /**
   * Features of the source whose ids it depends on in a way that nothing declares: they have to be
   * the same.
   */
  readonly of?: readonly string[] | undefined;
}

/** A variable's axis in a run. */
export interface AxisIn {
  /** What the axis is declared to be. */
  readonly axis: VariableAxis;
  /** How many places it has. */
  readonly size: number;
  /** What places stand for in that run. */
  readonly meaning: Meaning;
}

/** How many of the things that places stand for were matched. */
export interface MatchCount {
  /** What they are: `values of item`, `classes of kind`. */
  readonly what: string;
  /** In both runs. */
  readonly kept: number;
  /** In the new run only. */
  readonly added: number;
  /** In the earlier run only. */
  readonly gone: number;
}

/** How an axis is matched. */
export interface AxisMatch {
  /**
   * The place in the earlier run of each place, or −1 for a new one; undefined where all are the
   * same.
   */
  readonly from: Int32Array | undefined;
  /** What was matched by value. */
  readonly counts: readonly MatchCount[];
}

/** Why an axis cannot be matched, and what to do about it. */
export class Mismatch extends Error {
  /** What to do; undefined where the tensor is of another net. */
  readonly hint: HintText | undefined;

  /**
   * Says what does not fit.
   *
   * @param message What.
   * @param hint What to do about it; nothing where the tensor is of another net.
   */
  constructor(message: string, hint?: HintText) {
    super(message);
    this.hint = hint;
  }
}

/**
 * Checks that an axis is what it is declared to be.
 *
 * @param axis The axis.
 * @returns What is wrong with it, if anything.
 */
export function axisProblem({ axis, size, meaning }: AxisIn): string | undefined {
  try {
    const segments = segmentsOf({ axis, size, meaning });
    const all = segments.reduce((sum, segment) => sum + placesIn(segment), 0);
    return all === size ? undefined : `has ${all} places, not ${size}`;
  } catch (error) {
    if (error instanceof Mismatch) return error.message;
    throw error;
  }
}

/**
 * Matches an axis with that of an earlier run.
 *
 * @param now The axis.
 * @param before The axis of the tensor that its values come from.
 * @throws {Mismatch} If it cannot be.
 */
export function matchAxis(now: AxisIn, before: AxisIn): AxisMatch {
  if (kindOf(now.axis) !== kindOf(before.axis)) {
    throw new Mismatch(
      `its places are ${kindOf(before.axis)} there and ${kindOf(now.axis)} here`,
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
    throw new Mismatch(`it has ${before.size} places there, not ${start}`);
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
      counts.push(...matched.counts);
    } else {
      from.fill(-1, next, next + length);
      if (segment.key !== BEFORE) counts.push({ what: segment.what, kept: 0, added: 1, gone: 0 });
    }
    next += length;
  }
  if (next !== now.size) {
    throw new Mismatch(`it has ${now.size} places here, not ${next}`);
  }
  for (const { segment } of starts.values()) {
    if (segment.key !== BEFORE) counts.push({ what: segment.what, kept: 0, added: 0, gone: 1 });
  }
  const same = now.size === before.size && from.every((place, index) => place === index);
  return { from: same ? undefined : from, counts };
}

/**
 * Places of a table that stand for no value, such as that of padding: tables from elsewhere have
 * none.
 */
const BEFORE = "before";

function kindOf(axis: VariableAxis): string {
  return typeof axis === "string" ? axis : Object.keys(axis).find((key) => key !== "before")!;
}

function segmentsOf({ axis, size, meaning }: AxisIn): Segment[] {
  if (axis === "units") return [{ key: "units", what: "units", places: [{ size }] }];
  if (axis === "classes") return [classesOf(meaning.label)];
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
    ...before > 0
      ? [{ key: BEFORE, what: "places before the ids", places: [{ size: before }] }]
      : [],
    { key: "ids", what: `values of ${ids.name}`, places: [{ size: ids.count, ids }] },
  ];
}

function classesOf({ kind, classes, vocabulary }: LabelSpec): Segment {
  if (kind !== "class") {
    // One logit: which class it speaks for follows from the order of their names.
    const order = vocabulary ? `, ${vocabulary.join(" before ")}` : "";
    return { key: kind, what: `${kind}${order}`, places: [{ size: 1 }] };
  }
  const ids = {
    kind: vocabulary ? "vocabulary" as const : "count" as const,
    name: "the label",
    count: classes,
    ...(vocabulary && { vocabulary }),
  };
  return { key: "class", what: "classes", places: [{ size: classes, ids }] };
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

/** The sources with ids whose numbers are in a feature in a way that nothing declares. */
function hidden({ of }: Pick<ModelInput, "of">, { features }: Meaning): string[] {
  return of.filter((name) => {
    const spec = features.find((feature) => feature.name === name)?.spec;
    return spec && idKeysOf(name, spec) !== undefined;
  });
}

function inputNamed(name: string, { inputs }: Meaning): ModelInput {
  const input = inputs.find((input) => input.name === name);
  if (input) return input;
  throw new Mismatch(`there is no feature ${name}`);
}

function declaredPlaces(name: string, meaning: Meaning): readonly PlaceAxis[] | undefined {
  const { spec: { places, shape } } = inputNamed(name, meaning);
  return places && sizeOf(places.map(({ size }) => size)) === sizeOf(shape) ? places : undefined;
}

const placesIn = ({ places }: Segment) => sizeOf(places.map(({ size }) => size));

/** The place of each place of a segment in an earlier one of the same key, or −1. */
function matchSegment(
  now: Segment,
  before: Segment,
  meaning: Meaning,
  earlier: Meaning,
): { from: Int32Array; counts: MatchCount[] } {
  if (now.what !== before.what && ["binary", "number"].includes(now.key)) {
    throw new Mismatch(
      `its logit is for ${before.what} there, and for ${now.what} here`,
      classesHint(earlier.label.vocabulary ?? ["0", "1"]),
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

/** What is made of ids without a word of how can be matched only where the ids are the same. */
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
    `${now.what} is made of the ids of ${other}, which are not those of the run, and nothing says what its places stand for`,
    hint(
      "initial/places",
      "a transform that makes values of ids says it as `places` in its `features`: see one-hot; or start from new weights, without `network.initial`",
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
  const about = what === "classes" ? what : `values of ${named}`;
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
  if (now.kind !== then.kind && what !== "classes") {
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
  const places = new Map(earlier.map((value, id) => [value, id]));
  let kept = 0;
  values.forEach((value, id) => {
    const place = places.get(value);
    if (place === undefined) return;
    from[id] = place;
    kept++;
  });
  if (kept === 0 && what === "classes") {
    throw new Mismatch(
      `the run has the classes ${few(earlier)}, and none of ${few(values)}`,
      classesHint(earlier),
    );
  }
  // The id of all other values comes behind them.
  if (now.count > values.length && then.count > earlier.length) {
    from[values.length] = earlier.length;
  }
  const count = { what: about, kept, added: values.length - kept, gone: earlier.length - kept };
  return { from, count };
}

/** How to make the ids of a feature as the run does. */
function idsHint(name: string, { kind, count }: NonNullable<PlaceAxis["ids"]>): HintText {
  const ids = kind === "vocabulary" ? "train" : { [kind]: count };
  const words = kind === "vocabulary" ? "train" : `{ ${kind}: ${count} }`;
  return hint("initial/ids", `write \`ids: ${words}\` at the feature ${name}, as the run has it`, {
    set: { [`/data/features/${name}/ids`]: ids },
  });
}

/** How to name the classes as the run does. */
function classesHint(classes: readonly string[]): HintText {
  return hint(
    "initial/label",
    `name the classes as the run does: \`label: { column, classes: [${few(classes)}] }\``,
    { set: { "/data/label/classes": [...classes] } },
  );
}

function keysIn(ids: PlaceAxis["ids"], what: string): NonNullable<PlaceAxis["ids"]> {
  if (ids) return ids;
  throw new Mismatch(`${what} has ids in one run, and numbers in the other`);
}

const valuesOf = ({ count, vocabulary }: NonNullable<PlaceAxis["ids"]>) =>
  vocabulary ?? Array.from({ length: count }, (_, id) => String(id));

const idsInWords = ({ kind, count }: NonNullable<PlaceAxis["ids"]>) =>
  ({
    vocabulary: "values of a vocabulary",
    hash: `hashes into ${count}`,
    count: `numbers below ${count}`,
  })[kind];

const few = (values: readonly string[]) =>
  values.slice(0, 5).join(", ") + (values.length > 5 ? ", …" : "");

/** The places of places with several axes; undefined for an axis that stays. */
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
 * Whether two runs have the same features, vocabularies and classes, in the same order: then a
 * tensor means the same in both, whatever its axes stand for.
 *
 * @param one One run.
 * @param other The other one.
 */
export function sameMeaning(one: Meaning, other: Meaning): boolean {
  // A feature that is described twice, before and after it was written, may differ in keys without
  // a value.
  const column = ({ name, spec: { text: _, ...spec } }: Pick<ModelInput, "name" | "spec">) => ({
    name,
    spec,
  });
  const plain = ({ features, inputs, label: { text: _, ...label } }: Meaning) =>
    JSON.parse(JSON.stringify([features.map(column), inputs.map(column), label]));
  return isDeepStrictEqual(plain(one), plain(other));
}
