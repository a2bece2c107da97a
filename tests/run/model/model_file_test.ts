import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  Field,
  Int32,
  List,
  type RecordBatch,
  Table,
  tableFromIPC,
  tableToIPC,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { join } from "node:path";
import { readPlan } from "../../../src/run/read_plan.ts";
import { hashOf } from "../../../src/base/files/hash_of.ts";
import { readVocabulary } from "../../../src/run/model/vocabularies.ts";
import { openEngine } from "../../../src/engine/engine.ts";
import { UserError } from "../../../src/base/errors.ts";
import { createRegistry } from "../../../src/pipeline/registry.ts";
import type { Batch } from "../../../src/stages/batch.ts";
import { builtins } from "../../../plugins/mod.ts";
import { describeModel } from "../../../src/run/model/describe.ts";
import { readModelFile, writeModelFile } from "../../../src/run/model/model_file.ts";
import { RowDecoder } from "../../../src/run/model/row_decoder.ts";
import { prepareData } from "../../../src/input/prepare_data.ts";
import { netsOf, prepareNets } from "../../../src/run/prepare_nets.ts";
import { convert } from "../../../data/convert.ts";
import { inFolder } from "../../support/command_line.ts";
import { type Rows, writeDay, writeRows } from "../../support/hand_over.ts";
import { allCode } from "../../support/all_code.ts";

const registry = createRegistry(builtins, allCode);

const reference = { kind: "source" as const, name: "rows", place: undefined };

/** Every sort of feature, and transforms that measure and that change names and shapes. */
const parts = {
  data: {
    features: {
      city: {},
      item: { ids: "train" },
      last: { ids: { of: "item" }, nulls: { fill: "apple" } },
      often: { column: "item", ids: { train: true, minCount: 2 } },
      sort: { ids: ["b", "a"] },
      page: { ids: { hash: 5 } },
      day: { ids: { count: 8 } },
      price: { nulls: { fill: 3 } },
      age: { nulls: "drop" },
    },
    label: { column: "y", classes: ["no", "yes", "maybe"] },
    transforms: [
      { use: "log", feature: "price" },
      { use: "normalize" },
      { use: "one-hot", feature: "city" },
      { use: "rename", names: { age: "years" } },
    ],
  },
  losses: [{ use: "cross-entropy", on: "light" }, { use: "cross-entropy", on: "booster" }],
};

const training: Rows = {
  city: ["Rome", "Oslo", "Rome", "Bonn"],
  item: ["cherry", "apple", "berry", "apple"],
  last: ["apple", "berry", null, "cherry"],
  sort: ["a", "b", "c", "a"],
  page: ["/", "/a", "/b", "/ä"],
  day: [0, 7, 3, 3],
  price: [1, 2.5, null, 4],
  age: [20, 30, 40, 51],
  y: ["no", "yes", "no", "maybe"],
};

/** Rows of another day: no value, mean or order is that of the training rows. */
const others: Rows = {
  city: ["Oslo", "Bonn", "Oslo"],
  item: ["zucchini", "berry", "cherry"],
  last: ["cherry", null, "zucchini"],
  sort: ["b", "d", "a"],
  page: ["/ä", "/c", "/"],
  day: [5, 1, 2],
  price: [100.5, 7.5, null],
  age: [3, null, 90],
  y: ["maybe", "maybe", "no"],
};

/** Makes a pipeline's model, with the test rows in the place of other rows. */
async function withModel<T>(
  test: (about: { folder: string; expected: Batch }) => Promise<T>,
): Promise<T> {
  await openEngine("wasm", () => {});
  return await inFolder(async (folder) => {
    await writeRows(join(folder, "others.csv"), others);
    const data = {
      ...parts.data,
      test: { use: "csv", path: "others.csv", columns: { price: "float64", age: "int64" } },
      train: { use: "csv", path: "day.csv", columns: { price: "float64", age: "int64" } },
    };
    const file = await writeDay(folder, "day", training, { ...parts, data });
    const plan = await readPlan(file), rows = await prepareData(plan);
    try {
      const nets = prepareNets(plan, rows, netsOf(plan));
      await writeModelFile(folder, describeModel(plan, rows, netsOf(plan), nets));
      const { test: split } = rows.splits;
      const position = { seed: 0, epoch: 0, batch: 0, training: false };
      const expected = rows.transforms.apply(await split.slice(0, split.rows), position);
      return await test({ folder, expected });
    } finally {
      await rows.close();
    }
  });
}

