import type { Random } from "../../src/base/random.ts";

/** What a pipeline file holds. */
export type Tree = null | boolean | number | string | Tree[] | { [key: string]: Tree };

/**
 * Changes a tree at random as a person may who edits it: leaves out, repeats, swaps, writes another
 * type, copies from elsewhere, mistypes names. Mutations of bytes mostly end in the YAML; these get
 * further.
 *
 * @param tree The tree, which stays as it is.
 * @param donors Trees that parts are taken from.
 * @param random The source of choices.
 */
export function mutateTree(tree: Tree, donors: readonly Tree[], random: Random): Tree {
  let changed = structuredClone(tree);
  const times = 1 + random.integer(0, 2);
  for (let time = 0; time < times; time++) {
    const places = [...placesOf(changed)];
    if (places.length === 0) break;
    const mutation = pick(mutations, random);
    mutation(pick(places, random), { places, donors, random });
    changed = structuredClone(changed);
  }
  return changed;
}

/** Where a value stands. */
interface Place {
  readonly parent: Tree[] | { [key: string]: Tree };
  readonly key: string | number;
  readonly value: Tree;
}

interface Context {
  readonly places: readonly Place[];
  readonly donors: readonly Tree[];
  readonly random: Random;
}

function* placesOf(tree: Tree): Generator<Place> {
  if (tree === null || typeof tree !== "object") return;
  const keys = Array.isArray(tree) ? tree.keys() : Object.keys(tree);
  for (const key of keys) {
    const value = (tree as Record<string | number, Tree>)[key]!;
    yield { parent: tree, key, value };
    yield* placesOf(value);
  }
}

const pick = <T>(all: readonly T[], random: Random): T => all[random.integer(0, all.length - 1)]!;

function put({ parent, key }: Place, value: Tree): void {
  const copy = structuredClone(value);
  if (Array.isArray(parent)) parent[key as number] = copy;
  // A key such as __proto__ is one like any other.
  else {Object.defineProperty(parent, key, {
      value: copy,
      enumerable: true,
      configurable: true,
      writable: true,
    });}
}

function remove({ parent, key }: Place): void {
  if (Array.isArray(parent)) parent.splice(key as number, 1);
  else delete parent[key];
}

function insert({ parent, key }: Place, value: Tree, name: string): void {
  if (Array.isArray(parent)) parent.splice(key as number, 0, structuredClone(value));
  else put({ parent, key: name, value }, value);
}

const numbers = [
  0,
  -0,
  1,
  -1,
  2,
  0.5,
  -1e-9,
  1e-320,
  255,
  65_536,
  2 ** 31,
  2 ** 53,
  1e12,
  1e308,
  NaN,
  Infinity,
];

const texts = [
  "",
  " ",
  "a",
  "0",
  "-1",
  "true",
  "null",
  "../..",
  "%00",
  "\u0000",
  "__proto__",
  "${HOME}",
  "${X:-1}",
  "😀",
  "a".repeat(5000),
];

/**
 * Scalars of other types, or of the same beyond what is usual; what is there in a list or a map.
 */
function retyped(value: Tree, random: Random): Tree {
  const others: readonly (() => Tree)[] = [
    () => null,
    () => random.integer(0, 1) === 1,
    () => pick(numbers, random),
    () => pick(texts, random),
    () =>
      typeof value === "number" ? value * pick([-1, 10, 1000, 1e6, 0.1], random) : textOf(value),
    () => [],
    () => ({}),
    () => [value],
    () => Array<Tree>(random.integer(2, 40)).fill(value),
    () => ({ use: value }),
    () => ({ [textOf(value).slice(0, 50)]: value }),
  ];
  return pick(others, random)();
}

const textOf = (value: Tree) => typeof value === "string" ? value : JSON.stringify(value);

/** A name that one may have written instead. */
function mistyped(name: string, { places, donors, random }: Context): string {
  const at = random.integer(0, Math.max(0, name.length - 1));
  const names = (all: Iterable<Place>) => [...all].map(({ key }) => String(key));
  return pick<() => string>([
    () => name.slice(0, at) + name.slice(at + 1),
    () => name.slice(0, at) + name.slice(at, at + 1).repeat(2) + name.slice(at + 1),
    () => name.slice(0, at) + name.slice(at, at + 1).toUpperCase() + name.slice(at + 1),
    () => `${name}s`,
    () => pick(names(places), random),
    () => pick(names(placesOf(pick(donors, random))), random) ?? name,
    () => pick(["__proto__", "constructor", "toString", "", "0", "<<"], random),
  ], random)();
}

function rename(place: Place, context: Context): void {
  const { parent, key, value } = place;
  // In a list it is the name of a stage, or what else there may be.
  if (Array.isArray(parent) || context.random.integer(0, 2) === 0) {
    if (typeof value === "string") put(place, mistyped(value, context));
    return;
  }
  const entries = Object.entries(parent);
  const name = mistyped(String(key), context);
  // The order stays, so that what comes first is not always what was left alone.
  for (const before of Object.keys(parent)) delete parent[before];
  for (const [before, kept] of entries) {
    put({ parent, key: before === key ? name : before, value: kept }, kept);
  }
}

type Mutation = (place: Place, context: Context) => void;

const splice: Mutation = (place, { donors, random }) => {
  const given = [...placesOf(pick(donors, random))];
  if (given.length === 0) return;
  const alike = given.filter(({ key }) => key === place.key);
  const from = random.integer(0, 2) > 0 && alike.length > 0 ? alike : given;
  const { key, value } = pick(from, random);
  if (random.integer(0, 2) === 0) insert(place, value, String(key));
  else put(place, value);
};

const mutations: readonly Mutation[] = [
  (place) => remove(place),
  (place, context) => insert(place, place.value, mistyped(String(place.key), context)),
  (place, { places, random }) => {
    const other = pick(places, random);
    put(place, other.value);
    put(other, place.value);
  },
  (place, { random }) => put(place, retyped(place.value, random)),
  (place, { places, random }) => {
    const scalars = places.filter(({ value }) => value === null || typeof value !== "object");
    const scalar = pick(scalars, random) ?? place;
    put(scalar, retyped(scalar.value, random));
  },
  splice,
  splice,
  rename,
];
