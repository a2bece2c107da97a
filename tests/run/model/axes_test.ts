import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { ColumnSpec, LabelSpec } from "../../../src/stages/batch.ts";
import type { NetworkStage } from "../../../src/stages/network.ts";
import ctr from "../../../plugins/networks/ctr.ts";
import mlp from "../../../plugins/networks/mlp.ts";
import wideResnet from "../../../plugins/networks/wide_resnet.ts";
import { axisProblem, matchAxis, type Meaning, Mismatch } from "../../../src/run/model/axes.ts";
import { DeclaredVariables } from "../../../src/train/variables.ts";

const label: LabelSpec = { kind: "class", classes: 3, shape: [], dtype: "int32" };

/** A run whose nets get its features as they are read. */
const run = (specs: Readonly<Record<string, ColumnSpec>>, of = label): Meaning => ({
  features: Object.entries(specs).map(([name, spec]) => ({ name, spec })),
  inputs: Object.entries(specs).map(([name, spec]) => ({ name, spec, of: [name] })),
  label: of,
});

const number = (...shape: number[]): ColumnSpec => ({ shape, dtype: "float32" });

const words = (...vocabulary: string[]): ColumnSpec => ({
  shape: [],
  dtype: "int32",
  vocabulary,
  ids: { kind: "vocabulary", count: vocabulary.length + 1, name: "word", padded: false },
});

/** Lists of two words, each spread over the values of a vocabulary. */
const spread = (...vocabulary: string[]): ColumnSpec => ({
  shape: [2, vocabulary.length],
  dtype: "float32",
  places: [
    { size: 2 },
    {
      size: vocabulary.length,
      ids: { kind: "vocabulary", name: "word", count: vocabulary.length, vocabulary },
    },
  ],
});

Deno.test("matchAxis() finds rows of a table by their values, after the rows that belong to no value", () => {
  const axis = { ids: "word", before: 1 };
  const { from, counts } = matchAxis(
    { axis, size: 5, meaning: run({ word: words("b", "c", "d") }) },
    { axis, size: 4, meaning: run({ word: words("c", "a") }) },
  );
  // Empty place, b, c, d, all others. Before: empty place, c, a, all others.
  assertEquals(from, Int32Array.of(0, -1, 1, -1, 3));
  assertEquals(counts, [{ what: "values of word", kept: 1, added: 2, gone: 1 }]);
});

Deno.test("matchAxis() finds rows of a table from another program, which has one row for each value", () => {
  const { from, counts } = matchAxis(
    { axis: { ids: "word", before: 1 }, size: 5, meaning: run({ word: words("b", "c", "d") }) },
    {
      axis: { ids: "word" },
      size: 2,
      meaning: run({
        word: {
          ...words("c", "a"),
          ids: { kind: "vocabulary", count: 2, name: "word", padded: false },
        },
      }),
    },
  );
  // Empty place, b, c, d, all others. Before: c, a.
  assertEquals(from, Int32Array.of(-1, -1, 0, -1, -1));
  assertEquals(counts, [{ what: "values of word", kept: 1, added: 2, gone: 1 }]);
});

Deno.test("matchAxis() finds features in any order, and the values within each", () => {
  const axis = (...features: string[]) => ({ features });
  const { from, counts } = matchAxis(
    {
      axis: axis("w", "n", "x"),
      size: 7,
      meaning: run({ w: spread("a", "b"), n: number(2), x: number() }),
    },
    {
      axis: axis("n", "gone", "w"),
      size: 9,
      meaning: run({ n: number(2), gone: number(), w: spread("b", "c", "a") }),
    },
  );
  // w is at 3: 1st word b, c, a; 2nd word b, c, a.
  assertEquals(from, Int32Array.of(5, 3, 8, 6, 0, 1, -1));
  assertEquals(counts.map(({ what, kept, added, gone }) => [what, kept, added, gone]), [
    ["values of word", 2, 0, 1],
    ["the feature x", 0, 1, 0],
    ["the feature gone", 0, 0, 1],
  ]);
});

Deno.test("matchAxis() finds no change if nothing has changed", () => {
  const meaning = run({ w: spread("a", "b") });
  const one = { axis: { features: ["w"] }, size: 4, meaning };
  assertEquals(matchAxis(one, one).from, undefined);
});

Deno.test("matchAxis() refuses shapes, axes and units that differ", () => {
  const refused = (now: Parameters<typeof matchAxis>[0], before: typeof now) =>
    assertThrows(() => matchAxis(now, before), Mismatch).message;
  const of = (feature: ColumnSpec, size: number) =>
    ({ axis: { features: ["x"] }, size, meaning: run({ x: feature }) }) as const;
  assertStringIncludes(refused(of(number(2, 3), 6), of(number(3, 2), 6)), "shape [3, 2] there");
  assertStringIncludes(refused(of(number(6), 6), of(number(2, 3), 6)), "shape [2, 3] there");
  const units = (size: number) => ({ axis: "units", size, meaning: run({}) }) as const;
  assertStringIncludes(refused(units(3), units(4)), "4 units there and 3 here");
  assertStringIncludes(
    refused(units(3), { axis: "classes", size: 3, meaning: run({}) }),
    "the positions along its axis are classes there and units here",
  );
});

const image = { image: number(8, 8, 3) };
const clicks = {
  price: number(),
  word: words("a", "b"),
  list: {
    shape: [3],
    dtype: "int32",
    ids: { kind: "vocabulary", count: 3, name: "word", padded: true },
    vocabulary: ["a", "b"],
  },
} satisfies Record<string, ColumnSpec>;
const din = { list: { attention: { to: "word", hidden: [3], activation: "dice" } } };
const resnets = { light: { depth: 10 }, booster: { depth: 16 } };

const nets: readonly (readonly [NetworkStage, unknown, Readonly<Record<string, ColumnSpec>>])[] = [
  [mlp, {}, clicks],
  [mlp, { shared: [4], light: [3], booster: [5, 6] }, { ...image, price: number() }],
  [ctr, {}, clicks],
  [ctr, { shared: [4], light: { hidden: [3] }, batchNorm: true, activation: "prelu" }, clicks],
  [ctr, { sharing: "separate", features: din, activation: "dice" }, clicks],
  [wideResnet, { ...resnets, sharing: "interval" }, image],
  [wideResnet, { ...resnets, sharing: "separate" }, { image: number(8, 8) }],
];

for (const [index, [stage, options, features]] of nets.entries()) {
  Deno.test(`${stage.name} declares the axes of all its variables (${index})`, () => {
    const variables = new DeclaredVariables();
    const nets = ["light", "booster"] as const;
    const context = { features, label, units: 3, nets, variables };
    stage.create(stage.options.parse(options), context);
    const problems = variables.all.flatMap(({ name, shape, axes }) =>
      axes
        ? axes.map((axis, index) =>
          axisProblem({ axis, size: shape[index]!, meaning: run(features) })
        )
        : [`${name} has no axes`]
    );
    assertEquals(problems.filter((problem) => problem !== undefined), []);
    // A dimension as large as the classes or the features stands for them.
    const heads = variables.all.filter(({ name }) => /head\/(kernel|bias)$/.test(name));
    const own = heads.filter(({ name }) => !name.includes("attention"));
    assertEquals(own.filter(({ axes }) => axes!.at(-1) !== "classes"), []);
  });
}