async function arrowRows(folder: string, rows: Rows): Promise<RecordBatch> {
  const from = join(folder, "rows.csv"), to = join(folder, "rows.arrow");
  await writeRows(from, rows);
  await convert({ from, to });
  const [batch] = tableFromIPC(await Deno.readFile(to)).batches;
  return batch!;
}

Deno.test("readModelFile() lets rows be decoded into the same bytes without the training rows", async () => {
  await withModel(async ({ folder, expected }) => {
    await Deno.remove(join(folder, "day.csv"));
    const model = await readModelFile(join(folder, "model.json"));
    const decoder = await RowDecoder.create(model, registry, reference);
    const rows = await arrowRows(folder, others);
    const { batch, kept } = decoder.open(rows.schema)(rows);
    assertEquals(kept, Uint32Array.of(0, 2));
    assertEquals(batch.features, expected.features);
    // Each array says its type, so that equal values are equal bytes.
    assertEquals(Object.keys(batch.features), Object.keys(expected.features));
  });
});

Deno.test("RowDecoder needs no labels, and refuses rows without a feature", async () => {
  await withModel(async ({ folder, expected }) => {
    const decoder = await RowDecoder.create(
      await readModelFile(join(folder, "model.json")),
      registry,
      reference,
    );
    const { y: _, ...bare } = others;
    // Labels are not read, so they may be of any type.
    for (const given of [bare, { ...bare, y: [1.5, null, 3] }]) {
      const rows = await arrowRows(folder, given), { batch } = decoder.open(rows.schema)(rows);
      assertEquals(batch.features, expected.features);
      assertEquals(batch.label, { values: new Int32Array(2), shape: [] });
    }
    assert(!decoder.columns.includes("y"));
    const { price: __, ...fewer } = others;
    const { schema } = await arrowRows(folder, fewer);
    const { message } = await assertRejects(
      async () => await Promise.resolve(decoder.open(schema)),
      UserError,
    );
    assertEquals(message, 'the data has no column "price"');
  });
});

Deno.test("model.json describes each feature, class and variable", async () => {
  await withModel(async ({ folder }) => {
    const { features, label, inputs, variables, transforms } = await readModelFile(
      join(folder, "model.json"),
    );
    const byName = Object.fromEntries(features.map(({ name, spec }) => [name, spec]));
    assertEquals(byName.item!.vocabulary, ["apple", "berry", "cherry"]);
    assertEquals(byName.last!.vocabulary, byName.item!.vocabulary);
    assertEquals(byName.sort!.vocabulary, ["b", "a"]);
    assertEquals([byName.page!.ids!.kind, byName.page!.ids!.count], ["hash", 5]);
    assertEquals([byName.day!.ids!.kind, byName.day!.ids!.count], ["count", 8]);
    assertEquals(label.spec.vocabulary, ["no", "yes", "maybe"]);
    const city = inputs.find(({ name }) => name === "city")!;
    assertEquals(city.spec.places!.at(-1)!.ids!.vocabulary, ["Bonn", "Oslo", "Rome"]);
    assertEquals(inputs.find(({ name }) => name === "years")!.of, ["age"]);
    const ages = [20, 30, 40, 51], mean = ages.reduce((a, b) => a + b) / 4;
    const { age } = transforms[1]!.measured as { age: { mean: number[] } };
    // Training rows are those that have an age; the third has no price, which is filled.
    assertEquals(age.mean, [mean]);
    assertEquals(variables.filter(({ axes }) => !axes), []);
    assertEquals(
      variables.find(({ name }) => name === "embedding/item")!.axes,
      [{ ids: "item", before: 1 }, "units"],
    );
  });
});

