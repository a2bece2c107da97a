/**
 * Random pipelines with their data, for properties of what is read: columns of all types, ids,
 * lists, nulls, weights, columns of metrics, splits and transforms.
 *
 * @module
 */

import {
  Bool,
  type Data,
  DataType,
  DateDay,
  Decimal,
  Dictionary,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  TimeMillisecond,
  TimestampMicrosecond,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import fc from "fast-check";
import type { LastBatch } from "../../src/pipeline/plan.ts";
import { createRandom, deriveSeed, type Random } from "../../src/base/random.ts";

/** How a random pipeline is made; data are drawn by its seed. */
export interface Recipe {
  readonly seed: number;
  readonly rows: number;
  readonly testRows: number;
  readonly features: readonly FeatureRecipe[];
  readonly label: keyof typeof labels;
  readonly labelNulls: boolean;
  readonly weight: keyof typeof weights | "none";
  readonly columns: readonly (keyof typeof columns)[];
  readonly validation: "none" | "split" | "all" | "source";
  /** How many rows are trained on; all if absent. */
  readonly trainOn: number | undefined;
  readonly transforms: readonly (typeof transformKinds[number])[];
  /** The rows of a record batch, at most. */
  readonly recordBatch: number;
  readonly files: number;
  /** The rows of a batch. */
  readonly batch: number;
  readonly lastBatch: LastBatch;
  /** The part of the rows that fits in memory where they are streamed. */
  readonly memory: number;
}

interface FeatureRecipe {
  readonly kind: keyof typeof kinds;
  readonly nulls: "none" | "drop" | "fill" | "mean" | "median";
  /** Which of the ways to read it. */
  readonly way: number;
}

/** A column of a file. */
interface Made {
  readonly field: Field;
  readonly values: readonly unknown[];
  readonly sql: string | undefined;
}

/** A random pipeline. */
export interface RandomPipeline {
  /** What a pipeline file has, but for the sources. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly validation: Recipe["validation"];
  readonly batch: number;
  readonly lastBatch: LastBatch;
  /** The column whose groups batches keep together. */
  readonly group: string | undefined;
  /** The columns that metrics read; `key` is the number of a row. */
  readonly columns: readonly string[];
  /** What rows may take where they are streamed, in bytes. */
  readonly memory: number;
  /** The record batches of each file of each split. */
  readonly splits: Readonly<Record<"train" | "validation" | "test", readonly RecordBatch[][]>>;
  /**
   * Whether the training rows can be read one by one from Arrow files: they have one width and no
   * nulls.
   */
  readonly byRow: boolean;
  /** The values of each split by column, and what DuckDB calls the columns' types. */
  readonly cells: Readonly<Record<string, Readonly<Record<string, readonly unknown[]>>>>;
  readonly sql: Readonly<Record<string, string | undefined>>;
}

const words = ["aa", "b", "", "ccc", "ä€😀", "0", "true", "null"];

const word = (random: Random) => words[random.integer(0, words.length - 1)]!;

const whole = (low: number, high: number) => (random: Random) => random.integer(low, high);

const number = (random: Random) => Math.fround((random.uniform() - 0.5) * 20);

const several = <T>(low: number, high: number, of: (random: Random) => T) => (random: Random) =>
  Array.from({ length: random.integer(low, high) }, () => of(random));

const item = (type: DataType) => new Field("item", type, true);

/** The ways to read whole numbers from 0 to 9. */
const wholeWays = [
  {},
  { dtype: "int32" },
  { ids: "train" },
  { ids: { train: true, minCount: 4 } },
  { ids: { hash: 7 } },
  { ids: { count: 10 } },
  { ids: [3, 1, 2] },
  { ids: "lender" },
];

const textWays = [
  {},
  { ids: "train" },
  { ids: { train: true, minCount: 5 } },
  { ids: { hash: 5 } },
  { ids: ["b", "ccc"] },
  { ids: "lender" },
];

/** What a feature may be: a type, its values, and ways to read them. */
interface Kind {
  readonly type: () => DataType;
  readonly value: (random: Random) => unknown;
  readonly ways: readonly Readonly<Record<string, unknown>>[];
  /** What takes the place of nulls; kinds without it have none. */
  readonly fill?: number | string;
  /** Whether all rows have the same number of bytes in a file. */
  readonly fixed: boolean;
  /** What DuckDB calls the type, of kinds that other formats than Arrow have as well. */
  readonly sql?: string;
}

const plain = (
  type: () => DataType,
  value: Kind["value"],
  ways: Kind["ways"] = [{}],
  sql?: string,
): Kind => ({ type, value, ways, fill: 3, fixed: true, ...(sql && { sql }) });

const kinds = {
  float32: plain(() => new Float32(), number, [{}], "FLOAT"),
  float64: plain(() => new Float64(), (random) => random.uniform() * 1e6, [{}], "DOUBLE"),
  float16: plain(() => new Float16(), (random) => random.integer(-8, 8) / 4),
  int8: plain(() => new Int8(), whole(0, 9), wholeWays, "TINYINT"),
  int16: plain(() => new Int16(), whole(0, 9), wholeWays, "SMALLINT"),
  int32: plain(() => new Int32(), whole(0, 9), wholeWays, "INTEGER"),
  uint8: plain(() => new Uint8(), whole(0, 255), [{}], "UTINYINT"),
  uint16: plain(() => new Uint16(), whole(0, 9), wholeWays, "USMALLINT"),
  uint32: plain(() => new Uint32(), whole(0, 9), wholeWays, "UINTEGER"),
  int64: plain(
    () => new Int64(),
    (random) => BigInt(random.integer(0, 9)),
    wholeWays,
    "BIGINT",
  ),
  uint64: plain(() => new Uint64(), (random) => BigInt(random.integer(0, 9)), wholeWays),
  bool: plain(
    () => new Bool(),
    (random) => random.uniform() < 0.5,
    [{}, { ids: "train" }, { ids: { hash: 5 } }],
    "BOOLEAN",
  ),
  decimal: plain(
    () => new Decimal(2, 10, 128),
    (random) => Uint32Array.of(random.integer(0, 1e6), 0, 0, 0),
  ),
  date: plain(() => new DateDay(), (random) => new Date(random.integer(0, 9e4) * 864e5)),
  timestamp: plain(() => new TimestampMicrosecond(), (random) => random.integer(0, 1e12)),
  time: plain(() => new TimeMillisecond(), whole(0, 86_399_999)),
  text: {
    type: () => new Utf8(),
    value: word,
    ways: textWays,
    fill: "b",
    fixed: false,
    sql: "VARCHAR",
  },
  dictionary: {
    type: () => new Dictionary(new Utf8(), new Int16()),
    value: word,
    ways: textWays,
    fill: "b",
    fixed: true,
  },
  image: {
    type: () => new FixedSizeList(16, item(new Uint8())),
    value: several(16, 16, whole(0, 255)),
    ways: [{ shape: [4, 4, 1] }],
    fixed: true,
  },
  vector: {
    type: () => new FixedSizeList(6, item(new Float32())),
    value: several(6, 6, number),
    ways: [{}, { shape: [2, 3] }],
    fixed: true,
  },
  flags: {
    type: () => new FixedSizeList(3, item(new Bool())),
    value: several(3, 3, (random) => random.uniform() < 0.5),
    ways: [{}],
    fixed: false,
  },
  bytes: {
    type: () => new FixedSizeBinary(4),
    value: (random) => Uint8Array.from({ length: 4 }, () => random.integer(0, 255)),
    ways: [{}, { shape: [2, 2] }],
    fixed: true,
  },
  list: {
    type: () => new List(item(new Float32())),
    value: several(3, 3, number),
    ways: [{}, { shape: [3] }, { shape: [2], pad: 0 }],
    fill: 2,
    fixed: false,
    sql: "FLOAT[]",
  },
  ragged: {
    type: () => new List(item(new Int16())),
    value: several(0, 6, whole(0, 9)),
    ways: [{ shape: [4], pad: 0 }, { shape: [2], pad: -1, dtype: "int32" }],
    fill: 2,
    fixed: false,
    sql: "SMALLINT[]",
  },
  matrix: {
    type: () => new List(item(new FixedSizeList(2, item(new Float32())))),
    value: several(1, 3, several(2, 2, number)),
    ways: [{ shape: [3, 2], pad: 0 }, { shape: [2, 2], pad: 0.5 }],
    fixed: false,
  },
  basket: {
    type: () => new List(item(new Utf8())),
    value: several(0, 5, word),
    ways: [
      { ids: "train", length: 3 },
      { ids: "train", length: 3, keep: "last" },
      { ids: { train: true, minCount: 9 }, length: 3, keep: "last" },
      { ids: { hash: 5 }, length: 4, keep: "first" },
      { ids: ["b", "ccc"], length: 2, keep: "last" },
      { ids: "lender", length: 3 },
    ],
    fill: "b",
    fixed: false,
    sql: "VARCHAR[]",
  },
  history: {
    type: () => new List(item(new Int32())),
    value: several(0, 5, whole(0, 9)),
    ways: [
      { ids: "train", length: 3, keep: "last" },
      { ids: { train: true, minCount: 7 }, length: 4 },
      { ids: { count: 10 }, length: 6 },
      { ids: { hash: 4 }, length: 2 },
      { ids: "lender", length: 3 },
    ],
    fill: 4,
    fixed: false,
    sql: "INTEGER[]",
  },
} satisfies Record<string, Kind>;

const labels = {
  class: {
    sql: "INTEGER",
    type: () => new Int32(),
    value: whole(0, 3),
    first: [0, 1],
    options: { classes: 4 },
  },
  found: {
    sql: "UTINYINT",
    type: () => new Uint8(),
    value: whole(0, 2),
    first: [0, 2],
    options: {},
  },
  text: { sql: "VARCHAR", type: () => new Utf8(), value: word, first: ["aa", "b"], options: {} },
  given: {
    type: () => new Dictionary(new Utf8(), new Int8()),
    value: word,
    first: ["aa", "b"],
    options: { kind: "class", classes: words.toReversed() },
  },
  bool: {
    sql: "BOOLEAN",
    type: () => new Bool(),
    value: (random: Random) => random.uniform() < 0.5,
    first: [true, false],
    options: { kind: "binary" },
  },
  binary: {
    sql: "BIGINT",
    type: () => new Int64(),
    value: (random: Random) => BigInt(random.integer(0, 1)),
    first: [0n, 1n],
    options: { kind: "binary" },
  },
  answer: {
    sql: "VARCHAR",
    type: () => new Utf8(),
    value: (random: Random) => random.uniform() < 0.5 ? "yes" : "no",
    first: ["yes", "no"],
    options: { kind: "binary" },
  },
  number: {
    sql: "DOUBLE",
    type: () => new Float64(),
    value: number,
    first: [1, 2],
    options: {},
  },
  count: {
    sql: "SMALLINT",
    type: () => new Int16(),
    value: whole(-9, 9),
    first: [1, -2],
    options: { kind: "number" },
  },
};

const weights = {
  float: {
    sql: "FLOAT",
    type: () => new Float32(),
    value: (random: Random) => Math.fround(random.uniform() * 3),
  },
  double: {
    sql: "DOUBLE",
    type: () => new Float64(),
    value: (random: Random) => random.integer(0, 2) / 3,
  },
  whole: { sql: "UTINYINT", type: () => new Uint8(), value: whole(0, 5) },
};

/** Columns that metrics read beside the key, whose features and labels may have them too. */
const columns = {
  user: { sql: "VARCHAR", type: () => new Utf8(), value: word },
  group: {
    sql: "BIGINT",
    type: () => new Int64(),
    value: (random: Random) => BigInt(random.integer(0, 4)),
  },
  shop: { type: () => new Dictionary(new Utf8(), new Int32()), value: word },
  share: { sql: "DOUBLE", type: () => new Float64(), value: number },
};

const transformKinds = [
  "normalize",
  "scale",
  "log",
  "cast",
  "one-hot",
  "rename",
  "select",
  "reshape",
  "horizontal-flip",
  "random-crop",
  "crop",
  "pad",
  "resize",
  "noise",
] as const;

const keysOf = <T extends object>(object: T) => Object.keys(object) as (keyof T)[];

type Names<T> = readonly (keyof T)[];

/** Recipes with some kinds of columns. */
const recipesOf = (
  chosen: Names<typeof kinds>,
  nulls: readonly FeatureRecipe["nulls"][],
  chosenLabels: Names<typeof labels>,
  chosenColumns: Names<typeof columns>,
): fc.Arbitrary<Recipe> =>
  fc.record({
    seed: fc.nat({ max: 1_000_000 }),
    rows: fc.integer({ min: 10, max: 60 }),
    testRows: fc.integer({ min: 1, max: 25 }),
    features: fc.array(
      fc.record({
        kind: fc.constantFrom(...chosen),
        nulls: fc.constantFrom(...nulls),
        way: fc.nat({ max: 20 }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    label: fc.constantFrom(...chosenLabels),
    labelNulls: fc.integer({ min: 0, max: 7 })
      .map((number) => number === 7 && nulls.includes("drop")),
    weight: fc.constantFrom("none", ...keysOf(weights)),
    columns: fc.subarray([...chosenColumns]),
    validation: fc.constantFrom("none", "split", "all", "source"),
    trainOn: fc.option(fc.integer({ min: 2, max: 4 }), { nil: undefined, freq: 3 }),
    transforms: fc.array(fc.constantFrom(...transformKinds), { maxLength: 4 }),
    recordBatch: fc.integer({ min: 1, max: 20 }),
    files: fc.integer({ min: 1, max: 2 }),
    batch: fc.integer({ min: 1, max: 24 }),
    lastBatch: fc.constantFrom("keep", "merge", "drop"),
    memory: fc.double({ min: 0, max: 0.9, noNaN: true }),
  });

const fixedWidth = <T extends object>(all: T) =>
  keysOf(all).filter((name) => {
    const { fixed, type } = all[name] as Partial<Kind>;
    return fixed ?? !DataType.isUtf8(type!());
  });

const inSql = <T extends object>(all: T) =>
  keysOf(all).filter((name) => (all[name] as Partial<Kind>).sql !== undefined);

const someNulls = ["none", "none", "none", "drop", "fill", "mean", "median"] as const;

/** Recipes of random pipelines; a third of them has rows of one width without nulls. */
export const recipes: fc.Arbitrary<Recipe> = fc.oneof(
  {
    weight: 2,
    arbitrary: recipesOf(keysOf(kinds), someNulls, keysOf(labels), keysOf(columns)),
  },
  {
    weight: 1,
    arbitrary: recipesOf(
      fixedWidth(kinds),
      ["none"],
      fixedWidth(labels),
      fixedWidth(columns),
    ),
  },
);

/** Recipes of pipelines whose columns other formats have as well. */
export const sqlRecipes: fc.Arbitrary<Recipe> = recipesOf(
  inSql(kinds),
  someNulls,
  inSql(labels),
  inSql(columns),
);

/** The kinds whose nulls may become the mean or the median. */
const averages = /^(u?int(8|16|32)|float)/;

/** How one source is divided; the column `key` is the number of a row, without nulls. */
const splitBy = ["random", { time: "key" }, { group: "key" }];

/** The names of features. Some are also the names of outputs of exported nets. */
const nameOf = (index: number) =>
  ["logits", "constructor", "probabilities", "toString"][index] ?? `x${index}`;

/** Rows that have no nulls, and of the label all that it needs. */
const firstRows = 8;

/**
 * Makes a pipeline by its recipe.
 *
 * @param recipe The recipe.
 */
export function randomPipeline(recipe: Recipe): RandomPipeline {
  const { seed, rows, features, weight, validation, trainOn } = recipe;
  const draw = (what: string) => createRandom(deriveSeed(seed, what));
  const nullable = (values: readonly unknown[], what: string) => {
    const random = draw(`${what} nulls`);
    return values.map((value, row) => row >= firstRows && random.uniform() < 0.2 ? null : value);
  };
  const made: Record<string, Made> = {}, options: Record<string, unknown> = {};
  const key = Array.from({ length: rows }, (_, row) => row);
  made.key = { field: new Field("key", new Int32(), true), values: key, sql: "INTEGER" };
  const add = (
    name: string,
    { type, sql }: Pick<Kind, "type" | "sql">,
    values: readonly unknown[],
  ) => {
    made[name] = { field: new Field(name, type(), true), values, sql };
  };
  let fixed = true;
  for (const [index, { kind: kindName, nulls, way }] of features.entries()) {
    const name = nameOf(index), kind: Kind = kinds[kindName], { fill } = kind;
    const random = draw(`x${index}`);
    const all = Array.from({ length: rows }, () => kind.value(random));
    const chosen = { ...kind.ways[way % kind.ways.length]! } as Record<string, unknown>;
    const averaged = averages.test(kindName) && !chosen.ids && !chosen.dtype;
    const suits = nulls === "fill" ? fill !== undefined : nulls === "none" || averaged;
    const policy = suits ? nulls : "drop";
    // What takes the place of nulls is a value of the training rows.
    if (policy === "fill" && typeof fill === "string") {
      all[0] = kindName === "basket" ? [fill, "b"] : fill;
    }
    add(name, kind, policy === "none" ? all : nullable(all, name));
    const lender = features.findIndex((other, at) => at < index && lends(other, kindName));
    if (chosen.ids === "lender") chosen.ids = lender < 0 ? "train" : { of: nameOf(lender) };
    options[name] = {
      ...chosen,
      ...(policy !== "none" && { nulls: policy === "fill" ? { fill } : policy }),
    };
    if (!kind.fixed) fixed = false;
  }
  const label = labels[recipe.label], random = draw("label");
  const answers = [
    ...label.first,
    ...Array.from({ length: rows - label.first.length }, () => label.value(random)),
  ];
  add("label", label, recipe.labelNulls ? nullable(answers, "label") : answers);
  const others: Record<string, Pick<Kind, "type" | "sql" | "value">> = {
    ...Object.fromEntries(recipe.columns.map((name) => [name, columns[name]])),
    ...(weight !== "none" && { weight: weights[weight] }),
  };
  for (const [name, column] of Object.entries(others)) {
    const random = draw(name);
    add(name, column, Array.from({ length: rows }, () => column.value(random)));
  }
  const fields = Object.values(made).map(({ field }) => field);
  const cellsOf = (name: string, count: number) => {
    const random = draw(`${name} rows`);
    // Rows of other splits are some of the training rows.
    const from = Array.from(
      { length: count },
      (_, row) => name === "train" || row === 0 ? row : random.integer(0, rows - 1),
    );
    return Object.fromEntries(
      Object.entries(made).map((
        [name, { values }],
      ) => [
        name,
        name === "key"
          ? Array.from({ length: count }, (_, row) => row)
          : from.map((row) => values[row]),
      ]),
    );
  };
  const counts = { train: rows, validation: recipe.testRows, test: recipe.testRows };
  const cells = Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [name, cellsOf(name, count)]),
  );
  const files = (name: keyof typeof counts) =>
    filesOf(fields, cells[name]!, counts[name], recipe, draw(`${name} files`));
  const transforms = transformsOf(recipe, options);
  const group = seed % 3 === 0 ? recipe.columns[0] : undefined;
  const bytes = rows * 8 * fields.length;
  const dictionaries = fields.some(({ type }) => DataType.isDictionary(type));
  return {
    data: {
      features: options,
      label: {
        column: "label",
        ...label.options,
        ...(recipe.labelNulls && { nulls: "drop" }),
      },
      ...(weight !== "none" && { weight: "weight" }),
      ...(validation === "split" && { split: { validation: 0.4 } }),
      ...(validation === "all" && { split: { test: 0.2, validation: 0.3, by: splitBy[seed % 3] } }),
      ...(trainOn !== undefined && { rows: trainOn }),
      ...(group !== undefined && { group: { column: group, large: "split" } }),
      transforms,
    },
    validation,
    batch: recipe.batch,
    lastBatch: recipe.lastBatch,
    group,
    columns: ["key", ...recipe.columns],
    memory: Math.max(1, Math.floor(recipe.memory ** 2 * bytes)),
    splits: { train: files("train"), validation: files("validation"), test: files("test") },
    byRow: fixed && fields.every(({ type }) => !DataType.isUtf8(type)) &&
      Object.values(made).every(({ values }) => !values.includes(null)) &&
      !(dictionaries && recipe.files > 1),
    cells,
    sql: Object.fromEntries(Object.entries(made).map(([name, { sql }]) => [name, sql])),
  };
}

/** Whether a feature's ids may be those of another one. */
function lends({ kind, way }: FeatureRecipe, to: FeatureRecipe["kind"]): boolean {
  const { ids } = (kinds[kind] as Kind).ways[way % kinds[kind].ways.length]!;
  if (ids === undefined || ids === "lender") return false;
  const isText = (kind: FeatureRecipe["kind"]) =>
    kind === "text" || kind === "dictionary" || kind === "basket";
  return isText(kind) === isText(to);
}

/** The files of a split: record batches of random sizes, some without rows. */
function filesOf(
  fields: readonly Field[],
  cells: Readonly<Record<string, readonly unknown[]>>,
  rows: number,
  { files, recordBatch }: Recipe,
  random: Random,
): RecordBatch[][] {
  const schema = new Schema([...fields]);
  const dictionaries = new Map(
    fields.filter(({ type }) => DataType.isDictionary(type)).map(({ name, type }) => [
      name,
      vectorFromArray(words, (type as Dictionary).dictionary),
    ]),
  );
  const all: RecordBatch[][] = Array.from({ length: files }, () => []);
  for (let start = 0; start < rows;) {
    const end = Math.min(rows, start + random.integer(recordBatch > 1 ? 0 : 1, recordBatch));
    const children = schema.fields.map(({ name, type }) => {
      return columnOf(type, cells[name]!.slice(start, end), dictionaries.get(name));
    });
    const data = makeData({
      type: new Struct(schema.fields),
      length: end - start,
      nullCount: 0,
      children,
    });
    all[Math.floor(start * files / rows)]!.push(new RecordBatch(schema, data));
    start = end;
  }
  // A file has a record batch.
  return all.map((batches) => batches.length > 0 ? batches : [emptyBatch(schema, dictionaries)]);
}

function emptyBatch(schema: Schema, dictionaries: ReadonlyMap<string, Vector>): RecordBatch {
  const children = schema.fields.map(({ name, type }) =>
    columnOf(type, [], dictionaries.get(name))
  );
  const type = new Struct(schema.fields);
  return new RecordBatch(schema, makeData({ type, length: 0, nullCount: 0, children }));
}

function columnOf(
  type: DataType,
  values: readonly unknown[],
  dictionary: Vector | undefined,
): Data {
  if (!dictionary) {
    // A vector of no values has no data.
    return values.length > 0
      ? vectorFromArray(values, type).data[0]!
      : vectorFromArray([null], type).data[0]!.slice(0, 0);
  }
  const { indices } = type as Dictionary;
  const places = values.map((value) => value === null ? null : words.indexOf(value as string));
  const { values: data, nullBitmap, nullCount } = columnOf(indices, places, undefined);
  return makeData({
    type: type as Dictionary,
    length: values.length,
    nullCount,
    nullBitmap,
    data,
    dictionary,
  });
}

/** The transforms that suit the features, as a pipeline file has them. */
function transformsOf(
  { features, transforms }: Recipe,
  options: Readonly<Record<string, unknown>>,
): unknown[] {
  const of = (test: (kind: FeatureRecipe["kind"], options: Record<string, unknown>) => boolean) =>
    features.flatMap(({ kind }, index) =>
      test(kind, options[nameOf(index)] as Record<string, unknown>) ? [nameOf(index)] : []
    );
  const images = of((kind) => kind === "image");
  const ids = of((kind, { ids, dtype, length }) =>
    length === undefined && dtype === undefined &&
    (ids !== undefined || kind === "text" || kind === "dictionary")
  );
  const wholes = of((_, { ids, dtype }) => ids === undefined && dtype === "int32");
  const positive = of((kind) => kind === "uint8" || kind === "image" || kind === "bytes");
  const numbers = of((kind, { ids, dtype }) =>
    !ids && !dtype && kind !== "text" && kind !== "dictionary"
  );
  const entries: unknown[] = [];
  let size = 4, renamed = false;
  const name = (feature: string) => renamed && feature === nameOf(0) ? "y0" : feature;
  for (const kind of transforms) {
    const [image] = images, [id] = ids, [first] = numbers, [count] = positive;
    const [wholeNumber] = wholes;
    if (["normalize", "scale", "noise"].includes(kind) && first) {
      entries.push(
        kind === "normalize"
          ? { use: "normalize", feature: name(first) }
          : kind === "scale"
          ? { use: "scale", by: 0.25, feature: name(first) }
          : { use: "./noise.ts", feature: name(first) },
      );
    } else if (kind === "log" && count && !entries.some((entry) => isMoved(entry))) {
      entries.push({ use: "log", feature: name(count) });
    } else if (kind === "one-hot" && id) {
      entries.push({ use: "one-hot", feature: name(id) });
      ids.length = 0;
    } else if (kind === "cast" && wholeNumber) {
      entries.push({ use: "cast", dtype: "float32", feature: name(wholeNumber) });
      wholes.length = 0;
    } else if (kind === "rename" && !renamed) {
      entries.push({ use: "rename", names: { [nameOf(0)]: "y0" } });
      renamed = true;
    } else if (kind === "select" && features.length > 1) {
      entries.push({ use: "select", features: features.map((_, index) => name(nameOf(index))) });
    } else if (image && ["horizontal-flip", "random-crop", "reshape"].includes(kind)) {
      const feature = name(image);
      if (kind === "reshape") {
        entries.push({ use: "reshape", shape: [size, size, 1], feature });
      } else {
        entries.push({ use: kind, feature, ...(kind === "random-crop" && { pad: 1 }) });
      }
    } else if (image && ["crop", "pad", "resize"].includes(kind)) {
      const feature = name(image), before = size;
      size = kind === "pad" ? size + 2 : kind === "crop" ? Math.max(1, size - 1) : 2 * size;
      entries.push(
        kind === "pad"
          ? { use: "pad", size: 1, feature }
          : kind === "crop"
          ? { use: "crop", to: [size, size], feature }
          : { use: "resize", to: [before * 2, before * 2], mode: "bilinear", feature },
      );
    }
  }
  return entries;
}

/** Whether a transform may make numbers negative. */
const isMoved = (entry: unknown) => {
  const { use } = entry as { use: string };
  return use === "normalize" || use === "./noise.ts";
};
