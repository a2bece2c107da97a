import { assertEquals } from "@std/assert";
import {
  Field,
  Int32,
  List,
  Map_,
  Struct,
  Table,
  Utf8,
  Utf8View,
  vectorFromArray,
} from "apache-arrow";
import { wrongRowBatches } from "../../src/model/evaluation/wrong_columns.ts";
import { ArrowHash } from "../../src/base/files/arrow_hash.ts";

type Source = Parameters<typeof wrongRowBatches>[0];

const texts = Array.from({ length: 40 }, (_, row) => `a text that is longer, number ${row}`);

/** Texts as views, alone and within lists and maps. */
function viewsTable(values: readonly string[]): Table {
  const list = new List(new Field("item", new Utf8View(), true));
  const entries = new Struct<{ key: Utf8; value: Utf8View }>([
    new Field("key", new Utf8(), false),
    new Field("value", new Utf8View(), true),
  ]);
  return new Table({
    number: vectorFromArray(values.map((_, row) => row), new Int32()),
    text: vectorFromArray(values, new Utf8View()),
    list: vectorFromArray(values.map((text) => ["first", text]), list),
    map: vectorFromArray(
      values.map((text) => new Map([["k", text]])),
      new Map_(new Field("entries", entries, false)),
    ),
  });
}

Deno.test("wrongRowBatches() copies texts that are views, alone and within lists and maps", async () => {
  const table = viewsTable(texts), wanted = [31, 7, 12];
  const wrong = wanted.map((row) => ({
    ...{ row, index: row, label: 1, isWorst: true, isBoosters: false },
    scores: { light: { prediction: 0, score: 0.25, loss: 2 } },
  })) as unknown as Source["wrong"];
  const source = {
    async *recordBatches() {
      yield* [table.batches[0]!.slice(0, 10), table.batches[0]!.slice(10, 40)];
    },
  } as unknown as Source["source"];
  const label = { kind: "binary", classes: [0, 1] } as unknown as Source["label"];
  const { batches } = await wrongRowBatches({ wrong, label, source }, () => true);
  const found = batches.map((batch) => batch.get(0)!.toJSON());
  assertEquals(found.map(({ number }) => number), wanted);
  assertEquals(found.map(({ text }) => text), wanted.map((row) => texts[row]));
  assertEquals(
    found.map(({ list }) => [...list]),
    wanted.map((row) => ["first", texts[row]]),
  );
  assertEquals(found.map(({ map }) => map.toJSON().k), wanted.map((row) => texts[row]));
});

Deno.test("ArrowHash tells rows apart whose texts are views within lists of a slice", () => {
  const hashOf = (values: readonly string[]) => {
    const batch = viewsTable(values).batches[0]!.slice(20, 40), hash = new ArrowHash(batch.schema);
    hash.add(batch);
    return hash.digest();
  };
  const own = hashOf(texts);
  assertEquals(hashOf([...texts]), own);
  for (const row of [20, 29, 39]) {
    const other = hashOf(texts.with(row, `${texts[row]!.slice(0, -1)}x`));
    assertEquals(other === own, false, `row ${row}`);
  }
  // Rows outside of the slice do not count.
  assertEquals(hashOf(texts.with(3, "another")), own);
});