Deno.test("writeModelFile() writes a vocabulary above 1 MB to an Arrow file, whose hash is checked", async () => {
  await withModel(async ({ folder }) => {
    const path = join(folder, "model.json"), model = await readModelFile(path);
    // 1.3 MB with letters of several bytes.
    const vocabulary = Array.from({ length: 70_001 }, (_, id) => `Stück ${id} ✓`);
    const features = model.features.map((feature) => {
      const { name, spec } = feature, ids = { ...spec.ids!, count: vocabulary.length + 1 };
      return name === "item" ? { ...feature, spec: { ...spec, vocabulary, ids } } : feature;
    });
    await writeModelFile(folder, { ...model, features });
    const { size } = await Deno.stat(path);
    assert(size < 50_000, `${size}`);
    const read = await readModelFile(path);
    assertEquals(read.features.find(({ name }) => name === "item")!.spec.vocabulary, vocabulary);
    const file = join(folder, "model-vocabulary-1.arrow"), bytes = await Deno.readFile(file);
    bytes[bytes.length >> 1]! ^= 1;
    await Deno.writeFile(file, bytes);
    const { message } = await assertRejects(() => readModelFile(path), UserError);
    assertStringIncludes(message, "the checksum of ");
  });
});

Deno.test("readVocabulary() refuses files that have no texts, or nulls", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "values.arrow");
    const read = async (bytes: Uint8Array, values: number) => {
      await Deno.writeFile(path, bytes);
      const { sha256 } = await hashOf(path);
      return await readVocabulary({ file: "values.arrow", values, sha256 }, folder);
    };
    const file = (value: Vector) => tableToIPC(new Table({ value }), "file");
    const texts = file(vectorFromArray(["a", "b"], new Utf8()));
    assertEquals(await read(texts, 2), ["a", "b"]);
    const others = [
      vectorFromArray(["a", null], new Utf8()),
      vectorFromArray([1, 2], new Int32()),
      vectorFromArray([["a"], ["b"]], new List(new Field("item", new Utf8()))),
    ];
    for (const value of others) {
      await assertRejects(() => read(file(value), 2), TypeError, "texts without nulls");
    }
    const other = tableToIPC(new Table({ word: vectorFromArray(["a"], new Utf8()) }), "file");
    await assertRejects(() => read(other, 1), TypeError, "needs a column value of texts");
    const half = texts.subarray(0, texts.length >> 1);
    await assertRejects(() => read(half, 2), TypeError, "values.arrow");
  });
});

Deno.test("readModelFile() refuses a file that is missing, damaged, or of another version", async () => {
  await withModel(async ({ folder }) => {
    const path = join(folder, "model.json"), text = await Deno.readTextFile(path);
    const refused = async (other: string, words: string) => {
      await Deno.writeTextFile(path, other);
      const { message } = await assertRejects(() => readModelFile(path), UserError);
      assertStringIncludes(message, words);
    };
    await refused(text.slice(0, -20), "cannot be read: ");
    await refused(text.replace('"version": 1', '"version": 2'), "it has version 2; expected 1");
    await refused(text.replace('"dtype": "int32"', '"dtype": "int33"'), "features.0.spec.dtype");
    await refused(
      text.replace('"vocabulary": "item"', '"vocabulary": "itme"'),
      'it has no vocabulary "itme"',
    );
    const { label, vocabularies } = JSON.parse(text);
    const [first, second] = vocabularies[label.spec.vocabulary];
    const swapped = text.replace(
      RegExp(`"${first}",(\\s+)"${second}"`),
      `"${second}",$1"${first}"`,
    );
    assertNotEquals(swapped, text);
    await refused(swapped, `${path} was changed after it was written: its hash is different`);
    for (const shape of [[2 ** 40], [2 ** 20, 2 ** 20]]) {
      const model = JSON.parse(text);
      model.features[0].spec.shape = shape;
      await refused(JSON.stringify(model), "features.0.spec.shape");
    }
    await Deno.remove(path);
    const { message } = await assertRejects(() => readModelFile(path), UserError);
    assertStringIncludes(message, "the file does not exist");
  });
});
